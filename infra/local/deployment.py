"""Deploys the real template to the local cloud: bundles to S3, the stack through CloudFormation, the app's secret.

Does what `sam deploy` and the operator do on AWS, and nothing else.
"""

import io
import json
import re
import time
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config

from processes import StackError

REGION = "us-east-1"
STACK = "mparticle-tiktok"
BUCKET = "bundles"
TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"
CODE_URI = re.compile(r"CodeUri: \.\./target/bundles/([a-z-]+)/")
# The local cloud does not check the signatures of this key, which stands for the account's root.
ACCESS_KEY = SECRET_KEY = "test"


class Account:
    """The local account, spoken to as any AWS account."""

    def __init__(self, endpoint: str):
        self.endpoint = endpoint
        self.session = boto3.session.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)

    def client(self, service: str):
        config = Config(
            retries={"total_max_attempts": 1},
            read_timeout=150,
            s3={"addressing_style": "path"},
            ignore_configured_endpoint_urls=True,
        )
        return self.session.client(service, endpoint_url=self.endpoint, config=config)


def zipped(bundle: Path) -> bytes:
    """A bundle as Lambda takes it. Not compressed: it only goes to the next process."""
    bootstrap = bundle / "bootstrap"
    if not bootstrap.exists():
        raise StackError(f"{bootstrap} is missing; `make bundles` builds it")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        entry = zipfile.ZipInfo("bootstrap", (2000, 1, 1, 0, 0, 0))
        entry.external_attr = 0o755 << 16
        target.writestr(entry, bootstrap.read_bytes())
    return archive.getvalue()


def deploy(account: Account, bundles: Path, parameters: dict[str, str]) -> dict[str, str]:
    """Creates the stack and returns its outputs."""
    s3 = account.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    template = TEMPLATE.read_text()
    for name in CODE_URI.findall(template):
        s3.put_object(Bucket=BUCKET, Key=f"{name}.zip", Body=zipped(bundles / name))
    template = CODE_URI.sub(rf"CodeUri: s3://{BUCKET}/\1.zip", template)

    cloudformation = account.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    deadline = time.monotonic() + 60
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        if stack["StackStatus"] != "CREATE_IN_PROGRESS" or time.monotonic() > deadline:
            raise StackError(f"the stack is {stack['StackStatus']}:\n{_reasons(cloudformation)}")
        time.sleep(0.03)


def _reasons(cloudformation) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    failed = [e for e in reversed(events) if e["ResourceStatus"].endswith("FAILED")]
    return "\n".join(f"  {e['LogicalResourceId']}: {e.get('ResourceStatusReason', 'no reason given')}" for e in failed)


def put_app_secret(account: Account, secret_id: str, app_id: str, secret: str) -> None:
    """What the operator does once after the first deployment."""
    value = json.dumps({"app_id": app_id, "secret": secret})
    account.client("secretsmanager").put_secret_value(SecretId=secret_id, SecretString=value)


def firehose_token(account: Account, secret_id: str) -> str:
    """The token to give to mParticle."""
    value = account.client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"]
    return json.loads(value)["current"]


def log_events(account: Account):
    """Every line that the stack's functions logged, as (log group, message), oldest first within a group."""
    logs = account.client("logs")
    for group in sorted(g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]):
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
            for event in page["events"]:
                yield group, event["message"]
