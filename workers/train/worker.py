"""Train: challengers, judged, and promoted only if they are measurably good enough.

due? ─▶ job ─▶ lease ─▶ learn ─▶ examine ─▶ judge ─▶ store, card, tracking ─▶ want ─▶ switched
        └── cancelled at any step: the wish is withdrawn, what was left is removed

Every step can be done again: the version of a job's model follows from the job, learning goes on
from its checkpoints, and storing, listing and wanting the same model twice change nothing. So a
trainer killed anywhere leaves an open job, and the next one ends it in the same state.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from time import monotonic, perf_counter
from typing import Any, TypeVar

import structlog

from portrait import metrics
from portrait.archive.archive import ArchiveUnavailableError
from portrait.errors import PortraitError, StoreUnavailableError
from portrait.evaluation.judge import judge
from portrait.evaluation.lists_told import lists_check
from portrait.evaluation.places_told import places_check
from portrait.evaluation.reviews_told import reviews_check
from portrait.evaluation.trial import Thresholds
from portrait.evaluation.verdict import Verdict
from portrait.lifecycle.jobs import (
    KEPT,
    Job,
    JobCancelledError,
    JobOpenError,
    JobOverError,
    Jobs,
    State,
    new_job,
    usual_seconds,
)
from portrait.lifecycle.learner import Learner, NothingToLearnError, Signals, Trained
from portrait.lifecycle.lease import Held, Lease, LeaseLostError, held
from portrait.lifecycle.manifest import LISTS, PLACE, TONE
from portrait.lifecycle.need import Need
from portrait.lifecycle.registry import (
    Card,
    ModelNotFoundError,
    ModelNotPromotableError,
    Registry,
    card_of,
)
from portrait.lifecycle.schedule import Schedule, Waiting, due, lack_of
from portrait.lifecycle.tracking import Tracking
from portrait.model.model import Model
from portrait.tracker import Curves

LOOK_EVERY = 5.0  # seconds between two looks whether a training is due
TIDY_EVERY = 600.0  # between two looks at what trainings left behind
SWITCH_EVERY = 0.5  # between two looks whether the index worker has switched
TELL_EVERY = 1.0  # between two updates of a job in training
ATTEND_EVERY = 5.0  # between two signs of life
ATTENDS_FOR = timedelta(seconds=30)  # after which a silent trainer is taken for dead
PREPARING = "preparing its space"  # the stage after those of the learner
FIRST_COLD, FIRST_SITUATION = -0.5, -0.25  # what a first learned model may lose to texts alone
ANY_TIME = 99.0  # change of the time to read a text: a hundred times as long
MOST_ATTEMPTS = 3  # trainers that may die of one job before it is given up

T = TypeVar("T")

log = structlog.get_logger()


class StoppedError(PortraitError):
    """The trainer has to leave: the job stays open for the next one."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the trainer stands on."""

    lease: Lease
    jobs: Jobs
    registry: Registry
    learner: Learner
    signals: Signals
    tracking: Tracking
    schedule: Schedule
    thresholds: Thresholds


async def train(parts: Parts, closing: asyncio.Event) -> None:
    """Run until told to stop.

    Redis or the archive being away, or changing too fast, is waited for; all else is fatal.
    """
    started, tidied = datetime.now(UTC), -TIDY_EVERY
    while not closing.is_set():
        try:
            await turn(parts, started, closing)
            if monotonic() - tidied > TIDY_EVERY:
                await tidy(parts)
                tidied = monotonic()
            export(await parts.jobs.newest(KEPT), started)
        except (StoreUnavailableError, ArchiveUnavailableError) as error:
            log.warning("training_waits", reason=str(error), retry_seconds=LOOK_EVERY)
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await closing.wait()
        except TimeoutError:
            continue


async def attend(jobs: Jobs, closing: asyncio.Event) -> None:
    """Say that a trainer is alive, whatever it does, until told to stop."""
    while not closing.is_set():
        try:
            await jobs.attend(ATTENDS_FOR)
        except StoreUnavailableError as error:
            log.warning("sign_of_life_missed", reason=str(error), retry_seconds=ATTEND_EVERY)
        with suppress(TimeoutError):
            async with asyncio.timeout(ATTEND_EVERY):
                await closing.wait()


