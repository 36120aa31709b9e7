"""The log as Apache Kafka keeps it: the old goes, partitions come, an end may be lost."""

import asyncio
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from structlog.testing import capture_logs

from portrait.settings import Settings
from sandbox.apache_kafka import start_apache_kafka
from sandbox.ports import free_port
from tests.support.kafka import Reader, administering, asking, kept, make_topic, reading
from tests.support.processes import producing, until

HOUR_MS = 3_600_000
COMPACTED: dict[str, str | int] = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.01",
    "segment.ms": 200,
    "delete.retention.ms": 0,
}
OLD = [b"%d" % n for n in range(10)]
NEW = [b"new %d" % n for n in range(6)]


@pytest.fixture
def topic() -> str:
    """A name that no other test uses."""
    return f"test.{uuid4().hex}"


async def publish(settings: Settings, topic: str, *values: bytes, partition: int = 0) -> None:
    """Append values, each a batch of its own. Their keys end at a sign of equality."""
    async with producing(settings.kafka_bootstrap) as producer:
        for value in values:
            await producer.send_and_wait(topic, value, value.split(b"=")[0], partition=partition)


async def test_what_retention_took_before_it_was_read_is_said_and_reading_goes_on(
    settings: Settings, topic: str
) -> None:
    await make_topic(settings, topic)
    reader = Reader(topic)
    await publish(settings, topic, b"1", b"2", b"3")
    async with reading(settings, reader):
        await until(lambda: len(reader.values) == 3, "three are read")
    await publish(settings, topic, b"4", b"5")
    await alter(settings, topic, {"retention.ms": "1"})

    async def is_empty() -> bool:
        starts, ends = await kept(settings, topic)
        return starts == ends == 5

    await until(is_empty, "everything has expired")
    await alter(settings, topic, {"retention.ms": str(HOUR_MS)})
    await publish(settings, topic, b"6")
    with capture_logs() as said:
        async with reading(settings, reader):
            await until(lambda: len(reader.values) == 4, "reading goes on")

    assert reader.values == [b"1", b"2", b"3", b"6"]
    expired = [line for line in said if line["event"] == "records_expired"]
    assert [line["records"] for line in expired] == [2]
    assert {log.number for log in reader.offsets.logs[topic].values()} == {0}


async def alter(settings: Settings, topic: str, config: dict[str, str]) -> None:
    async with administering(settings) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])


async def test_a_compacted_catalogue_is_read_to_its_end_and_says_only_what_holds(
    settings: Settings, topic: str
) -> None:
    await make_topic(settings, topic, COMPACTED)
    versions = [b"milk=%d" % n for n in range(50)] + [b"bread=%d" % n for n in range(50)]
    await publish(settings, topic, *versions, b"tea=1")
    async with producing(settings.kafka_bootstrap) as producer:
        await producer.send_and_wait(topic, None, b"tea")  # withdrawn

    async def is_compacted() -> bool:
        await publish(settings, topic, b"last=1")  # opens a segment: the newest is never compacted
        async with asking(settings, auto_offset_reset="earliest") as consumer:
            consumer.assign([at := TopicPartition(topic, 0)])
            ends, values = await consumer.end_offsets([at]), list[bytes | None]()
            while await consumer.position(at) < ends[at]:  # a fetch gives no more than a segment
                found = await consumer.getmany(timeout_ms=2_000)
                values += [record.value for records in found.values() for record in records]
        return described(values) == [b"milk=49", b"bread=49"]

    await until(is_compacted, "the log is compacted")
    async with reading(settings, Reader(topic)) as reader:
        await until(reader.is_at_end, "everything is read")

    assert described(reader.values) == [b"milk=49", b"bread=49"]
    assert not reader.notes.lately()


def described(values: Sequence[bytes | None]) -> list[bytes]:
    """Return what is said of items, but for that of the last."""
    return [value for value in values if value and not value.startswith(b"last")]


async def test_a_topic_that_gains_partitions_is_read_whole(settings: Settings, topic: str) -> None:
    await make_topic(settings, topic)
    await publish(settings, topic, b"1")
    async with reading(settings, Reader(topic)) as reader:
        await until(lambda: reader.values == [b"1"], "the first is read")
        async with administering(settings) as admin:
            await admin.create_partitions({topic: NewPartitions(3)})
        await publish(settings, topic, b"2", partition=2)
        await publish(settings, topic, b"3", partition=0)
        await until(lambda: reader.is_at_end(3), "all partitions are read")

    assert sorted(map(str, reader.values)) == ["b'1'", "b'2'", "b'3'"]
    assert {log.number for log in reader.offsets.logs[topic].values()} == {0}


class Broker:
    """A broker of a test's own, whose log can lose its end."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._port = directory, free_port()
        self.settings = Settings.model_validate({"kafka_bootstrap": f"127.0.0.1:{self._port}"})
        self.stack = ExitStack()
        self.start()

    def start(self) -> None:
        self.stack.enter_context(start_apache_kafka(self._directory, self._port, durable=True))

    def lose_end(self, topic: str, keep: int) -> None:
        """Come back with so many batches, as if the disk had taken no more of them."""
        self.stack.close()
        log = self._directory / f"kafka-{self._port}" / "log"
        segment = log / f"{topic}-0" / f"{0:020}.log"
        written, end = segment.read_bytes(), 0
        for _ in range(keep):
            end += struct.calcsize(">qi") + struct.unpack_from(">qi", written, end)[1]
        segment.write_bytes(written[:end])
        (log / ".kafka_cleanshutdown").unlink()  # so that what there is of it is looked at
        self.start()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    with broker.stack:
        yield broker


async def test_a_log_that_loses_its_end_while_it_is_read_is_read_on_from_there(
    broker: Broker, topic: str
) -> None:
    """As after a power cut of the only replica, or an unclean election."""
    await make_topic(broker.settings, topic)
    await publish(broker.settings, topic, *OLD)
    async with reading(broker.settings, Reader(topic)) as reader:
        await until(lambda: reader.values == OLD, "all is read")
        await asyncio.to_thread(broker.lose_end, topic, 6)
        await publish(broker.settings, topic, *NEW)  # more than was lost
        await until(lambda: len(reader.values) >= 16, "reading goes on")
        await until(reader.is_at_end, "there is no more")

    assert reader.values == OLD + NEW
    assert_told_once(reader)


async def test_a_log_that_has_lost_its_end_meanwhile_is_read_on_from_there(
    broker: Broker, topic: str
) -> None:
    await make_topic(broker.settings, topic)
    await publish(broker.settings, topic, *OLD)
    reader = Reader(topic)
    async with reading(broker.settings, reader):
        await until(lambda: reader.values == OLD, "all is read")
    await asyncio.to_thread(broker.lose_end, topic, 6)
    async with reading(broker.settings, reader):
        await until(reader.notes.lately, "the loss is noticed")
        await publish(broker.settings, topic, *NEW)
        await until(lambda: len(reader.values) >= 16, "reading goes on")

    assert reader.values == OLD + NEW
    assert_told_once(reader)


def assert_told_once(reader: Reader) -> None:
    """The log is the same, its number the next, and an operator is told."""
    assert {log.number for log in reader.offsets.logs[reader.topic].values()} == {1}
    (note,) = reader.notes.lately()
    assert "lost its end" in note
