"""Faults: a reader of reviews is promoted, killed and rolled back, and what it has read stays.

planted reviews ─▶ a reader, fine-tuned ─▶ promoted ─▶ reviews are read by it ─▶ the profile says so
kill -9, again and again ─▶ byte for byte the profiles of a quiet run
rolled back ─▶ new reviews are read by words; what was read stays as it was read first
"""

import asyncio
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import connect_redis
from portrait.lifecycle.artifact import READER, manifest_digest, write_artifact
from portrait.lifecycle.manifest import TONE, Manifest
from portrait.lifecycle.registry import card_of
from portrait.model.model import Model
from portrait.profiles.profile import read_facts
from portrait.profiles.searched import read_readings
from portrait.tracker import NoTracker
from portrait.training.tasks.fit_tone import TONE_OUTCOME, ToneTraining, fit_tone
from sandbox.processes import Process, finish, python, running
from sandbox.servers import free_port, start_servers
from tests.e2e.test_change_encoder import items
from tests.support.archives import memory_archive
from tests.support.challengers import learned
from tests.support.planted_reviews import HOW, keep_reviews, written
from tests.support.processes import (
    Fields,
    environment,
    publish_events,
    publish_items,
    until,
    worker,
)
from tests.support.tiny_bert import write_tiny_bert

pytestmark = pytest.mark.e2e

REVIEWS, USERS, VERSION = 600, 40, "reading"
BATCH = {"PORTRAIT_BATCH_EVENTS": "40", "PORTRAIT_ENCODER_BACKEND": "torch"}


def log_of(texts: list[str], stars: float | None, first: int, writers: int) -> list[Fields]:
    """Return reviews, all with the same stars, whatever they say, among clicks."""
    said = {} if stars is None else {"rating": stars}
    return [
        {
            "event_id": f"review-{first + n}",
            "type": "review",
            "user_id": f"user-{first + n % writers}",
            "item_id": f"item-{n % 9}",
            "text": text,
            "occurred_at": f"2026-08-{1 + n % 28:02d}T10:{n % 60:02d}:00Z",
            **said,
        }
        for n, text in enumerate(texts)
    ]


