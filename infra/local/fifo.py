"""A FIFO queue as SQS keeps it: groups in order, blocked while one of theirs is in flight, handles that expire.

Values only: no I/O, no lock, and the time (seconds since 1970) is a parameter. What a call costs grows with the
messages that it gives, not with the queue.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
"""

import base64
import binascii
import heapq
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice

from limits import Limits

DEDUPLICATION_SECONDS = 300


class QueueError(Exception):
    """What SQS answers instead: its error code and message."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


@dataclass
class Message:
    body: str
    group: str
    deduplication_id: str
    attributes: dict
    system: dict
    sent_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sequence: int = 0
    receive_count: int = 0
    first_received_at: float | None = None
    in_flight: bool = False
    # When its visibility timeout ends.
    visible_at: float = 0.0

    def handle(self) -> str:
        """The receipt handle of the newest receive."""
        return base64.b64encode(f"{self.sequence} {self.receive_count} {self.id}".encode()).decode()


@dataclass
class Group:
    messages: OrderedDict[int, Message] = field(default_factory=OrderedDict)
    in_flight: int = 0


@dataclass(frozen=True)
class Redrive:
    """Where a message goes that was received so many times and came back again."""

    maximum: int
    queue: "FifoQueue"
    source_arn: str


class FifoQueue:
    """Messages by number, oldest first, and what finds the next free group and the next visibility timeout to end."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self.sequence = 0
        self.sent: dict[object, tuple[float, str, int]] = {}
        self.purge()

    def purge(self) -> None:
        self.messages: OrderedDict[int, Message] = OrderedDict()
        self.groups: dict[str, Group] = {}
        self.in_flight = 0
        # Free groups by their oldest message; an entry that is no longer true is dropped when it comes up.
        self.free: list[tuple[int, str]] = []
        # Ends of visibility timeouts; one that was changed, or whose message is gone, is dropped when it comes up.
        self.timeouts: list[tuple[float, int]] = []

    def send(self, message: Message, by_group: bool) -> tuple[str, int]:
        """Its id and number; those of the first one where the same was sent within five minutes (`by_group`: to it)."""
        now = message.sent_at
        while self.sent and next(iter(self.sent.values()))[0] <= now - DEDUPLICATION_SECONDS:
            del self.sent[next(iter(self.sent))]
        key = (message.group, message.deduplication_id) if by_group else message.deduplication_id
        if key in self.sent:
            return self.sent[key][1:]
        self._put(message)
        self.sent[key] = (now, message.id, message.sequence)
        return message.id, message.sequence

    def _put(self, message: Message) -> None:
        self.sequence += 1
        message.sequence = self.sequence
        self.messages[message.sequence] = message
        group = self.groups.setdefault(message.group, Group())
        group.messages[message.sequence] = message
        if len(group.messages) == 1:
            self._mark_free(message.group)

    def receive(self, maximum: int, visibility: int, now: float, redrive: Redrive | None = None) -> list[Message]:
        """The oldest messages of the free group whose oldest is the oldest of all, then of the next one, and so on."""
        self.settle(now)
        horizon = self._horizon()
        received: list[Message] = []
        unblocked: list[str] = []
        while len(received) < maximum and self.in_flight < self.limits.queue_in_flight:
            name = self._next_free(horizon)
            if name is None:
                break
            room = maximum - len(received)
            for message in list(islice(self.groups[name].messages.values(), room)):
                if redrive is not None and message.receive_count >= redrive.maximum:
                    self._dead_letter(message, redrive, now)
                else:
                    self._take(message, visibility, now)
                    received.append(message)
            if visibility == 0:
                unblocked.append(name)
        for name in unblocked:
            self._mark_free(name)
        return received

    def _take(self, message: Message, visibility: int, now: float) -> None:
        message.receive_count += 1
        message.first_received_at = message.first_received_at or now
        if visibility:
            message.in_flight = True
            self.groups[message.group].in_flight += 1
            self.in_flight += 1
            self._set_timeout(message, now + visibility)

    def _set_timeout(self, message: Message, when: float) -> None:
        message.visible_at = when
        heapq.heappush(self.timeouts, (when, message.sequence))

    def _dead_letter(self, message: Message, redrive: Redrive, now: float) -> None:
        """To the dead-letter queue, where its time begins anew."""
        self._remove(message)
        message.sent_at = now
        message.system = {**message.system, "DeadLetterQueueSourceArn": redrive.source_arn}
        redrive.queue._put(message)

    def delete(self, handle: str, now: float) -> None:
        """Also of what is deleted already. Raises `QueueError` for a handle that expired or is none."""
        message, current = self._held(handle, now)
        if message is not None and not current:
            raise invalid(handle, "The receipt handle has expired.")
        if message is not None:
            self._remove(message)

    def change_visibility(self, handle: str, seconds: int, now: float) -> None:
        """Counted from now. Raises `QueueError` for a message that is not in flight under this handle."""
        message, current = self._held(handle, now)
        if message is None or not current:
            raise invalid(handle, "Message does not exist or is not available for visibility timeout change.")
        self._set_timeout(message, now + seconds)
        self.settle(now)

    def _held(self, handle: str, now: float) -> tuple[Message | None, bool]:
        """The message that a handle was given out for, where it still is, and whether the handle is good."""
        try:
            sequence, count, message_id = base64.b64decode(handle, validate=True).decode().split(" ")
            number, receive = int(sequence), int(count)
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise QueueError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.") from None
        self.settle(now)
        message = self.messages.get(number)
        if message is None or message.id != message_id:
            return None, False
        return message, message.in_flight and message.receive_count == receive

    def settle(self, now: float) -> None:
        """Makes the messages visible whose timeout is over."""
        while self.timeouts and self.timeouts[0][0] <= now:
            when, sequence = heapq.heappop(self.timeouts)
            message = self.messages.get(sequence)
            if message is not None and message.in_flight and message.visible_at == when:
                message.in_flight = False
                self._unblock(message)

    def expire(self, seconds: int, now: float) -> None:
        """Drops what is older than the retention, in flight or not."""
        while self.messages and (oldest := next(iter(self.messages.values()))).sent_at <= now - seconds:
            self._remove(oldest)

    def counts(self, now: float) -> tuple[int, int]:
        """Messages that are not in flight (those of blocked groups too), and those that are."""
        self.settle(now)
        return len(self.messages) - self.in_flight, self.in_flight

    def _remove(self, message: Message) -> None:
        group = self.groups[message.group]
        del self.messages[message.sequence], group.messages[message.sequence]
        if message.in_flight:
            message.in_flight = False
            self._unblock(message)
        else:
            self._mark_free(message.group)
        if not group.messages:
            del self.groups[message.group]

    def _unblock(self, message: Message) -> None:
        self.groups[message.group].in_flight -= 1
        self.in_flight -= 1
        self._mark_free(message.group)

    def _mark_free(self, name: str) -> None:
        group = self.groups.get(name)
        if group is not None and group.messages and not group.in_flight:
            heapq.heappush(self.free, (next(iter(group.messages)), name))

    def _next_free(self, horizon: int | None) -> str | None:
        while self.free:
            sequence, name = self.free[0]
            if horizon is not None and sequence > horizon:
                return None
            heapq.heappop(self.free)
            group = self.groups.get(name)
            if group is not None and not group.in_flight and next(iter(group.messages)) == sequence:
                return name
        return None

    def _horizon(self) -> int | None:
        """The number of the last message that is looked at for a free group; None where all are."""
        if len(self.messages) <= self.limits.queue_window:
            return None
        return next(islice(self.messages, self.limits.queue_window - 1, None), 0)


def invalid(handle: str, reason: str) -> QueueError:
    message = f"Value {handle} for parameter ReceiptHandle is invalid. Reason: {reason}"
    return QueueError("InvalidParameterValue", message)
