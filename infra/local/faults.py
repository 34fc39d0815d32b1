"""Faults on demand, and which of them hit a call: values and counters only, no I/O.

A fault names the calls that it hits, what happens to them, and how often. `Faults.hit` is asked once a call.
"""

import random
import threading
from dataclasses import dataclass, field

SERVICES = ("secretsmanager", "sqs")
BATCH_ACTIONS = ("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")
# What may stand in each kind, with its default.
KINDS = {
    "throttled": {},
    "slow": {"ms": None},
    "down": {"cut": False},
    "entry_refused": {"code": "InternalError", "sender_fault": False, "entry": 0},
    "answer_lost": {"cut": True},
}


class UnknownFaultError(ValueError):
    """What was asked for is no fault; the message says why."""


@dataclass(frozen=True)
class Call:
    """A call to a service. `resource` is the name of a queue or secret; `caller` a function's name, or `account`."""

    service: str
    action: str
    resource: str
    caller: str


@dataclass
class Fault:
    service: str
    kind: str
    options: dict
    when: object
    action: str | None = None
    resource: str = ""
    caller: str = ""
    skip: int = 0
    matched: int = 0
    fired: int = 0
    number: int = 0
    rng: random.Random = field(default_factory=random.Random)

    def matches(self, call: Call) -> bool:
        if self.kind == "entry_refused" and call.action not in BATCH_ACTIONS:
            return False
        named = self.service == call.service and self.action in (None, call.action)
        return named and self.resource in call.resource and self.caller in call.caller

    def fires(self) -> bool:
        """Whether it hits a call that matches; counts the call."""
        self.matched += 1
        if self.matched <= self.skip:
            return False
        if self.when == "always":
            fires = True
        elif "next" in self.when:
            fires = self.fired < self.when["next"]
        else:
            fires = self.rng.random() < self.when["share"]
        self.fired += fires
        return fires

    def to_json(self) -> dict:
        named = {"action": self.action, "resource": self.resource, "caller": self.caller, "skip": self.skip}
        return {
            "number": self.number,
            "service": self.service,
            **{key: value for key, value in named.items() if value},
            "kind": {self.kind: self.options},
            "when": self.when,
            "matched": self.matched,
            "fired": self.fired,
        }


def parse(asked: object) -> Fault:
    """The fault that a request describes. Raises `UnknownFaultError`."""
    if not isinstance(asked, dict):
        raise UnknownFaultError("a fault is an object")
    known = {"service", "action", "resource", "caller", "kind", "when", "skip"}
    if unknown := set(asked) - known:
        raise UnknownFaultError(f"unknown: {', '.join(sorted(unknown))}; a fault has {', '.join(sorted(known))}")
    if asked.get("service") not in SERVICES:
        raise UnknownFaultError(f"service is one of {', '.join(SERVICES)}")
    for name in ("action", "resource", "caller"):
        if not isinstance(asked.get(name, ""), str):
            raise UnknownFaultError(f"{name} is text")
    kind, options = _kind(asked.get("kind"))
    action = asked.get("action") or None
    if kind == "entry_refused" and (asked["service"] != "sqs" or action not in (None, *BATCH_ACTIONS)):
        raise UnknownFaultError(f"entry_refused hits {', '.join(BATCH_ACTIONS)} only")
    when = _when(asked.get("when", "always"))
    return Fault(
        service=asked["service"],
        kind=kind,
        options=options,
        when=when,
        action=action,
        resource=asked.get("resource", ""),
        caller=asked.get("caller", ""),
        skip=_number("skip", asked.get("skip", 0)),
        rng=random.Random(when.get("seed", 1) if isinstance(when, dict) else 1),  # noqa: S311 - repeatable, not secret
    )


def _kind(asked: object) -> tuple[str, dict]:
    if not isinstance(asked, dict) or len(asked) != 1 or next(iter(asked)) not in KINDS:
        raise UnknownFaultError(f"kind is an object with one of {', '.join(KINDS)}")
    ((kind, given),) = asked.items()
    if not isinstance(given, dict) or set(given) - set(KINDS[kind]):
        raise UnknownFaultError(f"{kind} has {', '.join(KINDS[kind]) or 'no options'}")
    options = {**KINDS[kind], **given}
    if kind == "slow":
        _number("slow.ms", options["ms"])
    if kind == "entry_refused":
        _number("entry_refused.entry", options["entry"])
    return kind, options


def _when(asked: object) -> object:
    if asked == "always":
        return asked
    if isinstance(asked, dict) and set(asked) == {"next"}:
        return {"next": _number("when.next", asked["next"])}
    if isinstance(asked, dict) and "share" in asked and set(asked) <= {"share", "seed"}:
        share = asked["share"]
        if isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1:
            return {"share": share, "seed": _number("when.seed", asked.get("seed", 1))}
    raise UnknownFaultError('when is "always", {"next": n}, or {"share": 0 to 1, "seed": n}')


def _number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UnknownFaultError(f"{name} is a whole number from 0")
    return value


class Faults:
    """The faults that are set, oldest first."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.set: list[Fault] = []
        self.last = 0

    def add(self, fault: Fault) -> None:
        with self.lock:
            self.last += 1
            fault.number = self.last
            self.set.append(fault)

    def remove(self, number: str) -> dict:
        """Takes one fault back, and says how often it fired. Raises `UnknownFaultError`."""
        with self.lock:
            found = [fault for fault in self.set if str(fault.number) == number]
            if not found:
                raise UnknownFaultError(f"no fault has the number {number}")
            self.set.remove(found[0])
            return found[0].to_json()

    def clear(self) -> None:
        with self.lock:
            self.set.clear()

    def listed(self) -> list[dict]:
        with self.lock:
            return [fault.to_json() for fault in self.set]

    def hit(self, call: Call) -> list[Fault]:
        """The faults that hit this call: any number of slow ones, then at most one of another kind, the oldest."""
        fired: list[Fault] = []
        with self.lock:
            for fault in self.set:
                decided = any(earlier.kind != "slow" for earlier in fired)
                if fault.matches(call) and (fault.kind == "slow" or not decided) and fault.fires():
                    fired.append(fault)
        return sorted(fired, key=lambda fault: fault.kind != "slow")
