"""Secrets Manager's calls that change versions and labels, answered by `secret_versions.py` in place of MiniStack."""

import json
import time
from collections.abc import Callable

from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import secretsmanager

from secret_versions import RefusedError, add_version, check_size, move_on_request

DELETED = "You can't perform this operation on the secret because it was marked for deletion."
ministack_creates = secretsmanager._create_secret


def fix_secrets() -> None:
    """Puts these in the places of MiniStack's own."""
    secretsmanager._create_secret = answered(create)
    secretsmanager._put_secret_value = answered(put_value)
    secretsmanager._update_secret = answered(update)
    secretsmanager._update_secret_version_stage = answered(update_version_stage)


def answered(action: Callable[[dict], dict]) -> Callable:
    def handle(data: dict):
        try:
            return json_response(action(data))
        except RefusedError as refused:
            return error_response_json(refused.code, refused.message, 400)

    return handle


def living(data: dict) -> dict:
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    if secret is None:
        raise RefusedError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if secret.get("DeletedDate"):
        raise RefusedError("InvalidRequestException", DELETED)
    return secret


def put_value(data: dict) -> dict:
    secret, version_id = living(data), data.get("ClientRequestToken") or new_uuid()
    add_version(secret, version_id, data, data.get("VersionStages") or ["AWSCURRENT"], time.time())
    labels = list(secret["Versions"][version_id]["Stages"])
    return {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": version_id, "VersionStages": labels}


def update(data: dict) -> dict:
    secret = living(data)
    secret.update({name: data[name] for name in ("Description", "KmsKeyId") if name in data})
    answer = {"ARN": secret["ARN"], "Name": secret["Name"]}
    if "SecretString" in data or "SecretBinary" in data:
        answer["VersionId"] = data.get("ClientRequestToken") or new_uuid()
        add_version(secret, answer["VersionId"], data, ["AWSCURRENT"], time.time())
    return answer


def update_version_stage(data: dict) -> dict:
    secret = living(data)
    label, move_to, remove_from = (data.get(n) for n in ("VersionStage", "MoveToVersionId", "RemoveFromVersionId"))
    move_on_request(secret, label, move_to, remove_from)
    return {"ARN": secret["ARN"], "Name": secret["Name"]}


def create(data: dict) -> dict:
    """The token of the request is the id of the version; the same request once more finds it there."""
    check_size(data.get("SecretString"))
    secret, token = secretsmanager._secrets.get(data.get("Name") or ""), data.get("ClientRequestToken")
    if secret is None:
        status, _, body = ministack_creates(data)
        answer = json.loads(body)
        if status != 200:
            raise RefusedError(answer["__type"], answer["message"])
        if token:
            versions = secretsmanager._secrets[data["Name"]]["Versions"]
            versions[token] = versions.pop(answer["VersionId"])
            answer["VersionId"] = token
        return answer
    if secret.get("DeletedDate"):
        message = "You can't create this secret because a secret with this name is already scheduled for deletion."
        raise RefusedError("InvalidRequestException", message)
    if token not in secret["Versions"]:
        message = f"The operation failed because the secret {secret['Name']} already exists."
        raise RefusedError("ResourceExistsException", message)
    add_version(secret, token, data, [], time.time())
    return {"ARN": secret["ARN"], "Name": secret["Name"], "VersionId": token}