async def turn(parts: Parts, started: datetime, closing: asyncio.Event) -> Job | None:
    """Take one look, and if a training is due or was left open, do it. Returns it as it ended."""
    if not await _is_open(parts, started):
        return None
    async with held(parts.lease) as hold:
        if hold is None:
            return None
        job = await parts.jobs.open()  # anew: who held the lease may have ended it
        if job is None:
            return None
        outline = (*parts.learner.outline, PREPARING)
        usual = usual_seconds(await parts.jobs.newest(KEPT))
        begun = job.begun(datetime.now(UTC), outline, usual)
        try:
            return await _Training(parts, hold, closing, begun).done()
        except (LeaseLostError, JobOverError) as error:
            # Another trainer has the job, an emptied Redis none, or it was ended in our absence.
            log.warning("training_lost", job=job.id, reason=str(error))
            return None


async def tidy(parts: Parts) -> None:
    """Remove what trainings left behind: they hold users' events, and users may be erased."""
    async with held(parts.lease) as hold:
        if hold is None:
            return  # somebody is training: what is left is theirs
        job = await parts.jobs.open()
        version = None if job is None else version_of(job)
        try:
            removed = await asyncio.to_thread(parts.learner.tidy, version)
        except ArchiveUnavailableError as error:
            log.warning("trainings_not_tidied", reason=str(error))
            return
    if removed:
        log.info("trainings_tidied", removed=removed)


def export(newest: Sequence[Job], started: datetime) -> None:
    """Say how trainings have gone of late; jobs are newest first. A restart forgets none."""
    judged = [job for job in newest if job.state in {"promoted", "refused"}]
    refused = list(takewhile(lambda job: job.state == "refused", judged))
    ended = judged[0].ended_at if judged else None
    metrics.refused_in_a_row.set(len(refused))
    metrics.trained_at.set((ended or started).timestamp())


async def _is_open(parts: Parts, started: datetime) -> bool:
    """Whether a job is open, or one is due and was opened."""
    if await parts.jobs.open() is not None:
        return True
    waiting = await _waiting(parts, started)
    reason = due(parts.schedule, waiting, datetime.now(UTC))
    if reason is None:
        lack = lack_of(parts.schedule, waiting)
        if lack is not None:
            await parts.jobs.lack(lack, ATTENDS_FOR)
        return False
    try:
        await parts.jobs.ask(new_job(reason.trigger, reason.reason, datetime.now(UTC)))
    except JobOpenError:
        log.info("job_found_open", reason="somebody asked at the same time")
    return True


async def _waiting(parts: Parts, started: datetime) -> Waiting:
    newest = await parts.jobs.newest(1)
    since = newest[0].asked_at if newest else started
    champion, _, _ = await parts.registry.roles()
    return Waiting(
        since,
        await parts.signals.labelled(int(since.timestamp() * 1_000)),
        None if champion is None else await parts.signals.drift(champion),
    )


