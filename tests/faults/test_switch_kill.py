"""Faults of a promotion: killed in the middle of a switch, all ends as if nothing had happened.

begun ─▶ index worker fills the wanted space, and switches ─▶ update worker repaints everybody
  │        └ killed here, again and again                        └ or here
  └─ copied to other databases of the same Redis, one for each run
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import connect_redis
from portrait.catalogue.catalogue import texts_of
from portrait.events.columns import EVENT
from portrait.events.topics import read_topics
from portrait.lifecycle.registry import Roles
from portrait.model.model import Model
from portrait.profiles.head_layouts import head_size
from portrait.profiles.record import space_of
from portrait.ref import text_ref
from portrait.settings import Settings
from sandbox.processes import Process
from sandbox.servers import start_servers
from tests.support.challengers import add_challenger
from tests.support.processes import (
    catalogue,
    environment,
    events,
    is_folded,
    profiles,
    publish_events,
    publish_items,
    until,
    worker,
)

pytestmark = pytest.mark.e2e

ITEMS, USERS, EVENTS = 2_000, 6_000, 12_000
LOG = events(EVENTS, USERS, ITEMS)
QUIET, INDEX_KILLED, UPDATE_KILLED = 0, 1, 2  # databases of Redis
NEWEST = {str(event["user_id"]): place for place, event in enumerate(LOG)}
HALF_WAY = sorted(NEWEST, key=NEWEST.__getitem__)[len(NEWEST) // 2]  # the newest come first
VECTOR_ERROR = 4e-3  # of float16, where the encoder read the text among others

Records = dict[bytes, bytes]


@dataclass(frozen=True)
class State:
    """What there is when a promotion is over, or is not."""

    roles: Roles
    texts: set[bytes]  # refs of the items' texts
    vectors: dict[bytes, dict[bytes, bytes]]  # by space, then by ref of the text
    records: Records

    @property
    def facts(self) -> Records:
        return {user: record[: _facts_end(record)] for user, record in self.records.items()}

    @property
    def spaces(self) -> set[str]:
        return {space_of(record) for record in self.records.values()}


def _facts_end(record: bytes) -> int:
    return head_size(record) + record[8] * int(EVENT.itemsize)


@dataclass(frozen=True)
class World:
    """Servers in which a promotion was begun three times, and ended once."""

    kafka: str
    redis: str  # without the database
    logs: Path
    former: str
    challenger: Model
    expected: State

    def url(self, database: int) -> str:
        return f"{self.redis}/{database}"

    def settings(self, database: int) -> dict[str, str]:
        return environment(self.kafka, self.url(database))

    def finish(self, database: int) -> State:
        """Let the promotion end undisturbed."""
        wanted = self.challenger.version
        with worker("index", self.settings(database), self.logs):
            asyncio.run(until(lambda: _serves(self.url(database), wanted), "the switch is made"))
        self.repaint(database)
        return asyncio.run(state_of(self.url(database)))

    def repaint(self, database: int) -> None:
        async def is_done() -> bool:
            state = await state_of(self.url(database))
            return state.spaces == {self.challenger.space_id}

        with worker("update", self.settings(database), self.logs):
            asyncio.run(until(is_done, "everybody is repainted"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Index a catalogue, fold a log, want a challenger; then let one promotion end quietly."""
    logs = tmp_path_factory.mktemp("switch")
    with start_servers(logs) as servers:
        settings = environment(servers.kafka, servers.redis)
        asyncio.run(_fill(servers.kafka, servers.redis))
        with worker("index", settings, logs), worker("update", settings, logs):
            asyncio.run(until(lambda: is_folded(servers.redis, EVENTS), "the log is folded"))
        challenger, former = asyncio.run(_begin(servers.redis))
        begun = World(
            servers.kafka,
            servers.redis.rsplit("/", 1)[0],
            logs,
            former,
            challenger,
            State(Roles(), set(), {}, {}),
        )
        with worker("index", settings, logs):
            wanted = challenger.version
            asyncio.run(until(lambda: _serves(servers.redis, wanted), "the switch is made"))
        asyncio.run(copy(servers.redis, UPDATE_KILLED))
        begun.repaint(QUIET)
        expected = asyncio.run(state_of(servers.redis))
        yield World(begun.kafka, begun.redis, logs, former, challenger, expected)


async def _fill(kafka: str, redis_url: str) -> None:
    settings = Settings.model_validate({"kafka_bootstrap": kafka, "redis_url": redis_url})
    await create_topics(cluster_of(settings), read_topics(settings.topics_file))
    await publish_items(kafka, catalogue(ITEMS))
    await publish_events(kafka, LOG)


