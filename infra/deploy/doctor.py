"""Whether a deployment can succeed, in seconds: the tools, the account, and what the last stack left behind."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from changes import Stack

# Where AWS serves what is near each of mParticle's data centers.
REGIONS = {"US1": "us-east-1", "US2": "us-east-1", "EU1": "eu-central-1", "AU1": "ap-southeast-2"}
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
# What an account has unless it asked for more; new ones have far less.
CONCURRENCY = 1000
# Lambda lets nobody reserve the last of them: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED = 100
# As the parameter's description says.
PAGE_CONCURRENCY = 2
BUSY = "IN_PROGRESS"
# CloudFormation updates no stack that is in one of these.
STUCK = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED")


@dataclass
class Finding:
    """One thing that was checked. `advice` says what to do where it is not as it should be."""

    what: str
    ok: bool
    advice: str = ""
    # Where it is not ok, a deployment can succeed all the same.
    warning: bool = False

    @property
    def fails(self) -> bool:
        return not self.ok and not self.warning

    def __str__(self) -> str:
        mark = "ok" if self.ok else "note" if self.warning else "FAIL"
        return f"  {mark:<8} {self.what}" + ("" if self.ok or not self.advice else f"\n           {self.advice}")


def tools(architecture: str) -> Iterator[Finding]:
    """What make build needs."""
    target = TARGETS[architecture]
    lambda_ = shutil.which("cargo-lambda")
    yield Finding("cargo-lambda", bool(lambda_), "pip install cargo-lambda, which brings the cross compiler")
    yield Finding(
        f"Rust's standard library for {target}",
        bool(sysroot := _output("rustc", "--print", "sysroot")) and (Path(sysroot) / "lib/rustlib" / target).is_dir(),
        f"rustup target add {target}",
    )


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def account(client: Callable, region: str | None) -> Iterator[Finding]:
    """The credentials and where they lead."""
    yield Finding(f"region {region or ''}".strip(), bool(region), "export AWS_REGION=us-east-1, or the one nearest")
    if not region:
        return
    try:
        identity = client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        yield Finding("credentials of an AWS account", False, f"aws configure, or aws sso login ({error})")
        return
    yield Finding(f"account {identity['Account']}, as {identity['Arn']}", True)


def concurrency(client: Callable, parameters: dict[str, str]) -> Iterator[Finding]:
    """How much runs at a time, and how much of it strangers can take."""
    try:
        limits = client("lambda").get_account_settings()["AccountLimit"]
        limit, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    except (BotoCoreError, ClientError, KeyError) as error:
        yield Finding("Lambda's concurrency", False, f"it could not be read ({error})", warning=True)
        return
    yield Finding(
        f"Lambda may run {limit} invocations at a time in this region",
        limit >= CONCURRENCY,
        f"ask AWS for {CONCURRENCY} (Service Quotas, AWS Lambda, Concurrent executions) before customers are connected",
        warning=True,
    )
    limited = parameters["PageReservedConcurrency"] != "0"
    if limited or unreserved >= UNRESERVED + PAGE_CONCURRENCY:
        advice = f"PARAMETERS=PageReservedConcurrency={PAGE_CONCURRENCY}: it bounds strangers' calls to TikTok"
        yield Finding("a limit for the authorization page's processes", limited, advice, warning=True)


def stack(client: Callable, found: Stack, name: str, parameters: dict[str, str], region: str) -> Iterator[Finding]:
    """The stack as it is, and what it will be told."""
    yield from concurrency(client, parameters)
    if found.exists:
        free = BUSY not in found.status and found.status not in STUCK
        advice = "delete it (infra/README.md, Removal) or continue its rollback in CloudFormation, then try again"
        yield Finding(f"stack {name} ({found.status})", free, advice)
        yield from prefix(name, found.parameters, parameters)
    else:
        yield Finding(f"stack {name} (new)", True)
        yield from left_behind(client, name, parameters)
    app = parameters.get("TikTokAppId", "")
    yield Finding(f"TikTok app {app}".strip(), bool(app), "make deploy TIKTOK_APP_ID=…: the id of your app at TikTok")
    centers = parameters.get("MParticleDataCenters")
    yield Finding(
        f"mParticle data centers {centers or ''}".strip(),
        centers is not None,
        'PARAMETERS="MParticleDataCenters=US1": the one that your mParticle account is in',
    )
    for center in sorted(set((centers or "").split(",")) & REGIONS.keys()):
        near = REGIONS[center]
        advice = f"{center} is near {near}: from elsewhere each request takes longer, and mParticle gives it 100 ms"
        yield Finding(f"{center} is served from {region}", near == region, advice, warning=True)
    if topic := parameters.get("AlarmTopicArn"):
        yield alarm_topic(client, topic)
    else:
        advice = "PARAMETERS=AlarmTopicArn=…: an SNS topic; without one the alarms notify nobody"
        yield Finding("a topic for the alarms", False, advice, warning=True)


def kept(template: dict, before: dict[str, str], given: dict[str, str]) -> Iterator[Finding]:
    """Values of the stack that stay although the template's default is another: it may have changed for a reason."""
    defaults = {name: str(about["Default"]) for name, about in template["Parameters"].items() if "Default" in about}
    for name, default in defaults.items():
        value = before.get(name, default)
        if value != default and name not in given:
            yield Finding(f"{name} stays {value or 'empty'}; the default is {default or 'empty'}", False, warning=True)


def prefix(name: str, before: dict[str, str], parameters: dict[str, str]) -> Iterator[Finding]:
    """Nothing moves secrets to other names."""
    had, wanted = (each.get("SecretsPrefix") or name for each in (before, parameters))
    if wanted != had:
        yield Finding(
            f"secrets under {wanted}/ for a stack that has them under {had}/",
            False,
            "the app's secret, the Firehose token and all advertisers' tokens would stay behind, and delivery would "
            "stop: do not give SecretsPrefix, which keeps it, or make a second stack with another STACK",
        )


def alarm_topic(client: Callable, topic: str) -> Finding:
    try:
        client("sns").get_topic_attributes(TopicArn=topic)
    except (BotoCoreError, ClientError) as error:
        return Finding(f"topic {topic}", False, f"it cannot be read ({error})")
    return Finding(f"topic {topic}", True)


def left_behind(client: Callable, name: str, parameters: dict[str, str]) -> Iterator[Finding]:
    """Queues and secrets outlive their stack, and their names are taken until they are gone."""
    prefix = parameters.get("SecretsPrefix") or name
    advice = "it is left of an earlier stack: infra/README.md, Install again after a removal"
    for queue in (f"{name}-changes.fifo", f"{name}-dead-letters.fifo"):
        if _is_there(lambda queue=queue: client("sqs").get_queue_url(QueueName=queue)):
            yield Finding(f"the queue {queue} exists already", False, advice)
    for secret in (f"{prefix}/app", f"{prefix}/firehose"):
        if _is_there(lambda secret=secret: client("secretsmanager").describe_secret(SecretId=secret)):
            yield Finding(f"the secret {secret} exists already", False, advice)


def _is_there(look: Callable) -> bool:
    try:
        look()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "NonExistentQueue" not in code and code not in ("QueueDoesNotExist", "ResourceNotFoundException")
    return True
