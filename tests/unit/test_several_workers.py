"""Several workers: whoever folds a user, and whoever dies meanwhile, each event counts once."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from portrait.events.resume import Resume
from portrait.profiles.profile import read_facts
from portrait.profiles.store import Own, Write
from tests.support.fakes import MemoryOffsets, MemoryProfiles
from tests.support.records import FakeRecord, event_record
from tests.support.streams import ListStream, memory_updater
from workers.update.backlog import Backlog
from workers.update.updater import Updater
from workers.update.worker import update

PARTITIONS, WORKERS = 4, 3
ACTIONS = ("click", "cart", "purchase")


class DiedError(Exception):
    """A worker was killed."""


class Crowded(MemoryProfiles):
    """Lets others in between any two steps, and now and then kills whoever is there."""

    def __init__(self, random: Random, deaths: int = 0) -> None:
        super().__init__()
        self._random = random
        self._deaths = deaths

    async def load_living(self, users: Sequence[str]) -> tuple[str, list[Own]]:
        await self._turn()
        found = await super().load_living(users)
        await self._turn()
        return found

    async def save(self, writes: Sequence[Write], *, keep_ttl: bool = False) -> list[int]:
        await self._turn()
        refused = await super().save(writes, keep_ttl=keep_ttl)
        await self._turn()
        return refused

    async def _turn(self) -> None:
        for _ in range(self._random.randrange(4)):
            await asyncio.sleep(0)
        if self._deaths and self._random.random() < 0.1:
            self._deaths -= 1
            raise DiedError


def unkeyed_log(
    size: int, random: Random, users: Sequence[str] = ("ann", "bob")
) -> list[FakeRecord]:
    """Events of a few users, each on some partition of its topic."""
    ends: dict[tuple[str, int], int] = {}
    log = []
    for number in range(size):
        action, partition = random.choice(ACTIONS), random.randrange(PARTITIONS)
        offset = ends[action, partition] = ends.get((action, partition), -1) + 1
        event = event_record(
            offset,
            event_id=f"e{number}",
            type=action,
            user_id=random.choice(users),
            item_id=random.choice(["milk", "tuna", "beef"]),
            occurred_at=f"2026-09-{1 + number % 20:02d}T12:00:00Z",
        )
        log.append(replace(event, partition=partition, key=None))
    return log


async def work(
    log: Sequence[FakeRecord], updater: Updater, offsets: MemoryOffsets, random: Random
) -> None:
    """Fold some partitions; whoever dies is started again where it had committed, or before."""
    points: dict[tuple[str, int], int] = {}
    died = True
    while died:
        died = False
        again, size = random.randrange(5), random.randint(1, 7)
        left = [r for r in log if r.offset + again >= points.get((r.topic, r.partition), 0)]
        stream = ListStream(*(left[start : start + size] for start in range(0, len(left), size)))
        resume = Resume(offsets, "update")
        await resume.points()
        try:
            await update(stream, replace(updater, resume=resume, backlog=Backlog()))
        except* DiedError:
            died = True
        for batch in stream.committed:
            points |= batch.ends


async def undisturbed(log: Sequence[FakeRecord]) -> dict[str, bytes]:
    updater = await memory_updater()
    await update(ListStream(log), updater)
    return records_of(updater)


def records_of(updater: Updater) -> dict[str, bytes]:
    assert isinstance(updater.profiles, MemoryProfiles)
    return dict(updater.profiles.records)


@given(st.integers(0, 60), st.integers(0, 8), st.integers(0, 2**32))
@settings(max_examples=20)
async def test_workers_that_fold_the_same_users_die_and_read_again_leave_the_same_bytes(
    size: int, deaths: int, seed: int
) -> None:
    """Each partition has an owner; some also one who was stopped, and goes on as if it was not."""
    random = Random(seed)  # noqa: S311 - a test
    log, offsets = unkeyed_log(size, random), MemoryOffsets()
    updater = await memory_updater(Crowded(random, deaths), offsets)
    owners = [{random.randrange(WORKERS), random.randrange(WORKERS)} for _ in range(PARTITIONS)]

    await asyncio.gather(
        *(
            work(
                [each for each in log if worker in owners[each.partition]], updater, offsets, random
            )
            for worker in range(WORKERS)
        )
    )

    records = records_of(updater)
    assert records == await undisturbed(log)
    assert read_facts([*records.values()])[0].head["totals"].sum() == size


async def test_many_workers_on_one_hot_user_all_get_through() -> None:
    random = Random(7)  # noqa: S311 - a test
    log = unkeyed_log(160, random, users=["ann"])
    updater = await memory_updater(Crowded(random))
    streams = [
        ListStream(*[[record] for record in log if record.partition == partition])
        for partition in range(PARTITIONS)
    ]

    before = folded()
    await asyncio.gather(
        *(update(stream, replace(updater, backlog=Backlog())) for stream in streams)
    )

    assert folded() == before + len(log), "each is told of once, however often it was tried"
    assert records_of(updater) == await undisturbed(log)
    assert not any(stream.pauses for stream in streams)


def folded() -> float:
    counts = [
        REGISTRY.get_sample_value("portrait_events_total", {"action": action}) for action in ACTIONS
    ]
    return sum(filter(None, counts))
