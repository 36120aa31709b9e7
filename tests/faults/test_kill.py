"""Faults: whatever is killed, and whenever, the profiles are byte for byte those of a quiet run.

So they are where users are the keys of their events and have one writer each, and where events have
no keys, every user is everywhere, and all workers write all profiles.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.redis_store import connect_redis
from portrait.events.topics import ERASURES, read_topics
from portrait.profiles.profile import read_facts
from portrait.profiles.record import is_blank
from portrait.settings import Settings
from sandbox.processes import Process, kill
from sandbox.servers import free_port, start_kafka, start_redis
from tests.support.processes import (
    OFFSETS,
    RECEIVED,
    Fields,
    catalogue,
    environment,
    events,
    folded,
    is_folded,
    marked,
    producing,
    profiles,
    publish_events,
    publish_items,
    until,
    worker,
)
from tests.support.topics import timeless

pytestmark = pytest.mark.e2e

ITEMS = 60


@dataclass(frozen=True)
class Sent:
    """What producers sent, and how."""

    events: list[Fields]
    keyed: bool
    batch_events: int  # so many that the log is some twenty batches, among which one can be killed

    def __len__(self) -> int:
        return len(self.events)

    def __str__(self) -> str:
        return "keyed" if self.keyed else "unkeyed"


KEYED = Sent(events(20_000, 1_500, ITEMS), keyed=True, batch_events=5_000)
UNKEYED = Sent(events(6_000, 300, ITEMS), keyed=False, batch_events=300)
keyed_alone = pytest.mark.parametrize("world", [KEYED], indirect=True, ids=str, scope="module")


@dataclass(frozen=True)
class World:
    """A Redis with a catalogue, and what a run that nothing disturbed made of the log."""

    sent: Sent
    redis_url: str
    redis_port: int
    directory: Path
    expected: dict[bytes, bytes]
    stack: ExitStack

    def start_redis_again(self) -> None:
        self.stack.enter_context(start_redis(self.directory, self.redis_port, durable=True))

    def settings(self, kafka: str) -> dict[str, str]:
        return settings_of(kafka, self.redis_url, self.sent)

    async def has_folded(self, count: int) -> bool:
        return await folded(self.redis_url) >= count

    async def is_done(self) -> bool:
        return await is_folded(self.redis_url, len(self.sent))

    async def is_at_work(self) -> bool:
        return await self.has_folded(len(self.sent) // 3)


def settings_of(kafka: str, redis_url: str, sent: Sent) -> dict[str, str]:
    return environment(kafka, redis_url) | {"PORTRAIT_BATCH_EVENTS": str(sent.batch_events)}


@pytest.fixture(scope="module", params=[KEYED, UNKEYED], ids=str)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Index a catalogue and fold the log undisturbed. The catalogue stays for the other runs."""
    sent: Sent = request.param
    directory = tmp_path_factory.mktemp(f"faults-{sent}")
    port = free_port()
    with ExitStack() as stack:
        url = stack.enter_context(start_redis(directory, port, durable=True))
        kafka = stack.enter_context(start_kafka(directory))
        asyncio.run(fill(kafka, url, sent))
        asyncio.run(publish_items(kafka, catalogue(ITEMS)))
        stack.enter_context(worker("index", environment(kafka, url), directory))
        asyncio.run(until(lambda: is_indexed(url), "the catalogue is indexed"))
        world = World(sent, url, port, directory, {}, stack)
        with worker("update", world.settings(kafka), directory):
            asyncio.run(until(world.is_done, "the quiet run is done"))
        yield replace(world, expected=asyncio.run(take_profiles(url)))


@pytest.fixture
def kafka(world: World) -> Iterator[str]:
    """A fresh broker with the same log, and a Redis without profiles."""
    with start_kafka(world.directory) as bootstrap:
        asyncio.run(fill(bootstrap, world.redis_url, world.sent))
        yield bootstrap


async def fill(kafka: str, redis_url: str, sent: Sent) -> None:
    settings = Settings.model_validate({"kafka_bootstrap": kafka, "redis_url": redis_url})
    await create_topics(cluster_of(settings), timeless(read_topics(settings.topics_file)))
    await take_profiles(redis_url, forget=True)
    await publish_events(kafka, sent.events, keyed=sent.keyed)


async def take_profiles(redis_url: str, *, forget: bool = False) -> dict[bytes, bytes]:
    redis = await connect_redis(redis_url)
    found = await profiles(redis)
    if forget:
        await redis.delete(OFFSETS, *found)
    await redis.aclose()
    return found


async def is_indexed(redis_url: str) -> bool:
    redis = await connect_redis(redis_url)
    count = await redis.hlen("items")
    await redis.aclose()
    return count == ITEMS


