"""Kafka away or frozen: publishing ends within a bound, holds a bound of bytes, and recovers."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from subprocess import Popen

import pytest

from portrait.adapters import kafka_publisher
from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import (
    ANSWER_SECONDS,
    MOST_WAITING,
    PatientPublisher,
    open_publisher,
)
from portrait.adapters.kafka_topics import create_topics
from portrait.errors import StreamUnavailableError
from portrait.events.stream import Message, Publisher
from portrait.events.topics import Topic, TopicsFile
from portrait.settings import Settings
from sandbox.listening import listener
from sandbox.servers import free_port, start_kafka
from tests.support.fakes import ListPublisher
from tests.support.processes import frozen, until

TOPIC = TopicsFile(replication=1, topics=(Topic(name="away", partitions=1),))
MESSAGES = [Message("away", b"ann", b"{}"), Message("away", b"ann", b"{}", partition=0)]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def publisher(port: int) -> AsyncIterator[Publisher]:
    async with open_publisher(cluster_of(settings_at(port))) as publisher:
        yield publisher


def settings_at(port: int) -> Settings:
    return Settings.model_validate({"kafka_bootstrap": f"127.0.0.1:{port}"})


@contextmanager
def broker(port: int, logs: Path) -> Iterator[Popen[bytes]]:
    with start_kafka(logs, port):
        yield listener(port)


async def is_taken(publisher: Publisher) -> bool:
    try:
        await publisher.publish(MESSAGES)
    except StreamUnavailableError:
        return False
    return True


async def await_taken(publisher: Publisher) -> None:
    await until(lambda: is_taken(publisher), "Kafka takes messages")


async def test_a_kafka_that_is_not_there_yet_is_refused_at_once_and_found_later(
    publisher: Publisher, port: int, tmp_path: Path
) -> None:
    started = time.monotonic()
    with pytest.raises(StreamUnavailableError):
        await publisher.publish(MESSAGES)
    with pytest.raises(StreamUnavailableError):
        await publisher.check()
    assert time.monotonic() - started < 0.5

    with broker(port, tmp_path):
        await create_topics(cluster_of(settings_at(port)), TOPIC)
        await await_taken(publisher)
        await publisher.check()


async def test_a_kafka_that_freezes_is_told_within_a_bound_and_used_again_when_it_thaws(
    publisher: Publisher, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_publisher, "MOST_WAITING", 100_000)
    large = [Message("away", b"ann", bytes(60_000))]
    with broker(port, tmp_path) as process:
        await create_topics(cluster_of(settings_at(port)), TOPIC)
        await await_taken(publisher)
        with frozen(process):
            started = time.monotonic()
            first = asyncio.create_task(publisher.publish(large))
            waiting = [asyncio.create_task(is_taken(publisher)) for _ in range(20)]
            await asyncio.sleep(0.05)
            with pytest.raises(StreamUnavailableError, match="behind"):  # the bound in bytes
                await publisher.publish(large)
            assert not first.done()
            with pytest.raises(StreamUnavailableError):
                await first
            answers = await asyncio.gather(*waiting)
            seconds = time.monotonic() - started
        await await_taken(publisher)

    assert answers == [False] * 20
    assert seconds < ANSWER_SECONDS + 1  # of which one is for a busy machine
    assert MOST_WAITING < 100 * 2**20


async def test_a_worker_waits_for_kafka_and_no_longer_than_it_may() -> None:
    log, closing = ListPublisher(), asyncio.Event()
    patient = PatientPublisher(log, timedelta(seconds=30), closing)
    log.is_down = True
    waiting = asyncio.create_task(patient.publish(MESSAGES))
    await asyncio.sleep(0.15)
    assert not waiting.done()
    log.is_down = False
    await waiting
    assert log.messages == MESSAGES

    log.is_down = True
    with pytest.raises(StreamUnavailableError):
        await PatientPublisher(log, timedelta(0), closing).publish(MESSAGES)
    closing.set()
    with pytest.raises(StreamUnavailableError):
        await patient.publish(MESSAGES)
