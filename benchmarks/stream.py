"""How fast the update worker is, beside the least that any such worker has to do.

Three consumers of the same topics, in turns, each in a process of its own:

- `read`: a bare aiokafka consumer;
- `write`: the same, and one Redis SET per touched user and batch, as large as a profile;
- `update`: Portrait's update worker, everything but the loading of BERT, whose vectors are cached.

The last line is JSON. The goal (DESIGN, section 10) is update / write >= 0.35.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Self

import numpy as np
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import RedisDsn
from redis.asyncio import Redis
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.kafka_stream import KafkaStream, open_stream
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import connect_redis
from portrait.arrays import Floats
from portrait.catalogue.catalogue import texts_of
from portrait.command import tune_garbage_collection
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.events.stream import Batch
from portrait.events.topics import EVENT_TOPICS, FOLDED, event_topic, read_topics
from portrait.lifecycle.registry import plain_card
from portrait.model.model import Model
from portrait.model.space import Space, Vectors, unit
from portrait.reading.dialect import AS_SENT
from portrait.ref import search_ref, text_ref
from portrait.settings import Settings
from sandbox.servers import Servers, start_servers
from workers.first_model import await_model
from workers.painter import open_painter
from workers.roots.bounds import bounds_of
from workers.roots.update import limits_of, update_ports
from workers.update.updater import assemble
from workers.update.worker import update

ITEMS, QUERIES, DIM = 20_000, 1_000, 256
MIX = {"browse": 29, "click": 38, "search": 5, "cart": 10, "purchase": 12, "review": 2, "return": 1}
MIX |= {"remove": 2, "wish": 1}
GOAL = 0.35
CONSUMERS = ("read", "write", "update")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one consumer did with the whole log."""

    consumer: str
    events: int
    seconds: float
    cpu_seconds: float
    bytes_written: int


def main() -> None:
    """Run the benchmark, or one turn of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--turn", choices=CONSUMERS, help=argparse.SUPPRESS)
    parser.add_argument("--group", help=argparse.SUPPRESS)
    parser.add_argument("--value-bytes", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn:
        _child(options)
        return
    with tempfile.TemporaryDirectory() as directory, start_servers(Path(directory)) as servers:
        asyncio.run(_fill(_settings(servers), options.events, options.users))
        turns = _take_turns(servers, options)
    _report(turns)


def _take_turns(servers: Servers, options: argparse.Namespace) -> list[Turn]:
    """Run every consumer in turn, several times; `update` first, to know a profile's size."""
    turns: list[Turn] = []
    value_bytes = 0
    for round in range(options.turns):
        for consumer in ("update", "write", "read"):
            command = [sys.executable, "-m", "benchmarks.stream", "--turn", consumer]
            command += ["--events", str(options.events), "--group", f"{consumer}-{round}"]
            command += ["--value-bytes", str(value_bytes)]
            answer = subprocess.run(  # noqa: S603 - our own command line
                command, env=_environment(servers), check=True, stdout=subprocess.PIPE, text=True
            )
            turn = Turn(**json.loads(answer.stdout.splitlines()[-1]))
            value_bytes = value_bytes or turn.bytes_written
            turns.append(turn)
            print(
                f"{turn.consumer:>7}  {turn.events / turn.seconds:>9,.0f} events/s"
                f"  {1e6 * turn.cpu_seconds / turn.events:6.1f} µs CPU per event"
            )
    return turns


def _report(turns: Sequence[Turn]) -> None:
    """Print medians, the ratio, and the JSON line."""
    rate = {
        name: statistics.median(t.events / t.seconds for t in turns if t.consumer == name)
        for name in CONSUMERS
    }
    cpu = {
        name: statistics.median(1e6 * t.cpu_seconds / t.events for t in turns if t.consumer == name)
        for name in CONSUMERS
    }
    in_turn = zip(
        (t for t in turns if t.consumer == "update"),
        (t for t in turns if t.consumer == "write"),
        strict=True,
    )
    # Of turns that followed each other: a shared machine is not as fast a minute later.
    ratio = statistics.median(write.seconds / update.seconds for update, write in in_turn)
    size = next(t.bytes_written for t in turns if t.consumer == "update")
    print(f"\nupdate / write = {ratio:.2f} (goal {GOAL}); a profile has {size:,} bytes")
    print(
        json.dumps(
            {
                "events_per_second": {name: round(value) for name, value in rate.items()},
                "cpu_us_per_event": {name: round(value, 1) for name, value in cpu.items()},
                "profile_bytes": size,
                "ratio": round(ratio, 3),
                "goal": GOAL,
                "reached": ratio >= GOAL,
            }
        )
    )


