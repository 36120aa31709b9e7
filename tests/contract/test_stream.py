"""What the log promises its readers: the same suite on the fake and on Kafka."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import pytest

from portrait.events.progress import LogName
from portrait.events.resume import Resume
from portrait.events.stream import Batch, EventStream, Headers, Message, Record
from portrait.settings import Settings
from tests.support.fakes import MemoryOffsets
from tests.support.logs import PARTITIONS, Log, LogInMemory, LogOnKafka
from tests.support.memory_log import Place, place_of
from tests.support.patience import PATIENCE
from tests.support.processes import until

SHORT = 0.3  # seconds


async def read(stream: EventStream, count: int) -> list[Batch]:
    """Read until so many records are there."""
    batches: list[Batch] = []
    async with asyncio.timeout(PATIENCE):
        async for batch in stream.batches():
            batches.append(batch)
            if sum(len(each.records) for each in batches) >= count:
                break
    return batches


def records_of(batches: Sequence[Batch]) -> list[Record]:
    return [record for batch in batches for record in batch.records]


def offsets_of(batches: Sequence[Batch]) -> dict[Place, list[int]]:
    """Return the offsets in the order in which they were read, by partition."""
    offsets: dict[Place, list[int]] = {}
    for record in records_of(batches):
        offsets.setdefault(place_of(record), []).append(record.offset)
    return offsets


def places_of(log: Log) -> list[Place]:
    return [(topic, partition) for topic in log.topics for partition in range(PARTITIONS)]


async def publish(log: Log, each: int) -> None:
    """Publish so many messages to each of the four partitions."""
    async with log.publisher() as publisher:
        await publisher.publish(
            [
                Message(topic, b"ann", b"%d" % n, partition=partition)
                for n in range(each)
                for topic, partition in places_of(log)
            ]
        )


Wait = Callable[["Follower"], Awaitable[None]]


class Follower:
    """Reads on and on, and commits once it may."""

    def __init__(self, stream: EventStream, wait: Wait) -> None:
        self.seen: list[Batch] = []
        self.may_commit = asyncio.Event()
        self._stream = stream
        self._wait = wait

    async def follow(self) -> None:
        """Follow until the stream is closed."""
        waiting: list[Batch] = []
        async for batch in self._stream.batches():
            self.seen.append(batch)
            waiting.append(batch)
            await self._wait(self)
            while self.may_commit.is_set() and waiting:
                await self._stream.commit(waiting.pop(0))

    async def read_on(self) -> None:
        """Hold what is in hand while reading on."""

    async def pause(self) -> None:
        """Hold what is in hand in pauses, as soon as others wait for it."""
        while self._stream.is_handing_over and not self.may_commit.is_set():
            await self._stream.pause(0.1)


class EventStreamContract:
    """At least once, in order, from where it is committed."""

    async def test_what_was_published_is_read_once_in_the_order_of_its_partition(
        self, log: Log
    ) -> None:
        await publish(log, 10)

        async with log.reader(asyncio.Event(), most=7) as stream:
            batches = await read(stream, 40)

        assert offsets_of(batches) == {place: [*range(10)] for place in places_of(log)}
        assert max(len(batch.records) for batch in batches) <= 7
        for batch in batches:
            newest = {place_of(record): record.offset + 1 for record in batch.records}
            assert batch.ends == newest
        values = {place: [b"%d" % n for n in range(10)] for place in places_of(log)}
        for record in records_of(batches):
            assert record.value == values[place_of(record)].pop(0)

    async def test_whatever_a_record_holds_comes_through(self, log: Log) -> None:
        place = log.topics[0], 1
        held: list[tuple[bytes | None, bytes | None, Headers]] = [
            (b"ann", b"{}", (("id", b"1"), ("id", None), ("", b"\xff"))),
            (None, b"no key", ()),
            (b"\xff\x00", b"", (("empty", b""),)),
            (b"gone", None, ()),
        ]
        before = round(time.time() * 1_000)
        for key, value, headers in held:
            await log.put(place, key, value, headers)
        after = round(time.time() * 1_000)

        async with log.reader(asyncio.Event()) as stream:
            records = records_of(await read(stream, len(held)))

        assert [(r.key, r.value, tuple(map(tuple, r.headers))) for r in records] == held
        assert {place_of(record) for record in records} == {place}
        assert all(before <= record.timestamp <= after for record in records)

    async def test_a_closed_stream_ends_and_its_batch_is_committed_and_the_rest_read_by_the_next(
        self, log: Log
    ) -> None:
        await publish(log, 5)
        closing, batches = asyncio.Event(), list[Batch]()
        async with asyncio.timeout(PATIENCE), log.reader(closing, most=4) as stream:
            async for batch in stream.batches():
                batches.append(batch)
                if len(records_of(batches)) > 4:
                    closing.set()
            *committed, last = [batch for batch in batches if batch.records]
            for batch in committed:
                await stream.commit(batch)

        async with log.reader(asyncio.Event()) as stream:
            after = await read(stream, 20 - len(records_of(committed)))

        ends = {place: end for batch in committed for place, end in batch.ends.items()}
        assert last is batches[-1]
        assert offsets_of(after) == {
            place: [*range(ends.get(place, 0), 5)]
            for place in places_of(log)
            if ends.get(place, 0) < 5
        }

    async def test_a_rewind_drops_what_was_read_and_goes_on_after_the_last_commit(
        self, log: Log
    ) -> None:
        await publish(log, 6)
        first, second, *others = places_of(log)

        async with log.reader(asyncio.Event(), most=5) as stream:
            batches = await read(stream, 12)
            await stream.commit(Batch((), {first: 2, second: 1}))
            await stream.commit(Batch((), {("not.ours", 0): 9}))  # left to whose it is
            await stream.commit(Batch(()))
            stream.rewind()
            again = await read(stream, 21)
            for batch in again:
                await stream.commit(batch)
            stream.rewind()
            await publish(log, 1)
            new = await read(stream, 4)

        assert len(records_of(batches)) < 24  # something was left
        expected = {place: [*range(6)] for place in others}
        assert offsets_of(again) == expected | {first: [2, 3, 4, 5], second: [1, 2, 3, 4, 5]}
        assert offsets_of(new) == {place: [6] for place in places_of(log)}

    async def test_reading_begins_where_the_store_says_as_soon_as_it_does(self, log: Log) -> None:
        offsets, (first, *others) = MemoryOffsets(), places_of(log)
        offsets.ends["group"], offsets.logs["group"] = {first: 2}, {first: LogName()}
        await publish(log, 4)

        async with log.reader(asyncio.Event(), resume=Resume(offsets, "group")) as stream:
            batches = await self._read_after_an_outage(stream, 14, offsets)
            for batch in batches:
                await stream.commit(batch)  # which the store does not know
            await publish(log, 1)
            stream.rewind()
            again = await self._read_after_an_outage(stream, 18, offsets)

        assert offsets_of(batches) == {at: [*range(4)] for at in others} | {first: [2, 3]}
        assert offsets_of(again) == {at: [*range(5)] for at in others} | {first: [2, 3, 4]}

    async def _read_after_an_outage(
        self, stream: EventStream, count: int, offsets: MemoryOffsets
    ) -> list[Batch]:
        offsets.is_down = True
        reading = asyncio.create_task(read(stream, count))
        await asyncio.sleep(SHORT)
        assert not reading.done()
        offsets.is_down = False
        return await reading

    async def test_a_pause_keeps_the_place_and_says_false_when_it_is_closed(self, log: Log) -> None:
        await publish(log, 1)
        closing = asyncio.Event()

        async with log.reader(closing) as stream:
            await read(stream, 4)
            started = time.monotonic()
            goes_on, _ = await asyncio.gather(stream.pause(SHORT), publish(log, 1))
            waited = time.monotonic() - started
            batches = await read(stream, 4)
            pausing = asyncio.create_task(stream.pause(PATIENCE))
            await asyncio.sleep(0)
            closing.set()

            assert goes_on
            assert waited >= SHORT
            assert offsets_of(batches) == {place: [1] for place in places_of(log)}
            async with asyncio.timeout(PATIENCE / 2):
                assert not await pausing
            assert [batch async for batch in stream.batches()] == []

    async def test_how_far_was_read_is_said_and_nothing_before_that_is_still_to_come(
        self, log: Log
    ) -> None:
        batches: list[Batch] = []
        for _ in range(3):
            await publish(log, 2)
            await asyncio.sleep(0.01)

        async with asyncio.timeout(PATIENCE), log.reader(asyncio.Event(), most=3) as stream:
            batches += await read(stream, 24)
            batches.append(await self._at_rest(stream, max(map(_stamp, records_of(batches)))))
            await asyncio.sleep(0.01)
            await publish(log, 1)
            batches += await read(stream, 4)

        for number, batch in enumerate(batches):
            for record in records_of(batches[number + 1 :]):
                assert record.timestamp >= batch.reached.get(record.partition, 0)
            assert all(record.timestamp >= batch.since for record in batch.records)
        assert records_of(batches)[-1].offset == 6
        assert batches[-1].since > 0

    async def _at_rest(self, stream: EventStream, newest: int) -> Batch:
        """Read until everything is known to be read, and say so by an empty batch."""
        async for batch in stream.batches():
            assert not batch.records
            assert not batch.ends
            await stream.commit(batch)
            if len(batch.reached) == PARTITIONS and min(batch.reached.values()) > newest:
                return batch
        pytest.fail("the stream ended")

    @pytest.mark.parametrize("wait", [Follower.read_on, Follower.pause], ids=["reads", "pauses"])
    async def test_who_joins_waits_for_what_is_in_hand_and_no_longer(
        self, log: Log, wait: Wait
    ) -> None:
        await publish(log, 3)
        closing = asyncio.Event()

        async with log.reader(closing) as first, asyncio.TaskGroup() as tasks:
            stays = Follower(first, wait)
            tasks.create_task(stays.follow())
            await until(lambda: len(records_of(stays.seen)) == 12, "all is read, not committed")
            assert not first.is_handing_over
            async with log.reader(closing) as second, asyncio.TaskGroup() as its_tasks:
                joins = Follower(second, wait)
                joins.may_commit.set()
                its_tasks.create_task(joins.follow())
                await until(lambda: first.is_handing_over, "who is there is asked for its share")
                stays.seen.clear()
                await publish(log, 3)
                await asyncio.sleep(SHORT)
                assert records_of([*stays.seen, *joins.seen]) == []

                stays.may_commit.set()
                both = [stays, joins]
                await until(lambda: sum(len(records_of(e.seen)) for e in both) >= 12, "it is read")
                closing.set()
                assert not first.is_handing_over

        theirs = [offsets_of(each.seen) for each in both]
        assert Counter(place for each in theirs for place in each) == Counter(places_of(log))
        assert [{partition for _, partition in each} for each in theirs] in ([{0}, {1}], [{1}, {0}])
        assert all(offsets == [3, 4, 5] for each in theirs for offsets in each.values())


def _stamp(record: Record) -> int:
    return record.timestamp


class TestMemoryStream(EventStreamContract):
    @pytest.fixture
    def log(self) -> Log:
        return LogInMemory()


class TestKafkaStream(EventStreamContract):
    @pytest.fixture
    async def log(self, settings: Settings) -> Log:
        log = LogOnKafka(settings)
        await log.make()
        return log


class TestKafkaStreamOfAShop(EventStreamContract):
    @pytest.fixture
    async def log(self, settings: Settings) -> Log:
        log = LogOnKafka(settings.model_copy(update={"shop": "acme"}))
        await log.make()
        return log
