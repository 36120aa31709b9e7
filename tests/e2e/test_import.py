"""Import: a history from a file, killed in the middle, leaves the profiles that a producer leaves.

The producer sends the file's rows as they are, by time, at the moments that the import's records
have; nothing else is the same for both.
"""

import asyncio
import csv
import json
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from portrait.adapters.kafka_client import Cluster
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.redis_imports import RedisImports
from portrait.adapters.redis_store import connect_redis
from portrait.events.event import Action
from portrait.events.topics import event_topic, read_topics
from portrait.profiles.profile import read_facts
from portrait.reading.events import read_events
from sandbox.processes import ROOT, Process, python, running
from sandbox.servers import start_kafka, start_redis
from tests.support.processes import (
    catalogue,
    environment,
    folded,
    producing,
    profiles,
    publish_items,
    until,
    with_path,
    worker,
)

pytestmark = pytest.mark.e2e

ITEMS, USERS, ROWS = 40, 600, 20_000
NAMES = ("event_time", "event_type", "product_id", "category_id", "category_code", "brand", "price")
ACTIONS = {"view": Action.BROWSE, "cart": Action.CART, "purchase": Action.PURCHASE}
BEGIN = datetime(2019, 10, 1, tzinfo=UTC)
Rows = list[dict[str, str]]


def write_log(path: Path) -> Rows:
    """Write a log in the format of REES46, in no order. Returns its rows."""
    random = Random(11)  # noqa: S311 - a test
    rows = []
    for number in range(ROWS):
        at = BEGIN + timedelta(seconds=random.randrange(20_000))
        (action,) = random.choices([*ACTIONS], [20, 3, 2])
        item = random.randrange(ITEMS)
        values = (f"{at:%Y-%m-%d %H:%M:%S} UTC", action, f"item-{item}", "7", "a.b", "", "3.50")
        user = f"user-{random.randrange(USERS)}"
        rows.append(
            dict(zip(NAMES, values, strict=True)) | {"user_id": user, "user_session": str(number)}
        )
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    return rows


@dataclass(frozen=True)
class World:
    """A Redis with a catalogue, a log in a file, and a broker for the import."""

    redis: str
    kafka: str
    directory: Path
    log: Path
    rows: Rows

    def settings(self, kafka: str) -> dict[str, str]:
        temporary = {"TMPDIR": str(self.directory)}  # what is killed leaves its runs there
        return environment(kafka, self.redis) | temporary

    def importing(self) -> list[str]:
        return python("portrait", "import", "events", str(self.log), "--yes")

    async def is_folded(self) -> bool:
        return await folded(self.redis) == ROWS


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("import")
    log = directory / "2019-Oct.csv"
    with ExitStack() as stack:
        redis = stack.enter_context(start_redis(directory))
        kafka = stack.enter_context(start_kafka(directory))
        asyncio.run(make_topics(kafka))
        asyncio.run(publish_items(kafka, catalogue(ITEMS)))
        stack.enter_context(worker("index", environment(kafka, redis), directory))
        asyncio.run(until(lambda: is_indexed(redis), "the catalogue is indexed"))
        yield World(redis, kafka, directory, log, write_log(log))


async def make_topics(kafka: str) -> None:
    await create_topics(Cluster(kafka), read_topics(ROOT / "deploy" / "topics.yml"))


async def is_indexed(url: str) -> bool:
    redis = await connect_redis(url)
    count = await redis.hlen("items")
    await redis.aclose()
    return count == ITEMS


async def take_profiles(url: str, *, forget: bool = False) -> dict[bytes, bytes]:
    redis = await connect_redis(url)
    found = await profiles(redis)
    if forget:
        await redis.delete("offsets:portrait-update", *found)
    await redis.aclose()
    return found


async def done(url: str) -> int:
    """Return how many events the ledger says the log has."""
    redis = await connect_redis(url)
    keys = [key.decode() async for key in redis.scan_iter("import:*")]
    states = [await RedisImports(redis).read(key.removeprefix("import:")) for key in keys]
    await redis.aclose()
    return max((state.done for state in states if state is not None), default=0)


async def records(kafka: str) -> list[ConsumerRecord]:
    """Return all records of the log of events, by topic, partition and offset."""
    reader = AIOKafkaConsumer(bootstrap_servers=kafka)
    await reader.start()
    reader.assign(
        [TopicPartition(event_topic(each), at) for each in ACTIONS.values() for at in range(6)]
    )
    await reader.seek_to_beginning()
    found = []
    while some := await reader.getmany(timeout_ms=2_000):
        found += [record for each in some.values() for record in each]
    await reader.stop()
    return sorted(found, key=lambda record: (record.topic, record.partition, record.offset))


async def send_rows(kafka: str, rows: Rows, moments: Mapping[str, int]) -> None:
    """Send rows as a producer would that has but the log: by time, keyed by user."""
    async with producing(kafka) as producer:
        for row in sorted(rows, key=lambda row: row["event_time"]):
            value = json.dumps(row).encode()
            (event,) = read_events(value).events
            topic, key = event_topic(ACTIONS[row["event_type"]]), row["user_id"].encode()
            await producer.send(topic, value, key, timestamp_ms=moments[event.event_id])


def run_to_its_end(
    command: list[str], settings: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own
        command,
        cwd=ROOT,
        env=with_path(settings),
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )


def test_an_import_that_is_killed_leaves_the_profiles_that_a_producer_leaves(world: World) -> None:
    settings = world.settings(world.kafka)
    with worker("update", settings, world.directory):
        kill_in_the_middle(world, settings)
        resumed = run_to_its_end(world.importing(), settings)
        asyncio.run(until(world.is_folded, "the history is folded"))
        before = asyncio.run(records(world.kafka))
        again = run_to_its_end(world.importing(), settings)
    imported = asyncio.run(take_profiles(world.redis, forget=True))

    assert "import_resumed" in resumed.stderr
    ended = json.loads(resumed.stdout.splitlines()[-1])
    assert (ended["read"], ended["events"], ended["passed_over"], ended["dead"]) == (
        ROWS,
        ROWS,
        0,
        0,
    )
    assert "imported_before" in again.stderr
    assert len(before) == ROWS
    assert asyncio.run(records(world.kafka)) == before
    assert imported == produced(world, before)
    assert read_facts([*imported.values()])[0].head["totals"].sum() == ROWS


def kill_in_the_middle(world: World, settings: dict[str, str]) -> None:
    log = world.directory / "import.log"
    with running(world.importing(), log, settings, Process) as process:
        asyncio.run(until(is_at(world, ROWS // 4), "a part is published"))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert asyncio.run(done(world.redis)) < ROWS, "killed too late to have disturbed anything"


def is_at(world: World, count: int) -> Callable[[], object]:
    async def reached() -> bool:
        return await done(world.redis) >= count

    return reached


def produced(world: World, imported: list[ConsumerRecord]) -> dict[bytes, bytes]:
    """Return the profiles that a producer of the same rows leaves."""
    moments = {json.loads(each.value)["event_id"]: each.timestamp for each in imported}
    assert len(moments) == ROWS
    with start_kafka(world.directory) as kafka:
        asyncio.run(make_topics(kafka))
        asyncio.run(send_rows(kafka, world.rows, moments))
        with worker("update", world.settings(kafka), world.directory):
            asyncio.run(until(world.is_folded, "what was produced is folded"))
        return asyncio.run(take_profiles(world.redis))
