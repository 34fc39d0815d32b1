"""Deploys the real template to the local cloud, by the same steps as `make deploy` to AWS, and nothing else."""

import sys
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config

from processes import StackError

sys.path.append(str(Path(__file__).resolve().parents[1] / "deploy"))
import changes
import first_secrets
import release

REGION = "us-east-1"
STACK = "mparticle-tiktok"
BUCKET = "bundles"
# The local cloud does not check the signatures of this key, which stands for the account's root.
ACCESS_KEY = SECRET_KEY = "test"
# Where systems have their root certificates in one file; AWS's is the template's default.
CERTIFICATE_FILES = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem"]


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


def certificate_file() -> str:
    """This system's; empty where it has none of the known ones."""
    return next((path for path in CERTIFICATE_FILES if Path(path).exists()), "")


def deploy(account: Account, bundles: Path, parameters: dict[str, str]) -> dict[str, str]:
    """Creates the stack and returns its outputs."""
    s3, cloudformation = account.client("s3"), account.client("cloudformation")
    s3.create_bucket(Bucket=BUCKET)
    try:
        deployment = changes.Deployment.of(STACK, bundles, {}, parameters)
        # Not compressed: it only goes to the next process.
        owner = account.client("sts").get_caller_identity()["Account"]
        url = deployment.upload(s3, BUCKET, owner, zipfile.ZIP_STORED)
        change_set, _ = changes.propose(cloudformation, deployment, url, exists=False)
        return changes.carry_out(cloudformation, STACK, change_set).outputs
    except (changes.FailedError, release.UnfitError) as failure:
        raise StackError(str(failure)) from None


def put_secrets(account: Account, outputs: dict[str, str], app_id: str, secret: str) -> str:
    """What the operator does once after the first deployment. Returns the token to give to mParticle."""
    manager = account.client("secretsmanager")
    first_secrets.put_app(manager, outputs["AppSecretId"], app_id, secret)
    return first_secrets.firehose_token(manager, outputs["FirehoseSecretId"])


def log_events(account: Account):
    """Every line that the stack's functions logged, as (log group, message), oldest first within a group."""
    logs = account.client("logs")
    for group in sorted(g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]):
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
            for event in page["events"]:
                yield group, event["message"]
