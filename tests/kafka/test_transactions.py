"""Transactions and idempotent producers: what was committed counts, once, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from portrait.settings import Settings
from tests.support.kafka import Reader, make_topic, reading
from tests.support.processes import until


@pytest.fixture
async def topic(settings: Settings) -> str:
    """A topic of one partition that no other test uses."""
    name = f"test.{uuid4().hex}"
    await make_topic(settings, name)
    return name


@asynccontextmanager
async def transacting(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """Connect as a producer that sends in transactions."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap, transactional_id=uuid4().hex
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def send(producer: AIOKafkaProducer, topic: str, *values: bytes) -> None:
    for value in values:
        await producer.send_and_wait(topic, value, partition=0)


async def test_what_was_aborted_is_not_read_and_markers_are_no_records(
    settings: Settings, topic: str
) -> None:
    async with transacting(settings) as one, transacting(settings) as other:
        await one.begin_transaction()
        await send(one, topic, b"void")
        async with other.transaction():
            await send(other, topic, b"committed")
        await send(one, topic, b"void, too")
        await one.abort_transaction()
        async with one.transaction():
            await send(one, topic, b"committed, too")

    async with reading(settings, Reader(topic)) as reader:
        await until(reader.is_at_end, "everything is read")

    assert reader.values == [b"committed", b"committed, too"]


async def test_a_log_whose_end_is_void_is_read_to_its_end(settings: Settings, topic: str) -> None:
    async with reading(settings, Reader(topic)) as reader, transacting(settings) as producer:
        async with producer.transaction():
            await send(producer, topic, b"committed")
        await producer.begin_transaction()
        await send(producer, topic, *[b"void"] * 100)
        await producer.abort_transaction()
        await until(lambda: reader.values == [b"committed"], "it is read")
        await until(reader.is_at_end, "there is no more")
        await until(lambda: lags(topic) == [0], "nothing is left to read")


async def test_what_is_open_waits_and_holds_up_what_comes_behind_it(
    settings: Settings, topic: str
) -> None:
    """So Kafka's readers of committed records do: the order of the log is kept."""
    async with reading(settings, Reader(topic)) as reader, transacting(settings) as producer:
        await until(reader.is_at_end, "the topic is empty")
        await producer.begin_transaction()
        await send(producer, topic, b"open")
        async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap) as plain:
            await send(plain, topic, b"behind it")
        await until(lambda: lags(topic) == [2], "both are seen to wait")
        waiting = list(reader.values)
        await producer.commit_transaction()
        await until(lambda: len(reader.values) == 2, "both are read")

    assert waiting == []
    assert reader.values == [b"open", b"behind it"]


async def test_an_idempotent_producer_is_read_like_any_other(
    settings: Settings, topic: str
) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap, enable_idempotence=True
    ) as producer:
        await send(producer, topic, *(b"%d" % n for n in range(20)))

    async with reading(settings, Reader(topic)) as reader:
        await until(reader.is_at_end, "everything is read")

    assert reader.values == [b"%d" % n for n in range(20)]


def lags(topic: str) -> list[float]:
    """Return the lag of each partition that is read, as an operator sees it."""
    (metric,) = [
        each for each in REGISTRY.collect() if each.name == "portrait_partition_lag_records"
    ]
    return [each.value for each in metric.samples if each.labels["topic"] == topic]
