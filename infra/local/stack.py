"""Starts and stops the product on one machine: the local cloud, TikTok's sandbox, and the real template deployed.

    stack.py up   --dir DIR [--tiktok-api-base-url URL] [--parameter Key=Value ...] [--with-parent]
    stack.py logs --dir DIR
    stack.py kill --dir DIR uploader
    stack.py down --dir DIR

All that belongs to a stack is in its directory, so that several can run side by side. `stack.json` there says where
everything is. Run it with the Python of `make venv`.
"""

import argparse
import json
import os
import platform
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from processes import StackError, recorded, start, stop_all, wait_for

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "infra/deploy"))
from release import assignment  # noqa: E402 (its folder is known only now)

# What is in a stack's directory while it runs; the logs stay.
EPHEMERAL = ["api-id", "cloud-scratch", "ports.json", "stack.json"]
# What a function may answer to an empty request; 404 is the gateway's, 5xx a crash.
IN_ORDER = {200, 302, 303, 400, 401}
SANDBOX_LISTENS = re.compile(r"sandbox listening on (http://\S+)")


def main() -> int:
    arguments = parse_arguments()
    arguments.dir = arguments.dir.resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        {"up": up, "down": down, "logs": logs, "kill": kill}[arguments.command](arguments)
    except StackError as failure:
        print(f"stack: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The product on one machine")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start a stack; one that runs in the same directory is replaced")
    add = starting.add_argument
    add("--tiktok-api-base-url", default="", help="an API to call instead of a sandbox of our own")
    add("--authorize-base-url", default="", help="the consent page that belongs to it")
    add("--app-id", default="7000000000000000001", help="id of the TikTok app")
    add("--app-secret", default="", help="its secret; made up when not given")
    add("--bundles", type=Path, default=ROOT / "target/bundles", help="the functions, a directory each")
    add("--sandbox-bin", type=Path, default=ROOT / "target/debug/sandbox", help="the sandbox to start")
    add("--parameter", type=assignment, action="append", default=[], metavar="KEY=VALUE", help="a template parameter")
    add("--with-parent", action="store_true", help="stay, and stop it all when standard input closes")
    stopping = commands.add_parser("down", help="stop it; no error where nothing runs")
    logging = commands.add_parser("logs", help="print all that its functions logged")
    killing = commands.add_parser("kill", help="kill a function's running processes, as a crash would")
    killing.add_argument("function", choices=["auth-redirect", "ingest", "uploader"])
    for command in (starting, stopping, logging, killing):
        command.add_argument("--dir", type=Path, required=True, help="the stack's directory")
    return parser.parse_args()


def up(arguments: argparse.Namespace) -> None:
    began = time.monotonic()
    directory: Path = arguments.dir
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    clean(directory)
    try:
        stack = bring_up(arguments, directory)
        write_privately(directory / "stack.json", json.dumps(stack, indent=2) + "\n")
        describe(stack, directory, time.monotonic() - began)
        if arguments.with_parent:
            wait_for_end_of_input()
    except BaseException:
        clean(directory)
        raise
    if arguments.with_parent:
        clean(directory)


def down(arguments: argparse.Namespace) -> None:
    stopped = clean(arguments.dir)
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


def logs(arguments: argparse.Namespace) -> None:
    import deployment

    for group, message in deployment.log_events(account_of(arguments.dir)):
        print(f"{group.rpartition('/')[2]}\t{message.rstrip()}")


def kill(arguments: argparse.Namespace) -> None:
    asked = json.dumps({"function": f"-{arguments.function}", "idle": True}).encode()
    url = f"{account_of(arguments.dir).endpoint}/_local/kill"
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, asked, timeout=10) as answer:
        print(f"Killed {json.load(answer)['killed']} of {arguments.function}.")


def account_of(directory: Path):
    import deployment

    try:
        account = deployment.Account(json.loads((directory / "stack.json").read_text())["aws_endpoint"])
    except FileNotFoundError:
        raise StackError(f"no stack runs in {directory}") from None
    if status(health(account)) != 200:
        raise StackError(f"the stack in {directory} does not answer; start it again")
    return account


def health(account) -> str:
    return f"{account.endpoint}/_ministack/health"


def clean(directory: Path) -> list[str]:
    """Leaves nothing running and nothing but logs."""
    stopped = stop_all(directory)
    for name in EPHEMERAL:
        path = directory / name
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    return stopped


