"""The local cloud's process: MiniStack, corrected where it differs from AWS, and the API at an address of its own.

Started by `stack.py` with an empty environment and a directory of its own. It refuses to start with any other MiniStack
than the pinned one, since it replaces some of its private functions. README.md lists what still differs from AWS.
"""

import asyncio
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path

PINNED_VERSION = "1.5.33"
SERVICES = "apigateway,cloudformation,iam,lambda,logs,monitoring,s3,secretsmanager,sqs,sts"


def listen() -> socket.socket:
    """A free loopback port, held from now on, so that no other stack can take it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    return listener


def configure(directory: Path, port: int) -> None:
    """MiniStack reads its settings from the environment while it is imported. Functions inherit all of it."""
    scratch = directory / "cloud-scratch"
    scratch.mkdir(exist_ok=True)
    os.environ.update(
        AUTH="true",
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(port),
        IOT_MTLS_ENABLED="0",
        LOG_LEVEL="WARNING",
        MINISTACK_HOST="127.0.0.1",
        S3_DATA_DIR=str(scratch / "s3"),
        SERVICES=SERVICES,
        STATE_DIR=str(scratch / "state"),
        TMPDIR=str(scratch),
    )


def require_known_ministack() -> None:
    """Stops with a reason where MiniStack is not the version that the replacements were written for."""
    from ministack.core import iam_actions, lambda_runtime
    from ministack.services import lambda_svc, secretsmanager, sqs, sts
    from ministack.services.cloudformation import provisioners

    installed = version("ministack")
    if installed != PINNED_VERSION:
        raise SystemExit(f"cloud.py was written for ministack {PINNED_VERSION}, not {installed}")
    private = {
        iam_actions: "extract_iam_action",
        lambda_runtime: "ProvidedWorker Worker _lock _signal _worker_key _workers kill_workers",
        lambda_svc: "_create_esm _esm_backoff_until _esms _execute_function _get_func_record_for_qualifier "
        "_reserved_concurrency _run_sqs_batch _sqs_esm_concurrency acquire_worker",
        provisioners: "_RESOURCE_HANDLERS _cw_metric_alarm_record",
        secretsmanager: "_create_secret _put_secret_value _resolve _secrets _update_secret "
        "_update_secret_version_stage",
        sqs: "_HANDLERS _build_send_sys_attrs _build_sys_attrs _delete_messages_for_esm _filter_msg_attrs _get_q "
        "_md5_msg_attrs _queue_by_arn _receive_messages_for_esm _validate_batch_entries",
        sts: "_sessions",
    }
    used = [(module, name) for module, names in private.items() for name in names.split()]
    missing = [f"{module.__name__}.{name}" for module, name in used if not hasattr(module, name)]
    if missing:
        raise SystemExit(f"ministack {installed} lacks {', '.join(missing)}, which is replaced or used")


def fix_permissions() -> None:
    """On AWS the batch calls of SQS need the permission of the single call; MiniStack wants one of the batch's name."""
    from ministack.core import iam_actions

    named = iam_actions.extract_iam_action

    def action(*request, **options):
        name = named(*request, **options)
        return name.removesuffix("Batch") if name and name.startswith("sqs:") else name

    iam_actions.extract_iam_action = action


def fix_latency() -> None:
    """Nagle's algorithm and delayed acknowledgements would add 40 ms to each invocation."""
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def stop_with_owner(directory: Path) -> None:
    """When the other end of standard input closes, takes the whole stack down, whichever way its owner ended."""

    def watch() -> None:
        while sys.stdin.buffer.read1(4096):
            pass
        command = [sys.executable, str(Path(__file__).with_name("stack.py")), "down", "--dir", str(directory)]
        subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    directory = Path(sys.argv[1])
    gateway, api = listen(), listen()
    ports = {"gateway": gateway.getsockname()[1], "api": api.getsockname()[1]}
    configure(directory, ports["gateway"])
    require_known_ministack()
    # Only now: what these import of MiniStack reads the settings above.
    from event_sources import fix_event_sources
    from gateway import Gateway, fix_cutting
    from instances import fix_life
    from monitoring import fix_monitoring
    from queues import fix_queues
    from secret_calls import fix_secrets

    fix_event_sources()
    fix_queues()
    fix_secrets()
    fix_life()
    fix_permissions()
    fix_monitoring()
    fix_latency()
    fix_cutting()
    if "--with-owner" in sys.argv:
        stop_with_owner(directory)

    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    config = Config()
    config.bind = [f"fd://{gateway.fileno()}", f"fd://{api.fileno()}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    (directory / "ports.json").write_text(json.dumps(ports))
    asyncio.run(serve(Gateway(app, ports["api"], directory / "api-id"), config))


if __name__ == "__main__":
    main()
