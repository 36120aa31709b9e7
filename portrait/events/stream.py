"""Ports: the event log, as its readers and its writers see it."""

import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, Protocol

Headers = Sequence[tuple[str, bytes | None]]
NOTED = timedelta(hours=1)  # how long a note is told: an operator has looked by then
MOST_NOTES = 20


class Record(Protocol):
    """One message of the log, where it lies, and when the log took it in.

    A protocol, so that the Kafka client's own records pass through without a copy each.
    """

    @property
    def topic(self) -> str:
        """Where it lies."""
        ...

    @property
    def partition(self) -> int:
        """Where in the topic."""
        ...

    @property
    def offset(self) -> int:
        """Where in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """When the log took it in, ms since 1970."""
        ...

    @property
    def key(self) -> bytes | None:
        """Decides the partition."""
        ...

    @property
    def value(self) -> bytes | None:
        """The payload; None is a tombstone."""
        ...

    @property
    def headers(self) -> Headers:
        """Names and values beside the payload."""
        ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A `Record` in the place of one that the log's client could not read: where, and why not.

    It may stand for a stretch of the log, of which its offset is the last.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int  # ms; of the stretch it lay in, 0 if that cannot be read either
    reason: str  # short, and nothing of what the record holds
    key: None = None
    value: None = None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """The records between two commits, in log order within each topic-partition."""

    records: Sequence[Record]
    #: Where reading goes on after this batch: the next offset of each (topic, partition).
    ends: Mapping[tuple[str, int], int] = field(default_factory=dict)
    #: Up to which moment (ms) each partition has been read in all topics, once this is stored.
    reached: Mapping[int, int] = field(default_factory=dict)
    #: Which log of its name each (topic, partition) is: 0, or no entry, the first; one more each
    #: time that it was found to have begun again.
    logs: Mapping[tuple[str, int], int] = field(default_factory=dict)
    #: What the broker calls these logs, hexadecimal; no entry: it does not say.
    ids: Mapping[tuple[str, int], str] = field(default_factory=dict)
    #: When (ms, by our own clock) every partition was last known to be read to its end, before
    #: these records: they were published later. 0: not known, or not yet.
    since: int = 0


class Message(NamedTuple):
    """One message to publish. With no partition, its key decides."""

    topic: str
    key: bytes
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


class Notes:
    """What has befallen the log lately, or is not as it should be, for whoever asks its reader."""

    def __init__(self) -> None:
        self._notes: deque[tuple[float, str]] = deque(maxlen=MOST_NOTES)
        self._held: dict[str, str] = {}

    def add(self, sentence: str) -> None:
        """Tell it from now on, for a while."""
        self._notes.append((time.monotonic(), sentence))

    def hold(self, name: str, sentence: str | None) -> None:
        """Tell it from now on, until something else is told by this name, or None."""
        self._held.pop(name, None)
        if sentence is not None:
            self._held[name] = sentence

    def lately(self) -> list[str]:
        """Return what is still to be told: what holds, then what has happened, the latest last."""
        since = time.monotonic() - NOTED.total_seconds()
        return [*self._held.values()] + [sentence for at, sentence in self._notes if at >= since]


class EventStream(Protocol):
    """The log as a consumer group reads it: at least once, offsets committed by the reader."""

    def batches(self) -> AsyncIterator[Batch]:
        """Yield batches until closed. An empty one says only how far the log has been read."""
        ...

    @property
    def is_handing_over(self) -> bool:
        """Whether the group waits for what is in hand: store it now, and commit."""
        ...

    async def commit(self, batch: Batch) -> None:
        """Record that everything up to and including this batch is stored."""
        ...

    async def pause(self, seconds: float) -> bool:
        """Take in nothing for a while, and stay in the group; false if closed meanwhile."""
        ...

    def rewind(self) -> None:
        """Drop what was read and is not committed; go on from where the store says it is."""
        ...


class Publisher(Protocol):
    """The log as a producer writes it."""

    async def publish(self, messages: Sequence[Message]) -> Mapping[tuple[str, int], int]:
        """Return, once the log has every message, the last offset in each (topic, partition).

        Raises:
            StreamUnavailableError: It could not take them all; publishing again is safe.
        """
        ...

    async def check(self) -> None:
        """Raise StreamUnavailableError unless the log answers."""
        ...