def bring_up(arguments: argparse.Namespace, directory: Path) -> dict:
    """Starts everything, deploys, and waits until each part answers. Returns what `stack.json` holds."""
    cloud = start_cloud(directory, owned=arguments.with_parent)
    app_secret = arguments.app_secret or secrets.token_hex(20)
    sandbox = None if arguments.tiktok_api_base_url else start_sandbox(arguments, directory, app_secret)
    import deployment  # slow, and the cloud takes as long to start

    ports = wait_for(directory, "cloud", cloud, lambda: read_ports(directory / "ports.json"))
    account = deployment.Account(f"http://127.0.0.1:{ports['gateway']}")
    wait_for(directory, "cloud", cloud, lambda: status(health(account)) == 200)
    sandbox_url = sandbox and wait_for(directory, "sandbox", sandbox, lambda: announced(directory / "sandbox.log"))

    api_url = f"http://127.0.0.1:{ports['api']}"
    tiktok = arguments.tiktok_api_base_url.rstrip("/") or f"{sandbox_url}/open_api/v1.3"
    parameters = {
        "TikTokAppId": arguments.app_id,
        "TikTokApiBaseUrl": tiktok,
        "AuthorizeBaseUrl": arguments.authorize_base_url or urllib.parse.urljoin(tiktok, "/marketing_api/auth"),
        "ApiBaseUrl": api_url,
        "MParticleDataCenters": "US1",
        "CertificateFile": deployment.certificate_file(),
        "Architecture": "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64",
        **dict(arguments.parameter),
    }
    outputs = deployment.deploy(account, arguments.bundles, parameters)
    firehose_token = deployment.put_secrets(account, outputs, arguments.app_id, app_secret)
    (directory / "api-id").write_text(outputs["ApiId"])
    require_answers(account, api_url, outputs["UploaderFunctionName"])
    return {
        "aws_endpoint": account.endpoint,
        "aws_access_key_id": deployment.ACCESS_KEY,
        "aws_secret_access_key": deployment.SECRET_KEY,
        "region": deployment.REGION,
        "stack_name": deployment.STACK,
        "api_url": api_url,
        "ingest_function": outputs["IngestFunctionArn"],
        "uploader_function": outputs["UploaderFunctionName"],
        "queue_url": outputs["QueueUrl"],
        "dead_letter_queue_url": outputs["DeadLetterQueueUrl"],
        "authorize_url": outputs["AuthorizeUrl"],
        "tiktok_api_base_url": tiktok,
        "tiktok_app_id": arguments.app_id,
        "tiktok_app_secret": app_secret,
        "firehose_token": firehose_token,
        "app_secret_id": outputs["AppSecretId"],
        "firehose_secret_id": outputs["FirehoseSecretId"],
        "advertiser_secret_prefix": outputs["AdvertiserSecretPrefix"],
        "sandbox_url": sandbox_url,
        "cloud_log": str(directory / "cloud.log"),
        "sandbox_log": str(directory / "sandbox.log") if sandbox else None,
        "processes": {name: entry["pid"] for name, entry in recorded(directory).items()},
    }


def start_cloud(directory: Path, owned: bool) -> subprocess.Popen:
    command = [sys.executable, str(Path(__file__).with_name("cloud.py")), str(directory)]
    if owned:
        return start(directory, "cloud", [*command, "--with-owner"], stdin=subprocess.PIPE)
    return start(directory, "cloud", command)


def start_sandbox(arguments: argparse.Namespace, directory: Path, app_secret: str) -> subprocess.Popen:
    binary: Path = arguments.sandbox_bin
    if not binary.exists():
        raise StackError(f"{binary} is missing; `make sandbox` builds it")
    options = ["--port", "0", "--app-id", arguments.app_id, "--app-secret", app_secret]
    return start(directory, "sandbox", [str(binary), *options])


def read_ports(path: Path) -> dict | None:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def announced(log: Path) -> str | None:
    found = SANDBOX_LISTENS.search(log.read_text(errors="replace"))
    return found and found[1].rstrip("/")


def status(url: str, body: bytes | None = None) -> int | None:
    """The HTTP status that a GET, or a POST of this body, is answered with; None where nothing listens."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data=body), timeout=60) as response:
            return response.status
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError:
        return None


def require_answers(account, api_url: str, uploader: str) -> None:
    """Starts each function once: what is wrong with its settings shows here, not in the first story."""
    answers = {
        "GET /v1/auth": status(f"{api_url}/v1/auth"),
        "POST /v1/firehose": status(f"{api_url}/v1/firehose", b"{}"),
    }
    invoked = account.client("lambda").invoke(FunctionName=uploader, Payload=b'{"Records": []}')
    if "FunctionError" in invoked:
        answers["the uploader"] = invoked["Payload"].read().decode()
    refused = {place: answer for place, answer in answers.items() if answer not in IN_ORDER}
    if refused:
        import deployment

        lines = [f"  {place} answers {answer}" for place, answer in refused.items()]
        lines += [f"  {group}: {message.rstrip()}" for group, message in deployment.log_events(account)]
        raise StackError("\n".join(["deployed, but not in order:", *lines[-40:]]))


def write_privately(path: Path, text: str) -> None:
    """For the owner's eyes only, and whole or not at all."""
    partial = path.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)


def describe(stack: dict, directory: Path, seconds: float) -> None:
    rows = {
        "consent link": stack["authorize_url"],
        "API": f"{stack['api_url']}  (GET /v1/auth, POST /v1/firehose)",
        "Firehose token": stack["firehose_token"],
        "ingest function": stack["ingest_function"],
        "TikTok API": stack["tiktok_api_base_url"] + ("" if stack["sandbox_url"] else "  (not ours)"),
        "TikTok app": stack["tiktok_app_id"],
        "AWS endpoint": f"{stack['aws_endpoint']}  ({stack['region']}, key test, secret test)",
        "queue": stack["queue_url"],
        "dead letters": stack["dead_letter_queue_url"],
        "all of it": str(directory / "stack.json"),
    }
    print(f"The local stack is up, after {seconds:.1f} s:")
    print("\n".join(f"  {name:<16} {value}" for name, value in rows.items()), flush=True)


def wait_for_end_of_input() -> None:
    while sys.stdin.buffer.read1(4096):
        pass


if __name__ == "__main__":
    sys.exit(main())
