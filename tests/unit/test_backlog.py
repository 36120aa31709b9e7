"""Backlog: new texts hold up nobody for long, and the portraits end as if they never had."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

import pytest

from portrait import metrics
from portrait.catalogue.mirror import Mirror
from portrait.catalogue.texts import TextReader
from portrait.model.model import Model
from portrait.model.space import Vectors
from tests.support.catalogues import SPACE
from tests.support.fakes import HashEncoder, MemoryCatalogue, MemoryOffsets, MemoryProfiles
from tests.support.records import FakeRecord, event_record
from tests.support.streams import ListStream, memory_updater
from workers.painter import Painter
from workers.update.backlog import CHARACTERS_AT_ONCE, Backlog, portions
from workers.update.updater import Updater
from workers.update.worker import update

WAIT = timedelta(milliseconds=30)
PATIENCE = 30.0  # seconds, after which a test has failed


@dataclass
class GatedEncoder(HashEncoder):
    """Reads slow texts only once it is let through."""

    gate: threading.Event = field(default_factory=threading.Event)
    began: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Wait if one of the texts is slow."""
        if any("slow" in text for text in texts):
            self.began.set()
            assert self.gate.wait(PATIENCE)
        return super().encode(texts)


class LastingStream(ListStream):
    """Goes on yielding empty batches until it is told to stop."""

    def __init__(self, *batches: Sequence[FakeRecord]) -> None:
        super().__init__(*batches)
        self.stop: Callable[[], bool] = lambda: True
        self._ends = time.monotonic() + PATIENCE

    def _is_over(self) -> bool:
        assert time.monotonic() < self._ends
        return super()._is_over() and self.stop()


@dataclass
class World:
    """An updater whose encoder has a gate."""

    updater: Updater
    encoder: GatedEncoder
    offsets: MemoryOffsets

    @classmethod
    async def made(cls, profiles: MemoryProfiles | None = None, most: int = 8) -> "World":
        offsets, encoder = MemoryOffsets(), GatedEncoder()
        updater = await memory_updater(profiles, offsets)
        limits = replace(updater.limits, encode_wait=WAIT)
        world = cls(replace(updater, limits=limits, backlog=Backlog(most)), encoder, offsets)
        world.use(encoder)
        return world

    def use(self, encoder: HashEncoder) -> None:
        studio = self.updater.studio
        reader = TextReader(encoder, SPACE, self.store)
        studio.painter = replace(studio.painter, texts=reader)

    @property
    def store(self) -> MemoryCatalogue:
        store = self.updater.studio._catalogue  # noqa: SLF001 - the fake behind it
        assert isinstance(store, MemoryCatalogue)
        return store

    @property
    def records(self) -> dict[str, bytes]:
        assert isinstance(self.updater.profiles, MemoryProfiles)
        return dict(self.updater.profiles.records)

    @property
    def marked(self) -> dict[tuple[str, int], int]:
        return self.offsets.ends.get("update", {})

    async def run(self, stream: LastingStream, stop: Callable[[], bool]) -> None:
        stream.stop = stop
        await update(stream, self.updater)

    def is_done(self, stream: LastingStream) -> bool:
        """Say whether all is stored, painted, marked and committed."""
        return len(self.updater.backlog) == 0 and self.marked == committed(stream) == ENDS

    def be_down(self, *, is_down: bool) -> None:
        """Let Redis go away, or come back."""
        profiles = self.updater.profiles
        assert isinstance(profiles, MemoryProfiles)
        for store in (self.store, profiles, self.offsets):
            store.is_down = is_down


def search(offset: int, text: str, user: str) -> FakeRecord:
    return event_record(offset, type="search", text=text, item_id=None, user_id=user)


def scam(offset: int) -> FakeRecord:
    item = {"title": "slow soap", "category": "New"}
    return event_record(offset, type="cart", item_id="soap", item=item, user_id="bob")


def committed(stream: ListStream) -> dict[tuple[str, int], int]:
    return {at: end for batch in stream.committed for at, end in batch.ends.items()}


# No batch has two searches: what is read together has other last bits than what is read alone.
FIRST = [search(0, "slow cat food", "ann"), event_record(0, user_id="cyn"), scam(0)]
SECOND = [event_record(1, user_id="cyn"), event_record(2, user_id="ann", item_id="tuna")]
THIRD, FOURTH = [search(1, "slow cat food", "dan")], [search(2, "milk", "eve")]
LOG = [FIRST, SECOND, THIRD, FOURTH]
ENDS = {("events.search", 0): 3, ("events.click", 0): 3, ("events.cart", 0): 1}


async def undisturbed() -> dict[str, bytes]:
    world = await World.made()
    world.encoder.gate.set()
    await world.run(LastingStream(*LOG), lambda: world.marked == ENDS)  # a slow machine waits, too
    assert len(world.updater.backlog) == 0
    return world.records


