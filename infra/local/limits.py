"""AWS's limits that a test would wait long to reach, and so may set lower while the local cloud runs."""

from dataclasses import asdict, dataclass, fields


@dataclass
class Limits:
    """Secrets: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html. Queues:
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-key-terms.html"""

    # Staging labels over all versions of a secret.
    secret_labels: int = 20
    # Versions of a secret; AWS says "about".
    secret_versions: int = 100
    # An unlabeled version is removed only when it is older.
    secret_young_seconds: int = 86_400
    # How many messages from the front of a FIFO queue are looked through for a free group.
    queue_window: int = 120_000
    # Messages of a FIFO queue that can be in flight.
    queue_in_flight: int = 120_000

    def set(self, values: object) -> dict:
        """Sets some of them, by name. Raises `ValueError` for what is no limit."""
        names = [each.name for each in fields(self)]
        if not isinstance(values, dict) or set(values) - set(names):
            raise ValueError(f"limits are {', '.join(names)}")
        if any(isinstance(value, bool) or not isinstance(value, int) or value < 0 for value in values.values()):
            raise ValueError("a limit is a whole number from 0")
        for name, value in values.items():
            setattr(self, name, value)
        return self.to_json()

    def reset(self) -> None:
        for each in fields(self):
            setattr(self, each.name, each.default)

    def to_json(self) -> dict:
        return asdict(self)


LIMITS = Limits()
