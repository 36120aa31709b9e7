"""Faults: a trainer killed at work, judging or promoting; the next one ends where it would have."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from demo.servers import ROOT, Servers
from portrait.adapters.redis_lease import RedisJobs
from portrait.adapters.redis_models import RedisModels
from portrait.adapters.redis_registry import RedisRegistry
from portrait.jobs import Job
from portrait.lease import stopped
from portrait.store import Model
from tests.catalogues import SPACE
from tests.contract.test_training import NOON, card
from workers.train import version_of

pytestmark = pytest.mark.e2e

JOB = Job(id="f" * 32, trigger="request", reason="new season", asked_at=NOON)
PATIENCE = 90  # seconds: a start imports for some of them


class World:
    """A Redis with a champion and an open job."""

    def __init__(self, redis: Redis, url: str) -> None:
        self.redis = redis
        self.url = url
        self.models = RedisModels(redis)
        self.jobs = RedisJobs(redis)

    async def begin(self) -> None:
        """Put the champion in service, and ask for a training."""
        await self.redis.flushall()
        await RedisRegistry(self.redis).promote(Model("v1", SPACE))
        await self.models.add(card("v1"))
        await self.jobs.ask(JOB)

    @asynccontextmanager
    async def trainer(self, stage: str = "") -> AsyncIterator[Process]:
        """Run a trainer; it is killed at the end."""
        command = [sys.executable, "-m", "tests.trainer_process", self.url, stage]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE)
        try:
            yield process
        finally:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGKILL)
                await process.wait()

    @asynccontextmanager
    async def indexing(self) -> AsyncIterator[None]:
        """Switch to what is wanted, as the index worker does."""

        async def switch() -> None:
            while True:
                wanted = (await self.models.standing()).wanted
                if wanted is not None:
                    await self.models.switch(wanted)
                await asyncio.sleep(0.05)

        task = asyncio.create_task(switch())
        yield
        await stopped(task)

    async def ended(self) -> tuple[object, ...]:
        """Wait for the job to end, and return everything but the times and the attempts."""
        await until(self._is_over)
        job = await self.jobs.get(JOB.id)
        listed = [(each.card.version, each.role) for each in await self.models.listed()]
        verdict = (await self.models.get(version_of(JOB))).card.verdict
        return (
            job.state,
            job.challenger,
            job.outcome,
            await self.models.standing(),
            listed,
            verdict,
        )

    async def _is_over(self) -> bool:
        return (await self.jobs.get(JOB.id)).is_over

    async def is_wanted(self) -> bool:
        """Whether the challenger is asked for."""
        return (await self.models.standing()).wanted == version_of(JOB)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        for _ in range(PATIENCE * 100):
            if await condition():
                return
            await asyncio.sleep(0.05)


async def reached(process: Process, stage: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        async for line in process.stdout:
            if line.decode().strip() == stage:
                return
    pytest.fail(f"the trainer ended before {stage}")


@pytest.fixture
async def world(redis: Redis, servers: Servers) -> World:
    made = World(redis, servers.redis)
    await made.begin()
    return made


async def test_whenever_a_trainer_is_killed_the_next_ends_in_the_same_state(world: World) -> None:
    async with world.indexing(), world.trainer():
        undisturbed = await world.ended()
    assert undisturbed[0] == "promoted"

    for stage in ("training", "measuring"):
        await world.begin()
        async with world.indexing():
            async with world.trainer(stage) as killed:
                await reached(killed, stage)
            async with world.trainer():
                assert await world.ended() == undisturbed, stage
        assert (await world.jobs.get(JOB.id)).attempts == 2

    await world.begin()
    async with world.trainer():
        await until(world.is_wanted)
    async with world.indexing(), world.trainer():
        assert await world.ended() == undisturbed, "promoting"


async def test_two_trainers_at_once_train_once(world: World) -> None:
    async with world.indexing(), world.trainer(), world.trainer():
        ended = await world.ended()

    assert ended[0] == "promoted"
    assert (await world.jobs.get(JOB.id)).attempts == 1
