"""Jobs: trainings that were asked for, and how far they are.

One job is open at a time. Whoever holds the lease works on the open one: a job whose trainer was
killed is simply still open, and the next trainer goes on with it. Anybody may cancel it: whoever
works on it is told so when it next says how far it is; where nobody does, it ends at once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol, Self
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from portrait.errors import PortraitError
from portrait.lifecycle.need import Need

State = Literal["queued", "running", "judging", "promoted", "refused", "failed", "cancelled"]
Trigger = Literal["request", "schedule", "events", "drift"]
OVER: frozenset[State] = frozenset({"promoted", "refused", "failed", "cancelled"})
KEPT = 100  # jobs that are remembered
LATE = 10.0  # seconds over what was expected of a stage: from then on nobody knows
TELLING_SHARE = 0.02  # of a stage: before that, its pace says nothing


class JobNotFoundError(PortraitError):
    """There is no such job: it was too long ago, or Redis was emptied since."""


class JobOpenError(PortraitError):
    """A training is under way already."""

    def __init__(self, id: str) -> None:
        super().__init__(f"Job {id} is under way.")
        self.id = id


class JobOverError(PortraitError):
    """This training has ended: there is nothing to cancel."""


class JobCancelledError(PortraitError):
    """Somebody has cancelled the job: stop, and leave nothing behind."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Cancelled: {reason}")
        self.reason = reason


class KnownJob(BaseModel):
    """What anybody may know of a training, as it is remembered and as it is told."""

    id: str = Field(examples=["5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b"])
    trigger: Trigger
    reason: str = Field(description="Why it was asked for.", examples=["new season"])
    stage: str | None = Field(
        None,
        description="What is being done, or where its trainer was lost.",
        examples=["training"],
    )
    asked_at: AwareDatetime = Field(examples=["2026-11-24T03:00:00Z"])
    started_at: AwareDatetime | None = Field(
        None, description="By the first trainer.", examples=["2026-11-24T03:00:04Z"]
    )
    ended_at: AwareDatetime | None = Field(None, examples=[None])
    attempts: int = Field(
        0, description="More than one: a trainer died, another one went on.", examples=[1]
    )
    challenger: str | None = Field(
        None, description="Version of the model it made.", examples=[None]
    )
    figures: dict[str, float] = Field(
        default_factory=dict, examples=[{"loss": 1.52, "learning_rate": 0.0013}]
    )
    outcome: str | None = Field(
        None, description="The judge's reason, or what went wrong.", examples=[None]
    )
    needs: tuple[Need, ...] = Field(
        (), description="What there was too little of, in numbers.", examples=[[]]
    )


