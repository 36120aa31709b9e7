"""Faults: a trainer killed at work, judging or promoting; the next one ends where it would have."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_lease import RedisJobs
from portrait.adapters.redis_registry import RedisRegistry
from portrait.lifecycle.jobs import Job
from portrait.lifecycle.lease import stopped
from portrait.model.model import Model
from sandbox.processes import Process, python, running
from sandbox.servers import Servers
from tests.support.cards import NOON, card
from tests.support.catalogues import SPACE
from tests.support.forked import Forked
from tests.support.processes import until
from workers.train.worker import version_of

pytestmark = pytest.mark.e2e

JOB = Job(id="f" * 32, trigger="request", reason="new season", asked_at=NOON)


class World:
    """A Redis with a champion and an open job."""

    def __init__(self, redis: Redis, url: str, logs: Path) -> None:
        self.redis = redis
        self.url = url
        self.log = logs / "trainer.log"
        self.registry = RedisRegistry(redis)
        self.jobs = RedisJobs(redis)

    async def begin(self) -> None:
        """Put the champion in service, and ask for a training."""
        await self.redis.flushall()
        await self.registry.begin(Model("v1", SPACE), card("v1"))
        await self.jobs.ask(JOB)

    @contextmanager
    def trainer(self, stage: str = "") -> Iterator[Process]:
        """Run a trainer; it is killed at the end."""
        command = python("tests.support.trainer_process", self.url, stage)
        with running(command, self.log, kind=Forked) as process:
            yield process
            process.kill()

    @asynccontextmanager
    async def indexing(self) -> AsyncIterator[None]:
        """Switch to what is wanted, as the index worker does."""

        async def switch() -> None:
            while True:
                wanted = (await self.registry.roles()).wanted
                if wanted is not None:
                    await self.registry.switch(wanted)
                await asyncio.sleep(0.05)

        task = asyncio.create_task(switch())
        yield
        await stopped(task)

    async def ended(self) -> tuple[object, ...]:
        """Wait for the job to end, and return everything but the times and the attempts."""
        await until(self._is_over, "the job is over")
        job = await self.jobs.get(JOB.id)
        entries = [(each.card.version, each.role) for each in await self.registry.entries()]
        verdict = (await self.registry.entry(version_of(JOB))).card.verdict
        return (
            job.state,
            job.challenger,
            job.outcome,
            await self.registry.roles(),
            entries,
            verdict,
        )

    async def _is_over(self) -> bool:
        return (await self.jobs.get(JOB.id)).is_over

    async def is_wanted(self) -> bool:
        """Whether the challenger is asked for."""
        return (await self.registry.roles()).wanted == version_of(JOB)


async def reached(process: Process, stage: str) -> None:
    await until(lambda: stage in process.last_lines().split(), f"{stage} is reached")


@pytest.fixture
async def world(redis: Redis, servers: Servers, tmp_path: Path) -> World:
    made = World(redis, servers.redis, tmp_path)
    await made.begin()
    return made


async def test_whenever_a_trainer_is_killed_the_next_ends_in_the_same_state(world: World) -> None:
    async with world.indexing():
        with world.trainer():
            undisturbed = await world.ended()
    assert undisturbed[0] == "promoted"

    for stage in ("training", "measuring"):
        await world.begin()
        async with world.indexing():
            with world.trainer(stage) as killed:
                await reached(killed, stage)
            with world.trainer():
                assert await world.ended() == undisturbed, stage
        assert (await world.jobs.get(JOB.id)).attempts == 2

    await world.begin()
    with world.trainer():
        await until(world.is_wanted, "the challenger is wanted")
    async with world.indexing():
        with world.trainer():
            assert await world.ended() == undisturbed, "promoting"


async def test_two_trainers_at_once_train_once(world: World) -> None:
    async with world.indexing():
        with world.trainer(), world.trainer():
            ended = await world.ended()

    assert ended[0] == "promoted"
    assert (await world.jobs.get(JOB.id)).attempts == 1
