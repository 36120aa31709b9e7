"""Publisher: a topic made anew with fewer partitions than before takes what is sent."""

import asyncio
from datetime import timedelta
from typing import Any, cast

from aiokafka.errors import KafkaError
from aiokafka.structs import RecordMetadata, TopicPartition

from portrait.adapters.kafka_publisher import KafkaPublisher, PatientPublisher
from portrait.events.stream import Message


class Batch:
    """As aiokafka's."""

    def append(self, **_message: object) -> object:
        return object()

    def record_count(self) -> int:
        return 1


class Shrinking:
    """A producer of a topic; as aiokafka, it asserts that a partition is there."""

    def __init__(self) -> None:
        self.count = 6
        self.sent: list[int] = []

    async def start(self) -> None:
        """Be there."""

    async def stop(self) -> None:
        """Be gone."""

    async def partitions_for(self, _topic: str) -> set[int]:
        return set(range(self.count))

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(
        self, _batch: Batch, topic: str, *, partition: int
    ) -> asyncio.Future[RecordMetadata]:
        assert partition in range(self.count), "Unrecognized partition"
        self.sent.append(partition)
        done: asyncio.Future[RecordMetadata] = asyncio.get_running_loop().create_future()
        at = TopicPartition(topic, partition)
        done.set_result(RecordMetadata(topic, partition, at, len(self.sent), 0, 0, 0))
        return done


async def never_away(error: KafkaError) -> str:
    raise AssertionError(error)


async def test_a_topic_with_fewer_partitions_than_before_is_published_to() -> None:
    producer = Shrinking()
    publisher = KafkaPublisher(lambda: cast("Any", producer), never_away)
    await publisher.keep_connecting()
    patient = PatientPublisher(publisher, timedelta(seconds=5), asyncio.Event())
    notice = [Message("profiles.updated", b"k", b"v", partition=5)]
    await patient.publish(notice)

    producer.count = 1
    await patient.publish(notice)

    assert producer.sent == [5, 0]
