"""SQS's calls on FIFO queues, answered by `fifo.py` in place of MiniStack, and the poller of Lambda's event sources."""

from collections.abc import Callable

from ministack.services import sqs

from gateway import refusal


def with_refusal(batch: Callable) -> Callable:
    """A batch call of which one entry is refused where that was asked for; the others are carried out."""

    def answered(data: dict, url: str) -> dict:
        asked, entries = refusal.get(), data.get("Entries") or []
        if asked is None or not entries:
            return batch(data, url)
        refused = entries[min(asked["entry"], len(entries) - 1)]
        others = [entry for entry in entries if entry is not refused]
        answer = batch({**data, "Entries": others}, url) if others else {"Successful": [], "Failed": []}
        failure = {"Id": refused.get("Id", ""), "Code": asked["code"], "Message": "Refused, as asked."}
        answer["Failed"] = [*answer["Failed"], {**failure, "SenderFault": asked["sender_fault"]}]
        return answer

    return answered


def fix_queues() -> None:
    for action in ("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"):
        sqs._HANDLERS[action] = with_refusal(sqs._HANDLERS[action])
