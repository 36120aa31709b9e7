"""Kafka: what the adapters keep beyond the suite of their ports, on a real broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest
from prometheus_client import REGISTRY

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.kafka_records import LARGEST_BATCH
from portrait.adapters.kafka_stream import METADATA_MS, KafkaStream, open_stream
from portrait.adapters.kafka_topics import create_topics
from portrait.errors import StreamUnavailableError
from portrait.events.resume import Resume
from portrait.events.stream import Batch, Message, Notes, Unreadable
from portrait.events.topics import TopicsFile, read_topics
from portrait.settings import Settings
from sandbox.servers import free_port, start_kafka
from tests.support.fakes import MemoryOffsets
from tests.support.kafka import send_raw
from tests.support.kafka_bytes import CODECS, MARK, bomb, poisoned
from tests.support.kafka_bytes import batch as raw_batch
from tests.support.patience import PATIENCE
from tests.support.processes import until
from tests.support.topics import timeless_topic
from workers.roots.bounds import bounds_of


@pytest.fixture
async def topic(settings: Settings) -> str:
    """A topic of two partitions that no other test uses."""
    name = f"test.{uuid4().hex}"
    await _make(settings, name)
    return name


async def take(stream: KafkaStream, count: int) -> list[Batch]:
    """Read until so many records are there."""
    batches: list[Batch] = []
    async with asyncio.timeout(PATIENCE):
        async for batch in stream.batches():
            batches.append(batch)
            if sum(len(each.records) for each in batches) >= count:
                break
    return batches


def values(batches: Sequence[Batch]) -> list[bytes | None]:
    return sorted((r.value for batch in batches for r in batch.records), key=str)


async def publish(settings: Settings, topic: str, count: int, start: int = 0) -> None:
    async with open_publisher(cluster_of(settings)) as publisher:
        await publisher.publish(
            [
                Message(topic, b"key", b"%06d" % n, partition=n % 2)
                for n in range(start, start + count)
            ]
        )


def numbers(start: int, end: int) -> list[bytes]:
    return [b"%06d" % n for n in range(start, end)]


async def test_headers_come_through_to_a_chosen_partition_in_order(
    settings: Settings, topic: str
) -> None:
    sent = [
        Message(topic, b"k", value, (("n", b"%d" % n), ("none", None)), partition=1)
        for n, value in enumerate([b"v", None, b"v" * 300_000, b"", *[b"w"] * 2_000])
    ]

    async with open_publisher(cluster_of(settings)) as publisher:
        await publisher.publish(sent)
    async with open_stream(
        cluster_of(settings),
        bounds_of(settings),
        group=topic,
        topics=(topic,),
        closing=asyncio.Event(),
    ) as stream:
        records = [r for batch in await take(stream, len(sent)) for r in batch.records]

    assert {record.partition for record in records} == {1}
    assert [(r.value, tuple(r.headers)) for r in records] == [(m.value, m.headers) for m in sent]


async def test_partitions_take_turns_however_much_waits_in_one(
    settings: Settings, topic: str
) -> None:
    await publish(settings, topic, 2_000)
    bounded = settings.model_copy(update={"batch_events": 80})

    async with open_stream(
        cluster_of(bounded),
        bounds_of(bounded),
        group=topic,
        topics=(topic,),
        closing=asyncio.Event(),
    ) as stream:
        batches = await take(stream, 2_000)

    parts = [{r.partition for r in batch.records} for batch in batches[2:-2]]
    assert all(len(one | other) == 2 for one, other in pairwise(parts))
    assert sum(len(part) == 1 for part in parts) > len(parts) / 2  # a whole batch is a turn
    assert values(batches) == numbers(0, 2_000)


async def test_batches_are_bounded_by_bytes(settings: Settings, topic: str) -> None:
    await publish(settings, topic, 100)
    bounded = settings.model_copy(update={"batch_bytes": 20})

    async with open_stream(
        cluster_of(bounded),
        bounds_of(bounded),
        group=topic,
        topics=(topic,),
        closing=asyncio.Event(),
    ) as stream:
        batches = await take(stream, 100)

    assert max(len(batch.records) for batch in batches) == 4  # the one that fills it goes along
    assert values(batches) == numbers(0, 100)


async def test_what_comes_is_not_older_than_what_was_said_to_be_read(
    settings: Settings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor if answers of the broker are under way for long."""
    send = AIOKafkaClient.send

    async def send_slowly(
        self: AIOKafkaClient, node: int, request: object, **options: object
    ) -> object:
        answer = await send(self, node, request, **options)
        await asyncio.sleep(0.1 if isinstance(request, FetchRequest) else 0)
        return answer

    monkeypatch.setattr(AIOKafkaClient, "send", send_slowly)
    batches: list[Batch] = []

    async with (
        open_publisher(cluster_of(settings)) as publisher,
        open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=topic,
            topics=(topic,),
            closing=asyncio.Event(),
        ) as stream,
    ):

        async def publish_at(moment: float) -> None:
            await asyncio.sleep(moment)
            await publisher.publish([Message(topic, b"key", b"value", partition=0)])

        for n in range(12):
            _, taken = await asyncio.gather(publish_at(0.04 * n), take(stream, 1))
            batches += taken

    for number, batch in enumerate(batches):
        for record in (r for later in batches[number + 1 :] for r in later.records):
            assert record.timestamp >= batch.reached.get(record.partition, 0)