class Job(KnownJob):
    """One training, from being asked for to its verdict."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: State = "queued"
    share: float | None = Field(None, description="Of this stage that is done, where it is known.")
    told_at: AwareDatetime | None = Field(None, description="When its trainer was last heard of.")
    outline: tuple[str, ...] = Field((), description="The stages ahead of it, in order.")
    expected: dict[str, float] = Field(
        default_factory=dict, description="Seconds that each stage took the last time."
    )
    spent: dict[str, float] = Field(
        default_factory=dict, description="Seconds of each stage, by all its trainers together."
    )

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in OVER

    def begun(
        self,
        now: datetime,
        outline: Sequence[str] = (),
        expected: Mapping[str, float] | None = None,
    ) -> Self:
        """Return it in the hands of another trainer, who knows what is ahead."""
        return self.model_copy(
            update={
                "state": "running",
                "attempts": self.attempts + 1,
                "started_at": self.started_at or now,
                "told_at": now,
                "outline": tuple(outline),
                "expected": dict(expected or {}),
            }
        )

    def judging(self, challenger: str) -> Self:
        """Return it with its model made."""
        return self.model_copy(update={"state": "judging", "challenger": challenger})

    def at(
        self,
        stage: str | None,
        figures: Mapping[str, float] | None = None,
        *,
        share: float | None = None,
        now: datetime | None = None,
    ) -> Self:
        """Return it a step further, with what was measured there."""
        return self.model_copy(
            update={
                "stage": stage,
                "share": share,
                "told_at": now or self.told_at,
                "figures": {**self.figures, **(figures or {})},
            }
        )

    def after(self, seconds: float) -> Self:
        """Return it with so much more time spent in its stage."""
        if self.stage is None:
            return self
        spent = round(self.spent.get(self.stage, 0.0) + seconds, 3)
        return self.model_copy(update={"spent": {**self.spent, self.stage: spent}})

    def ended(self, state: State, outcome: str, now: datetime, needs: Sequence[Need] = ()) -> Self:
        """Return it over, with the reason."""
        return self.model_copy(
            update={
                "state": state,
                "stage": None,
                "share": None,
                "outcome": outcome,
                "ended_at": now,
                "needs": tuple(needs),
            }
        )

    def seconds_elapsed(self, now: datetime) -> float | None:
        """Return the time since the first trainer began; None of one that nobody has begun."""
        if self.started_at is None:
            return None
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())

    def seconds_left(self, now: datetime) -> float | None:
        """Estimate the time to the verdict; None where there is nothing to go by.

        This stage by its own pace, where it says how far it is; all else by the last training. How
        long a stage will be late nobody knows.
        """
        if self.is_over or not self.expected or self.stage not in self.outline:
            return None
        spent, share = self.spent.get(self.stage, 0.0), self.share or 0.0
        whole = spent / share if share >= TELLING_SHARE else self.expected.get(self.stage, 0.0)
        silent = 0.0 if self.told_at is None else (now - self.told_at).total_seconds()
        here = whole - spent - max(0.0, silent)
        ahead = self.outline[self.outline.index(self.stage) + 1 :]
        return (
            None
            if here < -LATE
            else max(0.0, here) + sum(self.expected.get(stage, 0.0) for stage in ahead)
        )


class Situation(NamedTuple):
    """What is true around the jobs, whatever their records say."""

    is_attended: bool  # a trainer is alive
    cancelled: str | None = None  # id of the job that its trainer is to stop
    lacks: Need | None = None  # of what there is too little yet for a training that nobody asks for


class Jobs(Protocol):
    """What is remembered of trainings. Every step is atomic."""

    async def ask(self, job: Job) -> None:
        """Open a job.

        Raises:
            JobOpenError: One is open already; the error has its id.
        """
        ...

    async def open(self) -> Job | None:
        """Return the job that is open."""
        ...

    async def save(self, job: Job, token: int) -> None:
        """Store how far a job is; one that is over is no longer open.

        Raises:
            LeaseLostError: The token is not that of the newest holder of the lease.
            JobOverError: It ended without this trainer; nothing is stored.
            JobCancelledError: It is stored, and somebody wants it to stop. Not of one that is over.
        """
        ...

    async def cancel(self, id: str, reason: str, now: datetime) -> Job:
        """Stop a job: at once if nobody works on it, else its trainer does at its next step.

        Raises:
            JobNotFoundError: There is none of this id.
            JobOverError: It has ended.
        """
        ...

    async def get(self, id: str) -> Job:
        """Return a job.

        Raises:
            JobNotFoundError: There is none of this id.
        """
        ...

    async def newest(self, most: int) -> list[Job]:
        """Return jobs, newest first."""
        ...

    async def attend(self, lasts: timedelta) -> None:
        """Say that a trainer is alive, at work or not: this holds for so long."""
        ...

    async def lack(self, need: Need, lasts: timedelta) -> None:
        """Say what a training that nobody asks for waits for: this holds for so long."""
        ...

    async def situation(self) -> Situation:
        """Return whether a trainer is alive, what it is to stop, and what it waits for."""
        ...


def new_job(trigger: Trigger, reason: str, now: datetime) -> Job:
    """Return a job to ask for."""
    return Job(id=uuid4().hex, trigger=trigger, reason=reason, asked_at=now)


def usual_seconds(newest: Sequence[Job]) -> dict[str, float]:
    """Return how long each stage took the last time that a training came to its verdict.

    Args:
        newest: Jobs, newest first.
    """
    seconds: dict[str, float] = {}
    for job in newest:
        if job.state in {"promoted", "refused"}:
            seconds = {**job.spent, **seconds}
    return seconds
