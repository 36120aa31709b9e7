"""What the ports of an import promise: the same suite on fakes, Redis and Kafka."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from redis.asyncio import Redis

from portrait.adapters.kafka_client import Cluster
from portrait.adapters.kafka_history import open_history
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.redis_imports import RedisImports
from portrait.errors import StoreDamagedError
from portrait.events.event import Action
from portrait.events.history import (
    HistoryLog,
    Imported,
    ImportLedger,
    ImportTakenError,
    PastEvent,
    Place,
)
from portrait.events.receipt import RECEIVED
from portrait.events.topics import Topic, TopicsFile, event_topic
from sandbox.servers import start_kafka
from tests.support.memory_history import MemoryHistory, MemoryImports
from tests.support.processes import producing

NOW = 1_700_000_000_000  # ms; long ago
ACTIONS = (Action.BROWSE, Action.PURCHASE)
Open = Callable[[str], AbstractAsyncContextManager[HistoryLog]]


class LedgerContract:
    """An import is somebody's, and what is noted of it stays."""

    async def test_an_import_that_nobody_has_begun_is_not_there(self, ledger: ImportLedger) -> None:
        assert await ledger.read("a") is None
        assert await ledger.take("a", "me") == Imported()
        assert await ledger.read("a") is None

    async def test_what_was_noted_is_read(self, ledger: ImportLedger) -> None:
        half = Imported(10, {("events.click", 3): 7, ("events.a:b", 0): 0})
        await ledger.take("a", "me")

        await ledger.note("a", "me", half)

        assert await ledger.read("a") == half
        assert await ledger.take("a", "another") == half
        assert await ledger.read("b") is None

    async def test_who_took_it_over_is_at_it_alone(self, ledger: ImportLedger) -> None:
        await ledger.take("a", "me")
        await ledger.note("a", "me", Imported(10))
        await ledger.take("a", "another")

        with pytest.raises(ImportTakenError):
            await ledger.note("a", "me", Imported(20))
        assert await ledger.read("a") == Imported(10)
        await ledger.note("a", "another", Imported(30, is_finished=True))
        assert await ledger.read("a") == Imported(30, is_finished=True)

    async def test_who_never_took_it_cannot_note_anything(self, ledger: ImportLedger) -> None:
        with pytest.raises(ImportTakenError):
            await ledger.note("a", "me", Imported(1))


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> ImportLedger:
        return MemoryImports()


class TestRedisLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, redis: Redis) -> ImportLedger:
        return RedisImports(redis)

    @pytest.mark.parametrize("damaged", [b"", b"\xff", b"{}", b'{"done": "x"}'])
    async def test_what_is_damaged_is_not_taken_for_an_import_that_nobody_began(
        self, redis: Redis, damaged: bytes
    ) -> None:
        ledger = RedisImports(redis)
        await redis.hset("import:a", "state", damaged)

        for ask in (ledger.read("a"), ledger.take("a", "me")):
            with pytest.raises(StoreDamagedError, match="import:a in Redis cannot be read"):
                await ask

    async def test_a_key_of_another_type_is_told(self, redis: Redis) -> None:
        ledger = RedisImports(redis)
        await redis.set("import:a", "garbage")

        with pytest.raises(StoreDamagedError):
            await ledger.read("a")


def past(number: int, user: str = "ann", action: Action = Action.BROWSE) -> PastEvent:
    return PastEvent(1_000 + number, number, action, user.encode(), b'{"n":%d}' % number)


class LogContract:
    """What was appended lies there, in order, and is found."""

    async def test_what_was_appended_is_found_and_nothing_else(self, open: Open) -> None:
        async with open("one") as one, open("other") as other:
            before = await one.ends()
            await one.append([past(n, f"user-{n}", ACTIONS[n % 2]) for n in range(20)])
            await other.append([past(n) for n in range(30, 40)])

            assert await one.found(before) == {*range(20)}
            assert await other.found(before) == {*range(30, 40)}

    async def test_nothing_that_comes_later_is_missed_from_the_ends_that_were_told(
        self, open: Open
    ) -> None:
        async with open("one") as one:
            await one.append([past(n) for n in range(10)])
            ends = await one.ends()
            await one.append([past(n) for n in range(10, 20)])

            assert await one.found(ends) >= {*range(10, 20)}
            assert await one.found({}) == set()

    async def test_an_empty_log_holds_nothing(self, open: Open) -> None:
        async with open("one") as one:
            assert await one.found(await one.ends()) == set()
            await one.append([])


class TestMemoryLog(LogContract):
    @pytest.fixture
    def open(self) -> Open:
        partitions = MemoryHistory("").partitions

        @asynccontextmanager
        async def opened(name: str) -> AsyncIterator[HistoryLog]:
            yield MemoryHistory(name, partitions)

        return opened


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_kafka(tmp_path_factory.mktemp("history")) as bootstrap:
        yield bootstrap


class TestKafkaLog(LogContract):
    @pytest.fixture
    async def cluster(self, kafka: str) -> Cluster:
        topics = tuple(Topic(name=event_topic(action), partitions=3) for action in ACTIONS)
        await create_topics(Cluster(kafka), TopicsFile(replication=1, topics=topics))
        return Cluster(kafka)

    @pytest.fixture
    def open(self, cluster: Cluster) -> Open:
        salt = uuid4().hex  # the log has what other tests have appended
        topics = [event_topic(action) for action in ACTIONS]
        return lambda name: open_history(cluster, name + salt, topics)

    async def test_events_lie_where_any_producer_puts_them_with_the_time_of_the_import(
        self, open: Open, cluster: Cluster
    ) -> None:
        users = [f"user-{n}" for n in range(40)]
        async with open("one") as one:
            before = await one.ends()
            await one.append([past(n, user) for n, user in enumerate(users)])
        async with producing(cluster.bootstrap) as producer:
            sent = [await producer.send("events.browse", b"{}", user.encode()) for user in users]
            theirs = [(await each).partition for each in sent]

        places: dict[int, int] = {}
        for record in await records(cluster, before):
            number = int(json.loads(record.value).get("n", -1))
            if record.key == f"user-{number}".encode():  # another test's lie there as well
                places[number] = record.partition
                assert dict(record.headers)[RECEIVED] == b"%d" % (1_000 + number)
                assert record.timestamp > NOW
        assert [places[number] for number in range(40)] == theirs

    async def test_a_chunk_of_many_bytes_comes_whole_and_in_order(
        self, open: Open, cluster: Cluster
    ) -> None:
        many = [past(n)._replace(value=b"x" * 2_000) for n in range(1_000)]
        async with open("one") as one:
            before = await one.ends()

            await one.append(many)

            assert await one.found(before) == {*range(1_000)}
        found = [r for r in await records(cluster, before) if len(r.value) == 2_000]
        assert [int(r.headers[0][1]) for r in found] == [event.at for event in many]


async def records(cluster: Cluster, ends: Mapping[Place, int]) -> list[ConsumerRecord]:
    """Read what lies after these ends, until there is nothing new."""
    reader = AIOKafkaConsumer(bootstrap_servers=cluster.bootstrap)
    await reader.start()
    try:
        reader.assign([TopicPartition(*place) for place in ends])
        for place, end in ends.items():
            reader.seek(TopicPartition(*place), end)
        found = []
        while some := await reader.getmany(timeout_ms=1_000):
            found += [record for each in some.values() for record in each]
        return found
    finally:
        await reader.stop()