async def test_a_closed_stream_ends(settings: Settings, topic: str) -> None:
    closing = asyncio.Event()
    async with open_stream(
        cluster_of(settings), bounds_of(settings), group=topic, topics=(topic,), closing=closing
    ) as stream:
        closing.set()
        async with asyncio.timeout(PATIENCE):
            assert [batch async for batch in stream.batches()] == []


async def test_two_members_share_the_partitions_and_a_leaver_hands_over(
    settings: Settings, topic: str
) -> None:
    await publish(settings, topic, 20)
    gone, done = asyncio.Event(), asyncio.Event()
    async with open_stream(
        cluster_of(settings), bounds_of(settings), group=topic, topics=(topic,), closing=done
    ) as stays:
        async with open_stream(
            cluster_of(settings), bounds_of(settings), group=topic, topics=(topic,), closing=gone
        ) as leaves:
            seen: set[int] = set()
            leaving = asyncio.create_task(_follow(leaves))
            staying = asyncio.create_task(_follow(stays, seen))
            await until(lambda: stays.partitions ^ leaves.partitions == {0, 1}, "they share them")
            gone.set()
            await leaving
        await publish(settings, topic, 20, start=20)
        await until(lambda: set(range(20, 40)) <= seen, "all is read by who stays")
        done.set()
        await staying


async def _follow(stream: KafkaStream, seen: set[int] | None = None) -> None:
    async for batch in stream.batches():
        if seen is not None:
            seen.update(int(record.value or b"0") for record in batch.records)
        await stream.commit(batch)


async def test_what_cannot_be_read_costs_its_own_place_alone(
    settings: Settings, topic: str
) -> None:
    bad = poisoned(raw_batch([b"a", b"b", b"c"], headers=[[], [(MARK, b"x")]]))
    await send_raw(
        settings.kafka_bootstrap, topic, raw_batch([b"before"]), bad, raw_batch([b"after"])
    )

    async with open_stream(
        cluster_of(settings),
        bounds_of(settings),
        group=topic,
        topics=(topic,),
        closing=asyncio.Event(),
    ) as stream:
        batches = await take(stream, 5)

    records = [record for each in batches for record in each.records]
    assert [record.value for record in records] == [b"before", b"a", None, b"c", b"after"]
    assert [record.offset for record in records] == [0, 1, 2, 3, 4]
    assert [isinstance(record, Unreadable) for record in records] == [n == 2 for n in range(5)]


@pytest.mark.parametrize("codec", CODECS[1:])
async def test_a_bomb_is_stepped_over(settings: Settings, topic: str, codec: int) -> None:
    bad = bomb(codec, LARGEST_BATCH)
    await send_raw(
        settings.kafka_bootstrap, topic, raw_batch([b"before"]), bad, raw_batch([b"after"])
    )

    async with open_stream(
        cluster_of(settings),
        bounds_of(settings),
        group=topic,
        topics=(topic,),
        closing=asyncio.Event(),
    ) as stream:
        batches = await take(stream, 3)

    records = [record for each in batches for record in each.records]
    assert [record.value for record in records] == [b"before", None, b"after"]
    assert isinstance(records[1], Unreadable)


