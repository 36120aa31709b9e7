"""The whole turn of the trainer: archive, job, learning, exam, verdict, card, promotion."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portrait.adapters.river_drift import AdwinDrift
from portrait.jobs import Job, new_job
from portrait.manifest import Manifest
from portrait.neural.learner import ArchiveLearner, manifest_at
from portrait.neural.signals import ArchiveSignals
from portrait.schedule import Schedule
from portrait.stock import StoredStock
from portrait.tracking import Lenient
from portrait.trial import DEFAULTS
from tests.archives import memory_archive
from tests.contract.test_training import card
from tests.fake_training import MemoryJobs, MemoryLease, MemoryModels
from tests.fakes import HashEncoder, MemoryCatalogue
from tests.training_shop import CATALOGUE, keep, season
from tests.unit.test_learner import PLAN, PRETRAINED
from tests.unit.test_train import Registry
from workers.train import Parts, turn

pytestmark = pytest.mark.asyncio

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ON_EVENTS = Schedule(cron=None, events=1_000, pause=timedelta(0))


class Trainer:
    """A trainer on real learning and fake storage."""

    def __init__(self, folder: Path) -> None:
        self.archive = memory_archive()
        self.catalogue = MemoryCatalogue()
        self.models = MemoryModels()
        self.registry = Registry(self.models)
        self.lease = MemoryLease()
        self.jobs = MemoryJobs(self.lease)
        self.plan = replace(PLAN, folder=folder / "work", models_url=str(folder / "models"))
        self.started = LONG_AGO

    async def open(self) -> None:
        """Fill the catalogue, and put the pretrained model in service."""
        await self.catalogue.put_items(CATALOGUE)
        await self.registry.store(PRETRAINED)
        await self.models.add(card(PRETRAINED.version))
        await self.models.want(PRETRAINED.version)
        await self.models.switch(PRETRAINED.version)

    async def turn(self, *, shuffled: bool = False) -> Job | None:
        """Let it take one look, as a process that has just started."""
        stock = StoredStock(self.catalogue, asyncio.get_running_loop())
        plan = replace(self.plan, shuffled_labels=shuffled)
        parts = Parts(
            lease=self.lease,
            jobs=self.jobs,
            models=self.models,
            registry=self.registry,
            learner=ArchiveLearner(self.archive, stock, HashEncoder(), plan),
            signals=ArchiveSignals(
                self.archive, stock, self.registry, self.manifest_of, AdwinDrift
            ),
            tracking=Lenient(None),
            schedule=ON_EVENTS,
            thresholds=DEFAULTS,
        )
        async with self._indexing():
            return await turn(parts, self.started, asyncio.Event())

    def manifest_of(self, version: str) -> Manifest | None:
        return manifest_at(self.plan.models_url, version)

    @asynccontextmanager
    async def _indexing(self) -> AsyncIterator[None]:
        """Switch to whatever is wanted, as the index worker does."""

        async def switch() -> None:
            while True:
                wanted = (await self.models.standing()).wanted
                if wanted is not None:
                    await self.models.switch(wanted)
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
    bad = await trainer.turn(shuffled=True)
    assert bad is not None
    assert bad.state == "refused"
    assert "NDCG@10 fell" in str(bad.outcome)

    cards = [listed.card for listed in await trainer.models.listed()]
    assert [listed.role for listed in await trainer.models.listed()] == [
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