async def _begin(url: str) -> tuple[Model, str]:
    """Want a challenger. Returns it, and who serves; another run may begin from the same."""
    challenger = await add_challenger(url, "challenger-1", seed=1)
    redis = await connect_redis(url)
    registry = RedisRegistry(redis)
    await registry.want(challenger.version)
    roles = await registry.roles()
    await redis.aclose()
    await copy(url, INDEX_KILLED)
    assert roles.champion is not None
    return challenger, roles.champion


async def copy(url: str, database: int) -> None:
    """Copy all there is to another database."""
    redis = await connect_redis(url)
    keys = [key async for key in redis.scan_iter(count=1_000)]
    async with redis.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.copy(key, key, destination_db=str(database))
        assert all(await pipe.execute())
    await redis.aclose()


async def state_of(url: str) -> State:
    redis = await connect_redis(url)
    roles = await RedisRegistry(redis).roles()
    keys = [key async for key in redis.scan_iter("text:*", count=1_000)]
    found = await redis.mget(keys) if keys else []
    vectors: dict[bytes, dict[bytes, bytes]] = {}
    for key, vector in zip(keys, found, strict=True):
        _, space, ref = key.split(b":")
        assert isinstance(vector, bytes)
        vectors.setdefault(space, {})[ref] = vector
    items = RedisCatalogue(redis)
    texts = {
        f"{text_ref(text):016x}".encode()
        for item in await items.get_items(await items.all_ids())
        if item is not None
        for text in texts_of(item)
    }
    records = await profiles(redis)
    await redis.aclose()
    return State(roles, texts, vectors, records)


async def _serves(url: str, version: str) -> bool:
    redis = await connect_redis(url)
    roles = await RedisRegistry(redis).roles()
    await redis.aclose()
    return roles.champion == version


async def _vectors_in(url: str, space_id: str) -> int:
    redis = await connect_redis(url)
    count = len([key async for key in redis.scan_iter(f"text:{space_id}:*", count=5_000)])
    await redis.aclose()
    return count


async def _is_half_repainted(url: str, space_id: str) -> bool:
    redis = await connect_redis(url)
    record = await redis.get(f"profile:{{{HALF_WAY}}}")
    await redis.aclose()
    return isinstance(record, bytes) and space_of(record) == space_id


def kill_when(process: Process, reached: Callable[[], object], what: str) -> None:
    asyncio.run(until(reached, what))
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_the_quiet_run_ends_with_everything_in_both_spaces(world: World) -> None:
    assert world.expected.roles == Roles(world.challenger.version, world.former, None)
    assert len(world.expected.texts) > ITEMS
    assert len(world.expected.vectors) == 2
    for vectors in world.expected.vectors.values():
        assert vectors.keys() >= world.expected.texts
    assert world.expected.spaces == {world.challenger.space_id}
    assert len(world.expected.records) == len({event["user_id"] for event in LOG})


def test_an_index_worker_killed_again_and_again_in_a_switch_ends_it_all_the_same(
    world: World,
) -> None:
    url, space = world.url(INDEX_KILLED), world.challenger.space.id
    whole = len(world.expected.vectors[space.encode()])

    for count in (1, whole // 2):
        with worker("index", world.settings(INDEX_KILLED), world.logs) as process:

            async def has_filled(count: int = count) -> bool:
                return await _vectors_in(url, space) >= count

            kill_when(process, has_filled, f"{count} vectors are there")
        killed = asyncio.run(state_of(url))
        assert killed.roles == Roles(world.former, None, world.challenger.version)
        assert len(killed.vectors[space.encode()]) < whole, "killed too late"
    ended = world.finish(INDEX_KILLED)

    assert ended.roles == world.expected.roles
    assert ended.facts == world.expected.facts
    assert ended.spaces == {world.challenger.space_id}
    _assert_alike(ended.vectors, world.expected.vectors)


def test_an_update_worker_killed_while_it_repaints_leaves_the_same_profiles(world: World) -> None:
    url, new = world.url(UPDATE_KILLED), world.challenger.space_id
    with worker("update", world.settings(UPDATE_KILLED), world.logs) as process:
        kill_when(process, lambda: _is_half_repainted(url, new), "half are repainted")
    killed = asyncio.run(state_of(url))
    repainted = sum(space_of(record) == new for record in killed.records.values())
    assert 0 < repainted < len(killed.records), "killed too late to have disturbed anything"

    world.repaint(UPDATE_KILLED)

    assert asyncio.run(state_of(url)).records == world.expected.records


def _assert_alike(
    ended: dict[bytes, dict[bytes, bytes]], expected: dict[bytes, dict[bytes, bytes]]
) -> None:
    """The same texts in the same spaces, and their vectors but for rounding."""
    assert ended.keys() == expected.keys()
    for space, vectors in expected.items():
        assert ended[space].keys() == vectors.keys()
        worst = max(
            np.abs(np.frombuffer(ended[space][ref], "<f2") - np.frombuffer(vector, "<f2")).max()
            for ref, vector in vectors.items()
        )
        assert worst < VECTOR_ERROR