async def test_a_topic_that_is_made_anew_is_read_from_its_beginning(
    settings: Settings, topic: str
) -> None:
    async def make_anew() -> None:
        await _delete(settings, topic)

    await _read_across(settings, topic, make_anew)


async def test_only_the_topic_that_is_made_anew_is_said_to_be_another_log(
    settings: Settings,
) -> None:
    """The archive's offsets lie in Kafka, and go with the topic; the others' lie elsewhere."""
    lost, stays = (f"test.{uuid4().hex}" for _ in range(2))
    for name in (lost, stays):
        await _make(settings, name)
        await publish(settings, name, 10)
    readers = (
        _Reader(settings, lost, (lost, stays), Resume(MemoryOffsets(), lost)),
        _Reader(settings, stays, (lost, stays), None),
    )
    reading = [asyncio.create_task(each.follow()) for each in readers]
    await _all_have_read(readers, 20)

    await _delete(settings, lost)
    await asyncio.sleep(1.5 * METADATA_MS / 1_000)  # every reader has learned of it
    await _make(settings, lost)
    await publish(settings, lost, 10, start=100)
    await _all_have_read(readers, 30)
    await publish(settings, stays, 2, start=200)
    await _all_have_read(readers, 32)
    for each in readers:
        each.closing.set()
    await asyncio.gather(*reading)

    for each in readers:
        assert sorted(each.seen) == sorted(
            [*numbers(0, 10), *numbers(0, 10), *numbers(100, 110), *numbers(200, 202)]
        )
        (note,) = each.notes.lately()
        assert f"the log of {lost} was" in note
    assert _begun(lost) == 2 * len(readers)
    assert not _begun(stays)


class _Reader:
    """Reads topics, commits, and remembers what it saw."""

    def __init__(
        self, settings: Settings, group: str, topics: Sequence[str], resume: Resume | None
    ) -> None:
        self.seen: list[bytes] = []
        self.notes, self.closing = Notes(), asyncio.Event()
        self._settings, self._group = settings, group
        self._topics, self._resume = topics, resume

    async def follow(self) -> None:
        async with open_stream(
            cluster_of(self._settings),
            bounds_of(self._settings),
            group=self._group,
            topics=self._topics,
            closing=self.closing,
            resume=self._resume,
            notes=self.notes,
        ) as stream:
            async for batch in stream.batches():
                self.seen += [record.value or b"" for record in batch.records]
                if batch.ends:
                    if self._resume is not None:
                        await self._resume.mark(batch.ends, batch.logs)
                    await stream.commit(batch)


async def _all_have_read(readers: Sequence[_Reader], count: int) -> None:
    await until(lambda: all(len(each.seen) >= count for each in readers), f"{count} are read")


def _begun(topic: str) -> float | None:
    return REGISTRY.get_sample_value("portrait_logs_begun_again_total", {"topic": topic})


