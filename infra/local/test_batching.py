"""The batches that stand in for Lambda's: by size, by window, by payload."""

import unittest

from batching import PAYLOAD_BYTES, Batches


def message(body: str = "change", visible_at: float = 0) -> dict:
    return {"body": body, "visible_at": visible_at}


class BatchesTest(unittest.TestCase):
    def setUp(self):
        self.now = 100.0
        self.batches = Batches(wake=lambda: None, clock=lambda: self.now)

    def ready(self, messages: list[dict], batch_size: int = 10_000, window: float = 10) -> int:
        return self.batches.ready("queue", messages, batch_size, window)

    def test_a_batch_waits_for_its_window(self):
        messages = [message()]
        self.assertEqual(self.ready(messages), 0)
        self.now += 9
        messages.append(message())
        self.assertEqual(self.ready(messages), 0)
        self.now += 1
        self.assertEqual(self.ready(messages), 2)

    def test_a_full_batch_does_not_wait(self):
        self.assertEqual(self.ready([message()] * 12, batch_size=10), 10)

    def test_a_batch_ends_where_the_payload_would(self):
        quotes = '"' * (PAYLOAD_BYTES // 8)  # twice as long once it is escaped
        self.assertEqual(self.ready([message(quotes) for _ in range(9)]), 3)

    def test_a_message_too_large_for_any_payload_goes_alone(self):
        self.assertEqual(self.ready([message("x" * PAYLOAD_BYTES), message()], window=0), 1)

    def test_messages_in_flight_are_left_out(self):
        self.assertEqual(self.ready([message(visible_at=101), message()], window=0), 1)

    def test_a_new_batch_has_a_window_of_its_own(self):
        self.assertEqual(self.ready([message()] * 2, batch_size=2), 2)
        self.now += 60
        self.assertEqual(self.ready([message()], batch_size=2), 0)


if __name__ == "__main__":
    unittest.main()