@dataclass(frozen=True)
class World:
    """A Portrait whose champion has a reader."""

    kafka: str
    redis: str
    url: str
    settings: dict[str, str]
    folder: Path

    def update(self) -> Any:  # noqa: ANN401 - a context manager
        return worker("update", self.settings, self.folder)

    def profile(self, user: str) -> Any:  # noqa: ANN401 - parsed JSON
        answer = httpx.get(f"{self.url}/profile/{user}", timeout=30)
        return answer.json() if answer.status_code == 200 else None

    async def profiles(self, *, forget: bool = False) -> dict[bytes, bytes]:
        """Return records and what lies beside them, and with `forget` begin anew."""
        redis = await connect_redis(self.redis)
        keys = [
            key
            for pattern in ("profile:*", "searched:*")
            async for key in redis.scan_iter(pattern, count=1_000)
        ]
        found = dict(zip(keys, await redis.mget(keys), strict=True)) if keys else {}
        if forget:
            await redis.delete("offsets:portrait-update", *keys)
        await redis.aclose()
        return {key: value for key, value in found.items() if value is not None}

    async def folded(self) -> int:
        found = await self.profiles()
        records = [value for key, value in found.items() if key.startswith(b"profile:")]
        return int(read_facts([*records])[0].head["totals"].sum())

    async def read(self) -> int:
        """Count what the BERT has read."""
        found = await self.profiles()
        return sum(
            value[0] for key, value in found.items() if key.startswith(b"profile:") and value
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("reader")
    base = write_tiny_bert(folder / "tiny")
    archive = memory_archive()
    keep_reviews(archive, *written(900, 0))
    fit_tone(folder, archive, ToneTraining(base, how=HOW), 0, NoTracker())
    with ExitStack() as stack:
        servers = stack.enter_context(start_servers(folder))
        settings = environment(servers.kafka, servers.redis) | BATCH
        port = free_port()
        settings |= {"PORTRAIT_ENCODER": str(base), "PORTRAIT_PORT": str(port)}
        finish(python("workers", "topics"), folder / "topics.log", settings)
        asyncio.run(publish_items(servers.kafka, items()))
        stack.enter_context(running(python("service"), folder / "service.log", settings))
        stack.enter_context(worker("index", settings, folder))
        url = f"http://127.0.0.1:{port}"
        world = World(servers.kafka, servers.redis, url, settings, folder)
        asyncio.run(add_reading(world))
        asyncio.run(until(lambda: is_ready(url), "the service answers"))
        httpx.post(f"{url}/models/{VERSION}/promote", timeout=30).raise_for_status()
        asyncio.run(until(lambda: serves(world, VERSION), "the model with the reader serves"))
        yield world


async def add_reading(world: World) -> None:
    """Publish and list a model with the reader that was fine-tuned, as the trainer does."""
    redis = await connect_redis(world.redis)
    registry = RedisRegistry(redis)

    async def is_begun() -> bool:
        return (await registry.roles()).champion is not None

    await until(is_begun, "the first model serves")
    ground = await registry.champion()
    assert ground is not None
    model = Model(VERSION, ground.space, learned(1, ground.space.dim))
    told = TONE_OUTCOME.told(world.folder)
    assert told is not None
    assert told["kept"], told["reason"]
    manifest = Manifest(
        version=VERSION,
        parent=ground.version,
        created_at=datetime.now(UTC),
        encoder=model.space.encoder,
        space_id=model.space.id,
        metrics={TONE: json.loads(json.dumps(told))},
    )
    artifact = world.folder / "models" / VERSION
    assert model.learned is not None
    write_artifact(
        artifact,
        manifest,
        space=model.space,
        learned=model.learned.to_arrays(),
        reader=world.folder / READER,
    )
    card = card_of(manifest, artifact=str(artifact), digest=manifest_digest(artifact))
    source = (await registry.entry(ground.version)).card.encoder_source
    await registry.store(model)
    await registry.add(
        card.model_copy(update={"encoder_source": source, "space_id": model.space_id})
    )
    await redis.aclose()


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


async def serves(world: World, version: str) -> bool:
    redis = await connect_redis(world.redis)
    roles = await RedisRegistry(redis).roles()
    await redis.aclose()
    return roles.champion == version


def is_folded(world: World, count: int) -> Any:  # noqa: ANN401 - an awaitable question
    async def asked() -> bool:
        return await world.folded() >= count

    return asked


def kill(process: Process) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_what_a_bert_reads_is_the_same_whatever_is_killed_and_stays_when_it_is_rolled_back(
    world: World,
) -> None:
    texts, stars = written(REVIEWS, 5)
    log = log_of(texts, 5.0, 0, USERS)
    asyncio.run(publish_events(world.kafka, log))
    for count in (1, REVIEWS // 3, 2 * REVIEWS // 3):
        with world.update() as process:
            asyncio.run(until(is_folded(world, count), f"{count} reviews are folded"))
            kill(process)
    with world.update():
        asyncio.run(until(lambda: all_read(world, REVIEWS), "every review is read"))
        killed = asyncio.run(world.profiles(forget=True))
    with world.update():
        asyncio.run(until(lambda: all_read(world, REVIEWS), "every review is read again"))
        quiet = asyncio.run(world.profiles())
        assert killed == quiet

        readings = [
            reading
            for key, value in quiet.items()
            if key.startswith(b"searched:")
            for reading in read_readings(value).values()
        ]
        complaints = sum(each < 3 for each in stars)
        blamed = sum(reading.tone == "negative" for reading in readings)
        assert abs(blamed - complaints) < 0.1 * REVIEWS
        told = world.profile("user-1")["reviews"]
        assert sum(each["read_by"]["bert"] for each in told) > 0
        assert sum(each["negative"] for each in told) > 0  # of five stars each

        httpx.post(
            f"{world.url}/models/rollback", json={"reason": "a test"}, timeout=30
        ).raise_for_status()
        asyncio.run(until(lambda: not_serving(world), "it is rolled back"))
        asyncio.run(until(lambda: "model_taken_up" in log_text(world), "the worker has heard"))
        bad = [text for text, each in zip(texts, stars, strict=True) if each < 3][:3]
        after = log_of(bad, 5.0, 1_000, 1)
        asyncio.run(publish_events(world.kafka, after))
        asyncio.run(until(lambda: bool(world.profile("user-1000")), "they are folded"))

    said = world.profile("user-1000")["reviews"][0]
    assert said["read_by"]["bert"] == 0
    assert said["read_by"]["stars"] > 0
    assert said["negative"] == 0
    assert sum(each["read_by"]["bert"] for each in world.profile("user-1")["reviews"]) > 0


async def all_read(world: World, count: int) -> bool:
    return await world.read() == count


async def not_serving(world: World) -> bool:
    return not await serves(world, VERSION)


def log_text(world: World) -> str:
    return (world.folder / "update.log").read_text()
