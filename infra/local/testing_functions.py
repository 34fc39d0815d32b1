"""Functions for the tests: a bootstrap in Python that does what its event says, deployed as any function is."""

import io
import json
import sys
import zipfile

BOOTSTRAP = """#!{python}
import http.client, json, os, signal, sys, time
# It goes on: only what cannot be ignored ends it.
signal.signal(signal.SIGTERM, lambda *_: tell("SIGTERM"))

def tell(event):
    told = {{"pid": os.getpid(), "at": time.time(), "event": event}}
    with open(log, "a") as file:
        file.write(json.dumps(told) + chr(10))

def called(url):
    import boto3, botocore.config
    try:
        once = botocore.config.Config(retries={{"total_max_attempts": 1}})
        boto3.client("sqs", config=once).get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    except Exception as error:
        return error.response["Error"]["Code"]

host, log = os.environ["AWS_LAMBDA_RUNTIME_API"], os.environ["INVOCATIONS"]
base = "/2018-06-01/runtime/invocation/"
while True:
    api = http.client.HTTPConnection(host)
    api.request("GET", base + "next")
    answer = api.getresponse()
    request, event = answer.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(answer.read())
    tell(event)
    time.sleep(float(os.environ.get("SLEEP", "0")) + float(event.get("sleep", 0)))
    failed = [{{"itemIdentifier": record["messageId"]}} for record in event.get("Records", [])
              if record["body"].startswith("keep")]
    api = http.client.HTTPConnection(host)
    failed += [{{"itemIdentifier": name}} for name in os.environ.get("NAMED", "").split()]
    said = json.dumps({{"pid": os.getpid(), "batchItemFailures": failed, "called": called(event["call"])
                       if "call" in event else None}})
    api.request("POST", base + request + "/response", said)
    api.getresponse().read()
"""


def code() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        entry = zipfile.ZipInfo("bootstrap", (2000, 1, 1, 0, 0, 0))
        entry.external_attr = 0o755 << 16
        target.writestr(entry, BOOTSTRAP.format(python=sys.executable))
    return archive.getvalue()


class Function:
    """`environment` may set SLEEP, the seconds that each invocation takes, and NAMED, ids that it says failed.

    It keeps messages that begin with `keep`, and calls a queue as itself where the event asks for it.
    """

    def __init__(self, cloud, name: str, timeout: int = 30, **environment: str):
        self.name, self.api = name, cloud.client("lambda")
        self.log = cloud.directory / f"{name}.invocations"
        self.environment = {"INVOCATIONS": str(self.log), **environment}
        assume = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = cloud.client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [assume]})
        )
        self.api.create_function(
            FunctionName=name,
            Runtime="provided.al2023",
            Role=role["Role"]["Arn"],
            Handler="bootstrap",
            Code={"ZipFile": code()},
            Timeout=timeout,
            Environment={"Variables": self.environment},
        )
        self.settled()

    def settled(self) -> None:
        """Waits until the function is as it was created or changed last."""
        waiter = self.api.get_waiter("function_updated_v2")
        waiter.config.delay, waiter.config.max_attempts = 0.05, 200
        waiter.wait(FunctionName=self.name)

    def invoke(self, **event: object) -> dict:
        """What it answers, or its error."""
        answer = self.api.invoke(FunctionName=self.name, Payload=json.dumps(event).encode())
        return json.loads(answer["Payload"].read())

    def invocations(self) -> list[dict]:
        """Those that began, oldest first: process, time, event; a signal that the process got stands among them."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]
