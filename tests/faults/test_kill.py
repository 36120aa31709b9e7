"""Faults: whatever is killed, and whenever, the profiles are byte for byte those of a quiet run."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.processes import Process, kill
from demo.servers import free_port, start_kafka, start_redis
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.redis_store import connect_redis
from portrait.record import is_blank
from portrait.settings import Settings
from portrait.topics import ERASURES, read_topics
from tests.processes import (
    RECEIVED,
    catalogue,
    environment,
    events,
    folded,
    producing,
    profiles,
    publish_events,
    publish_items,
    until,
    worker,
)

pytestmark = pytest.mark.e2e

ITEMS, USERS, EVENTS = 60, 1_500, 20_000
LOG = events(EVENTS, USERS, ITEMS)


@dataclass(frozen=True)
class World:
    """A Redis with a catalogue, and what a run that nothing disturbed made of the log."""

    redis_url: str
    redis_port: int
    directory: Path
    expected: dict[bytes, bytes]
    stack: ExitStack

    def start_redis_again(self) -> None:
        self.stack.enter_context(start_redis(self.directory, self.redis_port, durable=True))

    def settings(self, kafka: str) -> dict[str, str]:
        return environment(kafka, self.redis_url)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Index a catalogue and fold the log undisturbed. The catalogue stays for the other runs."""
    directory = tmp_path_factory.mktemp("faults")
    port = free_port()
    with ExitStack() as stack:
        url = stack.enter_context(start_redis(directory, port, durable=True))
        kafka = stack.enter_context(start_kafka(directory))
        asyncio.run(fill(kafka, url))
        asyncio.run(publish_items(kafka, catalogue(ITEMS)))
        stack.enter_context(worker("index", environment(kafka, url), directory))
        asyncio.run(until(lambda: is_indexed(url), "the catalogue is indexed"))
        with worker("update", environment(kafka, url), directory):
            asyncio.run(until(lambda: is_done(url), "the quiet run is done"))
        yield World(url, port, directory, asyncio.run(take_profiles(url)), stack)


@pytest.fixture
def kafka(world: World) -> Iterator[str]:
    """A fresh broker with the same log, and a Redis without profiles."""
    with start_kafka(world.directory) as bootstrap:
        asyncio.run(fill(bootstrap, world.redis_url))
        yield bootstrap


async def fill(kafka: str, redis_url: str) -> None:
    settings = Settings.model_validate({"kafka_bootstrap": kafka, "redis_url": redis_url})
    await create_topics(settings, read_topics(settings.topics_file))
    await take_profiles(redis_url, forget=True)
    await publish_events(kafka, LOG)


async def take_profiles(redis_url: str, *, forget: bool = False) -> dict[bytes, bytes]:
    redis = await connect_redis(redis_url)
    found = await profiles(redis)
    if forget:
        await redis.delete("offsets:portrait-update", *found)
    await redis.aclose()
    return found


async def is_indexed(redis_url: str) -> bool:
    redis = await connect_redis(redis_url)
    count = await redis.hlen("items")
    await redis.aclose()
    return count == ITEMS


async def is_done(redis_url: str) -> bool:
    return await folded(redis_url) == EVENTS


async def has_folded(redis_url: str, count: int) -> bool:
    return await folded(redis_url) >= count


