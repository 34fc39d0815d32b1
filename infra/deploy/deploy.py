"""Deploys the product to the AWS account in use.

    deploy.py doctor       [--stack NAME] [--parameter Key=Value ...]
    deploy.py deploy       [--stack NAME] [--parameter Key=Value ...] [--bundles DIR] [--yes]
    deploy.py registration [--stack NAME]

Credentials and region are those of the AWS CLI. The secret of the TikTok app is asked for, or taken from the variable
TIKTOK_APP_SECRET of the environment; it is never on a command line. Run it with the Python of `make venv`.
"""

import argparse
import getpass
import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

import changes
import doctor
import first_secrets
import registration
import release
import template as templates
from release import assignment

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = {
    "TikTokAppId": "Id of your TikTok app: ",
    "MParticleDataCenters": "Data center of your mParticle account (US1, US2, EU1, AU1; several with commas): ",
}


class StoppedError(Exception):
    """The deployment does not go on; the message says why."""


def main() -> int:
    arguments = parse_arguments()
    try:
        account = Account()
        release.require_name(arguments.stack, account.region or "")
        {"doctor": examine, "deploy": deploy, "registration": register}[arguments.command](account, arguments)
    except (StoppedError, changes.FailedError, release.UnfitError, registration.NotAnsweredError) as stopped:
        print(f"deploy: {stopped}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"deploy: AWS says: {error}", file=sys.stderr)
        return 1
    except EOFError:
        print("\ndeploy: no answer to the prompt, nothing was changed", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndeploy: interrupted; a deployment that CloudFormation has begun goes on", file=sys.stderr)
        return 130
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The product on AWS")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (("doctor", "can it be deployed?"), ("deploy", "deploy it"), ("registration", "for mParticle")):
        add = commands.add_parser(name, help=about).add_argument
        add("--stack", default="mparticle-tiktok", help="the name of the stack")
        if name == "registration":
            continue
        add("--parameter", type=assignment, action="append", default=[], metavar="KEY=VALUE", help="of the template")
        add("--bundles", type=Path, help="functions that are built already, a directory each")
        add("--yes", action="store_true", help="ask nothing")
    return parser.parse_args()


class Account:
    """The account in use."""

    def __init__(self):
        # The AWS CLI knows this variable, boto3 only AWS_DEFAULT_REGION.
        self.session = boto3.session.Session(region_name=os.environ.get("AWS_REGION"))
        self.region = self.session.region_name

    def client(self, service: str):
        return self.session.client(service)

    def stack(self, name: str) -> changes.Stack:
        return changes.described(self.client("cloudformation"), name)


def examine(account: Account, arguments: argparse.Namespace) -> changes.Stack:
    """Prints what was found. Raises `StoppedError` where a deployment cannot succeed."""
    given = dict(arguments.parameter)
    architecture = given.get("Architecture", "arm64")
    findings = [] if arguments.bundles else list(doctor.tools(architecture))
    reached = list(doctor.account(account.client, account.region))
    findings += reached
    found = changes.Stack("", {}, {})
    if not any(finding.fails for finding in reached):
        found = account.stack(arguments.stack)
        template = templates.load()
        parameters = release.in_force(template, found.parameters, given)
        findings += doctor.kept(template, found.parameters, given)
        findings += doctor.stack(account.client, found, arguments.stack, parameters, account.region)
    print("\n".join(map(str, findings)), flush=True)
    failed = [finding for finding in findings if finding.fails]
    if failed:
        raise StoppedError(f"{len(failed)} to fix first")
    return found


def deploy(account: Account, arguments: argparse.Namespace) -> None:
    given = ask(account, arguments)
    found = examine(account, arguments)
    template = templates.load()
    parameters = release.in_force(template, found.parameters, given)
    app_secret = app_secret_to_put(account, arguments, found, parameters)
    bundles = arguments.bundles or build(parameters["Architecture"])
    deployment = changes.Deployment.of(arguments.stack, bundles, found.parameters, given)
    release.require_machine(deployment.programs, parameters["Architecture"])
    cloudformation = account.client("cloudformation")
    owner = account.client("sts").get_caller_identity()["Account"]
    url = deployment.upload(account.client("s3"), bucket(account, arguments.stack, owner), owner)
    change_set, proposed = changes.propose(cloudformation, deployment, url, found.exists)
    changes.require_kept(cloudformation, arguments.stack, change_set, proposed)
    if proposed:
        show(proposed, is_new=not found.exists)
        confirm(arguments)
        print("CloudFormation deploys it, which takes some minutes.", flush=True)
        found = changes.carry_out(cloudformation, arguments.stack, change_set)
    put_secrets(account, found, parameters, app_secret)
    tell(found)


def ask(account: Account, arguments: argparse.Namespace) -> dict[str, str]:
    """What has no value yet is asked for, and becomes an argument."""
    given = dict(arguments.parameter)
    if account.region and not arguments.yes:
        known = release.in_force(templates.load(), account.stack(arguments.stack).parameters, given)
        for name, question in QUESTIONS.items():
            if name not in known:
                given[name] = input(question).strip()
    arguments.parameter = list(given.items())
    return given


def app_secret_to_put(account: Account, arguments, found: changes.Stack, parameters: dict[str, str]) -> str | None:
    """The secret of the TikTok app, where it is not in place yet: asked for before anything takes long."""
    if found.exists:
        held = first_secrets.value_of(account.client("secretsmanager"), found.outputs["AppSecretId"])
        if held and held.get("app_id") == parameters["TikTokAppId"]:
            return None
    if secret := os.environ.get("TIKTOK_APP_SECRET", "").strip():
        return secret
    if arguments.yes:
        raise StoppedError("the secret of the TikTok app is not in place yet: set TIKTOK_APP_SECRET")
    if secret := getpass.getpass("Secret of that app (not shown): ").strip():
        return secret
    raise StoppedError("without the app's secret nobody can authorize")


def build(architecture: str) -> Path:
    command = ["make", "--no-print-directory", "build", f"ARCH={architecture}"]
    # It has said itself what is wrong.
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise StoppedError("the functions could not be built, nothing was changed")
    return ROOT / "target/aws"


def bucket(account: Account, stack: str, owner: str) -> str:
    """Where bundles and templates go: a private bucket of this account and region, made when it is missing."""
    s3 = account.client("s3")
    name = release.bucket_name(stack, owner, account.region)
    try:
        # Its name can be guessed, and whoever takes it first would get the bundles and could change the template.
        s3.head_bucket(Bucket=name, ExpectedBucketOwner=owner)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 403:
            raise StoppedError(
                f"the bucket {name} is another account's, or these credentials may not list it (s3:ListBucket). "
                "Nothing was uploaded. Get that right, or choose another STACK"
            ) from None
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
        s3.create_bucket(Bucket=name, **({} if account.region == "us-east-1" else elsewhere))
        closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(closed, True))
    return name


def show(proposed: list[changes.Change], is_new: bool) -> None:
    if is_new:
        print(f"Up to {len(proposed)} resources will be created.")
        return
    print("What changes:")
    for change in sorted(proposed, key=lambda each: (each.action, each.kind, each.resource)):
        replaced = ", REPLACED" if change.replacement == "True" else ""
        print(f"  {change.action:<7} {change.resource} ({change.kind}){replaced}")


def confirm(arguments: argparse.Namespace) -> None:
    if arguments.yes:
        return
    if input("Deploy this? [y/N] ").strip().lower() not in ("y", "yes"):
        raise StoppedError("nothing was changed")


def put_secrets(account: Account, found: changes.Stack, parameters: dict[str, str], app_secret: str | None) -> None:
    manager = account.client("secretsmanager")
    first_secrets.firehose_token(manager, found.outputs["FirehoseSecretId"])
    if app_secret:
        first_secrets.put_app(manager, found.outputs["AppSecretId"], parameters["TikTokAppId"], app_secret)


def tell(found: changes.Stack) -> None:
    outputs = found.outputs
    print("Deployed.")
    print(f"  redirect URL for the TikTok app   {outputs['ApiUrl']}/v1/auth")
    print(f"  consent link for advertisers      {outputs['AuthorizeUrl']}")
    print("  for mParticle                     make registration")


def register(account: Account, arguments: argparse.Namespace) -> None:
    found = account.stack(arguments.stack)
    if not found.outputs:
        raise StoppedError(f"there is no stack {arguments.stack} in {account.region}; make deploy makes it")
    told = registration.registration(account.client("lambda"), found)
    print("To mail to mParticle: the registration below, and where to send:", *registration.addresses(found), sep="\n")
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    sys.exit(main())
