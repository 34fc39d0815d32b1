"""SQS's calls on FIFO queues, answered by `fifo.py` in place of MiniStack, for the API and for Lambda's poller alike.

One lock for both. Standard queues stay MiniStack's.
"""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import Callable

from ministack.core.concurrency import esm_wake
from ministack.services import sqs

from calls import CALLS, POLLER
from faults import Call
from fifo import FifoQueue, Message, QueueError, Redrive
from gateway import gone, refusal
from limits import LIMITS
from sendable import check_batch, check_message, deduplication_id, group_of, number, size

LOCK = threading.Lock()
# How often a receive that waits looks again.
LOOK_SECONDS = 0.02
TWELVE_HOURS = 43_200


def fix_queues() -> None:
    """Puts these in the places of MiniStack's own."""
    singles = {
        "SendMessage": send,
        "ReceiveMessage": receive,
        "DeleteMessage": delete,
        "ChangeMessageVisibility": change_visibility,
        "PurgeQueue": purge,
        "GetQueueAttributes": attributes,
    }
    for action, answer in singles.items():
        sqs._HANDLERS[action] = for_fifo(action, answer, sqs._HANDLERS[action])
    for action in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility"):
        one_by_one = for_fifo(action, batch(action, singles[action]), sqs._HANDLERS[f"{action}Batch"])
        sqs._HANDLERS[f"{action}Batch"] = with_refusal(one_by_one)
    receive_standard, delete_standard = sqs._receive_messages_for_esm, sqs._delete_messages_for_esm
    sqs._receive_messages_for_esm = lambda url, count: receive_for_lambda(url, count, receive_standard)
    sqs._delete_messages_for_esm = lambda url, handles: delete_for_lambda(url, handles, delete_standard)


def for_fifo(action: str, answer: Callable, standard: Callable) -> Callable:
    """The call on a FIFO queue is answered by `answer`, on another one by MiniStack."""

    def answered(data: dict, url: str):
        queue = sqs._get_q(data.get("QueueUrl", url), f"sqs:{action}")
        if not queue["is_fifo"]:
            return standard(data, url)
        try:
            return answer(queue, data)
        except QueueError as error:
            raise sqs._Err(error.code, error.message) from error

    return answered


def of(queue: dict) -> FifoQueue:
    """What is in a queue; it lives and ends with MiniStack's record of it."""
    fifo = queue.setdefault("fifo", FifoQueue(LIMITS))
    fifo.expire(int(queue["attributes"]["MessageRetentionPeriod"]), time.time())
    return fifo


def redrive(queue: dict) -> Redrive | None:
    policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    target = sqs._queue_by_arn(policy.get("deadLetterTargetArn", ""))
    if target is None or not target["is_fifo"]:
        return None
    return Redrive(int(policy["maxReceiveCount"]), of(target), queue["attributes"]["QueueArn"])


def send(queue: dict, data: dict) -> dict:
    settings, now = queue["attributes"], time.time()
    taken = check_message(data, int(settings["MaximumMessageSize"]))
    given = data.get("MessageAttributes") or {}
    message = Message(
        body=data["MessageBody"],
        group=group_of(data),
        deduplication_id=deduplication_id(data, settings.get("ContentBasedDeduplication") == "true"),
        attributes=given,
        system=sqs._build_send_sys_attrs(now, data.get("MessageSystemAttributes") or {}),
        sent_at=now,
    )
    with LOCK:
        message_id, sequence = of(queue).send(message, settings.get("DeduplicationScope") == "messageGroup")
    esm_wake.set()
    if "Id" not in data:
        CALLS.payload("SendMessage", taken)
    answer = {
        "MessageId": message_id,
        "MD5OfMessageBody": md5(message.body),
        "SequenceNumber": str(sequence).zfill(20),
    }
    return {**answer, "MD5OfMessageAttributes": sqs._md5_msg_attrs(given)} if given else answer


async def receive(queue: dict, data: dict) -> dict:
    """Waits without holding anything up, and takes nothing for a client that has gone."""
    settings = queue["attributes"]
    maximum = number(data, "MaxNumberOfMessages", 1, 1, 10)
    visibility = number(data, "VisibilityTimeout", settings["VisibilityTimeout"], 0, TWELVE_HOURS)
    wait = number(data, "WaitTimeSeconds", settings["ReceiveMessageWaitTimeSeconds"], 0, 20)
    deadline, closed = time.monotonic() + wait, gone.get()
    while closed is None or not closed.is_set():
        if messages := take(queue, maximum, visibility):
            names = data.get("AttributeNames") or data.get("MessageSystemAttributeNames") or []
            count_received(messages)
            return {"Messages": [shown(each, names, data.get("MessageAttributeNames") or []) for each in messages]}
        if time.monotonic() >= deadline:
            break
        await asyncio.sleep(LOOK_SECONDS)
    return {}


def take(queue: dict, maximum: int, visibility: int) -> list[dict]:
    """Receives, as MiniStack describes messages: as they are now, for another receive may follow."""
    with LOCK:
        received = of(queue).receive(maximum, visibility, time.time(), redrive(queue))
        return [described(message) for message in received]