async def test_new_texts_hold_up_nobody_beyond_the_wait() -> None:
    world, stream = await World.made(), LastingStream(*LOG)

    await world.run(stream, lambda: len(world.records) == 5)

    assert world.encoder.began.is_set()
    assert not world.encoder.gate.is_set()
    expected = await undisturbed()
    assert world.records["cyn"] == expected["cyn"]
    assert world.records["ann"] != expected["ann"]
    assert (world.marked, [dict(batch.ends) for batch in stream.committed if batch.ends]) == (
        {},
        [],
    )
    world.encoder.gate.set()


async def test_portraits_become_what_they_are_without_any_wait_and_then_all_is_marked() -> None:
    world, stream = await World.made(), LastingStream(*LOG)

    def is_done() -> bool:
        if len(world.records) == 5:
            world.encoder.gate.set()
        return world.is_done(stream)

    await world.run(stream, is_done)

    assert world.records == await undisturbed()
    *_, last = [batch.ends for batch in stream.committed if batch.ends]
    assert last == {("events.search", 0): 3}  # the newest batch: nothing is in hand


async def test_a_worker_that_dies_meanwhile_loses_nothing() -> None:
    """What it stored is there, its offsets are not: everything is read again."""
    world = await World.made()
    await world.run(LastingStream(*LOG), lambda: len(world.records) == 5)
    world.encoder.gate.set()
    assert isinstance(world.updater.profiles, MemoryProfiles)
    assert world.marked == {}

    successor = await World.made(world.updater.profiles)
    successor.encoder.gate.set()
    await successor.run(LastingStream(*LOG), lambda: successor.marked == ENDS)

    assert successor.records == await undisturbed()


async def test_more_new_texts_than_there_is_room_for_are_passed_over_and_hold_up_nothing() -> None:
    world = await World.made(most=2)
    flood = [[search(n, f"slow {n}", f"user-{n}")] for n in range(20)]
    before = metrics.texts_passed_over._value.get()  # noqa: SLF001 - its only reader

    await world.run(LastingStream(*flood), lambda: len(world.records) == 20)

    assert len(world.updater.backlog) == 0  # what was begun is left to the next worker
    assert metrics.texts_passed_over._value.get() == before + 18  # noqa: SLF001
    world.encoder.gate.set()


async def test_texts_are_read_again_if_redis_was_away() -> None:
    world, stream = await World.made(), LastingStream(*LOG)
    stream.at_pause = lambda: setattr(world.store, "is_down", False)

    def is_done() -> bool:
        if len(world.records) == 5 and not world.encoder.gate.is_set():
            world.store.is_down = True
            world.encoder.gate.set()
        return world.is_done(stream)

    await world.run(stream, is_done)

    assert stream.pauses
    assert world.records == await undisturbed()


@pytest.mark.parametrize("seed", range(20))
async def test_whenever_redis_is_away_and_texts_are_read_all_are_painted_with_them(
    seed: int,
) -> None:
    world, stream = await World.made(), LastingStream(*LOG)
    fate = asyncio.gather(*chances(world, Random(seed)))  # noqa: S311 - a test

    await world.run(stream, lambda: fate.done() and world.is_done(stream))

    assert world.records == await undisturbed()


def chances(world: World, random: Random) -> Iterator[Coroutine[None, None, None]]:
    """Yield what befalls a world at moments of chance: Redis goes twice, texts are let through."""

    async def away() -> None:
        for _ in range(2):
            await asyncio.sleep(random.uniform(0, 0.08))
            world.be_down(is_down=True)
            await asyncio.sleep(random.uniform(0, 0.04))
            world.be_down(is_down=False)

    async def let_through() -> None:
        await asyncio.sleep(random.uniform(0, 0.12))
        world.encoder.gate.set()

    yield away()
    yield let_through()


async def test_a_model_that_takes_over_meanwhile_reads_the_texts_for_itself() -> None:
    world, stream = await World.made(), LastingStream(*LOG)
    other = HashEncoder()
    mirror = Mirror(world.store, Model("other", SPACE))
    await mirror.load()
    reader = TextReader(other, SPACE, world.store)

    def is_done() -> bool:
        if len(world.records) == 5 and not world.encoder.gate.is_set():
            world.updater.studio.painter = Painter(Model("other", SPACE), mirror, reader)
            world.encoder.gate.set()
        return world.is_done(stream)

    await world.run(stream, is_done)

    assert world.records == await undisturbed()


@pytest.mark.parametrize(("length", "at_once"), [(6, 1_024), (1_000, 7), (8_192, 6)])
def test_texts_are_read_some_at_a_time(length: int, at_once: int) -> None:
    texts = ["x" * length] * 3_000

    cut = list(portions(texts))

    assert [text for portion in cut for text in portion] == texts
    assert {len(portion) for portion in cut[:-1]} == {at_once}
    assert at_once * min(length, 1_024) < CHARACTERS_AT_ONCE + 1_024


def test_no_texts_are_no_portion() -> None:
    assert list(portions({})) == []