def kill_after(process: Process, world: World, count: int) -> None:
    """Kill -9 a worker once so many events are folded."""
    asyncio.run(until(lambda: world.has_folded(count), f"{count} events are folded"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not asyncio.run(world.is_done()), "killed too late to have disturbed anything"


def test_the_quiet_run_folded_every_event_once(world: World) -> None:
    assert len(world.expected) == len({event["user_id"] for event in world.sent.events})
    heads = read_facts([*world.expected.values()])[0].head
    assert heads["totals"].sum() == len(world.sent)
    assert heads["further"].any() == (not world.sent.keyed)


def test_a_worker_killed_again_and_again_leaves_the_same_profiles(world: World, kafka: str) -> None:
    for count in (1, len(world.sent) // 3, 2 * len(world.sent) // 3):
        with worker("update", world.settings(kafka), world.directory) as process:
            kill_after(process, world, count)
    with worker("update", world.settings(kafka), world.directory):
        asyncio.run(until(world.is_done, "what was left is folded"))

    assert asyncio.run(take_profiles(world.redis_url)) == world.expected


def test_two_workers_of_which_one_is_stopped_leave_the_same_profiles(
    world: World, kafka: str
) -> None:
    with worker("update", world.settings(kafka), world.directory):
        with worker("update", world.settings(kafka), world.directory):
            asyncio.run(until(world.is_at_work, "both are at work"))
        asyncio.run(until(world.is_done, "the other has finished"))

    assert asyncio.run(take_profiles(world.redis_url)) == world.expected


@keyed_alone
def test_a_redis_killed_in_the_middle_leaves_the_same_profiles(world: World, kafka: str) -> None:
    with worker("update", world.settings(kafka), world.directory):
        asyncio.run(until(world.is_at_work, "the worker is at work"))
        asyncio.run(kill_redis(world.redis_url))
        world.start_redis_again()
        asyncio.run(until(world.is_done, "what was left is folded"))

        assert asyncio.run(take_profiles(world.redis_url)) == world.expected


@keyed_alone
def test_a_redis_that_comes_back_with_an_older_state_is_caught_up(world: World, kafka: str) -> None:
    """As after a power cut, or when a replica takes over that lagged behind."""
    with worker("update", world.settings(kafka), world.directory):
        asyncio.run(until(world.is_at_work, "the worker is at work"))
        asyncio.run(stop_saving(world.redis_url))
        asyncio.run(until(world.is_done, "all is folded"))
        asyncio.run(kill_redis(world.redis_url))
        world.start_redis_again()
        assert not asyncio.run(world.is_done()), "nothing was lost"

        asyncio.run(until(world.is_done, "what was lost is folded again"))
        assert asyncio.run(take_profiles(world.redis_url)) == world.expected


def test_nobody_erased_comes_back_when_the_log_is_read_again(world: World, kafka: str) -> None:
    erased = sorted({str(event["user_id"]) for event in world.sent.events})[::10]
    asyncio.run(erase(kafka, erased, at=RECEIVED + len(world.sent)))

    async def is_whole() -> bool:
        return await marked(world.redis_url) == len(world.sent) + len(erased)

    with worker("update", world.settings(kafka), world.directory) as process:
        kill_after(process, world, len(world.sent) // 3)
    with worker("update", world.settings(kafka), world.directory):
        asyncio.run(until(is_whole, "everything is folded and erased"))
    before = asyncio.run(take_profiles(world.redis_url))
    asyncio.run(forget_offsets(world.redis_url))
    with worker("update", world.settings(kafka), world.directory):
        asyncio.run(until(is_whole, "the log is read again"))

    assert asyncio.run(take_profiles(world.redis_url)) == before
    gone = {f"profile:{{{user}}}".encode() for user in erased}
    assert {user for user, record in before.items() if is_blank(record)} == gone
    assert all(before[user] == world.expected[user] for user in before.keys() - gone)


async def erase(kafka: str, users: list[str], *, at: int) -> None:
    """Ask for users to be forgotten, after all of their events."""
    async with producing(kafka) as producer:
        for user in users:
            await producer.send(ERASURES, None, user.encode(), timestamp_ms=at)


async def forget_offsets(url: str) -> None:
    redis = await connect_redis(url)
    await redis.delete(OFFSETS)
    await redis.aclose()


async def stop_saving(url: str) -> None:
    """Let Redis forget, when it is killed, what it takes in from now on."""
    redis = await connect_redis(url)
    await redis.config_set("appendonly", "no")
    await redis.aclose()


async def kill_redis(url: str) -> None:
    redis = await connect_redis(url)
    process = int((await redis.info("server"))["process_id"])
    await redis.aclose()
    kill(process)
