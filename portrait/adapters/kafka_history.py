"""History on Kafka: many events at once, and a look at which of them are there."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.partitioner import DefaultPartitioner

from portrait.adapters.kafka_client import Cluster, why_away
from portrait.adapters.kafka_names import Names
from portrait.errors import StreamUnavailableError
from portrait.events.history import PastEvent, Place, number_in
from portrait.events.topics import event_topic

BATCH_BYTES = 524_288  # of one partition at once; topics take messages of twice that
ANSWER_MS = 30_000  # until a batch that has no answer counts as lost
LOOK_SECONDS = 60.0  # longest time without anything new while the log is looked through
POLL_MS = 500
USERS = 100_000  # whose partition is remembered: to compute it costs as much as to write an event

_partition_of = DefaultPartitioner()


class KafkaHistory:
    """A `HistoryLog` of one import."""

    def __init__(
        self,
        name: str,
        topics: Sequence[str],
        producer: AIOKafkaProducer,
        consumer: AIOKafkaConsumer,
        names: Names,
    ) -> None:
        self._name = name
        self._topics = topics
        self._producer = producer
        self._consumer = consumer
        self._names = names
        self._partitions: dict[str, list[int]] = {}
        self._placed = lru_cache(USERS)(self._place)

    async def ends(self) -> Mapping[Place, int]:
        """Ask where the partitions end."""
        try:
            places = [*map(self._names.at, await self._places())]
            found = await self._consumer.end_offsets(places)
        except (KafkaError, TimeoutError) as error:
            raise StreamUnavailableError(_told(error)) from None
        return {self._names.place(at): end for at, end in found.items()}

    async def append(self, events: Sequence[PastEvent]) -> None:
        """Write batches, as large as they may be; wait until all have an answer or are given up."""
        try:
            await self._places()
            groups: dict[Place, list[PastEvent]] = defaultdict(list)
            for event in events:
                topic = event_topic(event.action)
                groups[topic, self._placed(event.key, len(self._partitions[topic]))].append(event)
            answers = await asyncio.gather(
                *(self._send(*place, group) for place, group in groups.items()),
                return_exceptions=True,
            )
        except KafkaError as error:
            raise StreamUnavailableError(_told(error)) from None
        for answer in answers:
            if isinstance(answer, KafkaError | TimeoutError):
                raise StreamUnavailableError(_told(answer)) from None
            if isinstance(answer, BaseException):
                raise answer

    async def found(self, ends: Mapping[Place, int]) -> set[int]:
        """Read from the ends to where the partitions end now."""
        reader = self._consumer
        numbers: set[int] = set()
        try:
            reader.assign([*map(self._names.at, ends)])
            for place, end in ends.items():
                reader.seek(self._names.at(place), end)
            async with asyncio.timeout(LOOK_SECONDS) as patience:
                while not await self._is_read():
                    for records in (await reader.getmany(timeout_ms=POLL_MS)).values():
                        patience.reschedule(asyncio.get_running_loop().time() + LOOK_SECONDS)
                        said = (number_in(record.headers, self._name) for record in records)
                        numbers.update(each for each in said if each is not None)
        except (KafkaError, TimeoutError, UnicodeDecodeError) as error:
            raise StreamUnavailableError(_told(error)) from None
        finally:
            reader.assign([])  # else it goes on fetching
        return numbers

    async def _is_read(self) -> bool:
        for at in self._consumer.assignment():
            end = self._consumer.highwater(at)
            if end is None or await self._consumer.position(at) < end:
                return False
        return True

    async def _places(self) -> list[Place]:
        """Return all partitions of the topics; how many there are is asked once."""
        for topic in self._topics:
            if topic not in self._partitions:
                there = await self._producer.partitions_for(self._names.there(topic))
                self._partitions[topic] = sorted(there)
        return [(topic, at) for topic, some in self._partitions.items() for at in some]

    def _place(self, key: bytes, partitions: int) -> int:
        """Return where the events of a user lie: where any producer puts them."""
        place: int = _partition_of(key, range(partitions), None)
        return place

    async def _send(self, topic: str, partition: int, events: Sequence[PastEvent]) -> None:
        """Write the events of one partition, in order."""
        sent: list[asyncio.Future[object]] = []
        topic, batch = self._names.there(topic), self._producer.create_batch()
        for event in events:
            headers = [*event.headers(self._name)]
            while not batch.append(
                timestamp=None, key=event.key, value=event.value, headers=headers
            ):
                sent.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
        sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        for answer in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer


@asynccontextmanager
async def open_history(
    cluster: Cluster, name: str, topics: Sequence[str]
) -> AsyncIterator[KafkaHistory]:
    """Connect for one import, that of this name into these topics.

    Raises:
        StreamUnavailableError: Kafka does not answer; the message says why.
    """
    producer = AIOKafkaProducer(
        **cluster.options(), acks="all", max_batch_size=BATCH_BYTES, request_timeout_ms=ANSWER_MS
    )
    consumer = AIOKafkaConsumer(
        **cluster.options(),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=POLL_MS,
    )
    try:
        for client in (producer, consumer):
            try:
                await client.start()
            except KafkaError as error:
                raise StreamUnavailableError(await why_away(cluster, error)) from error
        yield KafkaHistory(name, topics, producer, consumer, cluster.names)
    finally:
        await consumer.stop()
        await producer.stop()


def _told(error: BaseException) -> str:
    """Say what is wrong, without what the client's errors may quote."""
    return f"Kafka does not take or give events of history ({type(error).__name__})."