def kill_after(process: Process, world: World, count: int) -> None:
    """Kill -9 a worker once so many events are folded."""
    asyncio.run(until(lambda: has_folded(world.redis_url, count), f"{count} events are folded"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not asyncio.run(is_done(world.redis_url)), "killed too late to have disturbed anything"


def test_the_quiet_run_folded_every_event_once(world: World) -> None:
    assert len(world.expected) == len({event["user_id"] for event in LOG})


def test_a_worker_killed_again_and_again_leaves_the_same_profiles(world: World, kafka: str) -> None:
    for count in (1, EVENTS // 3, 2 * EVENTS // 3):
        with worker("update", world.settings(kafka), world.directory) as process:
            kill_after(process, world, count)
    with worker("update", world.settings(kafka), world.directory):
        asyncio.run(until(lambda: is_done(world.redis_url), "what was left is folded"))

    assert asyncio.run(take_profiles(world.redis_url)) == world.expected


def test_two_workers_of_which_one_is_stopped_leave_the_same_profiles(
    world: World, kafka: str
) -> None:
    with worker("update", world.settings(kafka), world.directory):
        with worker("update", world.settings(kafka), world.directory):
            started = lambda: has_folded(world.redis_url, EVENTS // 4)  # noqa: E731
            asyncio.run(until(started, "both are at work"))
        asyncio.run(until(lambda: is_done(world.redis_url), "the other has finished"))

    assert asyncio.run(take_profiles(world.redis_url)) == world.expected


def test_a_redis_killed_in_the_middle_leaves_the_same_profiles(world: World, kafka: str) -> None:
    with worker("update", world.settings(kafka), world.directory):
        third = lambda: has_folded(world.redis_url, EVENTS // 3)  # noqa: E731
        asyncio.run(until(third, "the worker is at work"))
        asyncio.run(kill_redis(world.redis_url))
        world.start_redis_again()
        asyncio.run(until(lambda: is_done(world.redis_url), "what was left is folded"))

        assert asyncio.run(take_profiles(world.redis_url)) == world.expected


def test_a_redis_that_comes_back_with_an_older_state_is_caught_up(world: World, kafka: str) -> None:
    """As after a power cut, or when a replica takes over that lagged behind."""
    with worker("update", world.settings(kafka), world.directory):
        third = lambda: has_folded(world.redis_url, EVENTS // 3)  # noqa: E731
        asyncio.run(until(third, "the worker is at work"))
        asyncio.run(stop_saving(world.redis_url))
        asyncio.run(until(lambda: is_done(world.redis_url), "all is folded"))
        asyncio.run(kill_redis(world.redis_url))
        world.start_redis_again()
        assert not asyncio.run(is_done(world.redis_url)), "nothing was lost"

        asyncio.run(until(lambda: is_done(world.redis_url), "what was lost is folded again"))
        assert asyncio.run(take_profiles(world.redis_url)) == world.expected


def test_nobody_erased_comes_back_when_the_log_is_read_again(world: World, kafka: str) -> None:
    erased = sorted({str(event["user_id"]) for event in LOG})[::10]
    asyncio.run(erase(kafka, erased))
    whole = lambda: has_folded(world.redis_url, EVENTS + len(erased))  # noqa: E731
    with worker("update", world.settings(kafka), world.directory) as process:
        kill_after(process, world, EVENTS // 3)
    with worker("update", world.settings(kafka), world.directory):
        asyncio.run(until(whole, "everything is folded and erased"))
    before = asyncio.run(take_profiles(world.redis_url))
    ends = asyncio.run(take_offsets(world.redis_url, forget=True))

    async def is_read_again() -> bool:
        return await take_offsets(world.redis_url) == ends

    with worker("update", world.settings(kafka), world.directory):
        asyncio.run(until(is_read_again, "the log is read again"))

    assert asyncio.run(take_profiles(world.redis_url)) == before
    gone = {f"profile:{{{user}}}".encode() for user in erased}
    assert {user for user, record in before.items() if is_blank(record)} == gone
    assert all(before[user] == world.expected[user] for user in before.keys() - gone)


async def erase(kafka: str, users: list[str]) -> None:
    """Ask for users to be forgotten, after all of their events."""
    async with producing(kafka) as producer:
        for user in users:
            await producer.send(ERASURES, None, user.encode(), timestamp_ms=RECEIVED + EVENTS)


async def take_offsets(url: str, *, forget: bool = False) -> dict[bytes | str, bytes | str]:
    redis = await connect_redis(url)
    found = await redis.hgetall("offsets:portrait-update")
    if forget:
        await redis.delete("offsets:portrait-update")
    await redis.aclose()
    return found


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
