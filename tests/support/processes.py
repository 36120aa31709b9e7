"""A whole Portrait as processes, and a log to put through it."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from inspect import isawaitable
from pathlib import Path
from random import Random
from subprocess import CompletedProcess, run
from typing import Any, Protocol

import httpx
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ConnectionError  # noqa: A004

from portrait.adapters.redis_store import connect_redis
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.events.topics import ITEMS, event_topic
from sandbox.ports import free_port
from sandbox.processes import (
    ROOT,
    Process,
    fail_if_missed,
    finish,
    last_lines,
    missed,
    python,
    running,
)
from sandbox.servers import start_servers
from tests.support.forked import Forked
from tests.support.patience import ANSWER_SECONDS, PATIENCE

PARTITIONS = 6  # of every event topic
POLL_SECONDS = 0.02
OFFSETS = "offsets:portrait-update"  # in Redis: how far the update workers have read
STOPPED = "T"  # of a thread, in /proc
RECEIVED = 1_790_000_000_000  # Kafka's time of the first event, ms: the same in every run

Fields = dict[str, object]


@dataclass(frozen=True)
class Portrait:
    """A running Portrait."""

    url: str
    kafka: str
    redis: str
    directory: Path
    settings: dict[str, str]
    processes: dict[str, Process]
    health: int

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=ANSWER_SECONDS)

    def post(self, path: str, body: object) -> Any:  # noqa: ANN401 - parsed JSON
        return (
            httpx.post(self.url + path, json=body, timeout=ANSWER_SECONDS).raise_for_status().json()
        )

    def profile(self, user: str, folded: int = 1) -> Any:  # noqa: ANN401 - parsed JSON
        """Wait until a profile holds so many events."""

        def is_there() -> bool:
            answer = self.get(f"/profile/{user}")
            return answer.status_code == 200 and answer.json()["events_folded"] >= folded

        asyncio.run(until(is_there, f"{folded} events of {user} are folded"))
        return self.get(f"/profile/{user}").json()

    def answers(self) -> bool:
        """Whether the service answers at all."""
        return self._is_well("/livez")

    def is_ready(self) -> bool:
        """Whether a model serves, and all that it needs is up."""
        return self._is_well("/readyz")

    def _is_well(self, path: str) -> bool:
        try:
            return self.get(path).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running_portrait(directory: Path) -> Iterator[Portrait]:
    """Start servers, index worker, update worker and service, which answers then."""
    with (
        start_servers(directory) as servers,
        portrait_on(environment(servers.kafka, servers.redis), directory) as portrait,
    ):
        yield portrait


@contextmanager
def portrait_on(servers: dict[str, str], directory: Path) -> Iterator[Portrait]:
    """Start index worker, update worker and service, with settings that say where servers are."""
    with ExitStack() as stack:
        port, health = free_port(), free_port()
        settings = servers | {"PORTRAIT_PORT": str(port)}
        finish(python("workers", "topics"), directory / "topics.log", settings)
        processes = {
            "index": stack.enter_context(worker("index", settings, directory)),
            "update": stack.enter_context(
                worker("update", settings | {"PORTRAIT_HEALTH_PORT": str(health)}, directory)
            ),
            "service": stack.enter_context(
                running(python("service"), directory / "service.log", settings)
            ),
        }
        at = settings["PORTRAIT_KAFKA_BOOTSTRAP"], settings["PORTRAIT_REDIS_URL"]
        portrait = Portrait(f"http://127.0.0.1:{port}", *at, directory, settings, processes, health)
        asyncio.run(until(portrait.answers, "the service answers"))
        yield portrait


def with_path(settings: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **settings}


def asked(settings: dict[str, str], *arguments: str) -> CompletedProcess[str]:
    """Run `portrait` to its end, as an operator would."""
    return run(  # noqa: S603 - our own
        python("portrait", *arguments),
        env=with_path(settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def environment(kafka: str, redis: str) -> dict[str, str]:
    return {
        "PORTRAIT_KAFKA_BOOTSTRAP": kafka,
        "PORTRAIT_REDIS_URL": redis,
        "PORTRAIT_TOPICS_FILE": str(ROOT / "deploy" / "topics.yml"),
        "PORTRAIT_FIT_PATIENCE": "PT0.5S",
    }


def worker(name: str, settings: dict[str, str], logs: Path) -> AbstractContextManager[Process]:
    """Run a worker as `python -m workers` does, but forked; its models lie beside its logs."""
    models = {
        "PORTRAIT_MODELS_URL": str(logs / "models"),
        "PORTRAIT_MODEL_CACHE": str(logs / "cache"),
    }
    return running(python("workers", name), logs / f"{name}.log", models | settings, Forked)


def catalogue(count: int) -> list[Item]:
    nouns = ["milk", "bread", "tuna", "soap", "towel", "apple", "cheese", "coffee", "tea", "rice"]
    return [
        Item(
            id=f"item-{n}",
            title=f"{nouns[n % 10]} number {n}",
            category=f"Shelf {n % 4} > {nouns[n % 10]}",
            brand=f"brand {n % 7}",
            price=1 + n % 20,
        )
        for n in range(count)
    ]


def events(count: int, users: int, items: int, seed: int = 5) -> list[Fields]:
    """Events of every action, with searches and with items that nobody described before."""
    random = Random(seed)  # noqa: S311 - a test
    found: list[Fields] = []
    for number in range(count):
        action = random.choice([*Action])
        event: Fields = {
            "event_id": f"event-{number}",
            "type": action,
            "user_id": f"user-{random.randrange(users)}",
            "occurred_at": f"2026-08-{1 + number % 28:02d}T10:{number % 60:02d}:00Z",
        }
        if action is Action.SEARCH:
            event["text"] = random.choice(["fresh milk", "tuna", "coffee beans", "green tea"])
        elif number % 50 == 0:
            event["item_id"] = f"new-{number % 7}"
            event["item"] = {"title": f"novelty {number % 7}", "category": "New > Things"}
        else:
            event["item_id"] = f"item-{random.randrange(items)}"
        found.append(event)
    return found


async def publish_events(kafka: str, log: list[Fields], *, keyed: bool = True) -> None:
    """Append events, at moments that are the same in every run, and without keys in turn to all."""
    async with producing(kafka) as producer:
        for number, event in enumerate(log):
            await producer.send(
                event_topic(Action(str(event["type"]))),
                json.dumps(event).encode(),
                str(event["user_id"]).encode() if keyed else None,
                partition=None if keyed else number % PARTITIONS,
                timestamp_ms=RECEIVED + number,
            )


async def publish_items(kafka: str, items: list[Item]) -> None:
    async with producing(kafka) as producer:
        for item in items:
            await producer.send(ITEMS, item.model_dump_json().encode(), item.id.encode())


@asynccontextmanager
async def producing(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=10)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def profiles(redis: Redis) -> dict[bytes, bytes]:
    keys = [key async for key in redis.scan_iter("profile:*", count=1_000)]
    found = await redis.mget(keys) if keys else []
    pairs = zip(keys, found, strict=True)
    return {key: record for key, record in pairs if isinstance(record, bytes)}


async def folded(redis_url: str) -> int:
    """Count the records that have been taken into all profiles; 0 while Redis is away."""
    redis = await connect_redis(redis_url)
    try:
        found = await profiles(redis)
    except (ConnectionError, BusyLoadingError):
        return 0
    finally:
        await redis.aclose()
    return sum(int.from_bytes(record[:8], "big") for record in found.values())


async def marked(redis_url: str) -> int:
    """Count the records before the offsets that the update workers stored; 0 without Redis."""
    redis = await connect_redis(redis_url)
    try:
        found = await redis.hvals(OFFSETS)
    except (ConnectionError, BusyLoadingError):
        return 0
    finally:
        await redis.aclose()
    return sum(int(each.split()[0]) for each in found)


async def is_folded(redis_url: str, count: int) -> bool:
    """Whether so many events are folded, and marked: before that, new texts may be read yet."""
    return await folded(redis_url) == await marked(redis_url) == count


class Signalled(Protocol):
    """A process of the operating system."""

    @property
    def pid(self) -> int:
        """Its id."""
        ...

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal."""
        ...


