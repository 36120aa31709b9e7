"""Ports: what Portrait has to remember, and asks of whoever remembers it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple, Protocol

from portrait.item import Item
from portrait.learned import Learned
from portrait.space import Space, Vectors


class Write(NamedTuple):
    """A record to store, if the stored one still has the revision that was read."""

    user: str
    expected: bytes  # REVISION bytes of the record read; empty if there was none
    record: bytes
    searched: bytes | None = None  # what they searched for; empty: nothing; None: it stays


class Stored(NamedTuple):
    """What is stored of one user."""

    record: bytes | None
    searched: bytes | None  # see `searched.py`


class ProfileStore(Protocol):
    """One record per user, and beside it the words of their searches, which live as long.

    A store never goes back: every write is a compare-and-set.
    """

    async def load(self, users: Sequence[str]) -> list[bytes | None]:
        """Return the users' records, in their order."""
        ...

    async def load_whole(self, users: Sequence[str]) -> list[Stored]:
        """Return all that is stored of the users, in their order."""
        ...

    async def load_living(self, users: Sequence[str]) -> tuple[str, list[Stored]]:
        """Return in which life of the store this was read, and the same."""
        ...

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        """Store both. Returns the places of those refused because a newer record is there.

        Each lives for the usual time from now on, or with `keep_ttl` no longer than before.
        """
        ...

    def scan(self) -> AsyncIterator[list[str]]:
        """Yield every user who is there all the while, some at a time, in no order."""
        ...


class CatalogueStore(Protocol):
    """Items and the vectors of texts, with a log of changes that any number of mirrors follow."""

    async def put_items(self, items: Sequence[Item]) -> None:
        """Store items and announce them."""
        ...

    async def announce(self, ids: Sequence[str]) -> None:
        """Tell whoever follows that these items are as they should be now."""
        ...

    async def introduce_items(self, items: Sequence[Item]) -> None:
        """Remember items that the catalogue does not have, as `IntroducedItem`, for a while.

        One that is there stays as it is, and is remembered anew. Beyond a number, and after a
        time, those that were not introduced again for longest are forgotten and announced.
        """
        ...

    async def withdraw_items(self, ids: Sequence[str]) -> None:
        """Mark items as gone and announce them. An unknown id is ignored."""
        ...

    async def get_items(self, ids: Sequence[str]) -> list[Item | None]:
        """Return items by id, in their order; those of the catalogue before introduced ones."""
        ...

    async def all_ids(self) -> list[str]:
        """Return the id of every item, in no order."""
        ...

    async def count(self) -> int:
        """Return how many items the catalogue has, without introduced ones. They only get more."""
        ...

    async def sample(self, most: int) -> list[str]:
        """Return the ids of so many of these at random, or of all; none twice."""
        ...

    async def cursor(self) -> str:
        """Return the end of the change log."""
        ...

    async def changed_since(self, cursor: str) -> tuple[str, list[str]] | None:
        """Return a later cursor and the ids changed between, or None if the log has been cut."""
        ...

    async def get_vectors(
        self, space_id: str, refs: Sequence[int], dim: int
    ) -> list[Vectors | None]:
        """Return text vectors (K,) by their refs, in their order; one that is damaged is not there.

        Args:
            space_id: Of texts.
            refs: Any number.
            dim: K of that space: a vector of another length is damaged.
        """
        ...

    async def forget_vectors(self, space_id: str) -> None:
        """Remove every vector of a space."""
        ...

    async def put_vectors(
        self,
        space_id: str,
        refs: Sequence[int],
        vectors: Vectors,
        *,
        ttl: timedelta | None = None,
    ) -> None:
        """Store text vectors (B, K); with a time to live, a sound one that is there stays."""
        ...


class PopularityStore(Protocol):
    """How much each item is wanted, by everybody, lately."""

    async def add(
        self, day: int, weights: Mapping[str, int], strangers: Mapping[str, int] | None = None
    ) -> None:
        """Add to the items' weights, in thousandths, on a day numbered from 1970.

        What strangers want is kept apart. A day that has not come yet is refused.
        """
        ...

    async def newest(self, days: int) -> dict[str, int]:
        """Return the items' weights over the newest days on which anything happened.

        What strangers want counts less the more there is of it: see `popularity.diminished`.
        """
        ...


class ProgressStore(Protocol):
    """How far each partition has been folded."""

    async def mark(self, reached: Mapping[int, int]) -> None:
        """Say up to which moment (ms) everything published to each partition is stored."""
        ...

    async def reached(self) -> dict[int, int]:
        """Return that moment (ms) by partition."""
        ...


class LogName(NamedTuple):
    """One of the logs that a (topic, partition) has been in turn."""

    number: int = 0  # one more each time that it began again
    id: str = ""  # what the broker calls it, hexadecimal; empty if it does not say


@dataclass(frozen=True, slots=True)
class StoredOffsets:
    """Up to where the log is in the store, by (topic, partition), and in which life it says so."""

    life: str
    ends: Mapping[tuple[str, int], int]
    #: Which log an end is of; without an entry the first, whatever the broker calls it.
    logs: Mapping[tuple[str, int], LogName] = field(default_factory=dict)


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


@dataclass(frozen=True)  # without slots: it remembers its name
class Model:
    """A model: its version, its space of texts, and what it learned, if it did."""

    version: str
    space: Space
    learned: Learned | None = None

    @cached_property
    def space_id(self) -> str:
        """Name of the space its portraits are in; models that differ in heads alone share one."""
        if self.learned is None:
            return self.space.id
        made_of = f"{self.space.id}{self.learned.digest}".encode()
        return blake2b(made_of, digest_size=8).hexdigest()


class ModelRegistry(Protocol):
    """Which model is in service."""

    async def champion(self) -> Model | None:
        """Return the model in service, or None before there is one."""
        ...

    async def model(self, version: str) -> Model | None:
        """Return a model that was stored, or None."""
        ...

    async def store(self, model: Model) -> None:
        """Keep a model; nothing in service changes."""
        ...

    async def promote(self, model: Model) -> None:
        """Keep a model, and put it in service."""
        ...
