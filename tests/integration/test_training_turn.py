"""The whole turn of the trainer: archive, job, learning, exam, verdict, card, promotion."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_lease import RedisJobs, RedisLease
from portrait.adapters.river_drift import AdwinDrift
from portrait.dataset.stock import StoredStock
from portrait.evaluation.trial import DEFAULTS
from portrait.lifecycle.jobs import Job, Jobs, new_job
from portrait.lifecycle.lease import Lease
from portrait.lifecycle.manifest import Manifest
from portrait.lifecycle.schedule import Schedule
from portrait.lifecycle.tracking import Lenient
from portrait.monitoring.signals import ArchiveSignals
from portrait.training.learner import ArchiveLearner, manifest_at
from sandbox.shuffled import ShuffledLearner
from service.parts import Parts as ServiceParts
from tests.support.archives import memory_archive
from tests.support.cards import card
from tests.support.fake_training import MemoryJobs, MemoryLease
from tests.support.fakes import HashEncoder, MemoryCatalogue
from tests.support.memory_registry import MemoryRegistry
from tests.support.processes import until
from tests.support.shop import Shop, open_shop
from tests.support.training_shop import CATALOGUE, keep, season
from tests.unit.test_learner import PLAN, PRETRAINED
from workers.train import worker as trainer_module
from workers.train.worker import Parts, train, turn

pytestmark = pytest.mark.asyncio

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ON_EVENTS = Schedule(cron=None, events=1_000, pause=timedelta(0))


class Trainer:
    """A trainer on real learning and fake storage."""

    lease: Lease
    jobs: Jobs

    def __init__(self, folder: Path) -> None:
        self.archive = memory_archive()
        self.catalogue = MemoryCatalogue()
        self.registry = MemoryRegistry()
        memory = MemoryLease()
        self.lease, self.jobs = memory, MemoryJobs(memory)
        self.plan = replace(PLAN, folder=folder / "work", models_url=str(folder / "models"))
        self.started = LONG_AGO
        self.schedule = ON_EVENTS

    async def open(self) -> None:
        """Fill the catalogue, and put the pretrained model in service."""
        await self.catalogue.put_items(CATALOGUE)
        await self.registry.begin(PRETRAINED, card(PRETRAINED.version))

    async def turn(self, learner: type[ArchiveLearner] = ArchiveLearner) -> Job | None:
        """Let it take one look, as a process that has just started."""
        async with self._indexing():
            return await turn(self.parts(learner), self.started, asyncio.Event())

    async def train(self, closing: asyncio.Event) -> None:
        """Let it work as its process does."""
        async with self._indexing():
            await train(self.parts(), closing)

    def parts(self, learner: type[ArchiveLearner] = ArchiveLearner) -> Parts:
        stock = StoredStock(self.catalogue, asyncio.get_running_loop())
        return Parts(
            lease=self.lease,
            jobs=self.jobs,
            registry=self.registry,
            learner=learner(self.archive, stock, HashEncoder(), self.plan),
            signals=ArchiveSignals(
                self.archive, stock, self.registry, self.manifest_of, AdwinDrift
            ),
            tracking=Lenient(None),
            schedule=self.schedule,
            thresholds=DEFAULTS,
        )

    def manifest_of(self, version: str) -> Manifest | None:
        return manifest_at(self.plan.models_url, version)

    @asynccontextmanager
    async def _indexing(self) -> AsyncIterator[None]:
        """Switch to whatever is wanted, as the index worker does."""

        async def switch() -> None:
            while True:
                wanted = (await self.registry.roles()).wanted
                if wanted is not None:
                    await self.registry.switch(wanted)
                await asyncio.sleep(0.01)

        task = asyncio.create_task(switch())
        try:
            yield
        finally:
            task.cancel()


async def test_good_models_serve_one_after_the_other_and_a_bad_one_does_not(
    tmp_path: Path,
) -> None:
    trainer = Trainer(tmp_path)
    await trainer.open()

    assert await trainer.turn() is None  # nothing has happened yet
    keep(trainer.archive, season(0))
    first = await trainer.turn()
    assert first is not None
    assert (first.trigger, first.state) == ("events", "promoted")

    assert await trainer.turn() is None  # those events made their training
    keep(trainer.archive, season(1))
    await trainer.jobs.ask(new_job("request", "a new season", datetime.now(UTC)))
    second = await trainer.turn()
    assert second is not None
    assert second.state == "promoted", second.outcome

    await trainer.jobs.ask(new_job("request", "a rehearsal", LONG_AGO))
    bad = await trainer.turn(ShuffledLearner)
    assert bad is not None
    assert bad.state == "refused"
    assert "NDCG@10 fell" in str(bad.outcome)

    entries = await trainer.registry.entries()
    cards = [entry.card for entry in entries]
    assert [entry.role for entry in entries] == [
        "refused",
        "champion",
        "former",
        "candidate",
    ]
    assert cards[1].parent == cards[2].version
    assert cards[2].parent == PRETRAINED.version
    for each in cards[:3]:
        assert each.artifact is not None
        assert each.digest is not None
        assert each.verdict is not None
        assert each.rows["new"] > 0
    serving = await trainer.registry.champion()
    assert serving is not None
    assert serving.version == cards[1].version
    assert serving.learned is not None


async def test_too_little_ends_the_job_with_the_reason(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path)
    await trainer.open()
    await trainer.jobs.ask(new_job("request", "at once", datetime.now(UTC)))

    job = await trainer.turn()

    assert job is not None
    assert job.state == "failed"
    assert "0 of 100 new events" in str(job.outcome)


async def test_a_running_training_is_cancelled_over_http_and_the_next_one_runs(
    tmp_path: Path, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer_module, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(trainer_module, "TELL_EVERY", 0.1)
    trainer, closing = Trainer(tmp_path), asyncio.Event()
    trainer.lease, trainer.jobs = RedisLease(redis, timedelta(seconds=30)), RedisJobs(redis)
    trainer.schedule = replace(ON_EVENTS, events=None)
    course = trainer.plan.course
    endless = replace(course.course, epochs=10_000, patience=10_000)
    trainer.plan = replace(trainer.plan, course=replace(course, course=endless))
    await trainer.open()
    keep(trainer.archive, season(0))

    async with open_shop(RedisShop(trainer.jobs)) as client:
        asked = await client.post("/models/train", json={"reason": "new season"})
        assert asked.json()["state"] == "waiting_for_trainer"
        where = asked.headers["location"]

        async def is_training() -> bool:
            job = (await client.get(where)).json()
            return job["stage"] == "training" and bool(job["stage_share"])

        async def is_cancelled() -> bool:
            job = (await client.get(where)).json()
            assert job["state"] in {"cancelling", "cancelled"}, job
            return bool(job["state"] == "cancelled")

        training = asyncio.create_task(trainer.train(closing))
        await until(is_training, "the ranker is trained")
        running = (await client.get(where)).json()
        assert (running["state"], running["stage_number"]) == ("running", 3)
        assert 0 < running["stage_share"] < 0.5
        assert [*trainer.plan.folder.iterdir()]

        cancelled = await client.post(f"{where}/cancel", json={"reason": "the wrong season"})
        assert (cancelled.status_code, cancelled.json()["state"]) == (202, "cancelling")
        await until(is_cancelled, "the training has stopped")

        ended = (await client.get(where)).json()
        assert ended["summary"] == "Cancelled: the wrong season"
        assert [*trainer.plan.folder.iterdir()] == []
        assert (await trainer.registry.roles()).champion == PRETRAINED.version
        closing.set()
        await training

        trainer.plan = replace(trainer.plan, course=course)
        following = await client.post("/models/train")
        assert following.status_code == 202, following.text
        job = await trainer.turn()

    assert job is not None
    assert job.id == following.json()["id"]
    assert job.state == "promoted", job.outcome


class RedisShop(Shop):
    """A service that knows jobs from Redis."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._known = jobs

    @property
    def parts(self) -> ServiceParts:
        """The same, with these jobs."""
        return replace(super().parts, jobs=self._known)
