"""Faults of Redis: whatever of it is lost, the same model serves again, and the same profiles.

index, update and service run ─▶ Redis emptied, or killed and started empty ─▶ the ledger, the
artifacts and the topics bring everything back, by themselves
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import structlog

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import ANSWER_SECONDS
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import connect_redis
from portrait.catalogue.catalogue import texts_of
from portrait.events.columns import EVENT
from portrait.events.topics import read_topics
from portrait.lifecycle.ledger import read_ledger
from portrait.profiles.head_layouts import head_size
from portrait.profiles.profile import decode_profile
from portrait.ref import text_ref
from portrait.settings import Settings
from sandbox.processes import Process
from sandbox.servers import free_port, python, running, start_kafka, start_redis
from tests.support.challengers import add_challenger
from tests.support.processes import (
    Fields,
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
log = structlog.get_logger()

ITEMS, USERS, EVENTS = 100, 100, 2_000
LOG = events(EVENTS, USERS, ITEMS)
ROUNDED = 0.02  # of unit vectors: BERT rounds a text differently among other texts
TRIES = 3  # to lose what is noticed
BOUND = 60.0  # seconds to recover: a few, on a machine that has nothing else to do


Records = dict[bytes, bytes]


@dataclass(frozen=True)
class Shop:
    """A shop with a learned champion, whose processes stay while Redis comes and goes."""

    stack: ExitStack
    redis_stack: ExitStack
    kafka: str
    redis: str
    url: str
    health: int  # port of the index worker's
    logs: Path
    processes: list[Process]
    champion: str
    first: str
    expected: Records

    @property
    def settings(self) -> dict[str, str]:
        return environment(self.kafka, self.redis)

    @property
    def models(self) -> Path:
        return self.logs / "models"

    def log_of(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text()

    def restart_redis_empty(self) -> None:
        self.redis_stack.close()
        port = int(self.redis.split(":")[2].split("/")[0])
        self.redis_stack.enter_context(start_redis(self.logs, port))

    def champion_now(self) -> str | None:
        return str(httpx.get(self.url + "/models", timeout=10).json()["champion"])

    def assert_recovers(self, what: str) -> None:
        """Wait for the same champion and the same profiles, and say how long it took."""
        started = time.monotonic()
        asyncio.run(until(lambda: _serves(self.redis, self.champion), f"{what}: the champion"))
        serves = time.monotonic() - started
        try:
            asyncio.run(until(lambda: _has(self.redis, self.expected), f"{what}: the profiles"))
        except TimeoutError as error:
            difference = asyncio.run(_difference(self.redis, self.expected))
            msg = f"{difference}\n{error}"
            raise TimeoutError(msg) from error
        seconds = time.monotonic() - started
        log.info("recovered", what=what, champion=round(serves, 1), profiles=round(seconds, 1))
        asyncio.run(until(lambda: is_ready(self.url), f"{what}: the service"))
        assert seconds < BOUND


def is_ready(url: str) -> bool:
    try:
        return httpx.get(url + "/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Fit a first model, put a challenger in service, fold a log."""
    logs, port, health = tmp_path_factory.mktemp("lost"), free_port(), free_port()
    with ExitStack() as stack, ExitStack() as redis_stack:
        redis = redis_stack.enter_context(start_redis(logs))
        kafka = stack.enter_context(start_kafka(logs))
        asyncio.run(fill(kafka, redis))
        settings = environment(kafka, redis)
        index = settings | {"PORTRAIT_HEALTH_PORT": str(health)}
        processes = [stack.enter_context(worker("index", index, logs))]
        service = python("service"), logs / "service.log", settings | {"PORTRAIT_PORT": str(port)}
        processes.append(stack.enter_context(running(*service)))
        processes.append(stack.enter_context(worker("update", settings, logs)))
        asyncio.run(until(lambda: champion_of(redis), "the first model is fitted"))
        first = str(asyncio.run(champion_of(redis)))
        challenger = asyncio.run(promote(redis))
        asyncio.run(until(lambda: _serves(redis, challenger), "the challenger serves"))
        paints = lambda: challenger in (logs / "update.log").read_text()  # noqa: E731
        asyncio.run(until(paints, "the update worker paints with it"))
        asyncio.run(publish_events(kafka, LOG))
        asyncio.run(until(lambda: is_folded(redis, EVENTS), "the log is folded"))
        expected = asyncio.run(profiles_of(redis))
        url = f"http://127.0.0.1:{port}"
        servers = stack, redis_stack, kafka, redis, url, health, logs
        yield Shop(*servers, processes, challenger, first, expected)


async def fill(kafka: str, redis_url: str) -> None:
    settings = Settings.model_validate({"kafka_bootstrap": kafka, "redis_url": redis_url})
    await create_topics(cluster_of(settings), read_topics(settings.topics_file))
    await publish_items(kafka, catalogue(ITEMS))


async def champion_of(url: str) -> str | None:
    redis = await connect_redis(url)
    roles = await RedisRegistry(redis).roles()
    await redis.aclose()
    return roles.champion