@contextmanager
def frozen(process: Signalled) -> Iterator[None]:
    """Let a process stand still: every thread of it does, which of many takes a while.

    Raises:
        TimeoutError: Some of them run on.
    """
    process.send_signal(signal.SIGSTOP)
    try:
        ends = time.monotonic() + PATIENCE
        while not all(map(_stands, Path(f"/proc/{process.pid}/task").iterdir())):
            if time.monotonic() > ends:
                msg = f"process {process.pid} does not stand still"
                raise TimeoutError(msg)
            time.sleep(POLL_SECONDS)
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def _stands(thread: Path) -> bool:
    state = (thread / "stat").read_text().rpartition(")")[2].split()[0]
    return state == STOPPED


async def until(reached: Callable[[], object], what: str) -> None:
    """Wait until a condition, an awaitable or not, holds.

    Raises:
        EndedError: Something that was started has died meanwhile.
        TimeoutError: The condition does not hold; what runs has logged what the error says.
    """
    ends = time.monotonic() + PATIENCE
    while not await _holds(reached):
        if missed() and not await _holds(reached):  # it may be that end that was waited for
            fail_if_missed()
        if time.monotonic() > ends:
            msg = f"after {PATIENCE:.0f} s still not so: {what}\n{last_lines()}"
            raise TimeoutError(msg)
        await asyncio.sleep(POLL_SECONDS)


async def _holds(reached: Callable[[], object]) -> bool:
    try:
        answer = reached()
        return bool(await answer if isawaitable(answer) else answer)
    except Exception:
        fail_if_missed()  # says more than that it does not answer
        raise
