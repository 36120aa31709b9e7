"""Erasure and clocks: what was published before it is gone, whatever clocks say; later is new.

A small log of its own, read as it is published or later, by the update worker and by the archive.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from portrait.events.stream import Batch
from portrait.events.topics import ERASURES
from portrait.profiles.profile import decode_profile
from portrait.profiles.record import is_blank
from portrait.times import EPOCH
from tests.support.archives import BOUNDS, memory_archive, offsets_of
from tests.support.fakes import MemoryProfiles
from tests.support.records import FakeRecord, event_record
from tests.support.streams import ListStream, memory_updater
from workers.archive import archive
from workers.update.worker import update

MINUTE_MS, HOUR_MS = 60_000, 3_600_000  # the tolerance of both workers here is a minute
Published = Callable[[], FakeRecord]


def now() -> int:
    return round(time.time() * 1_000)


def event(offset: int, ahead: int = 0) -> Published:
    """Publish an event by a clock that is ahead, ms."""

    def publish() -> FakeRecord:
        moment = now() + ahead
        occurred = EPOCH + timedelta(milliseconds=moment)
        return replace(event_record(offset, occurred_at=occurred.isoformat()), timestamp=moment)

    return publish


def erasure(ahead: int = 0) -> Published:
    return lambda: FakeRecord(ERASURES, None, timestamp=now() + ahead, key=b"ann")


class Live(ListStream):
    """A log that is read as soon as it is published, a batch after the other."""

    def __init__(self, *batches: Sequence[Published]) -> None:
        super().__init__()
        self._published = batches

    async def batches(self) -> AsyncIterator[Batch]:
        for batch in self._published:
            since = now()
            await asyncio.sleep(0.002)  # the next millisecond
            records = [publish() for publish in batch]
            await asyncio.sleep(0.002)
            yield Batch(records, {(r.topic, 0): r.offset + 1 for r in records}, since=since)


class Late(ListStream):
    """The same, read when all of it has been published, in any order of topics."""

    def __init__(self, *batches: Sequence[Published]) -> None:
        super().__init__(*([publish() for publish in batch] for batch in batches))


async def known_of(stream: ListStream) -> int:
    """Return how many events of Ann the update worker knows in the end."""
    profiles = MemoryProfiles()
    await update(stream, await memory_updater(profiles))
    record = profiles.records["ann"]
    return 0 if is_blank(record) else int(decode_profile(record).head["totals"].sum())


async def archived_of(stream: ListStream) -> int:
    store = memory_archive()
    await archive(stream, store, BOUNDS)
    return len(offsets_of(store))


READERS = pytest.mark.parametrize("left_of", [known_of, archived_of])
Reader = Callable[[ListStream], Awaitable[int]]


@READERS
@pytest.mark.parametrize("ahead", [0, MINUTE_MS - 1_000])
@pytest.mark.parametrize("deleted_ahead", [0, HOUR_MS, -MINUTE_MS])
@pytest.mark.parametrize(
    ("log", "order"),
    [(Live, "before"), (Live, "together"), *((Late, o) for o in ("before", "together", "after"))],
)
async def test_what_was_published_before_an_erasure_never_comes_back(
    left_of: Reader,
    ahead: int,
    deleted_ahead: int,
    log: type[Live] | type[Late],
    order: str,
) -> None:
    event_, deleted = event(0, ahead), erasure(deleted_ahead)
    batches = {
        "before": [[event_], [deleted]],
        "together": [[event_, deleted]],
        "after": [[deleted], [event_]],
    }

    assert await left_of(log(*batches[order])) == 0


@READERS
@pytest.mark.parametrize("deleted_ahead", [0, 1_000, HOUR_MS, -HOUR_MS])
async def test_what_is_published_after_an_erasure_is_new_to_who_keeps_up(
    left_of: Reader, deleted_ahead: int
) -> None:
    """However wrong the clock of who asked for it: nothing of the next hour is swallowed."""
    live = Live([event(0)], [erasure(deleted_ahead)], [event(1)])

    assert await left_of(live) == 1
