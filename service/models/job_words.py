"""Job words: what is true of a training at this moment, in one word and in one sentence."""

from datetime import datetime
from typing import Literal

from portrait.lifecycle.jobs import Job, Situation, State

Shown = State | Literal["waiting_for_trainer", "cancelling"]
AT_WORK = {"running", "judging"}
NO_TRAINER = "No trainer is alive: start one with `python -m workers train`."
TRAINER_MISSING = f"A training waits. {NO_TRAINER}"
MINUTE, HOUR = 60, 3_600
FEW = 90  # of a unit: beyond that the next one says more


def shown_state(job: Job, situation: Situation) -> Shown:
    """Say what a job is at the moment: its record does not know whether anybody is there."""
    if job.is_over:
        return job.state
    if not situation.is_attended:
        return "waiting_for_trainer"
    return "cancelling" if situation.cancelled == job.id else job.state


def summary(job: Job, situation: Situation, now: datetime) -> str:
    """Say it to people."""
    state = shown_state(job, situation)
    if state == "waiting_for_trainer":
        then = "goes on from where it stopped" if job.attempts else "then begins by itself"
        return f"{NO_TRAINER} The job {then}."
    if state == "cancelling":
        return "To be cancelled: its trainer stops at its next step."
    if state == "queued":
        return "Queued: a trainer is alive, and takes it next."
    if job.is_over:
        return f"{state.capitalize()}: {job.outcome}"
    return _at_work(job, now)


def stage_number(job: Job) -> int | None:
    """Return which of its stages a job is in, from 1; None if nobody said which there are."""
    return job.outline.index(job.stage) + 1 if job.stage in job.outline else None


def _at_work(job: Job, now: datetime) -> str:
    if job.stage is None:
        return "A trainer has begun."
    said, number, left = job.stage.capitalize(), stage_number(job), job.seconds_left(now)
    if number is not None:
        said += f" ({number} of {len(job.outline)})"
    if job.share is not None:
        said += f", {job.share:.0%} of it done"
    if left is not None:
        return f"{said}; about {_duration(left)} left in all."
    is_late = bool(job.expected) and number is not None
    return f"{said}; it takes longer than it did last time." if is_late else f"{said}."


def _duration(seconds: float) -> str:
    if seconds < FEW:
        return f"{max(1, round(seconds))} s"
    if seconds < FEW * MINUTE:
        return f"{round(seconds / MINUTE)} min"
    return f"{round(seconds / HOUR)} h"
