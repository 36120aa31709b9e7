"""The trainer: good challengers serve, bad ones do not, and a kill changes neither."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from portrait.archive.archive import ArchiveChangedError
from portrait.evaluation.trial import DEFAULTS
from portrait.lifecycle.jobs import Job, new_job
from portrait.lifecycle.learner import BothFigures, NothingToLearnError, Progress, Trained
from portrait.lifecycle.manifest import Manifest
from portrait.lifecycle.need import Need
from portrait.lifecycle.schedule import Schedule
from portrait.lifecycle.tracking import Lenient
from portrait.model.model import Model
from tests.support.cards import card
from tests.support.catalogues import SPACE
from tests.support.fake_training import MemoryJobs, MemoryLease
from tests.support.memory_registry import MemoryRegistry
from tests.support.patience import PATIENCE
from tests.unit.test_judge import CHAMPION, shuffled
from workers.train import worker as trainer
from workers.train.worker import MOST_ATTEMPTS, Parts, turn, version_of

STARTED = datetime(2026, 11, 24, 12, tzinfo=UTC)
NEVER = Schedule(cron=None, events=None)


@dataclass
class StubLearner:
    """A `Learner` whose challengers are as good as it is told; it can be killed at a stage."""

    is_good: bool = True
    encoder: str | None = None  # that its challengers stand on
    encode_ms: float = 3.0  # that it takes them to read a text
    dies_at: str = ""
    stages: list[str] = field(default_factory=list)
    at: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    outline: tuple[str, ...] = ("training", "measuring")
    kept: list[str | None] = field(default_factory=list)  # by every tidying

    def learn(self, version: str, champion: Model | None, progress: Progress) -> Trained:
        """Make a model of that version."""
        assert champion is None or champion.version != version
        self._reach("training", progress)
        progress.record(1, {"loss": 0.5})
        manifest = Manifest(
            version=version,
            parent=None if champion is None else champion.version,
            created_at=STARTED,
            encoder=SPACE.encoder,
            base_encoder=self.encoder,
            space_id=SPACE.id,
        )
        return Trained(Model(version, SPACE), manifest)

    def tidy(self, version: str | None) -> int:
        """Note which training is to be kept."""
        self.kept.append(version)
        return 0

    def examine(self, trained: Trained, champion: Model | None, progress: Progress) -> BothFigures:
        """Say how good it is."""
        self._reach("measuring", progress)
        name = "none" if champion is None else champion.version
        newest = CHAMPION.newest if self.is_good else shuffled()
        return BothFigures(
            replace(CHAMPION, version=name),
            replace(
                CHAMPION,
                version=trained.manifest.version,
                newest=newest,
                encode_ms=self.encode_ms,
            ),
        )

    def _reach(self, stage: str, progress: Progress) -> None:
        self.stages.append(stage)
        progress.stage(stage)
        self.at.get(stage, lambda: None)()
        if self.dies_at == stage:
            raise KilledError


class KilledError(Exception):
    """What a kill looks like from inside."""


@dataclass
class Walking(StubLearner):
    """A learner that trains in a hundred steps, with something done before each."""

    before: Callable[[], None] = lambda: None
    steps: int = 0

    def learn(self, version: str, champion: Model | None, progress: Progress) -> Trained:
        """Train step by step."""
        trained = super().learn(version, champion, progress)
        for step in range(100):
            self.before()
            self.steps = step + 1
            progress.reach(self.steps / 100)
        return trained


class CountedJobs(MemoryJobs):
    """Jobs that count how often they are written."""

    saves = 0

    async def save(self, job: Job, token: int) -> None:
        """Count."""
        await super().save(job, token)
        self.saves += 1


@dataclass
class StubSignals:
    """`Signals` as told."""

    events: int = 0
    moved: str | None = None
    is_changing: bool = False  # the archive, so that it cannot be listed
    asked_since: list[int] = field(default_factory=list)

    async def labelled(self, since_ms: int) -> int:
        """Return the events."""
        self.asked_since.append(since_ms)
        if self.is_changing:
            raise ArchiveChangedError
        return self.events

    async def drift(self, _version: str) -> str | None:
        """Return the drift."""
        return self.moved


class Bench:
    """A trainer on fakes, with a champion in service."""

    def __init__(self) -> None:
        self.registry = MemoryRegistry()
        self.lease = MemoryLease()
        self.jobs = MemoryJobs(self.lease)
        self.learner = StubLearner()
        self.signals = StubSignals()
        self.schedule = NEVER
        self.closing = asyncio.Event()

    async def start(self) -> None:
        """Put the first model in service."""
        await self.registry.begin(Model("v1", SPACE), card("v1"))

    async def ask(self) -> Job:
        """Ask for a training."""
        job = new_job("request", "new season", STARTED)
        await self.jobs.ask(job)
        return job

    @property
    def parts(self) -> Parts:
        """Return what a trainer stands on here."""
        return Parts(
            self.lease,
            self.jobs,
            self.registry,
            self.learner,
            self.signals,
            Lenient(None),
            self.schedule,
            DEFAULTS,
        )

    def cancelling(self, job: Job, reason: str) -> Callable[[], None]:
        """Return what cancels a job from another thread, as the service does meanwhile."""
        loop = asyncio.get_running_loop()

        def cancel() -> None:
            asked = self.jobs.cancel(job.id, reason, STARTED)
            asyncio.run_coroutine_threadsafe(asked, loop).result()

        return cancel

    async def turn(self) -> Job | None:
        """Let the trainer take one look."""
        return await turn(self.parts, STARTED, self.closing)

    @asynccontextmanager
    async def indexing(self) -> AsyncIterator[None]:
        """Switch to what is wanted, as the index worker does."""

        async def switch() -> None:
            while True:
                wanted = self.registry.now.wanted
                if wanted is not None:
                    await self.registry.switch(wanted)
                await asyncio.sleep(0.01)

        task = asyncio.create_task(switch())
        yield
        task.cancel()


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(trainer, "SWITCH_EVERY", 0.01)
    made = Bench()
    await made.start()
    return made


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - polls what the trainer's thread does
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(("encoder", "promoted"), [("slow", True), (SPACE.encoder, False)])
async def test_only_a_challenger_of_another_encoder_may_be_slower(
    bench: Bench,
    encoder: str,
    promoted: bool,  # noqa: FBT001 - a parameter
) -> None:
    bench.learner.encoder, bench.learner.encode_ms = encoder, 30.0
    await bench.ask()

    async with bench.indexing():
        ended = await bench.turn()

    assert ended is not None
    assert (ended.state == "promoted") == promoted


async def test_nothing_is_trained_while_nothing_is_due(bench: Bench) -> None:
    assert await bench.turn() is None
    assert bench.learner.stages == []


async def test_a_good_challenger_serves_in_the_end(bench: Bench) -> None:
    job = await bench.ask()

    async with bench.indexing():
        ended = await bench.turn()

    assert ended is not None
    assert ended == await bench.jobs.get(job.id)
    assert (ended.state, ended.challenger) == ("promoted", version_of(job))
    assert bench.registry.now == (version_of(job), "v1", None)
    card_of_it = (await bench.registry.entry(version_of(job))).card
    assert card_of_it.parent == "v1"
    assert card_of_it.verdict is not None
    assert ended.outcome == card_of_it.verdict.reason
    assert ended.figures == {"loss": 0.5}
    assert not bench.lease.is_held


async def test_a_bad_challenger_is_refused_and_kept_to_be_looked_at(bench: Bench) -> None:
    bench.learner.is_good = False
    job = await bench.ask()

    ended = await bench.turn()

    assert ended is not None
    assert ended.state == "refused"
    assert ended.outcome is not None
    assert ended.outcome.startswith("What people took next stands lower in the lists: NDCG@10 fell")
    assert bench.registry.now == ("v1", None, None)
    assert (await bench.registry.entry(version_of(job))).role == "refused"
    assert version_of(job) in bench.registry.models


async def test_a_trigger_opens_its_own_job(bench: Bench) -> None:
    bench.schedule = Schedule(cron=None, events=1_000, pause=timedelta(0))
    bench.signals.events = 1_000

    async with bench.indexing():
        ended = await bench.turn()
        bench.signals.events = 10
        nothing = await bench.turn()

    assert ended is not None
    assert (ended.trigger, ended.state) == ("events", "promoted")
    assert nothing is None
    first, second = bench.signals.asked_since
    assert first == STARTED.timestamp() * 1_000
    assert second == int(ended.asked_at.timestamp() * 1_000)  # a job counts from its own begin


async def test_what_a_training_waits_for_is_said_in_numbers(bench: Bench) -> None:
    bench.schedule = Schedule(cron=None, events=200, pause=timedelta(0))
    bench.signals.events = 129

    assert await bench.turn() is None

    assert str((await bench.jobs.situation()).lacks) == "129 of 200 new labelled events"


async def test_drift_is_a_reason(bench: Bench) -> None:
    bench.schedule = replace(NEVER, pause=timedelta(0))
    bench.signals.moved = "The distribution of lengths has moved."

    async with bench.indexing():
        ended = await bench.turn()

    assert ended is not None
    assert (ended.trigger, ended.reason) == ("drift", "The distribution of lengths has moved.")


async def test_one_trains_at_a_time(bench: Bench) -> None:
    await bench.ask()
    await bench.lease.take()

    assert await bench.turn() is None
    assert bench.learner.stages == []


@pytest.mark.parametrize("stage", ["training", "measuring"])
async def test_a_trainer_killed_at_work_leaves_the_job_to_the_next(
    bench: Bench, stage: str
) -> None:
    job = await bench.ask()
    bench.learner.dies_at = stage
    with pytest.raises(KilledError):
        await bench.turn()
    bench.learner.dies_at = ""

    async with bench.indexing():
        ended = await bench.turn()

    assert ended is not None
    assert (ended.id, ended.state, ended.attempts) == (job.id, "promoted", 2)
    assert bench.registry.now == (version_of(job), "v1", None)


async def test_a_trainer_killed_while_promoting_does_not_train_again(bench: Bench) -> None:
    job = await bench.ask()
    killed = asyncio.create_task(bench.turn())
    await until(lambda: bench.registry.now.wanted is not None)
    killed.cancel()
    await asyncio.wait([killed])
    async with bench.indexing():
        await until(lambda: bench.registry.now.champion == version_of(job))

    ended = await bench.turn()

    assert ended is not None
    assert (ended.state, ended.attempts) == ("promoted", 2)
    assert bench.learner.stages == ["training", "measuring"]
    assert bench.registry.now == (version_of(job), "v1", None)


async def test_what_was_rolled_back_meanwhile_is_not_promoted_again(bench: Bench) -> None:
    job = await bench.ask()
    killed = asyncio.create_task(bench.turn())
    await until(lambda: bench.registry.now.wanted is not None)
    killed.cancel()
    await asyncio.wait([killed])
    await bench.registry.switch(version_of(job))
    await bench.registry.roll_back("complaints")

    ended = await bench.turn()

    assert ended is not None
    assert ended.state == "refused"
    assert "complaints" in str(ended.outcome)
    assert bench.registry.now == ("v1", None, None)


async def test_a_wish_for_another_model_ends_the_wait(bench: Bench) -> None:
    await bench.ask()
    await bench.registry.store(Model("v0", SPACE))
    await bench.registry.add(card("v0"))
    turning = asyncio.create_task(bench.turn())
    await until(lambda: bench.registry.now.wanted is not None)

    await bench.registry.want("v0")
    ended = await turning

    assert ended is not None
    assert (ended.state, ended.outcome) == ("refused", "Another model was wanted in its stead.")


async def test_a_job_that_kills_its_trainers_is_given_up(bench: Bench) -> None:
    await bench.ask()
    bench.learner.dies_at = "training"
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(KilledError):
            await bench.turn()

    ended = await bench.turn()

    assert ended is not None
    assert (ended.state, ended.outcome) == ("failed", "3 trainers died of it.")
    assert len(bench.learner.stages) == MOST_ATTEMPTS


async def test_with_nothing_to_learn_the_job_says_so(bench: Bench) -> None:
    await bench.ask()

    def nothing() -> None:
        msg = "12 events are too few."
        raise NothingToLearnError(msg)

    bench.learner.at = {"training": nothing}

    ended = await bench.turn()

    assert ended is not None
    assert (ended.state, ended.outcome) == ("failed", "12 events are too few.")


async def test_who_has_to_leave_leaves_at_the_next_step_and_the_job_stays_open(
    bench: Bench,
) -> None:
    job = await bench.ask()
    bench.learner.at = {"training": bench.closing.set}

    assert await bench.turn() is None

    assert bench.learner.stages == ["training"]
    still = await bench.jobs.open()
    assert still is not None
    assert (still.id, still.stage) == (job.id, "training")
    assert not bench.lease.is_held


async def test_who_has_lost_the_lease_stops_and_leaves_no_trace(bench: Bench) -> None:
    await bench.ask()
    bench.lease.lasts = timedelta(milliseconds=30)
    lost = threading.Event()

    def lose() -> None:
        bench.lease.run_out()
        lost.wait(0.2)  # as long as it takes the heartbeat to notice

    bench.learner.at = {"training": lose}

    assert await bench.turn() is None

    assert bench.registry.now == ("v1", None, None)
    assert len(bench.registry.cards) == 1


async def test_a_wish_that_the_index_worker_refuses_ends_the_job_with_the_reason(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "SWITCH_EVERY", 0.01)
    job = await bench.ask()
    working = asyncio.create_task(bench.turn())
    await until(lambda: bench.registry.now.wanted == version_of(job))

    await bench.registry.refuse(version_of(job), "its encoder cannot be loaded: OSError")

    ended = await working
    assert ended is not None
    assert ended.state == "refused"
    assert "its encoder cannot be loaded: OSError" in (ended.outcome or "")
    assert bench.registry.now.champion == "v1"


@pytest.mark.parametrize("stage", ["training", "measuring"])
async def test_a_cancelled_training_stops_leaves_nothing_and_the_next_one_runs(
    bench: Bench, stage: str
) -> None:
    job = await bench.ask()
    bench.learner.at = {stage: bench.cancelling(job, "by mistake")}

    ended = await bench.turn()

    assert ended is not None
    assert ended == await bench.jobs.get(job.id)
    assert (ended.state, ended.outcome) == ("cancelled", "by mistake")
    assert [*bench.registry.cards] == ["v1"]
    assert bench.learner.kept == [None]  # what it left is removed
    assert not bench.lease.is_held
    bench.learner.at = {}
    await bench.ask()
    async with bench.indexing():
        following = await bench.turn()
    assert following is not None
    assert following.state == "promoted"


async def test_a_training_that_is_deep_in_a_stage_stops_when_it_next_says_how_far_it_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "TELL_EVERY", 0.0)
    job = await bench.ask()
    bench.learner = walking = Walking(before=bench.cancelling(job, "by mistake"))

    ended = await bench.turn()

    assert ended is not None
    assert ended.state == "cancelled"
    assert walking.steps == 1


async def test_a_cancelled_promotion_withdraws_its_wish(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "TELL_EVERY", 0.0)
    job = await bench.ask()
    turning = asyncio.create_task(bench.turn())
    await until(lambda: bench.registry.now.wanted is not None)

    await bench.jobs.cancel(job.id, "by mistake", STARTED)
    ended = await turning

    assert ended is not None
    assert ended.state == "cancelled"
    assert bench.registry.now == ("v1", None, None)
    listed = await bench.registry.entry(version_of(job))
    assert listed.role == "refused"
    assert listed.card.refused == "Its training was cancelled: by mistake"


async def test_what_serves_already_when_it_is_cancelled_goes_on_serving(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "TELL_EVERY", 0.0)
    monkeypatch.setattr(trainer, "SWITCH_EVERY", 0.3)
    job = await bench.ask()
    turning = asyncio.create_task(bench.turn())
    await until(lambda: bench.registry.now.wanted is not None)

    await bench.jobs.cancel(job.id, "by mistake", STARTED)
    await bench.registry.switch(version_of(job))
    ended = await turning

    assert ended is not None
    assert ended.state == "promoted"
    assert bench.registry.now.champion == version_of(job)


async def test_a_wish_to_cancel_outlives_the_trainer(bench: Bench) -> None:
    job = await bench.ask()
    bench.learner.at = {"training": bench.cancelling(job, "by mistake")}
    bench.learner.dies_at = "training"
    with pytest.raises(KilledError):
        await bench.turn()

    ended = await bench.turn()

    assert ended is not None
    assert (ended.state, ended.outcome) == ("cancelled", "by mistake")
    assert bench.learner.stages == ["training"]  # the next trainer did not begin


async def test_a_job_that_was_ended_in_the_trainers_absence_is_let_go(bench: Bench) -> None:
    job = await bench.ask()

    cancel = bench.cancelling(job, "by mistake")

    def absent() -> None:
        bench.lease.run_out()
        cancel()
        bench.lease.is_held = True

    bench.learner.at = {"training": absent}

    assert await bench.turn() is None
    assert bench.jobs.jobs[job.id].state == "cancelled"
    assert [*bench.registry.cards] == ["v1"]


async def test_a_job_knows_its_stages_and_how_far_it_is_in_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "TELL_EVERY", 0.0)
    job = await bench.ask()
    seen: list[Job] = []
    bench.learner = Walking(before=lambda: seen.append(bench.jobs.jobs[job.id]))

    async with bench.indexing():
        ended = await bench.turn()

    assert ended is not None
    assert {each.outline for each in seen} == {("training", "measuring", trainer.PREPARING)}
    shares = [each.share for each in seen if each.stage == "training"]
    assert shares[:2] == [None, 0.01]
    assert shares[-1] == 0.99  # the last call comes before the last share
    assert (ended.stage, ended.share) == (None, None)
    assert {"training", "measuring"} <= ended.spent.keys()


async def test_progress_is_written_no_more_often_than_once_a_second(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "TELL_EVERY", 600.0)
    await bench.ask()
    bench.jobs = counted = CountedJobs(bench.lease)
    await bench.ask()
    bench.learner = Walking(before=lambda: None)

    async with bench.indexing():
        await bench.turn()

    assert counted.saves == 7  # begun, training, judging, measuring, measured, preparing, promoted


async def test_a_resumed_job_keeps_its_begin_and_what_it_has_spent(bench: Bench) -> None:
    job = await bench.ask()
    bench.learner.dies_at = "measuring"
    bench.learner.at = {"training": lambda: time.sleep(0.05)}
    began = time.perf_counter()
    with pytest.raises(KilledError):
        await bench.turn()
    first = bench.jobs.jobs[job.id]
    bench.learner.dies_at = ""

    async with bench.indexing():
        ended = await bench.turn()

    assert ended is not None
    assert (ended.attempts, ended.started_at) == (2, first.started_at)
    assert first.spent["training"] >= 0.05
    assert ended.spent["training"] >= first.spent["training"] + 0.049  # both are told in whole ms
    told = time.perf_counter() - began + 0.001 * len(ended.spent)  # each to a whole ms
    assert sum(ended.spent.values()) < told  # nothing counts twice


async def test_a_training_expects_what_the_last_one_took(bench: Bench) -> None:
    first = await bench.ask()
    async with bench.indexing():
        ended = await bench.turn()
        await bench.ask()
        following = await bench.turn()

    assert ended is not None
    assert following is not None
    assert bench.jobs.jobs[first.id].expected == {}
    assert following.expected == ended.spent


async def test_what_is_missing_stands_on_the_job_in_numbers(bench: Bench) -> None:
    await bench.ask()
    need = Need(what="new events", there=129, needed=1_000)

    def nothing() -> None:
        msg = "too few"
        raise NothingToLearnError(msg, [need])

    bench.learner.at = {"training": nothing}

    ended = await bench.turn()

    assert ended is not None
    assert ended.needs == (need,)


async def test_a_trainer_shows_that_it_is_alive_until_it_leaves(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "ATTEND_EVERY", 0.01)
    monkeypatch.setattr(trainer, "ATTENDS_FOR", timedelta(seconds=0.2))
    bench.jobs.is_down = True
    attending = asyncio.create_task(trainer.attend(bench.jobs, bench.closing))
    await asyncio.sleep(0.05)
    bench.jobs.is_down = False  # it has waited
    assert not (await bench.jobs.situation()).is_attended

    async with asyncio.timeout(PATIENCE):
        while not (await bench.jobs.situation()).is_attended:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    bench.closing.set()
    await attending

    async with asyncio.timeout(PATIENCE):
        while (await bench.jobs.situation()).is_attended:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)


async def test_the_loop_outlives_a_redis_that_is_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "LOOK_EVERY", 0.01)
    job = await bench.ask()
    bench.jobs.is_down = True
    running = asyncio.create_task(trainer.train(bench.parts, bench.closing))
    await asyncio.sleep(0.05)
    assert not running.done()

    async with bench.indexing():
        bench.jobs.is_down = False
        await until(lambda: bench.jobs.jobs[job.id].is_over)
    bench.closing.set()
    await running


async def test_the_loop_outlives_an_archive_that_changes_too_fast(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "LOOK_EVERY", 0.01)
    bench.signals.is_changing = True
    running = asyncio.create_task(trainer.train(bench.parts, bench.closing))
    await until(lambda: running.done() or len(bench.signals.asked_since) > 1)
    assert not running.done()

    async with bench.indexing():
        bench.signals.is_changing = False
        job = await bench.ask()
        await until(lambda: bench.jobs.jobs[job.id].is_over)
    bench.closing.set()
    await running


async def test_the_loop_ends_when_told_to(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "LOOK_EVERY", 0.01)
    job = await bench.ask()

    async with bench.indexing():
        running = asyncio.create_task(trainer.train(bench.parts, bench.closing))
        await until(lambda: bench.jobs.jobs[job.id].is_over)
        bench.closing.set()
        async with asyncio.timeout(PATIENCE):
            await running

    assert bench.registry.now.champion == version_of(job)
    assert bench.learner.kept  # it is tidied from time to time


async def test_what_trainings_left_is_tidied_but_for_the_open_one(bench: Bench) -> None:
    await trainer.tidy(bench.parts)
    job = await bench.ask()

    await trainer.tidy(bench.parts)

    assert bench.learner.kept == [None, version_of(job)]


async def test_nothing_is_tidied_while_another_trainer_is_at_work(bench: Bench) -> None:
    await bench.lease.take()

    await trainer.tidy(bench.parts)

    assert bench.learner.kept == []
