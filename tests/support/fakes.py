"""Fakes: the ports in memory, kept honest by mypy and by the contract suites."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from hashlib import blake2b
from uuid import uuid4

import numpy as np

from portrait.arrays import Floats
from portrait.catalogue.declared_groups import FEWEST, MOST_GROUPS, WEEKS, marks_of
from portrait.catalogue.desk import MOST_LAID, PATIENCE, TAKEN_AT_ONCE, ReadingRequest
from portrait.catalogue.popularity import WantedAmong, diminished
from portrait.errors import (
    SchemaInvalidError,
    SchemasUnavailableError,
    StoreUnavailableError,
    StreamUnavailableError,
)
from portrait.events.category import as_written, spelled
from portrait.events.consent import Consent
from portrait.events.item import IntroducedItem, Item
from portrait.events.progress import LogName, StoredOffsets
from portrait.events.stream import Message
from portrait.events.unwanted import Unwanted, encode_unwanted, read_unwanted
from portrait.model.space import Vectors, unit
from portrait.profiles.profile import REVISION
from portrait.profiles.store import Own, Stored, Write
from portrait.reading.schemas import Decode
from tests.support.memory_log import MemoryLog

FIRST_LIFE = "first"  # of the fakes, until a test says that they have started again
MOST_WORDS = 128  # of a text; the rest is cut
MOST_BYTES = 1_114_112  # of a message: beyond what anybody is promised, and what Kafka refuses


class MemoryProfiles:
    """A `ProfileStore` in a dict."""

    def __init__(self) -> None:
        self.records: dict[str, bytes] = {}
        self.searched: dict[str, bytes] = {}
        self.own: dict[str, Stored] = {}  # of those who are joined: see `MemoryIdentities`
        self.consents: dict[str, bytes] = {}
        self.unwanted: dict[str, bytes] = {}
        self.life = FIRST_LIFE
        self.is_down = False

    async def load(self, users: Sequence[str]) -> list[bytes | None]:
        """Return the records there are."""
        _require(up=not self.is_down)
        return [self.records.get(user) for user in users]

    async def load_whole(self, users: Sequence[str]) -> list[Stored]:
        """Return all there is."""
        records = await self.load(users)
        beside = self.searched, self.consents, self.unwanted
        return [*map(Stored, records, *(map(each.get, users) for each in beside))]

    async def agree(self, consents: Mapping[str, Consent]) -> None:
        """Remember the largest of each."""
        _require(up=not self.is_down)
        for user, consent in consents.items():
            known = int(self.consents.get(user, b"0"))
            self.consents[user] = b"%d" % max(known, consent.number)

    async def refuse(self, unwanted: Mapping[str, Unwanted]) -> None:
        """Join what users do not want with what is there."""
        _require(up=not self.is_down)
        for user, said in unwanted.items():
            known = read_unwanted(self.unwanted.get(user))
            self.unwanted[user] = encode_unwanted(known.joined(said)).encode()

    async def load_living(self, users: Sequence[str]) -> tuple[str, list[Own]]:
        """Return what users did as themselves, and the life."""
        whole = await self.load_whole(users)
        return self.life, [
            Own(*self.own[user][:2], stored.consent, is_joined=True)
            if user in self.own
            else Own(*stored[:3])
            for user, stored in zip(users, whole, strict=True)
        ]

    async def scan(self) -> AsyncIterator[list[str]]:
        """Yield the users there are."""
        _require(up=not self.is_down)
        yield [*self.records]

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:  # noqa: ARG002 - nothing expires here
        """Store each record whose revision is as expected."""
        _require(up=not self.is_down)
        refused = []
        for place, write in enumerate(writes):
            if write.is_joined:
                own = self.own.get(write.user, Stored(None, None))
                if (own.record or b"")[REVISION] != write.expected:
                    refused.append(place)
                else:
                    searched = own.searched if write.searched is None else write.searched or None
                    self.own[write.user] = Stored(write.record, searched)
            elif self.records.get(write.user, b"")[REVISION] == write.expected:
                self.records[write.user] = write.record
                if write.searched is not None:
                    self.searched[write.user] = write.searched
                if write.searched == b"":
                    del self.searched[write.user]
            else:
                refused.append(place)
        return refused


class MemoryDesk:
    """A `ReadingDesk` in a list. Those who ask are answered as soon as somebody has told them."""

    def __init__(self) -> None:
        self.laid: list[ReadingRequest] = []
        self._read: dict[str, asyncio.Event] = {}

    async def ask(self, texts: Sequence[str]) -> bool:
        """Lay texts there; wait for as long as others have their turn."""
        asked = ReadingRequest(uuid4().hex, tuple(texts))
        self.laid = [*self.laid, asked][-MOST_LAID:]
        read = self._read[asked.id] = asyncio.Event()
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                return await read.wait()
        except TimeoutError:
            return False

    async def take(self) -> list[ReadingRequest]:
        """Take what lies there."""
        await asyncio.sleep(0.001)
        taken, self.laid = self.laid[:TAKEN_AT_ONCE], self.laid[TAKEN_AT_ONCE:]
        return taken

    async def tell(self, asked: Sequence[ReadingRequest]) -> None:
        """Answer them."""
        for each in asked:
            self._read[each.id].set()


class MemoryCatalogue:
    """A `CatalogueStore` in dicts. `cut_log` forgets what was announced so far."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}
        self.introduced: dict[str, IntroducedItem] = {}  # the longest not introduced again first
        self.most_introduced = 10_000
        self.categories: dict[str, str] = {}  # how they are written, by meaning
        self.read: dict[str, str] = {}  # where items lie that lack a category, by id
        self.brands_read: dict[str, str] = {}  # of items that lack a brand, by id
        self.known: tuple[str, dict[str, str]] | None = None  # what names of brands say
        self.vectors: dict[tuple[str, int], Vectors] = {}
        self.is_down = False
        self._log: list[str] = []
        self._cut = 0

    async def put_items(self, items: Sequence[Item]) -> None:
        """Store items and announce them."""
        _require(up=not self.is_down)
        for item in items:
            self.items[item.id] = item
            self.introduced.pop(item.id, None)
            self._log.append(item.id)

    async def spelled(self, items: Sequence[Item], *, keep: bool) -> list[Item]:
        """Return items with their categories as they were first written."""
        _require(up=not self.is_down)
        known = dict(self.categories)
        for item in items:
            known |= spelled(item.category, known)
        if keep:
            self.categories = known
        written = [as_written(item.category, known) for item in items]
        return [
            item.model_copy(update={"category": category})
            for item, category in zip(items, written, strict=True)
        ]

    async def put_places(self, read: Mapping[str, str]) -> None:
        """Keep what was read and announce the items."""
        _require(up=not self.is_down)
        self.read |= read
        self._log += read

    async def put_brands(self, read: Mapping[str, str]) -> None:
        """Keep what was read and announce the items."""
        _require(up=not self.is_down)
        self.brands_read |= read
        self._log += read

    async def know_brands(self, said: Mapping[str, str]) -> None:
        """Keep what names of brands say; its version is all of it."""
        _require(up=not self.is_down)
        self.known = repr(sorted(said.items())), dict(said)

    async def known_brands(self, version: str) -> tuple[str, dict[str, str]] | None:
        """Return what names of brands say."""
        _require(up=not self.is_down)
        return None if self.known is None or self.known[0] == version else self.known

    async def announce(self, ids: Sequence[str]) -> None:
        """Add items to the log of changes."""
        _require(up=not self.is_down)
        self._log += ids

    async def introduce_items(self, items: Sequence[Item]) -> None:
        """Remember items, the newest `most_introduced` of them."""
        _require(up=not self.is_down)
        for item in items:
            if item.id in self.items:
                continue
            known, new = self.introduced.pop(item.id, None), IntroducedItem(**item.model_dump())
            better = new if known is None or known.said <= new.said else known
            if better != known:
                self._log.append(item.id)
            self.introduced[item.id] = better
        while len(self.introduced) > self.most_introduced:
            oldest = next(iter(self.introduced))
            del self.introduced[oldest]
            self._log.append(oldest)

    async def withdraw_items(self, ids: Sequence[str]) -> None:
        """Mark known items as gone and announce them."""
        _require(up=not self.is_down)
        for id in ids:
            if id in self.items:
                self.items[id] = self.items[id].model_copy(update={"withdrawn": True})
                self._log.append(id)

    async def get_items(self, ids: Sequence[str]) -> list[Item | None]:
        """Return items, the withdrawn ones too."""
        _require(up=not self.is_down)
        found = [self.items.get(id, self.introduced.get(id)) for id in ids]
        return [
            None
            if item is None
            else item.with_read(self.read.get(item.id, ""), self.brands_read.get(item.id, ""))
            for item in found
        ]

    async def all_ids(self) -> list[str]:
        """Return the id of every item."""
        _require(up=not self.is_down)
        return [*self.items, *self.introduced]

    async def count(self) -> int:
        """Return how many items there are."""
        _require(up=not self.is_down)
        return len(self.items)

    async def sample(self, most: int) -> list[str]:
        """Return the ids of some items."""
        _require(up=not self.is_down)
        return random.sample([*self.items], min(most, len(self.items)))

    async def cursor(self) -> str:
        """Return how long the log is."""
        _require(up=not self.is_down)
        return str(len(self._log))

    async def changed_since(self, cursor: str) -> tuple[str, list[str]] | None:
        """Return what the log says after the cursor, unless it was cut there."""
        _require(up=not self.is_down)
        start = int(cursor)
        if start < self._cut:
            return None
        return str(len(self._log)), list(dict.fromkeys(self._log[start:]))

    async def get_vectors(
        self, space_id: str, refs: Sequence[int], dim: int
    ) -> list[Vectors | None]:
        """Return the vectors there are, of this length."""
        _require(up=not self.is_down)
        found = [self.vectors.get((space_id, ref)) for ref in refs]
        return [None if each is None or each.shape != (dim,) else each for each in found]

    async def forget_vectors(self, space_id: str) -> None:
        """Remove a space's vectors."""
        _require(up=not self.is_down)
        self.vectors = {key: v for key, v in self.vectors.items() if key[0] != space_id}

    async def put_vectors(
        self,
        space_id: str,
        refs: Sequence[int],
        vectors: Vectors,
        *,
        ttl: timedelta | None = None,
    ) -> None:
        """Store vectors, rounded as Redis rounds them; here they do not expire."""
        _require(up=not self.is_down)
        rounded: Vectors = vectors.astype(np.float16).astype(np.float32)
        for ref, vector in zip(refs, rounded, strict=True):
            known = self.vectors.get((space_id, ref))
            if ttl is None or known is None or known.shape != vector.shape:
                self.vectors[space_id, ref] = vector

    def cut_log(self) -> None:
        """Forget every change announced so far."""
        self._log.append("")  # so that whoever has read to the end is behind, too
        self._cut = len(self._log)


