"""The log on Kafka, written.

connecting ─ in the background, again and again ─▶ connected ─▶ publish, within a bound of time
    └ meanwhile publishing is refused at once          └ at most so many bytes wait for an answer
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import NamedTuple, TypeVar

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from portrait.adapters.kafka_client import Cluster, why_away
from portrait.adapters.kafka_names import Names
from portrait.errors import StreamUnavailableError
from portrait.events.history import Place
from portrait.events.stream import Message, Publisher
from portrait.lifecycle.lease import stopped
from portrait.outage import Outage

LARGEST_MESSAGE = 1_048_576  # bytes; Kafka's own default
ANSWER_SECONDS = 4.0  # how long a publication may take: whoever waits over HTTP is told after that
CONNECT_SECONDS = 1.0  # that a start waits for the first connection
AGAIN_SECONDS = 1.0  # between two tries to connect
STOP_SECONDS = 5.0  # for what is still on its way at the end
MOST_WAITING = 67_108_864  # bytes without an answer: a Kafka that is frozen must not fill us

log = structlog.get_logger()

Answer = TypeVar("Answer")


class _Sent(NamedTuple):
    """Some messages on their way to one partition."""

    answer: asyncio.Future[RecordMetadata]  # where the first of them lies
    messages: int = 1


class KafkaPublisher:
    """A `Publisher`. Lives as long as the process, and longer than any outage of Kafka."""

    def __init__(
        self,
        connect: Callable[[], AIOKafkaProducer],
        why_away: Callable[[KafkaError], Awaitable[str]],
    ) -> None:
        self._connect = connect
        self._why_away = why_away
        self._producer: AIOKafkaProducer | None = None  # None until Kafka has answered once
        self._counts: dict[str, int] = {}
        self._waiting = 0  # bytes that have no answer yet

    async def keep_connecting(self) -> None:
        """Connect as soon as Kafka is there; from then on its client connects again by itself."""
        while self._producer is None:
            producer = self._connect()
            try:
                await producer.start()
            except KafkaError as error:
                await producer.stop()
                reason = await self._why_away(error)
                log.warning("kafka_away", reason=reason, retry_seconds=AGAIN_SECONDS)
                await asyncio.sleep(AGAIN_SECONDS)
            except asyncio.CancelledError:
                await producer.stop()
                raise
            else:
                self._producer = producer

    async def stop(self) -> None:
        """Send what is on its way, for a while, and disconnect."""
        if self._producer is not None:
            await asyncio.wait([asyncio.ensure_future(self._producer.stop())], timeout=STOP_SECONDS)

    async def publish(self, messages: Sequence[Message]) -> Mapping[Place, int]:
        """Return once every in-sync replica has every message."""
        size = sum(len(message.key) + len(message.value or b"") for message in messages)
        if self._waiting and self._waiting + size > MOST_WAITING:
            msg = "Kafka is behind with what was published before: try again later."
            raise StreamUnavailableError(msg)
        self._waiting += size
        try:
            return await self._bounded(self._publish(self._connected(), messages))
        finally:
            self._waiting -= size

    async def check(self) -> None:
        """Ask the cluster who it is."""
        await self._bounded(self._connected().client.fetch_all_metadata())

    def _connected(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise StreamUnavailableError
        return self._producer

    async def _bounded(self, step: Awaitable[Answer]) -> Answer:
        """Wait for Kafka no longer than one may wait; what is sent late may still arrive."""
        try:
            return await asyncio.wait_for(step, ANSWER_SECONDS)
        except (KafkaError, TimeoutError, ValueError, AssertionError, TypeError):
            self._counts.clear()  # a topic made anew may have others: the client asserts that not
            raise StreamUnavailableError from None  # the client's errors may quote a message

    async def _publish(
        self, producer: AIOKafkaProducer, messages: Sequence[Message]
    ) -> Mapping[Place, int]:
        placed: dict[tuple[str, int], list[Message]] = defaultdict(list)
        single: list[Message] = []
        for message in messages:
            if message.partition is None:
                single.append(message)
            else:
                placed[message.topic, message.partition].append(message)
        sent: list[_Sent] = []
        try:
            for message in single:
                sent.append(await _send(producer, message))  # noqa: PERF401 - those sent are known
            for (topic, partition), group in placed.items():
                count = await self._partitions(producer, topic)
                sent += await _send_packed(producer, topic, partition % count, group)
            await asyncio.gather(*(each.answer for each in sent))
        finally:
            for each in sent:
                each.answer.cancel()  # of those that nobody waits for any more; others are done
        return _last_offsets(sent)

    async def _partitions(self, producer: AIOKafkaProducer, topic: str) -> int:
        """Return how many partitions a topic has; it is asked once."""
        if topic not in self._counts:
            self._counts[topic] = len(await producer.partitions_for(topic))
        return self._counts[topic]


class ShopPublisher:
    """A `Publisher` of one shop, over the connection of whoever publishes for several."""

    def __init__(self, publisher: Publisher, names: Names) -> None:
        self._publisher = publisher
        self._names = names
        self.check = publisher.check

    async def publish(self, messages: Sequence[Message]) -> Mapping[Place, int]:
        """Publish to the shop's own topics."""
        there, here = self._names.there, self._names.here
        theirs = [each._replace(topic=there(each.topic)) for each in messages]
        published = await self._publisher.publish(theirs)
        return {(here(topic), at): offset for (topic, at), offset in published.items()}