class _Training:
    """One job in the hands of this trainer."""

    def __init__(self, parts: Parts, hold: Held, closing: asyncio.Event, job: Job) -> None:
        self._parts = parts
        self._hold = hold
        self._closing = closing
        self._job = job
        self._began = self._lapped = perf_counter()

    async def done(self) -> Job | None:
        """Work on the job. None if it is left to another trainer."""
        if self._job.attempts > MOST_ATTEMPTS:
            return await self._end("failed", f"{MOST_ATTEMPTS} trainers died of it.")
        try:
            await self._save(self._job)
            return await self._work()
        except JobCancelledError as error:
            return await self._stop(error.reason)
        except NothingToLearnError as error:
            return await self._end("failed", str(error), error.needs)
        except ModelNotPromotableError as error:  # rolled back, or forgotten, while nobody looked
            return await self._end("refused", str(error))
        except StoppedError:
            log.info("training_left", job=self._job.id)
            return None

    async def _work(self) -> Job:
        version = version_of(self._job)
        verdict = await self._known_verdict(version)
        if verdict is None:
            verdict = await self._judged(version)
        return await (self._promote(version, verdict) if verdict.promote else self._refuse(verdict))

    async def _known_verdict(self, version: str) -> Verdict | None:
        """Return what was decided before the trainer that had this job was killed."""
        try:
            return (await self._parts.registry.entry(version)).card.verdict
        except ModelNotFoundError:
            return None

    async def _judged(self, version: str) -> Verdict:
        parts, champion = self._parts, await self._parts.registry.champion()
        with parts.tracking.run(self._job.id, {"trigger": self._job.trigger}) as curves:
            progress = _Progress(curves, self._at, self._require)
            trained = await self._run(parts.learner.learn, version, champion, progress)
            await self._save(self._job.judging(version))
            trial = await self._run(parts.learner.examine, trained, champion, progress)
            await self._at(None, {})  # cancelled by now? What follows is seen by others
        asked = thresholds_for(parts.thresholds, champion)
        if await self._is_of_another_encoder(trained, champion):
            asked = without_encoder(asked)
        verdict = judge(trial.champion, trial.challenger, asked, baseline=trial.baseline)
        verdict = _with_lines(verdict, trained)
        await self._keep(trained, verdict)
        return verdict

    async def _is_of_another_encoder(self, trained: Trained, champion: Model | None) -> bool:
        base = trained.manifest.base_encoder
        if base is None or champion is None:
            return False
        try:
            return (await self._parts.registry.entry(champion.version)).card.stands_on != base
        except ModelNotFoundError:
            return champion.space.encoder != base

    async def _run(self, step: Callable[..., T], *args: object) -> T:
        """Do a long step in a thread, so that the lease is renewed meanwhile."""
        self._require()
        return await asyncio.to_thread(step, *args)

    async def _keep(self, trained: Trained, verdict: Verdict) -> None:
        """Store the model, list it, write it down: refused ones, too, so that one can see why."""
        self._require()
        await self._parts.registry.store(trained.model)
        card, tracking = _card(trained, verdict), self._parts.tracking
        await asyncio.to_thread(tracking.register, card, self._job.id)
        await asyncio.to_thread(tracking.call, card.version, "challenger")
        await self._parts.registry.add(card)  # last: who finds the verdict on it is done with all

    async def _promote(self, version: str, verdict: Verdict) -> Job:
        """Ask for it, and wait until the index worker has its space and switches."""
        await self._at(PREPARING, {})
        told, roles = monotonic(), await self._parts.registry.roles()
        if roles.champion != version:
            await self._parts.registry.want(version)
        while (roles := await self._parts.registry.roles()).champion != version:
            if roles.wanted != version:
                return await self._end("refused", await self._why_unwanted(version))
            await asyncio.sleep(SWITCH_EVERY)
            self._require()
            if monotonic() - told > TELL_EVERY:
                await self._at(None, {})
                told = monotonic()
        return await self._promoted(version, verdict)

    async def _promoted(self, version: str, verdict: Verdict) -> Job:
        await asyncio.to_thread(self._parts.tracking.call, version, "champion")
        self._say("model_promoted", verdict)
        return await self._end("promoted", verdict.reason)

    async def _stop(self, reason: str) -> Job:
        """End a cancelled job: nothing of it is wanted or kept. What serves already goes on."""
        version, parts = version_of(self._job), self._parts
        await parts.registry.refuse(version, f"Its training was cancelled: {reason}")
        verdict = await self._known_verdict(version)
        if verdict is not None and (await parts.registry.roles()).champion == version:
            return await self._promoted(version, verdict)
        await asyncio.to_thread(parts.learner.tidy, None)
        log.info("training_cancelled", job=self._job.id, stage=self._job.stage)
        return await self._end("cancelled", reason)

    async def _why_unwanted(self, version: str) -> str:
        """Say why a model that was asked for is asked for no longer."""
        try:
            refused = (await self._parts.registry.entry(version)).card.refused
        except ModelNotFoundError:
            return "Redis was emptied, and does not know it any more."
        if refused is None:
            return "Another model was wanted in its stead."
        return f"It could not be put in service: {refused}"

    async def _refuse(self, verdict: Verdict) -> Job:
        self._say("model_refused", verdict)
        return await self._end("refused", verdict.reason)

    async def _at(
        self, stage: str | None, figures: Mapping[str, float], share: float | None = None
    ) -> None:
        """Tell how far the job is: in a stage that begins, or further on in the one it is in."""
        self._require()
        seconds, now = perf_counter() - self._lapped, datetime.now(UTC)
        job = self._job.after(seconds)
        await self._save(job.at(stage or job.stage, figures, share=share, now=now))
        self._lapped += seconds

    async def _end(self, state: State, outcome: str, needs: Sequence[Need] = ()) -> Job:
        job = self._job.after(perf_counter() - self._lapped)
        await self._save(job.ended(state, outcome, datetime.now(UTC), needs))
        metrics.trainings.labels(state).inc()
        return self._job

    async def _save(self, job: Job) -> None:
        await self._parts.jobs.save(job, self._hold.token)
        self._job = job

    def _require(self) -> None:
        self._hold.require()
        if self._closing.is_set():
            raise StoppedError

    def _say(self, event: str, verdict: Verdict) -> None:
        log.info(
            event,
            champion=verdict.champion,
            challenger=verdict.challenger,
            reason=verdict.reason,
            exams=[check.reason for check in verdict.checks],
            by=self._job.trigger,
            job=self._job.id,
            seconds=round(perf_counter() - self._began, 1),
        )


