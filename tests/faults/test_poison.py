"""Poison: whatever lies in the log, the same processes read on, and each of it is one letter."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_records import LARGEST_BATCH
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.parquet_archive import ParquetArchive
from portrait.adapters.redis_store import connect_redis
from portrait.events.topics import DEAD, ERASURES, ITEMS, read_topics
from portrait.settings import Settings
from sandbox.processes import Process
from sandbox.servers import free_port, start_servers
from tests.support.archives import offsets_of
from tests.support.kafka import send_raw
from tests.support.kafka_bytes import GZIP, MARK, batch, bomb, poisoned
from tests.support.processes import (
    catalogue,
    environment,
    events,
    folded,
    publish_events,
    publish_items,
    until,
    worker,
)
from tests.support.registries import framed
from tests.support.topics import timeless

pytestmark = pytest.mark.e2e

GOOD, MORE = 60, 10  # events before the poison, and items after it
HEADERS = [("ce_specversion", b"1.0"), ("ce_id", b"ce-1"), ("ce_type", b"shop.cart")]
LETTER_SECONDS = 60  # that letters are waited for
FUTURE = 253_402_300_800_000  # ms: 10000-01-01


@dataclass(frozen=True)
class Poison:
    """A message, and how its letter begins to say why."""

    reason: str
    value: bytes | None
    topic: str = "events.click"
    key: bytes | None = b"mallory"
    timestamp: int | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def event(**changes: object) -> bytes:
    fields = {
        "event_id": "p",
        "user_id": "mallory",
        "item_id": "item-1",
        "occurred_at": 1_790_000_000,
    }
    return json.dumps(fields | changes).encode()


def bad_item() -> bytes:
    attributes = {f"attribute {n}": n for n in range(40_000)}
    return json.dumps({"id": "i" * 129, "attributes": attributes}).encode()


NO_REGISTRY = "framed with schema 7, and no schema registry is set (PORTRAIT_SCHEMA_REGISTRY)"
HALF = b'{"user_id": "\\ud800", "type": "click", "item_id": "i"}'  # of a character


POISONS = (
    Poison("payload: empty", None),
    Poison("payload: not UTF-8 JSON", b"\xff"),
    Poison("payload: not UTF-8 JSON", b"[" * 60_000),
    Poison("event_id: missing; user_id: string_unicode; occurred_at: missing", HALF),
    Poison("payload: not UTF-8 JSON", b'{"type": ' + b"9" * 5_000 + b"}"),
    Poison("type: unknown action", b'{"type": ' + b"9" * 4_299 + b"}"),
    Poison("payload: larger than 65536 bytes", b" " * 1_000_000),
    Poison("data: not a JSON object", b'{"specversion": "1.0", "data": 1}'),
    Poison(
        "event_id: missing; occurred_at: missing",
        b'{"item_id": "i"}',
        headers=[*HEADERS[:1], ("ce_x", None)],
    ),
    Poison("occurred_at: in the future", event(occurred_at=4_000_000_000)),
    Poison("timestamp: missing", event(), timestamp=-1),
    Poison("timestamp: in the future", event(), timestamp=FUTURE),
    Poison("timestamp: in the future", event(), timestamp=2**62),
    Poison("timestamp: missing", None, ERASURES, timestamp=-1),
    Poison("timestamp: in the future", None, ERASURES, timestamp=FUTURE),
    Poison("key: not UTF-8", None, ERASURES, key=b"\xff"),
    Poison("key: missing or too long", None, ERASURES, key=b"k" * 100_000),
    Poison("id: missing", b'{"attributes": {"ann@example.org": 1}}', ITEMS),
    Poison("id: string_too_long", bad_item(), ITEMS),
    Poison("key: not UTF-8", None, ITEMS, key=b"\xff"),
    Poison(f"payload: {NO_REGISTRY}", framed(7, b"\x02a")),
    Poison(f"key: {NO_REGISTRY}", None, ERASURES, key=framed(7, b"\x02a")),
    Poison(f"payload: {NO_REGISTRY}", framed(7, b"\xff" * 100_000), ITEMS),
    Poison("payload: not UTF-8 JSON", b"?" * 1_000_000, ITEMS, headers=[("h", b"h" * 40_000)]),
)
# What travels as a few KB, and is much more.
SMALL = Poison("payload: larger than 1048576 bytes", b" " * 2_000_000, ITEMS)
# What the log's client cannot read, as record batches by topic.
UNNAMED = poisoned(batch([event()], headers=[[(MARK, b"x")]]))
TOO_LARGE = f"a batch that is damaged or larger than {LARGEST_BATCH} bytes decompressed"
UNREADABLE = (
    Poison("a header whose name is not UTF-8", UNNAMED, "events.click"),
    Poison("a header whose name is not UTF-8", UNNAMED, ERASURES),
    Poison("a header whose name is not UTF-8", UNNAMED, ITEMS),
    Poison(TOO_LARGE, bomb(GZIP, LARGEST_BATCH), "events.cart"),
    Poison(TOO_LARGE, bomb(GZIP, LARGEST_BATCH, key=b"i"), ITEMS),
)


@dataclass(frozen=True)
class World:
    """Servers with three workers over them."""

    kafka: str
    redis: str
    archive: ParquetArchive
    settings: dict[str, str]
    workers: dict[str, Process]
    directory: Path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("poison")
    with ExitStack() as stack:
        servers = stack.enter_context(start_servers(directory))
        settings = environment(servers.kafka, servers.redis) | {
            "PORTRAIT_ARCHIVE_URL": str(directory / "archive"),
            "PORTRAIT_ARCHIVE_WAIT": "PT0.2S",
        }
        asyncio.run(make_topics(servers.kafka))
        workers = {
            name: stack.enter_context(
                worker(name, settings | {"PORTRAIT_HEALTH_PORT": str(free_port())}, directory)
            )
            for name in ("index", "update", "archive")
        }
        archive = ParquetArchive(str(directory / "archive"))
        yield World(servers.kafka, servers.redis, archive, settings, workers, directory)


async def make_topics(kafka: str) -> None:
    settings = Settings.model_validate({"kafka_bootstrap": kafka})
    await create_topics(cluster_of(settings), timeless(read_topics(settings.topics_file)))


def test_the_same_processes_read_on_past_every_poison(world: World) -> None:
    log = events(2 * GOOD, 9, 20)
    asyncio.run(publish_items(world.kafka, catalogue(20)))
    asyncio.run(until(lambda: is_indexed(world, 20), "the workers have started"))
    asyncio.run(publish_events(world.kafka, log[:GOOD]))
    asyncio.run(until(lambda: is_folded(world, GOOD), "what came before is folded"))
    before = {name: process.pid for name, process in world.workers.items()}

    asyncio.run(poison(world.kafka))
    asyncio.run(publish_events(world.kafka, log[GOOD:]))
    asyncio.run(publish_items(world.kafka, catalogue(20 + MORE)[20:]))
    asyncio.run(until(lambda: is_folded(world, 2 * GOOD), "what came after is folded"))
    asyncio.run(until(lambda: len(offsets_of(world.archive)) == 2 * GOOD, "and archived"))
    asyncio.run(until(lambda: is_indexed(world, 20 + MORE), "and indexed"))

    letters = asyncio.run(take_letters(world.kafka, len(POISONS) + 1 + len(UNREADABLE)))
    assert sorted(letters) == sorted(each.reason for each in (*POISONS, SMALL, *UNREADABLE))
    assert {name: process.pid for name, process in world.workers.items()} == before
    assert [process.poll() for process in world.workers.values()] == [None] * 3


async def is_folded(world: World, count: int) -> bool:
    return await folded(world.redis) == count


async def is_indexed(world: World, count: int) -> bool:
    redis = await connect_redis(world.redis)
    found = await redis.hmget("items", [item.id for item in catalogue(count)])
    await redis.aclose()
    return None not in found


async def poison(kafka: str) -> None:
    """Send every poison, and the one that is compressed."""
    for each, compression in [*((each, None) for each in POISONS), (SMALL, "gzip")]:
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka, compression_type=compression, max_request_size=4_000_000
        )
        async with producer:
            await producer.send_and_wait(
                each.topic,
                each.value,
                each.key,
                timestamp_ms=each.timestamp,
                headers=each.headers,
            )
    for each in UNREADABLE:
        await send_raw(kafka, each.topic, each.value or b"")


async def take_letters(kafka: str, count: int) -> list[str]:
    """Wait for so many letters, but not for ever; return the reason of each, once."""
    consumer = AIOKafkaConsumer(DEAD, bootstrap_servers=kafka, auto_offset_reset="earliest")
    found: dict[bytes, str] = {}
    ends = time.monotonic() + LETTER_SECONDS
    async with consumer:
        while len(found) < count and time.monotonic() < ends:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    ours = dict(reversed(record.headers))
                    found[ours["portrait-id"]] = ours["portrait-reason"].decode()
    return list(found.values())
