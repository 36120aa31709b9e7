"""Ports: how far the log has been read and folded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

UPDATE_GROUP = "portrait-update"  # the consumer group that folds events into profiles
OPINIONS_GROUP = "portrait-opinions"  # that reads what reviews and posts say


class ProgressStore(Protocol):
    """How far each partition has been folded."""

    async def mark(self, reached: Mapping[int, int]) -> None:
        """Say up to which moment (ms) everything published to each partition is stored."""
        ...

    async def reached(self) -> dict[int, int]:
        """Return that moment (ms) by partition."""
        ...


LARGEST_LOG = 32_767  # number of a log; none has begun again so often


class LogName(NamedTuple):
    """One of the logs that a (topic, partition) has been in turn."""

    number: int = 0  # one more each time that it began again
    id: str = ""  # what the broker calls it, hexadecimal; empty if it does not say


FIRST_LOG = LogName()


@dataclass(frozen=True, slots=True)
class StoredOffsets:
    """Up to where the log is in the store, by (topic, partition), and in which life it says so."""

    life: str
    ends: Mapping[tuple[str, int], int]
    #: Which log an end is of; without an entry the first, whatever the broker calls it.
    logs: Mapping[tuple[str, int], LogName] = field(default_factory=dict)


class OffsetReader(Protocol):
    """The same offsets, for those who store nothing."""

    async def look(self, group: str) -> StoredOffsets:
        """Return a consumer group's offsets, of no life: one round trip."""
        ...


class OffsetStore(Protocol):
    """Up to which offsets profiles are stored, kept beside them: what loses one loses the other.

    A life of the store lasts from one of its starts to the next. A store that was killed, or whose
    replica took over, may lack the last writes of its former life.
    """

    async def load(self, group: str) -> StoredOffsets:
        """Return a consumer group's offsets."""
        ...

    async def save(self, group: str, offsets: StoredOffsets) -> bool:
        """Move offsets forward, never back; false, and nothing is done, in another life.

        Forward is also from any offset of a log to any of a later one.
        """
        ...
