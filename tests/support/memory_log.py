"""A log in memory: topics of partitions, and their records in the order in which they came."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from portrait.events.stream import Headers, Message, Record

Place = tuple[str, int]  # topic, partition


@dataclass(frozen=True)
class LogRecord:
    """A `Record`."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class MemoryLog:
    """What was published. A topic that nobody has declared has one partition."""

    def __init__(self, partitions: Mapping[str, int] | None = None) -> None:
        self._partitions = partitions or {}
        self.places = {
            (topic, n) for topic, count in self._partitions.items() for n in range(count)
        }
        self.records: list[Record] = []
        self._ends: Counter[Place] = Counter()

    def append(self, message: Message) -> tuple[Place, int]:
        """Take in a message, where it says or its key decides. Returns where it lies."""
        chosen = crc32(message.key) if message.partition is None else message.partition
        place = message.topic, chosen % self._partitions.get(message.topic, 1)
        self.put(place, message.key, message.value, message.headers)
        return place, self._ends[place] - 1

    def put(
        self, place: Place, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        """Take in what comes next in a partition."""
        now = round(time.time() * 1_000)
        self.take(LogRecord(*place, self._ends[place], now, key, value, tuple(headers)))

    def take(self, record: Record) -> None:
        """Take in a record as it is."""
        place = place_of(record)
        self.places.add(place)
        self._ends[place] = max(self._ends[place], record.offset + 1)
        self.records.append(record)

    def index(self, place: Place, offset: int) -> int:
        """Return which of the records is the first of a partition at an offset or after it."""
        found = (
            number
            for number, record in enumerate(self.records)
            if place_of(record) == place and record.offset >= offset
        )
        return next(found, len(self.records))


def place_of(record: Record) -> Place:
    return record.topic, record.partition
