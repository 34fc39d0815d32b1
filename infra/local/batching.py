"""How Lambda fills the batches of an SQS event source mapping: by size, by window, by payload.

Knows nothing of MiniStack.
"""

import json
import threading
import time
from collections.abc import Callable

# An invocation's payload is at most 6 MB, the messages' bodies escaped as JSON.
PAYLOAD_BYTES = 6 * 1024 * 1024
# What a record has besides body and message attributes: ids, receipt handle, system attributes, ARNs.
RECORD_BYTES = 900


def record_bytes(message: dict) -> int:
    """What a message takes of the payload; remembered in the message."""
    size = message.get("record_bytes")
    if size is None:
        attributes = message.get("message_attributes") or {}
        size = len(json.dumps(message["body"])) + len(json.dumps(attributes, default=str)) + RECORD_BYTES
        message["record_bytes"] = size
    return size


class Batches:
    """Says when a queue's next batch is due and how many of its visible messages, the first ones, belong to it."""

    def __init__(self, wake: Callable[[], None], clock: Callable[[], float] = time.time):
        self.wake, self.clock = wake, clock
        self.opened: dict[str, float] = {}

    def ready(self, queue: str, messages: list[dict], batch_size: int, window: float) -> int:
        """0 while the batch is still filling. A batch is due when it is full or its window has passed."""
        count, payload, full, now = 0, 0, False, self.clock()
        for message in messages:
            if message["visible_at"] > now:
                continue
            payload += record_bytes(message)
            if count == batch_size or (count and payload > PAYLOAD_BYTES):
                full = True
                break
            count += 1
        if not count:
            self.opened.pop(queue, None)
            return 0
        if queue not in self.opened:
            self.opened[queue] = now
            if window:
                self._wake_after(window)
        if full or count == batch_size or now >= self.opened[queue] + window:
            del self.opened[queue]
            return count
        return 0

    def _wake_after(self, seconds: float) -> None:
        timer = threading.Timer(seconds + 0.005, self.wake)
        timer.daemon = True
        timer.start()