def _environment(servers: Servers) -> dict[str, str]:
    return {**os.environ, **servers.environment}


def _settings(servers: Servers) -> Settings:
    return Settings(
        kafka_bootstrap=servers.kafka,
        redis_url=RedisDsn(servers.redis),
        topics_file=Path(servers.environment["PORTRAIT_TOPICS_FILE"]),
    )


# Filling the log and the catalogue


async def _fill(settings: Settings, events: int, users: int) -> None:
    await create_topics(cluster_of(settings), read_topics(settings.topics_file))
    await fill_catalogue(settings)
    random = Random(7)  # noqa: S311 - a benchmark
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap, linger_ms=20, max_batch_size=262_144
    )
    await producer.start()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in tqdm(range(events), "publishing", unit="event", disable=not sys.stderr.isatty()):
        (action,) = random.choices([*MIX], [*MIX.values()])
        user = f"user-{random.randrange(users)}"
        event: dict[str, object] = {
            "event_id": f"{random.getrandbits(128):032x}",
            "type": action,
            "user_id": user,
            "session_id": f"s{random.randrange(10**9)}",
            "occurred_at": (start + timedelta(seconds=number)).isoformat(),
        }
        if action == Action.SEARCH:
            event["text"] = f"query {random.randrange(QUERIES)}"
        else:
            event["item_id"] = f"item-{random.randrange(ITEMS)}"
            event |= {"quantity": 1, "price": 2.5} if action == Action.PURCHASE else {}
        await producer.send(event_topic(Action(action)), json.dumps(event).encode(), user.encode())
    await producer.stop()


async def fill_catalogue(settings: Settings) -> None:
    """Store a catalogue whose vectors are random: what they are changes no cost."""
    redis = await connect_redis(str(settings.redis_url))
    catalogue = RedisCatalogue(redis)
    generator = np.random.default_rng(7)
    space = Space("none", np.zeros(DIM, np.float32), np.eye(DIM, dtype=np.float32))
    model = Model("bench", space)
    await RedisRegistry(redis).begin(model, plain_card(model, datetime.now(UTC)))
    items = [
        Item(
            id=f"item-{n}",
            title=f"product {n}",
            category=f"D{n % 30} > C{n % 300} > T{n % 2_000}",
            brand=f"brand {n % 500}",
            price=1 + n % 50,
        )
        for n in range(ITEMS)
    ]
    texts = {text for item in items for text in texts_of(item)}
    refs = [text_ref(text) for text in texts]
    refs += [search_ref(f"query {n}") for n in range(QUERIES)]
    vectors = unit(generator.normal(size=(len(refs), DIM)).astype(np.float32))
    await catalogue.put_vectors(space.id, refs, vectors)
    await catalogue.put_items(items)
    await redis.aclose()


# One turn


def _child(options: argparse.Namespace) -> None:
    tune_garbage_collection()
    turns = {"read": _read, "write": _write, "update": _update}
    with threadpool_limits(1), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        turn = runner.run(turns[options.turn](Settings(), options))
    print(json.dumps(asdict(turn)))


class Clock:
    """Counts records, and the time from the first to the last."""

    def __init__(self, consumer: str, events: int) -> None:
        self.consumer = consumer
        self.left = events
        self.events = events
        self._started = 0.0
        self._cpu = 0.0

    def count(self, records: int) -> bool:
        """Count records taken from the log; true while more are to come."""
        if not self._started:
            self._started, self._cpu = time.perf_counter(), _cpu_seconds()
        self.left -= records
        return self.left > 0

    def turn(self, bytes_written: int = 0) -> Turn:
        """Stop the clock."""
        seconds, cpu = time.perf_counter() - self._started, _cpu_seconds() - self._cpu
        return Turn(self.consumer, self.events, seconds, cpu, bytes_written)


