"""A log of a test's own, two topics of two partitions: in memory, and on a real broker."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Protocol
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.kafka_stream import Bounds, open_stream
from portrait.adapters.kafka_topics import create_topics
from portrait.events.resume import Resume
from portrait.events.stream import EventStream, Headers, Publisher, Record
from portrait.events.topics import Topic, TopicsFile
from portrait.settings import Settings
from sandbox.servers import free_port
from tests.support.fakes import ListPublisher
from tests.support.memory_log import MemoryLog, Place
from tests.support.memory_stream import MemoryGroup

PARTITIONS = 2


class Log(Protocol):
    """What a suite may do with a log, whatever it is made of."""

    @property
    def topics(self) -> Sequence[str]:
        """Their names, which no other log has."""
        ...

    def publisher(self) -> AbstractAsyncContextManager[Publisher]:
        """Connect a publisher."""
        ...

    def publisher_without_log(self) -> AbstractAsyncContextManager[Publisher]:
        """Connect a publisher to a log that is away."""
        ...

    def reader(
        self, closing: asyncio.Event, *, most: int = sys.maxsize, resume: Resume | None = None
    ) -> AbstractAsyncContextManager[EventStream]:
        """Join the one group that reads it, for batches of so many records at most."""
        ...

    async def put(
        self, place: Place, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        """Append what no `Message` may be, but others publish."""
        ...

    async def records(self) -> list[Record]:
        """Return what lies there now, by partition."""
        ...


class LogInMemory:
    """A `Log` of the fakes."""

    def __init__(self) -> None:
        self.topics = ("events.click", "events.cart")
        self._log = MemoryLog(dict.fromkeys(self.topics, PARTITIONS))
        self._group = MemoryGroup(self._log, self.topics)

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[Publisher]:
        yield ListPublisher(self._log)

    @asynccontextmanager
    async def publisher_without_log(self) -> AsyncIterator[Publisher]:
        publisher = ListPublisher()
        publisher.is_down = True
        yield publisher

    def reader(
        self, closing: asyncio.Event, *, most: int = sys.maxsize, resume: Resume | None = None
    ) -> AbstractAsyncContextManager[EventStream]:
        return self._group.reader(closing, resume, most)

    async def put(
        self, place: Place, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        self._log.put(place, key, value, headers)

    async def records(self) -> list[Record]:
        return [*self._log.records]


class LogOnKafka:
    """A `Log` on a broker."""

    def __init__(self, settings: Settings) -> None:
        self.topics = tuple(f"test.{uuid4().hex}" for _ in range(2))
        self._cluster = cluster_of(settings)

    async def make(self) -> None:
        """Create its topics."""
        topics = tuple(Topic(name=name, partitions=PARTITIONS) for name in self.topics)
        await create_topics(self._cluster, TopicsFile(replication=1, topics=topics))

    def publisher(self) -> AbstractAsyncContextManager[Publisher]:
        return open_publisher(self._cluster)

    def publisher_without_log(self) -> AbstractAsyncContextManager[Publisher]:
        nowhere = Settings.model_validate({"kafka_bootstrap": f"127.0.0.1:{free_port()}"})
        return open_publisher(cluster_of(nowhere))

    def reader(
        self, closing: asyncio.Event, *, most: int = 1_000, resume: Resume | None = None
    ) -> AbstractAsyncContextManager[EventStream]:
        wait, outage = timedelta(milliseconds=20), timedelta(seconds=60)
        most_bytes = most // 2 + 1  # so that some are read and left over for the next batch
        bounds = Bounds(wait, most, most_bytes, outage)
        return open_stream(
            self._cluster,
            bounds,
            group=self.topics[0],
            topics=self.topics,
            closing=closing,
            resume=resume,
        )

    async def put(
        self, place: Place, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        at, sent = self._cluster.names.at(place), list(headers)
        async with AIOKafkaProducer(**self._cluster.options()) as producer:
            await producer.send_and_wait(at.topic, value, key, at.partition, headers=sent)

    async def records(self) -> list[Record]:
        found: list[ConsumerRecord] = []
        async with AIOKafkaConsumer(**self._cluster.options()) as consumer:
            names = self._cluster.names
            places = [names.at((at, n)) for at in self.topics for n in range(PARTITIONS)]
            consumer.assign(places)
            await consumer.seek_to_beginning()
            for at in places:
                while not await _is_read(consumer, at):
                    found += (await consumer.getmany(at, timeout_ms=200)).get(at, [])
        return [replace(each, topic=names.here(each.topic)) for each in found]


async def _is_read(consumer: AIOKafkaConsumer, at: TopicPartition) -> bool:
    end = consumer.highwater(at)
    return end is not None and await consumer.position(at) >= end