class _Progress:
    """A `Progress` for a thread: curves go to tracking, and now and then to the job."""

    def __init__(
        self,
        curves: Curves,
        at: Callable[
            [str | None, Mapping[str, float], float | None], Coroutine[object, object, None]
        ],
        require: Callable[[], None],
    ) -> None:
        self._curves = curves
        self._at = at
        self._require = require
        self._loop = asyncio.get_running_loop()
        self._figures: dict[str, float] = {}
        self._share: float | None = None
        self._told = monotonic()

    def stage(self, name: str) -> None:
        """Show the stage at once."""
        self._share = None
        self._tell(name)

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        """Add to the curves; show the figures on the job unless some were shown just now."""
        self._require()
        self._curves.record(step, figures)
        self._figures |= figures
        self._tell_now_and_then()

    def reach(self, share: float) -> None:
        """Show the share on the job, unless something was shown just now."""
        self._require()
        self._share = share
        self._tell_now_and_then()

    def _tell_now_and_then(self) -> None:
        if monotonic() - self._told > TELL_EVERY:
            self._tell(None)

    def _tell(self, stage: str | None) -> None:
        """Tell; what Redis does not take now is told another time."""
        try:
            telling = self._at(stage, self._figures, self._share)
            asyncio.run_coroutine_threadsafe(telling, self._loop).result()
        except StoreUnavailableError as error:
            log.warning("progress_not_told", reason=str(error))
        self._told = monotonic()


def _with_lines(verdict: Verdict, trained: Trained) -> Verdict:
    """Add who reads reviews and categories, and why, and what came of lists, to a verdict."""
    metrics = trained.manifest.metrics
    lines = (
        reviews_check(_told(metrics.get(TONE))),
        places_check(_told(metrics.get(PLACE))),
        lists_check(_told(metrics.get(LISTS))),
    )
    more = [line for line in lines if line is not None]
    return verdict.model_copy(update={"checks": (*verdict.checks, *more)}) if more else verdict


def _told(metric: object) -> dict[str, Any] | None:
    return metric if isinstance(metric, dict) else None


def version_of(job: Job) -> str:
    """Return the version of a job's model: the same however often it is trained."""
    return f"{job.asked_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{job.id[:8]}"


def thresholds_for(asked: Thresholds, champion: Model | None) -> Thresholds:
    """Return what the judge asks for.

    Texts alone spread their recommendations evenly over a catalogue, and people do not: what the
    first learned model says of how popular things are is not bias. And they know a cold item as
    well as any other, and what is like the thing just looked at, which no model does that knows
    more. It may lose of that, and has to keep most; decision 0024.
    """
    if champion is not None and champion.learned is not None:
        return asked
    return replace(
        asked,
        bias_change=-1.0,
        cold_change=min(asked.cold_change, FIRST_COLD),
        search_change=min(asked.search_change, FIRST_SITUATION),
        session_change=min(asked.session_change, FIRST_SITUATION),
        complaint_change=min(asked.complaint_change, FIRST_SITUATION),
    )


def without_encoder(asked: Thresholds) -> Thresholds:
    """Return what the judge asks for where somebody has chosen another encoder.

    How long it takes to read a text is theirs to choose, and cosines of two encoders are of two
    scales. What matters of both is seen in the rankings, with typing errors and without.
    """
    return replace(asked, encode_change=ANY_TIME, typo_cosine=-1.0)


def _card(trained: Trained, verdict: Verdict) -> Card:
    card = card_of(
        trained.manifest, verdict=verdict, artifact=trained.artifact, digest=trained.digest
    )
    return card.model_copy(update={"space_id": trained.model.space_id})
