"""Where readers begin: a new group at the earliest record; those who follow along, where they say.

Groups are of the classic protocol: aiokafka 0.14 does not speak the newer one (KIP-848).
"""

from uuid import uuid4

import pytest
from aiokafka import TopicPartition

from portrait.settings import Settings
from tests.support.kafka import Reader, asking, make_topic, reading
from tests.support.processes import producing, until
from tests.support.records import RECEIVED
from tests.support.topics import TIMELESS


@pytest.fixture
async def topic(settings: Settings) -> str:
    """A topic of one partition, with three records a second apart."""
    name = f"test.{uuid4().hex}"
    await make_topic(settings, name, TIMELESS)
    await publish(settings, name, 0, 3)
    return name


async def publish(settings: Settings, topic: str, start: int, end: int) -> None:
    async with producing(settings.kafka_bootstrap) as producer:
        for n in range(start, end):
            at = RECEIVED + 1_000 * n
            await producer.send_and_wait(topic, b"%d" % n, partition=0, timestamp_ms=at)


async def test_a_group_without_offsets_begins_at_the_earliest_record(
    settings: Settings, topic: str
) -> None:
    async with reading(settings, Reader(topic)) as reader:
        await until(reader.is_at_end, "everything is read")

    assert reader.values == [b"0", b"1", b"2"]


async def test_who_begins_at_the_latest_hears_only_of_what_comes(
    settings: Settings, topic: str
) -> None:
    at = TopicPartition(topic, 0)
    async with asking(settings, auto_offset_reset="latest") as consumer:
        consumer.assign([at])
        assert await consumer.position(at) == 3
        await publish(settings, topic, 3, 5)
        heard = [(await consumer.getone()).value for _ in range(2)]

    assert heard == [b"3", b"4"]


async def test_an_offset_is_found_by_its_time(settings: Settings, topic: str) -> None:
    at = TopicPartition(topic, 0)
    async with asking(settings) as consumer:
        between = await consumer.offsets_for_times({at: RECEIVED + 500})
        beyond = await consumer.offsets_for_times({at: RECEIVED + 10_000})

    assert (between[at].offset, between[at].timestamp) == (1, RECEIVED + 1_000)
    assert beyond[at] is None
