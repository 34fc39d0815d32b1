"""Counts the calls to the local cloud's SQS and Secrets Manager, as a bill on AWS would list them."""

import threading
import time
from collections import Counter

from faults import Call

# SQS bills a request by 64 KB of payload: https://aws.amazon.com/sqs/pricing/
BILLED_BYTES = 64 * 1024
# The caller under which the receives and deletes of Lambda's poller are counted; AWS bills them too.
POLLER = "event-source-mapping"


class Calls:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        with self.lock:
            self.began = time.monotonic()
            self.made: Counter[Call] = Counter()
            self.extra: Counter[str] = Counter()

    def count(self, call: Call) -> None:
        with self.lock:
            self.made[Call(call.service, call.action, "", call.caller)] += 1

    def payload(self, action: str, size: int) -> None:
        """What an SQS call carried, in bytes: every 64 KB after the first are one more request on the bill."""
        with self.lock:
            self.extra[action] += max(0, -(-size // BILLED_BYTES) - 1)

    def to_json(self) -> dict:
        calls: dict[str, Counter] = {}
        by_caller: dict[str, dict[str, Counter]] = {}
        with self.lock:
            for call, number in sorted(self.made.items(), key=lambda item: (item[0].service, item[0].action)):
                calls.setdefault(call.service, Counter())[call.action] += number
                services = by_caller.setdefault(call.caller, {})
                services.setdefault(call.service, Counter())[call.action] += number
            billed = Counter(calls.get("sqs", {}))
            billed.update({action: more for action, more in self.extra.items() if more})
            seconds = round(time.monotonic() - self.began, 3)
        return {"seconds": seconds, "calls": calls, "sqs_requests_billed": billed, "by_caller": by_caller}


CALLS = Calls()