async def _delete(settings: Settings, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    await admin.delete_topics([topic])
    await admin.close()


async def test_a_broker_that_comes_back_empty_is_read_from_the_beginning(
    settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    alone = settings.model_copy(update={"kafka_bootstrap": f"127.0.0.1:{port}"})
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        first.enter_context(start_kafka(tmp_path, port))
        await _make(alone, "events.test")

        async def restart() -> None:
            await asyncio.to_thread(first.close)
            await asyncio.sleep(2)  # readers notice that it is away
            stack.enter_context(start_kafka(tmp_path, port))

        await _read_across(alone, "events.test", restart)


async def _read_across(
    settings: Settings, topic: str, lose_log: Callable[[], Awaitable[None]]
) -> None:
    """Read a log, lose it, and read the next one of its name, which is longer: each event once."""
    offsets, notes = MemoryOffsets(), Notes()

    await publish(settings, topic, 100)
    async with _following(settings, topic, offsets, notes) as seen:
        await until(lambda: len(seen) == 100, "the first log is read")
        partitions = [*offsets.logs[topic]]  # a broker may make the topic anew with more of them
        await lose_log()
        await _make(settings, topic)
        await publish(settings, topic, 300, start=1_000)
        await until(lambda: len(seen) >= 400, "the second log is read")
        await publish(settings, topic, 2, start=2_000)
        await until(lambda: len(seen) >= 402, "reading goes on")

    news = [*numbers(1_000, 1_300), *numbers(2_000, 2_002)]
    assert sorted(seen) == [(0, n) for n in numbers(0, 100)] + [(1, n) for n in news]
    assert {offsets.logs[topic][place].number for place in partitions} == {1}
    assert len(notes.lately()) == 1


@pytest.mark.parametrize("count", [20, 300])
async def test_a_topic_that_is_made_anew_while_nobody_reads_is_read_from_its_beginning(
    settings: Settings, topic: str, count: int
) -> None:
    offsets, notes = MemoryOffsets(), Notes()
    await publish(settings, topic, 100)
    async with _following(settings, topic, offsets, notes) as first:
        await until(lambda: len(first) == 100, "the first log is read")
    await _delete(settings, topic)
    await _make(settings, topic)
    await publish(settings, topic, count, start=1_000)

    async with _following(settings, topic, offsets, notes) as second:
        await until(lambda: len(second) >= count, "the second log is read")
        await publish(settings, topic, 2, start=2_000)
        await until(lambda: len(second) >= count + 2, "reading goes on")

    news = [*numbers(1_000, 1_000 + count), *numbers(2_000, 2_002)]
    assert sorted(second) == [(1, n) for n in news]
    assert {log.number for log in offsets.logs[topic].values()} == {1}
    assert len(notes.lately()) == 1


@asynccontextmanager
async def _following(
    settings: Settings, topic: str, offsets: MemoryOffsets, notes: Notes
) -> AsyncIterator[list[tuple[int, bytes | None]]]:
    """Read a topic meanwhile, as a worker does that starts where the store says it was.

    What is read comes into the list: the number of its log, and its value.
    """
    closing, resume = asyncio.Event(), Resume(offsets, topic)
    seen: list[tuple[int, bytes | None]] = []

    async def follow() -> None:
        async with open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=topic,
            topics=(topic,),
            closing=closing,
            resume=resume,
            notes=notes,
        ) as stream:
            async for batch in stream.batches():
                seen.extend(
                    (batch.logs.get((r.topic, r.partition), 0), r.value) for r in batch.records
                )
                if batch.ends:
                    await resume.mark(batch.ends, batch.logs)
                    await stream.commit(batch)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(follow())
        try:
            yield seen
        finally:
            closing.set()


async def _make(settings: Settings, topic: str) -> None:
    await create_topics(cluster_of(settings), timeless_topic(topic))


async def test_a_log_that_is_away_at_the_start_is_waited_for(
    settings: Settings, tmp_path: Path
) -> None:
    port = free_port()
    alone = settings.model_copy(update={"kafka_bootstrap": f"127.0.0.1:{port}"})

    async def follow() -> list[Batch]:
        async with open_stream(
            cluster_of(alone),
            bounds_of(alone),
            group="late",
            topics=("events.test",),
            closing=asyncio.Event(),
        ) as stream:
            return await take(stream, 10)

    reading = asyncio.create_task(follow())
    await asyncio.sleep(1)
    with start_kafka(tmp_path, port):
        await _make(alone, "events.test")
        await publish(alone, "events.test", 10)
        batches = await reading

    assert values(batches) == numbers(0, 10)


async def test_topics_are_created_once(settings: Settings) -> None:
    file = read_topics(settings.topics_file)

    await create_topics(cluster_of(settings), file)

    assert await create_topics(cluster_of(settings), file) == []


async def test_a_broker_that_does_not_answer_is_unavailable(settings: Settings) -> None:
    nowhere = settings.model_copy(
        update={
            "kafka_bootstrap": f"127.0.0.1:{free_port()}",
            "outage_limit": timedelta(0),
        }
    )

    with pytest.raises(StreamUnavailableError):
        await publish(nowhere, "t", 1)
    with pytest.raises(StreamUnavailableError):
        async with open_stream(
            cluster_of(nowhere),
            bounds_of(nowhere),
            group="g",
            topics=("t",),
            closing=asyncio.Event(),
        ):
            pass
    with pytest.raises(StreamUnavailableError):
        await create_topics(cluster_of(nowhere), TopicsFile(replication=1, topics=()))