class MemoryPopularity:
    """A `PopularityStore` in a dict by day."""

    def __init__(self) -> None:
        self.days: dict[int, tuple[Counter[str], Counter[str]]] = {}
        self.groups: dict[str, tuple[MemoryPopularity, dict[int, set[int]]]] = {}
        self.is_down = False

    async def add(
        self, day: int, weights: Mapping[str, int], strangers: Mapping[str, int] | None = None
    ) -> None:
        """Add to a day's weights, unless it is still to come."""
        _require(up=not self.is_down)
        if day <= time.time() // 86_400:
            everybody, some = self.days.setdefault(day, (Counter(), Counter()))
            everybody.update(weights)
            some.update(strangers or {})

    async def newest(self, days: int) -> dict[str, int]:
        """Sum the newest days."""
        _require(up=not self.is_down)
        newest = sorted(self.days)[-days:]
        total: Counter[str] = Counter()
        strangers: Counter[str] = Counter()
        for day in newest:
            total.update(self.days[day][0])
            strangers.update(self.days[day][1])
        total.update({id: diminished(weight) for id, weight in strangers.items()})
        return dict(total)

    async def add_among(self, wanted: Mapping[tuple[str, int], WantedAmong]) -> None:
        """Add to groups."""
        _require(up=not self.is_down)
        for (group, week), each in wanted.items():
            of, marks = self.groups.setdefault(group, (MemoryPopularity(), {}))
            marks.setdefault(week, set()).update(marks_of(each.people, group))
            await of.add(week, each.regulars, each.strangers)

    async def among(self) -> dict[str, dict[str, int]]:
        """Sum the newest weeks of groups of enough people."""
        _require(up=not self.is_down)
        told = {}
        for group, (of, marks) in self.groups.items():
            newest = sorted(marks)[-WEEKS:]
            if len(set[int]().union(*(marks[week] for week in newest))) >= FEWEST:
                told[group] = await of.newest(WEEKS)
        return dict([*told.items()][:MOST_GROUPS])