def described(message: Message) -> dict:
    return {
        "id": message.id,
        "body": message.body,
        "md5_body": md5(message.body),
        "receipt_handle": message.handle(),
        "sent_at": message.sent_at,
        "receive_count": message.receive_count,
        "first_receive_at": message.first_received_at,
        "message_attributes": message.attributes,
        "sys": {**message.system, "SentTimestamp": str(int(message.sent_at * 1000))},
        "group_id": message.group,
        "dedup_id": message.deduplication_id,
        "seq": str(message.sequence).zfill(20),
    }


def md5(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def count_received(messages: list[dict]) -> None:
    CALLS.payload("ReceiveMessage", sum(size(each["body"], each["message_attributes"]) for each in messages))


def shown(message: dict, system_names: list[str], names: list[str]) -> dict:
    answer = {
        "MessageId": message["id"],
        "ReceiptHandle": message["receipt_handle"],
        "MD5OfBody": message["md5_body"],
        "Body": message["body"],
    }
    if system := sqs._build_sys_attrs(message, system_names):
        answer["Attributes"] = system
    if given := sqs._filter_msg_attrs(message["message_attributes"], names):
        answer.update(MessageAttributes=given, MD5OfMessageAttributes=sqs._md5_msg_attrs(given))
    return answer


def delete(queue: dict, data: dict) -> dict:
    with LOCK:
        of(queue).delete(data.get("ReceiptHandle") or "", time.time())
    esm_wake.set()
    return {}


def change_visibility(queue: dict, data: dict) -> dict:
    seconds = number(data, "VisibilityTimeout", -1, 0, TWELVE_HOURS)
    with LOCK:
        of(queue).change_visibility(data.get("ReceiptHandle") or "", seconds, time.time())
    esm_wake.set()
    return {}


def purge(queue: dict, _data: dict) -> dict:
    with LOCK:
        of(queue).purge()
    return {}


def attributes(queue: dict, data: dict) -> dict:
    with LOCK:
        waiting, in_flight = of(queue).counts(time.time())
    counts = {"": waiting, "NotVisible": in_flight, "Delayed": 0}
    told = queue["attributes"] | {f"ApproximateNumberOfMessages{name}": str(n) for name, n in counts.items()}
    wanted = data.get("AttributeNames") or []
    return {"Attributes": {name: value for name, value in told.items() if "All" in wanted or name in wanted}}


def batch(action: str, single: Callable) -> Callable:
    """A batch of up to 10 entries, each carried out, or refused, by itself."""

    def answered(queue: dict, data: dict) -> dict:
        entries = data.get("Entries") or []
        sqs._validate_batch_entries(entries, f"{action}BatchRequestEntry")
        if action == "SendMessage":
            CALLS.payload("SendMessageBatch", check_batch(entries))
        done, failed = [], []
        for entry in entries:
            try:
                done.append({**single(queue, entry), "Id": entry["Id"]})
            except QueueError as error:
                code, message = error.code, error.message
                if message.endswith("The receipt handle has expired."):
                    code, message = "ReceiptHandleIsInvalid", "The receipt handle has expired"
                failed.append({"Id": entry["Id"], "Code": code, "Message": message, "SenderFault": True})
        return {"Successful": done, "Failed": failed}

    return answered


def with_refusal(batch_call: Callable) -> Callable:
    """A batch call of which one entry is refused where that was asked for; the others are carried out."""

    def answered(data: dict, url: str) -> dict:
        asked, entries = refusal.get(), data.get("Entries") or []
        if asked is None or not entries:
            return batch_call(data, url)
        refused = entries[min(asked["entry"], len(entries) - 1)]
        others = [entry for entry in entries if entry is not refused]
        answer = batch_call({**data, "Entries": others}, url) if others else {"Successful": [], "Failed": []}
        failure = {"Id": refused.get("Id", ""), "Code": asked["code"], "Message": "Refused, as asked."}
        answer["Failed"] = [*answer["Failed"], {**failure, "SenderFault": asked["sender_fault"]}]
        return answer

    return answered


def receive_for_lambda(url: str, count: int, standard: Callable) -> list[dict]:
    queue = sqs._get_q(url)
    if not queue["is_fifo"]:
        return standard(url, count)
    messages = take(queue, min(int(count), 10), int(queue["attributes"]["VisibilityTimeout"]))
    if messages:
        CALLS.count(Call("sqs", "ReceiveMessage", "", POLLER))
        count_received(messages)
    return messages


def delete_for_lambda(url: str, handles: set[str], standard: Callable) -> None:
    """What has come back in the meantime stays: its handle has expired."""
    queue = sqs._get_q(url)
    if not queue["is_fifo"]:
        standard(url, handles)
        return
    CALLS.count(Call("sqs", "DeleteMessageBatch", "", POLLER))
    entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
    batch("DeleteMessage", delete)(queue, {"Entries": entries})
