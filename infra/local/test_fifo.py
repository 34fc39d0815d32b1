"""A FIFO queue's rules, without a cloud: the time is a number, and every call is made at one."""

import random
import unittest

from fifo import FifoQueue, Message, QueueError, Redrive
from limits import Limits


class FifoTest(unittest.TestCase):
    def setUp(self):
        self.limits = Limits()
        self.queue = FifoQueue(self.limits)

    def send(self, text: str, at: float = 0, queue: FifoQueue | None = None, by_group: bool = True) -> tuple[str, int]:
        """Sends `body@group`."""
        body, _, group = text.partition("@")
        message = Message(body, group or "g", deduplication_id=body, attributes={}, system={}, sent_at=at)
        return (queue or self.queue).send(message, by_group)

    def fill(self, text: str) -> None:
        for each in text.split():
            self.send(each)

    def receive(self, at: float, maximum: int = 10, visibility: int = 30, **more: object) -> list[Message]:
        return self.queue.receive(maximum, visibility, at, **more)

    def bodies(self, at: float, **more: object) -> str:
        return " ".join(message.body for message in self.receive(at, **more))

    def test_a_receive_takes_one_group_first_then_the_next_oldest(self):
        self.fill("1@a 2@b 3@a 4@c 5@b 6@a")
        self.assertEqual(self.bodies(1, maximum=5), "1 3 6 2 5")
        self.assertEqual(self.bodies(1), "4")

    def test_a_group_is_blocked_while_one_of_its_messages_is_in_flight(self):
        self.fill("1@a 2@a 3@a")
        first, second = self.receive(1, maximum=2)
        self.assertEqual(self.bodies(1), "")
        self.queue.delete(first.handle(), 2)
        self.assertEqual(self.bodies(2), "")
        self.queue.delete(second.handle(), 2)
        self.assertEqual(self.bodies(2), "3")

    def test_what_comes_back_comes_before_what_was_behind_it(self):
        self.fill("1@a 2@a 3@a 4@b")
        self.receive(1, maximum=2, visibility=10)
        self.assertEqual(self.bodies(10.9, maximum=1), "4")
        self.assertEqual(self.bodies(11), "1 2 3")

    def test_a_message_that_is_visible_at_once_waits_behind_the_delayed_one_before_it(self):
        self.fill("1@a 2@a")
        first, second = self.receive(1)
        self.queue.change_visibility(first.handle(), 300, 2)
        self.queue.change_visibility(second.handle(), 0, 2)
        self.assertEqual(self.bodies(301.9), "")
        self.assertEqual(self.bodies(302), "1 2")

    def test_a_handle_ends_with_its_visibility(self):
        self.fill("1")
        (message,) = self.receive(1, visibility=10)
        handle = message.handle()
        for call in (lambda: self.queue.delete(handle, 11), lambda: self.queue.change_visibility(handle, 30, 11)):
            with self.assertRaises(QueueError) as caught:
                call()
            self.assertEqual(caught.exception.code, "InvalidParameterValue")
        self.assertEqual(self.bodies(11), "1")

    def test_a_handle_is_superseded_by_the_next_receive(self):
        self.fill("1")
        old = self.receive(1, visibility=10)[0].handle()
        new = self.receive(11)[0].handle()
        with self.assertRaisesRegex(QueueError, "expired"):
            self.queue.delete(old, 12)
        self.queue.delete(new, 12)
        self.assertEqual(self.queue.counts(12), (0, 0))

    def test_a_renewed_visibility_keeps_the_handle_good(self):
        self.fill("1")
        handle = self.receive(1, visibility=10)[0].handle()
        self.queue.change_visibility(handle, 30, 10)
        self.assertEqual(self.bodies(39.9), "")
        self.queue.delete(handle, 39.9)

    def test_deleting_what_is_deleted_succeeds_and_changing_it_does_not(self):
        self.fill("1")
        handle = self.receive(1)[0].handle()
        self.queue.delete(handle, 2)
        self.queue.delete(handle, 2)
        with self.assertRaisesRegex(QueueError, "not available"):
            self.queue.change_visibility(handle, 5, 2)
        with self.assertRaises(QueueError) as caught:
            self.queue.delete("no handle", 2)
        self.assertEqual(caught.exception.code, "ReceiptHandleIsInvalid")

    def test_a_handle_of_before_a_purge_deletes_nothing(self):
        self.fill("1")
        handle = self.receive(1)[0].handle()
        self.queue.purge()
        self.fill("2")
        self.queue.delete(handle, 2)
        self.assertEqual(self.queue.counts(2), (1, 0))

    def test_the_same_is_kept_once_in_five_minutes_even_when_it_is_gone(self):
        first = self.send("1@a")
        self.queue.delete(self.receive(1)[0].handle(), 1)
        self.assertEqual(self.send("1@a", at=299), first)
        self.assertEqual(self.bodies(299), "")
        self.assertNotEqual(self.send("1@a", at=300), first)
        self.assertEqual(self.bodies(300), "1")

    def test_the_scope_of_deduplication_is_the_group_or_the_queue(self):
        self.assertNotEqual(self.send("1@a"), self.send("1@b"))
        self.assertEqual(self.send("2@a", by_group=False), self.send("2@b", by_group=False))

    def test_what_was_received_too_often_goes_to_the_dead_letter_queue(self):
        dead = FifoQueue(self.limits)
        redrive = Redrive(2, dead, "arn:source")
        self.fill("1@a 2@a")
        for at in (1, 11):
            self.assertEqual(self.bodies(at, visibility=10, maximum=1, redrive=redrive), "1")
        self.assertEqual(self.bodies(21, redrive=redrive), "2")
        (message,) = dead.receive(10, 30, 22)
        self.assertEqual((message.body, message.group, message.sent_at, message.receive_count), ("1", "a", 21, 3))
        self.assertEqual(message.system["DeadLetterQueueSourceArn"], "arn:source")

    def test_old_messages_end_with_the_retention(self):
        self.send("1", at=0)
        self.send("2", at=50)
        handle = self.receive(1, maximum=1, visibility=1000)[0].handle()
        self.queue.expire(60, 60)
        self.assertEqual(self.bodies(60), "2")
        self.queue.delete(handle, 61)

    def test_a_free_group_is_found_only_near_the_front(self):
        self.limits.queue_window = 3
        self.fill("1@a 2@a 3@a 4@b")
        self.receive(1, maximum=1)
        self.assertEqual(self.bodies(1), "")
        self.limits.queue_window = 4
        self.assertEqual(self.bodies(1), "4")

    def test_no_more_is_given_than_may_be_in_flight(self):
        self.limits.queue_in_flight = 1
        self.fill("1@a 2@b")
        self.receive(1, maximum=1)
        self.assertEqual(self.bodies(1), "")

    def test_a_visibility_of_zero_gives_each_message_once_a_receive(self):
        self.fill("1@a 2@b")
        self.assertEqual(self.bodies(1, visibility=0), "1 2")
        self.assertEqual(self.bodies(1, visibility=0), "1 2")

    def test_a_hundred_thousand_messages_are_worked_off(self):
        """In seconds; where a call cost as much as the queue is long, it would take hours."""
        for number in range(100_000):
            self.send(f"{number}@{number % 200}")
        at = 1
        while received := self.receive(at):
            for message in received:
                self.queue.delete(message.handle(), at)
        self.assertEqual(self.queue.counts(at), (0, 0))

    def test_order_and_blocking_hold_whatever_is_done(self):
        """Against a plain list: the messages of a group that were received are always its oldest ones."""
        for seed in range(200):
            with self.subTest(seed=seed):
                self.setUp()
                self.play(random.Random(seed))  # noqa: S311 - repeatable, not secret

    def play(self, rng: random.Random) -> None:
        model: dict[str, list[str]] = {}
        in_flight: dict[str, tuple[Message, str, float]] = {}
        now = 0.0
        for step in range(150):
            now += rng.choice([0, 0.5, 3])
            in_flight = {body: entry for body, entry in in_flight.items() if entry[2] > now}
            match rng.choice(["send", "receive", "delete", "change"]):
                case "send":
                    group = rng.choice("abc")
                    self.send(f"{step}@{group}", at=now)
                    model.setdefault(group, []).append(str(step))
                case "receive":
                    blocked = {entry[0].group for entry in in_flight.values()}
                    taken: dict[str, list[str]] = {}
                    maximum = rng.randint(1, 10)
                    for message in self.receive(now, maximum=maximum, visibility=5):
                        taken.setdefault(message.group, []).append(message.body)
                        in_flight[message.body] = (message, message.handle(), now + 5)
                    for group, bodies in taken.items():
                        self.assertNotIn(group, blocked)
                        self.assertEqual(bodies, model[group][: len(bodies)])
                    free = sum(len(bodies) for group, bodies in model.items() if group not in blocked)
                    self.assertEqual(sum(map(len, taken.values())), min(maximum, free))
                case "delete" if in_flight:
                    message, handle, _ = in_flight.pop(rng.choice(sorted(in_flight)))
                    self.queue.delete(handle, now)
                    model[message.group].remove(message.body)
                case "change" if in_flight:
                    message, handle, _ = in_flight.pop(body := rng.choice(sorted(in_flight)))
                    seconds = rng.choice([0, 2, 60])
                    self.queue.change_visibility(handle, seconds, now)
                    if seconds:
                        in_flight[body] = (message, handle, now + seconds)
        self.assertEqual(sum(map(len, model.values())), sum(self.queue.counts(now)))
        self.assertEqual(len(in_flight), self.queue.counts(now)[1])


if __name__ == "__main__":
    unittest.main()