class MemoryProgress:
    """A `ProgressStore` in a dict by partition."""

    def __init__(self) -> None:
        self.moments: dict[int, int] = {}
        self.is_down = False

    async def mark(self, reached: Mapping[int, int]) -> None:
        """Remember the moments."""
        _require(up=not self.is_down)
        self.moments.update(reached)

    async def reached(self) -> dict[int, int]:
        """Return the moments."""
        _require(up=not self.is_down)
        return dict(self.moments)


class MemoryOffsets:
    """An `OffsetStore` and an `OffsetReader` in dicts by group."""

    def __init__(self, life: str = FIRST_LIFE) -> None:
        self.ends: dict[str, dict[tuple[str, int], int]] = {}
        self.logs: dict[str, dict[tuple[str, int], LogName]] = {}
        self.life = life
        self.is_down = False

    async def load(self, group: str) -> StoredOffsets:
        """Return the offsets there are."""
        _require(up=not self.is_down)
        return StoredOffsets(
            self.life, dict(self.ends.get(group, {})), dict(self.logs.get(group, {}))
        )

    async def look(self, group: str) -> StoredOffsets:
        """Return the offsets there are."""
        return replace(await self.load(group), life="")

    async def forget(self, group: str) -> None:
        """Forget a group's offsets."""
        self.ends.pop(group, None)
        self.logs.pop(group, None)

    async def save(self, group: str, offsets: StoredOffsets) -> bool:
        """Move offsets forward."""
        _require(up=not self.is_down)
        if offsets.life != self.life:
            return False
        ends, logs = self.ends.setdefault(group, {}), self.logs.setdefault(group, {})
        for place, end in offsets.ends.items():
            log, stored = offsets.logs.get(place, LogName()), logs.get(place, LogName())
            if (log.number, end) >= (stored.number, ends.get(place, -1)):
                ends[place], logs[place] = end, log
        return True


