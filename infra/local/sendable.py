"""What SQS takes as a message: sizes, characters, names. Decisions only; what is not taken is a `QueueError`.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
"""

import base64
import hashlib
import re

from fifo import QueueError

BATCH_BYTES = 1024 * 1024
ATTRIBUTES = 10
UNSENDABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Letters, digits and punctuation; for groups and for deduplication.
TOKEN = re.compile(r"[a-zA-Z0-9!-/:-@\[-`{-~]{1,128}")
ATTRIBUTE_NAME = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")


def size(body: str, attributes: dict) -> int:
    """Bytes that count: body, and each attribute's name, type and value."""
    total = len(body.encode())
    for name, attribute in attributes.items():
        text = attribute.get("StringValue") or ""
        binary = base64.b64decode(attribute.get("BinaryValue") or "")
        total += len(name.encode()) + len(attribute.get("DataType", "").encode()) + len(text.encode()) + len(binary)
    return total


def check_message(data: dict, maximum: int) -> int:
    """The size of a message that may be sent."""
    body, attributes = data.get("MessageBody") or "", data.get("MessageAttributes") or {}
    if not body:
        raise QueueError("MissingParameter", "The request must contain the parameter MessageBody.")
    if UNSENDABLE.search(body):
        raise QueueError("InvalidMessageContents", "The message contains characters outside the allowed set.")
    if len(attributes) > ATTRIBUTES:
        raise wrong(f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{ATTRIBUTES}].")
    for name, attribute in attributes.items():
        _check_attribute(name, attribute)
    taken = size(body, attributes)
    if taken > maximum:
        raise wrong(f"One or more parameters are invalid. Reason: Message must be shorter than {maximum} bytes.")
    if data.get("DelaySeconds"):
        reason = "The request include parameter that is not valid for this queue type."
        raise wrong(f"Value {data['DelaySeconds']} for parameter DelaySeconds is invalid. Reason: {reason}")
    return taken


def _check_attribute(name: str, attribute: dict) -> None:
    if not ATTRIBUTE_NAME.fullmatch(name) or name.lower().startswith(("aws.", "amazon.")):
        raise wrong(f"The message attribute name '{name}' is invalid.")
    kind = attribute.get("DataType") or ""
    if kind.partition(".")[0] not in ("String", "Number", "Binary"):
        raise wrong(f"The message attribute '{name}' has an invalid message attribute type.")
    if not (attribute.get("BinaryValue") if kind.startswith("Binary") else attribute.get("StringValue")):
        raise wrong(f"The message attribute '{name}' must contain a non-empty value of type '{kind}'.")
    if UNSENDABLE.search(attribute.get("StringValue") or ""):
        raise wrong(f"The message attribute '{name}' contains characters outside the allowed set.")


def group_of(data: dict) -> str:
    group = data.get("MessageGroupId")
    if not group:
        raise QueueError("MissingParameter", "The request must contain the parameter MessageGroupId.")
    return _token("MessageGroupId", group)


def deduplication_id(data: dict, by_content: bool) -> str:
    """The one given, else the digest of the body: attributes do not count."""
    given = data.get("MessageDeduplicationId")
    if given:
        return _token("MessageDeduplicationId", given)
    if not by_content:
        either = "The queue should either have ContentBasedDeduplication enabled"
        raise wrong(f"{either} or MessageDeduplicationId provided explicitly")
    return hashlib.sha256(data["MessageBody"].encode()).hexdigest()


def check_batch(entries: list[dict]) -> int:
    """The size of a batch that may be sent."""
    total = sum(size(entry.get("MessageBody") or "", entry.get("MessageAttributes") or {}) for entry in entries)
    if total > BATCH_BYTES:
        message = f"Batch requests cannot be longer than {BATCH_BYTES} bytes. You have sent {total} bytes."
        raise QueueError("BatchRequestTooLong", message)
    return total


def number(data: dict, name: str, default: object, least: int, most: int) -> int:
    """A number of a request, or the queue's."""
    given = data.get(name)
    value = int(default if given is None else given)
    if not least <= value <= most:
        raise wrong(f"Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}.")
    return value


def _token(name: str, value: str) -> str:
    if TOKEN.fullmatch(value):
        return value
    allowed = "can only include alphanumeric and punctuation characters. 1 to 128 in length."
    raise wrong(f"Value {value} for parameter {name} is invalid. Reason: {name} {allowed}")


def wrong(message: str) -> QueueError:
    return QueueError("InvalidParameterValue", message)
