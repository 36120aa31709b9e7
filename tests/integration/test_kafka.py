"""Kafka: what the stream and the publisher promise, on a real broker."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from demo.servers import free_port
from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.kafka_stream import KafkaStream, open_stream
from portrait.adapters.kafka_topics import create_topics
from portrait.errors import StreamUnavailableError
from portrait.settings import Settings
from portrait.stream import Batch, Message
from portrait.topics import Topic, TopicsFile, read_topics
from tests.patience import PATIENCE
from tests.processes import until


@pytest.fixture
async def topic(settings: Settings) -> str:
    """A topic of two partitions that no other test uses."""
    name = f"test.{uuid4().hex}"
    await create_topics(
        settings, TopicsFile(replication=1, topics=(Topic(name=name, partitions=2),))
    )
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
    async with open_publisher(settings) as publisher:
        await publisher.publish(
            [
                Message(topic, b"key", b"%06d" % n, partition=n % 2)
                for n in range(start, start + count)
            ]
        )


def numbers(start: int, end: int) -> list[bytes]:
    return [b"%06d" % n for n in range(start, end)]


async def test_every_message_is_read_in_its_partitions_order(
    settings: Settings, topic: str
) -> None:
    await publish(settings, topic, 3_000)

    async with open_stream(
        settings, group=topic, topics=(topic,), closing=asyncio.Event()
    ) as stream:
        batches = await take(stream, 3_000)

    assert values(batches) == numbers(0, 3_000)
    for partition in (0, 1):
        offsets = [r.offset for b in batches for r in b.records if r.partition == partition]
        assert offsets == list(range(1_500))


async def test_headers_and_tombstones_come_through(settings: Settings, topic: str) -> None:
    async with open_publisher(settings) as publisher:
        await publisher.publish(
            [Message(topic, b"k", b"v", (("name", b"\xff"),)), Message(topic, b"gone", None)]
        )

    async with open_stream(
        settings, group=topic, topics=(topic,), closing=asyncio.Event()
    ) as stream:
        records = [r for batch in await take(stream, 2) for r in batch.records]

    by_key = {record.key: record for record in records}
    assert list(by_key[b"k"].headers) == [("name", b"\xff")]
    assert by_key[b"gone"].value is None


async def test_a_new_member_goes_on_after_the_last_commit(settings: Settings, topic: str) -> None:
    await publish(settings, topic, 10)
    async with open_stream(
        settings, group=topic, topics=(topic,), closing=asyncio.Event()
    ) as stream:
        for batch in await take(stream, 10):
            await stream.commit(batch)
    await publish(settings, topic, 10, start=10)

    async with open_stream(
        settings, group=topic, topics=(topic,), closing=asyncio.Event()
    ) as stream:
        assert values(await take(stream, 10)) == numbers(10, 20)


async def test_what_was_not_committed_is_read_again(settings: Settings, topic: str) -> None:
    await publish(settings, topic, 10)
    async with open_stream(
        settings, group=topic, topics=(topic,), closing=asyncio.Event()
    ) as stream:
        await take(stream, 10)

    async with open_stream(
        settings, group=topic, topics=(topic,), closing=asyncio.Event()
    ) as stream:
        assert values(await take(stream, 10)) == numbers(0, 10)


async def test_batches_are_bounded_by_count(settings: Settings, topic: str) -> None:
    await publish(settings, topic, 100)
    bounded = settings.model_copy(update={"batch_events": 7})

    async with open_stream(
        bounded, group=topic, topics=(topic,), closing=asyncio.Event()
    ) as stream:
        batches = await take(stream, 100)

    assert max(len(batch.records) for batch in batches) == 7
    assert values(batches) == numbers(0, 100)


async def test_batches_are_bounded_by_bytes(settings: Settings, topic: str) -> None:
    await publish(settings, topic, 100)
    bounded = settings.model_copy(update={"batch_bytes": 20})

    async with open_stream(
        bounded, group=topic, topics=(topic,), closing=asyncio.Event()
    ) as stream:
        batches = await take(stream, 100)

    assert max(len(batch.records) for batch in batches) == 4  # the one that fills it goes along
    assert values(batches) == numbers(0, 100)


async def test_reached_says_so_once_everything_is_read(settings: Settings, topic: str) -> None:
    await publish(settings, topic, 100)

    async with open_stream(
        settings, group=topic, topics=(topic,), closing=asyncio.Event()
    ) as stream:
        batches = await take(stream, 100)
        newest = max(r.timestamp for batch in batches for r in batch.records)
        async with asyncio.timeout(PATIENCE):
            async for batch in stream.batches():
                if set(batch.reached) == {0, 1} and min(batch.reached.values()) > newest:
                    break


async def test_a_paused_stream_keeps_its_place(settings: Settings, topic: str) -> None:
    await publish(settings, topic, 10)
    async with open_stream(
        settings, group=topic, topics=(topic,), closing=asyncio.Event()
    ) as stream:
        await take(stream, 10)
        await stream.pause(0.3)
        await publish(settings, topic, 10, start=10)

        assert values(await take(stream, 10)) == numbers(10, 20)


async def test_a_closed_stream_ends(settings: Settings, topic: str) -> None:
    closing = asyncio.Event()
    async with open_stream(settings, group=topic, topics=(topic,), closing=closing) as stream:
        closing.set()
        async with asyncio.timeout(PATIENCE):
            assert [batch async for batch in stream.batches()] == []


async def test_two_members_share_the_partitions_and_a_leaver_hands_over(
    settings: Settings, topic: str
) -> None:
    await publish(settings, topic, 20)
    gone, done = asyncio.Event(), asyncio.Event()
    async with open_stream(settings, group=topic, topics=(topic,), closing=done) as stays:
        async with open_stream(settings, group=topic, topics=(topic,), closing=gone) as leaves:
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


async def test_topics_are_created_once(settings: Settings) -> None:
    file = read_topics(settings.topics_file)

    await create_topics(settings, file)

    assert await create_topics(settings, file) == []


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
        async with open_stream(nowhere, group="g", topics=("t",), closing=asyncio.Event()):
            pass
    with pytest.raises(StreamUnavailableError):
        await create_topics(nowhere, TopicsFile(replication=1, topics=()))
