"""The log on Kafka, written."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from portrait.adapters.kafka_client import client_options
from portrait.errors import StreamUnavailableError
from portrait.settings import Settings
from portrait.stream import Message

LARGEST_MESSAGE = 1_048_576  # bytes; Kafka's own default
ANSWER_MS = 10_000  # how long the brokers may take to answer


class KafkaPublisher:
    """A `Publisher`. Lives as long as the process."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._counts: dict[str, int] = {}

    async def publish(self, messages: Sequence[Message]) -> None:
        """Return once every in-sync replica has every message."""
        placed: dict[tuple[str, int], list[Message]] = defaultdict(list)
        single: list[Message] = []
        for message in messages:
            if message.partition is None or message.headers:
                single.append(message)
            else:
                placed[message.topic, message.partition].append(message)
        try:
            sent = [await self._send(message) for message in single]
            for (topic, partition), group in placed.items():
                count = await self._partitions(topic)
                sent += await self._send_packed(topic, partition % count, group)
            await asyncio.gather(*sent)
        except (KafkaError, ValueError) as error:
            raise StreamUnavailableError from error

    async def check(self) -> None:
        """Ask the cluster who it is."""
        try:
            await asyncio.wait_for(self._producer.client.fetch_all_metadata(), ANSWER_MS / 1_000)
        except (KafkaError, TimeoutError) as error:
            raise StreamUnavailableError from error

    async def _partitions(self, topic: str) -> int:
        """Return how many partitions a topic has; it is asked once."""
        if topic not in self._counts:
            self._counts[topic] = len(await self._producer.partitions_for(topic))
        return self._counts[topic]

    async def _send(self, message: Message) -> asyncio.Future[object]:
        future: asyncio.Future[object] = await self._producer.send(
            message.topic,
            message.value,
            message.key,
            partition=message.partition,
            headers=list(message.headers),
        )
        return future

    async def _send_packed(
        self, topic: str, partition: int, messages: Sequence[Message]
    ) -> list[asyncio.Future[object]]:
        """Send many messages to one partition; `send` costs five times as much for each."""
        sent: list[asyncio.Future[object]] = []
        batch = self._producer.create_batch()
        for message in messages:
            if batch.append(timestamp=None, key=message.key, value=message.value) is None:
                sent.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                batch.append(timestamp=None, key=message.key, value=message.value)
        sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        return sent


@asynccontextmanager
async def open_publisher(settings: Settings) -> AsyncIterator[KafkaPublisher]:
    """Connect; at the end flush and disconnect."""
    producer = AIOKafkaProducer(
        **client_options(settings),
        acks="all",
        linger_ms=2,
        max_batch_size=131_072,
        max_request_size=LARGEST_MESSAGE + 65_536,
        request_timeout_ms=ANSWER_MS,
    )
    try:
        await producer.start()
    except KafkaError as error:
        await producer.stop()
        raise StreamUnavailableError from error
    try:
        yield KafkaPublisher(producer)
    finally:
        await producer.stop()
