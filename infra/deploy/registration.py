"""What mParticle is told of a deployed stack: its registration, as the function itself answers, and where it is."""

import json
import time
import uuid

import template as templates
from changes import Stack


class NotAnsweredError(Exception):
    """The function did not answer with a registration; the message says what it said."""


def registration(lambda_, found: Stack) -> dict:
    """Asks the function that mParticle will call."""
    asked = {
        "type": "module_registration_request",
        "id": str(uuid.uuid4()),
        "timestamp_ms": int(time.time() * 1000),
        "firehose_version": "3.2.0",
    }
    function = found.outputs["IngestFunctionArn"]
    answer = lambda_.invoke(FunctionName=function, Payload=json.dumps(asked).encode())
    told = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or told.get("type") != "module_registration_response":
        raise NotAnsweredError(f"{function} answered {json.dumps(told)}")
    return told


def addresses(found: Stack) -> list[str]:
    """How mParticle reaches the stack, for a person to pass on."""
    parameters, outputs = found.parameters, found.outputs
    accounts = templates.load()["Mappings"]["MParticle"]["Account"]
    lines = []
    for center in filter(None, parameters["MParticleDataCenters"].split(",")):
        principal = accounts.get(center, parameters["MParticleOtherPrincipal"])
        lines.append(f"  {center}, from AWS account {principal}: Lambda {outputs['IngestFunctionArn']}")
    if parameters["FirehoseOverHttp"] == "true":
        token = f"Authorization: Token <the value of current in the secret {outputs['FirehoseSecretId']}>"
        lines.append(f"  over HTTPS: {outputs['ApiUrl']}/v1/firehose with {token}")
    return lines
