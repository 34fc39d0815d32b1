"""The first values of the two secrets that the template leaves empty. What has a value is never touched."""

import json
import secrets

from botocore.exceptions import ClientError


def value_of(secretsmanager, secret_id: str) -> dict | None:
    """What a secret holds; None where it holds nothing yet."""
    try:
        text = secretsmanager.get_secret_value(SecretId=secret_id)["SecretString"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return None
        raise
    # The local cloud has an empty text where AWS has no version.
    return json.loads(text) if text else None


def put_app(secretsmanager, secret_id: str, app_id: str, secret: str) -> None:
    value = json.dumps({"app_id": app_id, "secret": secret})
    secretsmanager.put_secret_value(SecretId=secret_id, SecretString=value)


def firehose_token(secretsmanager, secret_id: str) -> str:
    """The token that mParticle sends; made up where there is none yet."""
    found = value_of(secretsmanager, secret_id)
    if found is None:
        found = {"current": secrets.token_hex(24), "previous": None}
        secretsmanager.put_secret_value(SecretId=secret_id, SecretString=json.dumps(found))
    return found["current"]
