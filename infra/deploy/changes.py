"""Puts a stack into an account: what it needs into S3, the stack itself by a change set of CloudFormation."""

import hashlib
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

import release
import template as templates

PATIENCE_SECONDS = 1800
# A template over 51,200 bytes has to be in S3.
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
# What holds customers' changes and tokens. A new one of these begins empty.
KEPT = ("AWS::SQS::Queue", "AWS::SecretsManager::Secret")


class FailedError(Exception):
    """CloudFormation refused or rolled back; the message holds its reasons."""


@dataclass
class Stack:
    """A stack as it is now."""

    status: str
    parameters: dict[str, str]
    outputs: dict[str, str]

    @property
    def exists(self) -> bool:
        # What a first deployment leaves that was not carried out.
        return self.status not in ("", "REVIEW_IN_PROGRESS")


def described(cloudformation, name: str) -> Stack:
    try:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        # It answers to a name that no stack can have by the same code.
        if f"{name} does not exist" not in error.response["Error"]["Message"]:
            raise
        return Stack("", {}, {})
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    return Stack(stack["StackStatus"], parameters, outputs)


@dataclass
class Deployment:
    """What is to be deployed: made of bundles and parameters, and nothing else."""

    name: str
    text: str
    programs: dict[str, bytes]
    parameters: dict[str, str]

    @classmethod
    def of(cls, name: str, bundles: Path, before: dict[str, str], given: dict[str, str]) -> "Deployment":
        text = templates.PATH.read_text()
        template = templates.load(text)
        parameters = release.in_force(template, before, given)
        programs = release.bootstraps(bundles, templates.functions(template))
        parameters[release.RELEASE] = release.digest(text, programs, parameters)
        return cls(name, text, programs, parameters)

    def upload(self, s3, bucket: str, owner: str, compression: int = zipfile.ZIP_DEFLATED) -> str:
        """Puts bundles and template into the bucket, which this account owns. Returns the template's address."""
        place = {"Bucket": bucket, "ExpectedBucketOwner": owner}
        # Written out: whether SAM's transform sees the values of parameters is up to who runs it.
        digest = self.parameters[release.RELEASE]
        text = self.text.replace(templates.PUBLISHES, templates.PUBLISHES.replace("!Ref Release", f'"{digest}"'))
        for name, program in self.programs.items():
            key = f"{hashlib.sha256(program).hexdigest()}.zip"
            s3.put_object(**place, Key=key, Body=release.zipped(program, compression))
            text = text.replace(f"{templates.BUNDLES}{name}/", f"s3://{bucket}/{key}")
        key = f"{self.parameters[release.RELEASE]}.yaml"
        s3.put_object(**place, Key=key, Body=text.encode())
        return s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": key}).partition("?")[0]


@dataclass
class Change:
    """What a change set does to one resource."""

    action: str
    resource: str
    kind: str
    # In CloudFormation's words: True, False or Conditional; empty where nothing is there yet.
    replacement: str

    @property
    def loses(self) -> bool:
        """Whether the stack may be left without something that has to be kept."""
        return self.kind in KEPT and (self.action == "Remove" or self.replacement in ("True", "Conditional"))


def propose(cloudformation, deployment: Deployment, url: str, exists: bool) -> tuple[str, list[Change]]:
    """Makes a change set. Returns its name and what it changes; nothing where the stack is like that already."""
    name = f"release-{deployment.parameters[release.RELEASE][:16]}-{int(time.time())}"
    cloudformation.create_change_set(
        StackName=deployment.name,
        ChangeSetName=name,
        ChangeSetType="UPDATE" if exists else "CREATE",
        TemplateURL=url,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in deployment.parameters.items()],
        Capabilities=CAPABILITIES,
    )
    described = _until(
        lambda: cloudformation.describe_change_set(StackName=deployment.name, ChangeSetName=name),
        lambda found: found["Status"] in ("CREATE_COMPLETE", "FAILED"),
    )
    if described["Status"] == "FAILED":
        reason = described.get("StatusReason", "no reason given")
        cloudformation.delete_change_set(StackName=deployment.name, ChangeSetName=name)
        if "didn't contain changes" in reason or "No updates" in reason:
            return name, []
        raise FailedError(reason)
    pages = cloudformation.get_paginator("describe_change_set").paginate(StackName=deployment.name, ChangeSetName=name)
    changed = pages.search("Changes[].ResourceChange")
    return name, [
        Change(each["Action"], each["LogicalResourceId"], each["ResourceType"], each.get("Replacement", ""))
        for each in changed
    ]


def require_kept(cloudformation, stack: str, change_set: str, proposed: list[Change]) -> None:
    """Raises `FailedError` where the change set takes a queue or a secret from the stack, and deletes it then."""
    lost = ", ".join(sorted(change.resource for change in proposed if change.loses))
    if not lost:
        return
    cloudformation.delete_change_set(StackName=stack, ChangeSetName=change_set)
    raise FailedError(
        f"{lost} would be replaced or removed. A new queue or secret is empty: changes that wait, the app's secret or "
        "the Firehose token would be missing, and delivery would stop. Nothing was changed. Deploy with the parameters "
        "and the template's lines that these had before, or make a second stack with another STACK"
    )


def carry_out(cloudformation, stack: str, change_set: str) -> Stack:
    """Carries a change set out and waits. Raises `FailedError` with CloudFormation's reasons."""
    began = _now(cloudformation, stack)
    cloudformation.execute_change_set(StackName=stack, ChangeSetName=change_set)
    done = _until(
        lambda: described(cloudformation, stack),
        lambda found: not found.status.endswith("IN_PROGRESS"),
    )
    if done.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise FailedError(f"the stack is {done.status}:\n{_reasons(cloudformation, stack, began)}")
    return done


def _until(look, is_done):
    deadline, wait = time.monotonic() + PATIENCE_SECONDS, 0.02
    while not is_done(found := look()):
        if time.monotonic() > deadline:
            raise FailedError(f"CloudFormation is not done after {PATIENCE_SECONDS // 60} minutes")
        time.sleep(wait)
        wait = min(wait * 1.5, 5)
    return found


def _now(cloudformation, stack: str) -> str:
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    return events[0]["EventId"] if events else ""


def _reasons(cloudformation, stack: str, began: str) -> str:
    lines = []
    # The newest come first: of a rollback's many, the cause is among the last.
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    for event in pages.search("StackEvents[]"):
        if event["EventId"] == began:
            break
        if event["ResourceStatus"].endswith("FAILED"):
            reason = event.get("ResourceStatusReason", "no reason given")
            lines.append(f"  {event['LogicalResourceId']}: {reason}")
    return "\n".join(reversed(lines))