async def promote(url: str) -> str:
    model = await add_challenger(url, "challenger-1", seed=1)
    redis = await connect_redis(url)
    await RedisRegistry(redis).want(model.version)
    await redis.aclose()
    return model.version


async def flush(url: str) -> None:
    redis = await connect_redis(url)
    await redis.flushall()
    await redis.aclose()


async def _serves(url: str, version: str) -> bool:
    return await champion_of(url) == version


async def profiles_of(url: str) -> Records:
    redis = await connect_redis(url)
    found = await profiles(redis)
    await redis.aclose()
    return found


async def _has(url: str, expected: Records) -> bool:
    """Whether the facts are the same, byte for byte, and the portraits but for rounding."""
    found = await profiles_of(url)
    same = found.keys() == expected.keys() and _facts(found) == _facts(expected)
    return same and all(_is_alike(record, expected[user]) for user, record in found.items())


async def _difference(url: str, expected: Records) -> str:
    """Say how many profiles are others than they were, and in what."""
    found = await profiles_of(url)
    both = found.keys() & expected.keys()
    facts = {user for user in both if _facts({user: found[user]}) != _facts({user: expected[user]})}
    portraits = {user for user in both - facts if not _is_alike(found[user], expected[user])}
    counts = len(expected.keys() - both), len(found.keys() - both), len(facts), len(portraits)
    return "profiles missing {}, more {}, other facts {}, other portraits {}".format(*counts)


def _facts(records: Records) -> Records:
    event = int(EVENT.itemsize)
    return {
        user: record[: head_size(record) + record[8] * event] for user, record in records.items()
    }


def _is_alike(record: bytes, other: bytes) -> bool:
    ours, theirs = decode_profile(record), decode_profile(other)
    parts = ("vectors", "state", "price")
    return ours.space_id == theirs.space_id and all(
        np.allclose(ours.portrait[part], theirs.portrait[part], atol=ROUNDED) for part in parts
    )


def test_the_ledger_says_who_serves_and_both_can_be_read(shop: Shop) -> None:
    def is_written() -> bool:
        ledger = read_ledger(str(shop.models))
        return ledger is not None and ledger.champion.version == shop.champion

    asyncio.run(until(is_written, "the ledger names the champion"))

    ledger = read_ledger(str(shop.models))
    assert ledger is not None
    assert ledger.former is not None
    assert ledger.former.version == shop.first
    assert len(shop.expected) == len({event["user_id"] for event in LOG})


def test_a_redis_emptied_under_everybody_is_filled_again_by_itself(shop: Shop) -> None:
    asyncio.run(flush(shop.redis))

    shop.assert_recovers("FLUSHALL")

    models = httpx.get(shop.url + "/models", timeout=10).json()
    assert (models["champion"], models["former"]) == (shop.champion, shop.first)


def test_items_and_vectors_that_are_lost_are_brought_back_and_said(shop: Shop) -> None:
    before = asyncio.run(kept(shop.redis))

    async def is_whole() -> bool:
        now = await kept(shop.redis)
        return now == before

    def told() -> str:
        answer = httpx.get(f"http://127.0.0.1:{shop.health}/readyz", timeout=10)
        return " ".join(answer.json()["notes"])

    for _ in range(TRIES):  # who happens to fill the space just then brings them back unsaid
        asyncio.run(lose(shop.redis, sorted(before.texts)[::2]))
        asyncio.run(until(is_whole, "the vectors are back"))
        if "Vectors of texts were missing" in told():
            break
    asyncio.run(lose(shop.redis, ["items"]))
    asyncio.run(until(is_whole, "the items are back"))
    assert "Items of the catalogue were missing" in told()
    assert "Vectors of texts were missing" in told()
    shop.assert_recovers("a part of Redis lost")


def test_a_redis_that_may_evict_is_told_of(shop: Shop) -> None:
    asyncio.run(set_policy(shop.redis, "allkeys-lru"))
    ready = shop.url + "/readyz", f"http://127.0.0.1:{shop.health}/readyz"

    def told() -> list[bool]:
        answers = [str(httpx.get(url, timeout=10).json()) for url in ready]
        return ["its maxmemory-policy is allkeys-lru" in answer for answer in answers]

    asyncio.run(until(lambda: all(told()), "it is told"))
    asyncio.run(set_policy(shop.redis, "noeviction"))
    asyncio.run(until(lambda: not any(told()), "it is told no more"))


@dataclass(frozen=True)
class Kept:
    """What Redis has of the catalogue, but for what events alone know."""

    items: int
    texts: set[str]  # keys of vectors, in every space


async def kept(url: str) -> Kept:
    redis = await connect_redis(url)
    items = catalogue(ITEMS)
    refs = {f"{text_ref(text):016x}" for item in items for text in texts_of(item)}
    keys = {key.decode() async for key in redis.scan_iter("text:*", count=1_000)}
    stored = await redis.hmget("items", [item.id for item in items])
    texts = {key for key in keys if key.rpartition(":")[2] in refs}
    found = Kept(sum(value is not None for value in stored), texts)
    await redis.aclose()
    return found


