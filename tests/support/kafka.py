"""A log on a real broker: topics with configurations of their own, and readers beside the test."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.kafka_topics import create_topics
from portrait.events.resume import Resume
from portrait.events.stream import Batch, Notes
from portrait.events.topics import Topic, TopicsFile
from portrait.settings import Settings
from tests.support.fakes import MemoryOffsets
from tests.support.processes import until
from workers.roots.bounds import bounds_of

NOT_LEADER = 6  # error code of Kafka's


@dataclass
class Reader:
    """What a worker has read of a topic, where it stands, and what was said about the log."""

    topic: str
    offsets: MemoryOffsets = field(default_factory=MemoryOffsets)
    notes: Notes = field(default_factory=Notes)
    batches: list[Batch] = field(default_factory=list)

    @property
    def values(self) -> list[bytes | None]:
        """What was read, in the order of the log, of a topic of one partition."""
        return [record.value for batch in self.batches for record in batch.records]

    def is_at_end(self, partitions: int = 1) -> bool:
        """Say whether everything was read, and is known to have been: an empty batch says so."""
        newest = self.batches[-1] if self.batches else Batch(())
        return not newest.records and len(newest.reached) == partitions


@asynccontextmanager
async def reading(settings: Settings, reader: Reader) -> AsyncIterator[Reader]:
    """Read a topic meanwhile, as a worker does that starts where its store says it was."""
    closing, resume = asyncio.Event(), Resume(reader.offsets, reader.topic)

    async def read() -> None:
        async with open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=reader.topic,
            topics=(reader.topic,),
            closing=closing,
            resume=resume,
            notes=reader.notes,
        ) as stream:
            async for batch in stream.batches():
                reader.batches.append(batch)
                if batch.ends:
                    await resume.mark(batch.ends, batch.logs)
                    await stream.commit(batch)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        try:
            yield reader
        finally:
            closing.set()


async def make_topic(
    settings: Settings, name: str, config: Mapping[str, str | int] | None = None
) -> None:
    """Create a topic of one partition."""
    topic = Topic(name=name, partitions=1, config=dict(config or {}))
    await create_topics(cluster_of(settings), TopicsFile(replication=1, topics=(topic,)))


@asynccontextmanager
async def administering(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect as an operator."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def asking(settings: Settings, **options: object) -> AsyncIterator[AIOKafkaConsumer]:
    """Connect as any consumer does, in no group."""
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_bootstrap, **options)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def kept(settings: Settings, topic: str) -> Sequence[int]:
    """Return from which offset to which a topic of one partition holds records."""
    at = TopicPartition(topic, 0)
    async with asking(settings) as consumer:
        starts = await consumer.beginning_offsets([at])
        ends = await consumer.end_offsets([at])
    return starts[at], ends[at]


async def send_raw(kafka: str, topic: str, *batches: bytes) -> None:
    """Append record batches to partition 0 as they are: no producer would send these."""
    client = AIOKafkaClient(bootstrap_servers=kafka)
    await client.bootstrap()
    await client.set_topics([topic])
    node = client.cluster.leader_for_partition(TopicPartition(topic, 0))

    async def is_taken(raw: bytes) -> bool:
        request = ProduceRequest(None, -1, 10_000, [(topic, [(0, raw)])])
        answer = await client.send(node, request)
        error: int = answer.topics[0][1][0][1]
        assert error in {0, NOT_LEADER}
        return error == 0

    for raw in batches:
        await until(partial(is_taken, raw), "who is to lead a new topic does")
    await client.close()
