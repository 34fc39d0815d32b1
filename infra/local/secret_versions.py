"""Versions and staging labels of secrets as AWS keeps them, in place of MiniStack's.

MiniStack drops a version with its last label, knows no limits, leaves a label of one's own on every version that it was
put on, and overwrites the version of a repeated request. The texts of errors are AWS's own where they are known.
"""

import time

from limits import LIMITS

MAXIMUM_BYTES = 65_536
TOO_MANY_LABELS = "You've reached the maximum number of staging labels for this secret."


class RefusedError(Exception):
    """What the API answers instead: an error code of Secrets Manager's, and its message."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


def prune(secret: dict, now: float) -> None:
    """Makes room for one more version: without a label and no longer young, the oldest first."""
    versions = secret["Versions"]
    removable = [
        version_id
        for version_id, version in versions.items()
        if not version["Stages"] and now - version["CreatedDate"] >= LIMITS.secret_young_seconds
    ]
    for version_id in removable:
        if len(versions) < LIMITS.secret_versions:
            return
        del versions[version_id]
    if len(versions) >= LIMITS.secret_versions:
        raise RefusedError("LimitExceededException", "You've reached the maximum number of versions for this secret.")


def check_size(text: str | None) -> None:
    if text is not None and len(text.encode()) > MAXIMUM_BYTES:
        message = f"Value at 'secretString': Member must have length less than or equal to {MAXIMUM_BYTES}"
        raise RefusedError("ValidationException", message)


def add_version(secret: dict, version_id: str, value: dict, labels: list[str], now: float) -> bool:
    """Adds a version and moves the labels to it. False where it is there already, with the same value."""
    existing = secret["Versions"].get(version_id)
    if existing is not None:
        if any(existing.get(name) != value.get(name) for name in ("SecretString", "SecretBinary")):
            message = "You can't use a ClientRequestToken again with another value: it is the version's id."
            raise RefusedError("ResourceExistsException", message)
        return False
    check_size(value.get("SecretString"))
    kept = {label for version in secret["Versions"].values() for label in version["Stages"]}
    if len(kept | set(labels)) > LIMITS.secret_labels:
        raise RefusedError("LimitExceededException", TOO_MANY_LABELS)
    prune(secret, now)
    secret["Versions"][version_id] = {
        "SecretString": value.get("SecretString"),
        "SecretBinary": value.get("SecretBinary"),
        "CreatedDate": now,
        "Stages": [],
    }
    for label in labels:
        move(secret, label, version_id)
    secret["LastChangedDate"] = now
    return True


def holder(secret: dict, label: str) -> str | None:
    found = (version_id for version_id, version in secret["Versions"].items() if label in version["Stages"])
    return next(found, None)


def move(secret: dict, label: str, version_id: str | None) -> None:
    """Takes a label from the version that has it and gives it to this one. AWSPREVIOUS follows AWSCURRENT."""
    before = holder(secret, label)
    if before == version_id:
        return
    if before is not None:
        secret["Versions"][before]["Stages"].remove(label)
    if version_id is not None:
        secret["Versions"][version_id]["Stages"].append(label)
    if label == "AWSCURRENT":
        if before is not None:
            move(secret, "AWSPREVIOUS", before)
        if version_id is not None and "AWSPENDING" in secret["Versions"][version_id]["Stages"]:
            move(secret, "AWSPENDING", None)


def move_on_request(secret: dict, label: str, move_to: str | None, remove_from: str | None) -> None:
    """UpdateSecretVersionStage: fails where `remove_from` is not the version that has the label."""
    current = holder(secret, label)
    if not label or not (move_to or remove_from):
        message = "VersionStage and one of MoveToVersionId and RemoveFromVersionId are needed."
        raise RefusedError("InvalidParameterException", message)
    if move_to and move_to not in secret["Versions"]:
        message = "Secrets Manager can't find the specified secret version."
        raise RefusedError("ResourceNotFoundException", message)
    if current is not None and current != move_to and not remove_from:
        message = (
            f"The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version "
            f"{current}, so you must explicitly reference that version in RemoveFromVersionId."
        )
        raise RefusedError("InvalidParameterException", message)
    if remove_from and remove_from != current:
        message = (
            f"When you move staging label {label}, if you specify RemoveFromVersionId, it must be set to the version "
            f"that currently has the staging label {label}."
        )
        raise RefusedError("InvalidParameterException", message)
    if label == "AWSCURRENT" and not move_to:
        raise RefusedError("InvalidParameterException", "You can't remove the staging label AWSCURRENT, only move it.")
    labels = sum(len(version["Stages"]) for version in secret["Versions"].values())
    if current is None and labels >= LIMITS.secret_labels:
        raise RefusedError("LimitExceededException", TOO_MANY_LABELS)
    move(secret, label, move_to)
    secret["LastChangedDate"] = time.time()
