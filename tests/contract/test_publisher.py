"""What the log promises its writers: the same suite on the fake and on Kafka."""

import asyncio
from collections import Counter

import pytest

from portrait.errors import StreamUnavailableError
from portrait.events.stream import Message
from portrait.settings import Settings
from tests.support.logs import PARTITIONS, Log, LogInMemory, LogOnKafka
from tests.support.memory_log import Place, place_of


class PublisherContract:
    """All of it is in the log, or it is said."""

    async def test_what_was_published_is_in_the_log(self, log: Log) -> None:
        topic, other = log.topics
        headers = (("id", b"1"), ("none", None))
        messages = [
            *(Message(topic, b"user-%d" % (n % 7), b"%d" % n, headers) for n in range(100)),
            *(Message(other, b"ann", b"%d" % n, headers, partition=1) for n in range(100)),
            Message(other, b"gone", None),
        ]

        async with log.publisher() as publisher:
            await publisher.publish(messages)
            found = await log.records()

        assert len(found) == len(messages)
        held = {(r.topic, r.key, r.value, tuple(map(tuple, r.headers))) for r in found}
        assert held == {(m.topic, m.key, m.value, m.headers) for m in messages}

    async def test_what_many_publish_at_once_is_there_as_soon_as_each_is_told_so(
        self, log: Log
    ) -> None:
        missing: list[bytes] = []

        async def publish(value: bytes) -> None:
            await publisher.publish([Message(topic, b"ann", value) for topic in log.topics])
            values = Counter(record.value for record in await log.records())
            missing.extend([value] * (len(log.topics) - values[value]))

        async with log.publisher() as publisher, asyncio.TaskGroup() as tasks:
            for n in range(5):
                tasks.create_task(publish(b"%d" % n))

        assert missing == []

    async def test_a_key_has_one_partition_and_its_messages_their_order(self, log: Log) -> None:
        topic, _ = log.topics
        async with log.publisher() as publisher:
            for n in range(3):
                keys = [b"user-%d" % user for user in range(20)]
                await publisher.publish([Message(topic, key, b"%d" % n) for key in keys])
            found = await log.records()

        assert {record.partition for record in found} == {*range(PARTITIONS)}
        for key in keys:
            theirs = [record for record in found if record.key == key]
            assert len({place_of(record) for record in theirs}) == 1
            assert [record.value for record in theirs] == [b"0", b"1", b"2"]

    async def test_a_chosen_partition_counts_round_those_there_are(self, log: Log) -> None:
        topic, _ = log.topics
        async with log.publisher() as publisher:
            await publisher.publish(
                [Message(topic, b"ann", b"%d" % n, partition=n) for n in range(6)]
            )
            found = await log.records()

        assert {record.value: record.partition for record in found} == {
            b"%d" % n: n % PARTITIONS for n in range(6)
        }

    async def test_it_says_where_the_last_of_each_partition_lies(self, log: Log) -> None:
        topic, other = log.topics
        keyed = [Message(topic, b"user-%d" % (n % 7), b"%d" % n) for n in range(40)]
        placed = [Message(other, b"ann", bytes(50_000), partition=1) for n in range(30)]  # batches
        async with log.publisher() as publisher:
            await publisher.publish([Message(topic, b"user-1", b"earlier")])

            published = await publisher.publish([*keyed, *placed])
            found = await log.records()

        last: dict[Place, int] = {}
        for record in found:
            last[place_of(record)] = max(record.offset, last.get(place_of(record), 0))
        assert published == last
        assert set(published) == {(topic, 0), (topic, 1), (other, 1)}

    async def test_nothing_is_no_trouble(self, log: Log) -> None:
        async with log.publisher() as publisher:
            assert await publisher.publish([]) == {}
            await publisher.check()

        assert await log.records() == []

    async def test_what_is_too_large_is_refused_and_holds_up_nothing(self, log: Log) -> None:
        topic, _ = log.topics

        async with log.publisher() as publisher:
            with pytest.raises(StreamUnavailableError):
                await publisher.publish([Message(topic, b"ann", bytes(2_000_000))])
            await publisher.publish([Message(topic, b"ann", bytes(1_000_000))])
            (record,) = await log.records()

        assert record.value == bytes(1_000_000)

    async def test_a_log_that_is_away_is_said_to_be(self, log: Log) -> None:
        async with log.publisher_without_log() as publisher:
            with pytest.raises(StreamUnavailableError):
                await publisher.publish([Message(log.topics[0], b"ann", b"{}")])
            with pytest.raises(StreamUnavailableError):
                await publisher.check()


class TestListPublisher(PublisherContract):
    @pytest.fixture
    def log(self) -> Log:
        return LogInMemory()


class TestKafkaPublisher(PublisherContract):
    @pytest.fixture
    async def log(self, settings: Settings) -> Log:
        log = LogOnKafka(settings)
        await log.make()
        return log


class TestKafkaPublisherOfAShop(PublisherContract):
    @pytest.fixture
    async def log(self, settings: Settings) -> Log:
        log = LogOnKafka(settings.model_copy(update={"shop": "acme"}))
        await log.make()
        return log
