"""Archive: the log in files, each event once, whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.adapters.parquet_archive import ParquetArchive
from portrait.archive.archive import ArchiveUnavailableError
from portrait.archive.segment import Segment
from portrait.archive.tidy import Rules
from portrait.events.erasure import Erasures
from portrait.events.stream import Batch
from portrait.events.topics import ERASURES
from portrait.ref import user_ref
from tests.support.archives import (
    BOUNDS,
    TOLERANCE_MS,
    click,
    fill,
    late,
    later,
    memory_archive,
    offsets_of,
)
from tests.support.memory_log import MemoryLog
from tests.support.memory_stream import MemoryGroup, MemoryStream
from tests.support.patience import PATIENCE
from tests.support.processes import until
from tests.support.records import RECEIVED, FakeRecord
from tests.support.streams import ListStream
from workers.archive import Bounds, archive, check, keep_tidy


class Failing(ParquetArchive):
    """An archive whose first writes fail."""

    def __init__(self, url: str, failures: int) -> None:
        super().__init__(url)
        self.failures = failures

    def write(self, segment: Segment, rows: Iterable[pa.Table]) -> None:
        if self.failures:
            self.failures -= 1
            raise ArchiveUnavailableError
        super().write(segment, rows)


def reached(stream: MemoryStream) -> dict[tuple[str, int], int]:
    """Return where a successor would go on reading."""
    return {at: end for batch in stream.committed for at, end in batch.ends.items()}


def files(store: ParquetArchive) -> list[tuple[int, int]]:
    return [(each.first, each.end) for each in store.segments()]


async def test_events_are_in_files_before_their_offsets_are_committed() -> None:
    store = memory_archive()
    at_commit: list[list[int]] = []

    class Watching(ListStream):
        async def commit(self, batch: Batch) -> None:
            await super().commit(batch)
            at_commit.append(offsets_of(store))

    await archive(Watching([click(1), click(2)]), store, BOUNDS)

    assert at_commit[0] == [1, 2]


async def test_batches_are_held_and_written_together() -> None:
    store, stream = memory_archive(), ListStream([click(1)], [click(2)], [])

    await archive(stream, store, BOUNDS)

    assert files(store) == [(1, 3)]
    assert reached(stream) == {("events.click", 0): 3}


@pytest.mark.parametrize(
    "bounds",
    [
        replace(BOUNDS, rows=2),
        replace(BOUNDS, bytes=2 * len(click(1).value or b"")),
    ],
    ids=["rows", "bytes"],
)
async def test_a_full_hold_is_written_at_once(bounds: Bounds) -> None:
    store, stream = memory_archive(), ListStream(*([click(n)] for n in range(5)))

    await archive(stream, store, bounds)

    assert files(store) == [(0, 2), (2, 4), (4, 5)]


async def test_what_has_waited_long_enough_is_written_though_nothing_more_comes() -> None:
    store = memory_archive()
    seen: list[list[int]] = []

    class Idle(ListStream):
        async def batches(self) -> AsyncIterator[Batch]:
            async for batch in super().batches():
                seen.append(offsets_of(store))
                yield batch

    await archive(Idle([click(1)], [], []), store, replace(BOUNDS, wait=timedelta(0)))

    assert seen == [[], [1], [1]]


async def test_what_cannot_be_read_is_skipped_and_committed() -> None:
    store, stream = memory_archive(), ListStream([FakeRecord("events.click", b"{", 3)])

    await archive(stream, store, BOUNDS)

    assert store.segments() == []
    assert reached(stream) == {("events.click", 0): 4}


async def test_a_store_that_is_away_for_a_while_is_waited_for() -> None:
    store, stream = Failing("memory://archive-failing", 2), ListStream([click(1)])

    await archive(stream, store, BOUNDS)

    assert offsets_of(store) == [1]
    assert stream.pauses == [0.1, 0.2]


async def test_told_to_stop_while_its_files_are_away_it_ends_and_commits_nothing() -> None:
    store, stream = Failing("memory://archive-closing", 2), ListStream([click(1)])
    stream.at_pause = stream.closing.set

    with pytest.raises(ArchiveUnavailableError):
        await archive(stream, store, BOUNDS)

    assert stream.committed == []


async def test_what_is_held_is_written_when_the_group_waits_for_it() -> None:
    store, log, closing = memory_archive(), MemoryLog({"events.click": 2}), asyncio.Event()
    group = MemoryGroup(log)
    log.take(click(1))

    async with group.reader(closing) as stream, asyncio.TaskGroup() as tasks:
        tasks.create_task(archive(stream, store, BOUNDS))
        await until(lambda: stream.has_in_hand, "it is held")
        assert files(store) == []
        async with group.reader(closing):
            await until(lambda: stream.committed, "it is committed")
            closing.set()

    assert files(store) == [(1, 2)]
    assert reached(stream) == {("events.click", 0): 2}


async def test_the_worker_is_ready_while_its_files_can_be_read() -> None:
    class Away(ParquetArchive):
        def erasures(self) -> Erasures:
            raise ArchiveUnavailableError

    await check(memory_archive())
    with pytest.raises(ArchiveUnavailableError):
        await check(Away("memory://archive-unread"))


async def test_a_store_that_stays_away_ends_the_worker_and_nothing_is_committed() -> None:
    store, stream = Failing("memory://archive-away", 9), ListStream([click(1)])

    with pytest.raises(ArchiveUnavailableError):
        await archive(stream, store, replace(BOUNDS, outage=timedelta(0)))

    assert stream.committed == []


@settings(max_examples=15)  # each writes files
@given(
    cuts=st.lists(st.integers(1, 20), max_size=6),
    lost=st.integers(0, 20),
)
async def test_a_log_that_is_read_again_in_other_batches_changes_nothing(
    cuts: list[int], lost: int
) -> None:
    log = [click(n) for n in range(20)]
    store = memory_archive()
    edges = [0, *sorted(set(cuts)), 20]
    first = [log[a:b] for a, b in pairwise(edges)]
    await archive(ListStream(*first), store, replace(BOUNDS, rows=1))

    await archive(ListStream(log[lost:]), store, BOUNDS)

    assert offsets_of(store) == list(range(20))


async def test_an_erasure_is_in_force_before_it_is_committed() -> None:
    store = memory_archive()
    fill(store, [click(1, "ann"), click(2, "bob")])
    erasure = FakeRecord(ERASURES, None, 0, timestamp=RECEIVED, key=b"ann")
    held_with_it = [click(3), click(4, "bob"), later(5), late(6)]

    await archive(ListStream([*held_with_it, erasure]), store, BOUNDS)

    assert offsets_of(store) == [2, 4, 5]
    written = [batch for each in store.segments() for batch in store.read(each, ["offset"])]
    assert sorted(n for batch in written for n in batch["offset"].to_pylist()) == [1, 2, 4, 5]


async def test_an_erasure_is_not_kept_waiting() -> None:
    store = memory_archive()
    erasure = FakeRecord(ERASURES, None, 0, timestamp=RECEIVED, key=b"ann")
    stream = ListStream([erasure], [click(1, "bob")])

    await archive(stream, store, BOUNDS)

    assert len(stream.committed) == 4  # two flushes: what is held, and that nothing is in hand
    assert store.erasures().users.tolist() == [user_ref("ann")]


async def test_the_archive_is_tidied_from_time_to_time_until_told_to_stop() -> None:
    store, closing = memory_archive(), asyncio.Event()
    fill(store, [click(1)])

    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        tasks.create_task(
            keep_tidy(store, Rules(timedelta(days=-1)), timedelta(milliseconds=1), closing)
        )
        await until(lambda: not store.segments(), "the file is retired")
        closing.set()


async def test_an_archive_that_cannot_be_tidied_now_is_tidied_later() -> None:
    closing = asyncio.Event()

    class Away(ParquetArchive):
        tries = 0

        def clean(self) -> None:
            self.tries += 1
            if self.tries == 2:
                closing.set()
            raise ArchiveUnavailableError

    store = Away("memory://archive-untidy")

    async with asyncio.timeout(PATIENCE):
        await keep_tidy(store, Rules(timedelta(1)), timedelta(milliseconds=1), closing)

    assert store.tries == 2


@pytest.mark.parametrize("split", [False, True], ids=["in one batch", "in two"])
async def test_of_two_erasures_the_latest_counts_in_whatever_order_they_lie(*, split: bool) -> None:
    store = memory_archive()
    late = FakeRecord(ERASURES, None, 0, timestamp=RECEIVED + 3_600_000, key=b"ann")
    early = FakeRecord(ERASURES, None, 1, timestamp=RECEIVED - 3_600_000, key=b"ann")
    batches = [[late], [early]] if split else [[late, early]]

    await archive(ListStream([click(1)], *batches), store, BOUNDS)

    assert offsets_of(store) == []
    assert store.erasures().until.tolist() == [RECEIVED + 3_600_000 + 2 * TOLERANCE_MS]


class TwoLogs(ListStream):
    """A stream of batches, each of a log of its own."""

    async def batches(self) -> AsyncIterator[Batch]:
        number = 0
        async for batch in super().batches():
            logs = dict.fromkeys(batch.ends, number)
            ids = dict.fromkeys(batch.ends, f"{number:032x}")
            yield replace(batch, logs=logs, ids=ids)
            number += 1


async def test_a_log_that_begins_again_takes_nothing_of_the_old_ones_place() -> None:
    store = memory_archive()
    old = [click(n, user="old") for n in range(4)]
    new = [click(n, user="new", event_id=f"new-{n}") for n in range(6)]
    stream = TwoLogs(old, new)

    await archive(stream, store, BOUNDS)

    assert offsets_of(store) == sorted([0, 1, 2, 3, 0, 1, 2, 3, 4, 5])
    assert [(batch.logs, batch.ids) for batch in stream.committed if batch.ends][0::2] == [
        ({("events.click", 0): n}, {("events.click", 0): f"{n:032x}"}) for n in (0, 1)
    ]