async def lose(url: str, keys: list[str]) -> None:
    redis = await connect_redis(url)
    await redis.delete(*keys)
    await redis.aclose()


async def set_policy(url: str, policy: str) -> None:
    redis = await connect_redis(url)
    await redis.config_set("maxmemory-policy", policy)
    await redis.aclose()


def test_a_redis_killed_and_started_empty_is_filled_again_by_itself(shop: Shop) -> None:
    shop.restart_redis_empty()

    shop.assert_recovers("started empty")


def test_an_item_put_into_the_empty_redis_fits_no_new_space(shop: Shop) -> None:
    asyncio.run(flush(shop.redis))
    item = {"title": "milk of another farm", "category": "Shelf 0 > milk"}  # of a known interest
    httpx.put(shop.url + "/items/flakes", json=item, timeout=10).raise_for_status()

    shop.assert_recovers("PUT /items after FLUSHALL")

    assert not list(shop.logs.glob("models/pretrained-*-*-*"))
    assert len(list(shop.models.glob("pretrained-*"))) == 1
    assert "space_fitting" not in _since_last_start(shop)


def test_without_its_artifact_nobody_serves_and_everybody_is_told_what_to_do(shop: Shop) -> None:
    artifact, aside = shop.models / shop.champion, shop.logs / "aside"
    artifact.rename(aside)
    asyncio.run(flush(shop.redis))

    def is_told() -> bool:
        return f"Bring {shop.models} back" in shop.log_of("index")

    asyncio.run(until(is_told, "the log says what to do"))
    answer = httpx.get(f"http://127.0.0.1:{shop.health}/readyz", timeout=10)
    assert (answer.status_code, answer.json()["down"]) == (503, ["model"])
    assert asyncio.run(champion_of(shop.redis)) is None

    aside.rename(artifact)

    shop.assert_recovers("the artifact is brought back")


def test_a_service_that_starts_without_kafka_reads_and_refuses_within_a_bound(shop: Shop) -> None:
    port, kafka_port = free_port(), free_port()
    away = environment(f"127.0.0.1:{kafka_port}", shop.redis) | {"PORTRAIT_PORT": str(port)}
    url = f"http://127.0.0.1:{port}"
    event = {"type": "purchase", "user_id": "ann", "item_id": "item-1"}
    with running(python("service"), shop.logs / "away.log", away):
        asyncio.run(until(lambda: down_of(url) == ["kafka"], "all is up but Kafka"))

        assert httpx.get(url + "/profile/user-1", timeout=10).status_code == 200
        wish = {"user_id": "user-1", "limit": 3}
        assert httpx.post(url + "/recommend", json=wish, timeout=10).status_code == 200
        for method, path, body in (("POST", "/events", event), ("DELETE", "/profile/ann", None)):
            answer = httpx.request(method, url + path, json=body, timeout=ANSWER_SECONDS + 2)
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0

        with start_kafka(shop.logs, kafka_port):
            bootstrap = {"kafka_bootstrap": f"127.0.0.1:{kafka_port}"}
            settings = Settings.model_validate(bootstrap)
            asyncio.run(create_topics(cluster_of(settings), read_topics(settings.topics_file)))
            taken = lambda: httpx.post(url + "/events", json=event, timeout=10).status_code == 202  # noqa: E731
            asyncio.run(until(taken, "events are taken again"))
            asyncio.run(until(lambda: is_ready(url), "all is up"))


def test_a_full_redis_is_waited_for_and_nobody_is_named(shop: Shop) -> None:
    asyncio.run(limit_memory(shop.redis, "100kb"))
    late: Fields = {"event_id": "late", "user_id": "ann-the-late", "item_id": "item-1"}
    late |= {"type": "purchase", "occurred_at": "2026-08-28T10:00:00Z"}
    asyncio.run(publish_events(shop.kafka, [late]))

    asyncio.run(until(lambda: "Redis is full" in shop.log_of("update"), "the worker waits"))
    asked = httpx.post(shop.url + "/models/train", json={}, timeout=10)

    assert (asked.status_code, asked.json()["detail"]) == (503, "Redis is full: try again later.")
    assert int(asked.headers["Retry-After"]) > 0
    asyncio.run(limit_memory(shop.redis, "0"))
    there = lambda: httpx.get(shop.url + "/profile/ann-the-late", timeout=10).status_code == 200  # noqa: E731
    asyncio.run(until(there, "what was published meanwhile is folded"))
    assert [process.poll() for process in shop.processes] == [None] * 3
    for name in ("index", "update", "service"):
        assert "Traceback" not in shop.log_of(name)
        assert "ann-the-late" not in shop.log_of(name)


async def limit_memory(url: str, most: str) -> None:
    redis = await connect_redis(url)
    await redis.config_set("maxmemory", most)
    await redis.aclose()


def down_of(url: str) -> list[str] | None:
    try:
        return list(httpx.get(url + "/readyz", timeout=10).json().get("down", []))
    except httpx.TransportError:
        return None


def _since_last_start(shop: Shop) -> str:
    text = shop.log_of("index")
    return text[text.rindex("model_promoted") :]