class PatientPublisher:
    """A `Publisher` for workers: it waits through outages, for as long as is allowed."""

    def __init__(self, publisher: Publisher, outage: timedelta, closing: asyncio.Event) -> None:
        self._publisher = publisher
        self._outage = outage
        self._closing = closing

    async def publish(self, messages: Sequence[Message]) -> Mapping[Place, int]:
        """Publish, again as often as Kafka fails; what arrives twice has the same id."""
        outage = Outage(self._outage)
        while messages:
            try:
                return await self._publisher.publish(messages)
            except StreamUnavailableError as error:
                if outage.is_over_limit() or self._closing.is_set():
                    raise
                pause = outage.pause()
                log.warning("kafka_away", reason=str(error), retry_seconds=pause)
                await asyncio.sleep(pause)
        return {}

    async def check(self) -> None:
        """Raise StreamUnavailableError unless Kafka answers."""
        await self._publisher.check()


async def _send(producer: AIOKafkaProducer, message: Message) -> _Sent:
    return _Sent(
        await producer.send(
            message.topic,
            message.value,
            message.key,
            partition=message.partition,
            headers=list(message.headers),
        )
    )


async def _send_packed(
    producer: AIOKafkaProducer, topic: str, partition: int, messages: Sequence[Message]
) -> list[_Sent]:
    """Send many messages to one partition; `send` costs five times as much for each."""
    sent: list[_Sent] = []
    batch = producer.create_batch()
    for message in messages:
        if not _packed(batch, message):
            sent.append(await _send_batch(producer, topic, partition, batch))
            batch = producer.create_batch()
            _packed(batch, message)
    sent.append(await _send_batch(producer, topic, partition, batch))
    return sent


async def _send_batch(
    producer: AIOKafkaProducer, topic: str, partition: int, batch: BatchBuilder
) -> _Sent:
    count = batch.record_count()
    return _Sent(await producer.send_batch(batch, topic, partition=partition), count)


def _last_offsets(sent: Sequence[_Sent]) -> Mapping[Place, int]:
    """Return where the last of what was sent lies, of each partition."""
    last: dict[Place, int] = {}
    for answer, messages in sent:
        at = answer.result()
        place = at.topic, at.partition
        last[place] = max(last.get(place, 0), at.offset + messages - 1)
    return last


def _packed(batch: BatchBuilder, message: Message) -> bool:
    """Put a message into a batch; false if it is full. The first always fits."""
    _, key, value, headers, _ = message
    return batch.append(timestamp=None, key=key, value=value, headers=list(headers)) is not None


@asynccontextmanager
async def open_publisher(cluster: Cluster) -> AsyncIterator[Publisher]:
    """Connect, whenever Kafka is there; at the end flush and disconnect."""

    def connect() -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **cluster.options(),
            acks="all",
            linger_ms=2,
            max_batch_size=131_072,
            max_request_size=LARGEST_MESSAGE + 65_536,
            request_timeout_ms=int(ANSWER_SECONDS * 1_000),
        )

    publisher = KafkaPublisher(connect, partial(why_away, cluster))
    connecting = asyncio.create_task(publisher.keep_connecting())
    await asyncio.wait([connecting], timeout=CONNECT_SECONDS)  # whoever can be ready at once is
    try:
        yield ShopPublisher(publisher, cluster.names) if cluster.names.prefix else publisher
    finally:
        await stopped(connecting)
        await publisher.stop()