async def _read(settings: Settings, options: argparse.Namespace) -> Turn:
    clock = Clock("read", options.events)
    async with _Consumer(settings, options.group) as consumer:
        async for _ in consumer.batches(clock):
            pass
    return clock.turn()


async def _write(settings: Settings, options: argparse.Namespace) -> Turn:
    clock = Clock("write", options.events)
    redis = await connect_redis(str(settings.redis_url))
    value = bytes(np.random.default_rng(7).bytes(options.value_bytes))
    async with _Consumer(settings, options.group) as consumer:
        async for records in consumer.batches(clock):
            async with redis.pipeline(transaction=False) as pipe:
                for user in {record.key for record in records}:
                    pipe.set(b"bare:" + user, value)
                await pipe.execute()
            await consumer.consumer.commit()
    await redis.aclose()
    return clock.turn(options.value_bytes)


class _Consumer:
    """The plainest loop over the log."""

    def __init__(self, settings: Settings, group: str) -> None:
        self._most = settings.batch_events
        self.consumer = AIOKafkaConsumer(
            *EVENT_TOPICS,
            bootstrap_servers=settings.kafka_bootstrap,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    async def __aenter__(self) -> Self:
        await self.consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.consumer.stop()

    async def batches(self, clock: Clock) -> AsyncIterator[list]:  # type: ignore[type-arg] # untyped
        more = True
        while more:
            found = await self.consumer.getmany(timeout_ms=50, max_records=self._most)
            records = [record for some in found.values() for record in some]
            if records:
                more = clock.count(len(records))
                yield records


class _NoEncoder:
    """Stands where BERT does; every text is cached, so it is never asked."""

    name, dim = "none", DIM

    def encode(self, texts: Sequence[str]) -> Vectors:
        msg = f"{len(texts)} texts are not cached"
        raise AssertionError(msg)

    def unread(self, texts: Sequence[str]) -> Floats:
        return np.zeros(len(texts), np.float32)


async def _no_encoder(model: Model) -> _NoEncoder:  # noqa: ARG001 - it is never asked
    return _NoEncoder()


class _CountedStream:
    """The worker's own stream, closed once the whole log is read."""

    def __init__(self, stream: KafkaStream, clock: Clock, closing: asyncio.Event) -> None:
        self._stream, self._clock, self._closing = stream, clock, closing
        self.commit, self.pause, self.rewind = stream.commit, stream.pause, stream.rewind

    @property
    def is_handing_over(self) -> bool:
        return self._stream.is_handing_over

    async def batches(self) -> AsyncIterator[Batch]:
        async for batch in self._stream.batches():
            if batch.records and not self._clock.count(len(batch.records)):
                self._closing.set()
            yield batch


async def _update(settings: Settings, options: argparse.Namespace) -> Turn:
    clock, closing = Clock("update", options.events), asyncio.Event()
    async with AsyncExitStack() as stack:
        redis = await connect_redis(str(settings.redis_url))
        stack.push_async_callback(redis.aclose)
        await _delete_profiles(redis)
        model = await await_model(RedisRegistry(redis), closing)
        if model is None:
            msg = "the catalogue has no model"
            raise RuntimeError(msg)
        catalogue = RedisCatalogue(redis)
        painter = await open_painter(model, catalogue, _no_encoder)
        publisher = await stack.enter_async_context(open_publisher(cluster_of(settings)))
        ports = update_ports(settings, redis, publisher, catalogue)
        updater = assemble(ports, painter, _no_encoder, limits_of(settings, AS_SENT), options.group)
        stream = await stack.enter_async_context(
            open_stream(
                cluster_of(settings),
                bounds_of(settings),
                group=options.group,
                topics=FOLDED,
                closing=closing,
                resume=updater.resume,
            )
        )
        await update(_CountedStream(stream, clock, closing), updater)
        turn = clock.turn()
        sizes = [await redis.strlen(key) async for key in redis.scan_iter("profile:*", count=1_000)]
    return Turn(**{**asdict(turn), "bytes_written": round(statistics.mean(sizes))})


async def _delete_profiles(redis: Redis) -> None:
    keys = [key async for key in redis.scan_iter("profile:*", count=1_000)]
    for start in range(0, len(keys), 1_000):
        await redis.unlink(*keys[start : start + 1_000])


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