class ListPublisher:
    """A `Publisher` into a log in memory, that remembers what it was given, in order."""

    def __init__(self, log: MemoryLog | None = None) -> None:
        self.log = log or MemoryLog()
        self.messages: list[Message] = []
        self.is_down = False

    async def publish(self, messages: Sequence[Message]) -> Mapping[tuple[str, int], int]:
        """Put the messages into the log, and remember them."""
        await self.check()
        if any(len(message.value or b"") > MOST_BYTES for message in messages):
            raise StreamUnavailableError
        last = dict(self.log.append(message) for message in messages)
        self.messages.extend(messages)
        return last

    async def check(self) -> None:
        """Raise if it is down."""
        if self.is_down:
            raise StreamUnavailableError


class MemorySchemas:
    """`Schemas` over a dict. What it does not have is asked for again once `is_later`."""

    def __init__(self, **registry: Decode) -> None:
        self.registry: dict[int, Decode] = {int(id[1:]): each for id, each in registry.items()}
        self.is_later = False
        self.is_down = False
        self.fetched: list[list[int]] = []
        self._known: dict[int, Decode | None] = {}

    def lacks(self, id: int) -> bool:
        """Say whether nothing is known of it, or nothing was found a while ago."""
        return id not in self._known or (self._known[id] is None and self.is_later)

    async def fetch(self, ids: Sequence[int]) -> None:
        """Look into the dict."""
        if self.is_down:
            raise SchemasUnavailableError
        self.fetched.append([*ids])
        self._known |= {id: self.registry.get(id) for id in ids if self.lacks(id)}

    def find(self, id: int) -> Decode:
        """Return what was found."""
        decode = self._known.get(id)
        if decode is None:
            msg = f"schema {id} is unknown to the registry"
            raise SchemaInvalidError(msg)
        return decode


class HashEncoder:
    """A `TextEncoder` without a model: texts that share words are similar, and nothing else is."""

    name = "hash"
    dim = 384

    def __init__(self) -> None:
        self.texts_read = 0

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Sum the vectors of each text's words."""
        self.texts_read += len(texts)
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        return unit(np.stack([_sum_of_words(text) for text in texts]))

    def unread(self, texts: Sequence[str]) -> Floats:
        """Say that it reads everything but question marks."""
        marks = [text.count("?") / max(len(text), 1) for text in texts]
        return np.array(marks, np.float32)


def _sum_of_words(text: str) -> Vectors:
    words = re.findall(r"\w+", text.casefold())[:MOST_WORDS] or [text]
    summed: Vectors = np.stack([_word_vector(word) for word in words]).sum(axis=0)
    return summed


@lru_cache(maxsize=65_536)
def _word_vector(word: str) -> Vectors:
    seed = int.from_bytes(blake2b(word.encode(errors="replace"), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).standard_normal(HashEncoder.dim).astype(np.float32)


def _require(*, up: bool) -> None:
    if not up:
        raise StoreUnavailableError
