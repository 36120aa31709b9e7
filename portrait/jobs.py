"""Jobs: trainings that were asked for, and how far they are.

One job is open at a time. Whoever holds the lease works on the open one: a job whose trainer was
killed is simply still open, and the next trainer goes on with it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol, Self
from uuid import uuid4

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from portrait.errors import PortraitError

State = Literal["queued", "running", "judging", "promoted", "refused", "failed"]
Trigger = Literal["request", "schedule", "events", "drift"]
OVER: frozenset[State] = frozenset({"promoted", "refused", "failed"})
KEPT = 100  # jobs that are remembered


class JobNotFoundError(PortraitError):
    """There is no such job: it was too long ago, or Redis was emptied since."""


class JobOpenError(PortraitError):
    """A training is under way already."""

    def __init__(self, id: str) -> None:
        super().__init__(f"Job {id} is under way.")
        self.id = id


class Job(BaseModel):
    """One training, from being asked for to its verdict."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    trigger: Trigger
    reason: str = Field(description="Why it was asked for.")
    state: State = "queued"
    stage: str | None = Field(None, description="What is being done, of a job that is running.")
    asked_at: AwareDatetime
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    attempts: int = Field(0, description="How many trainers have worked on it.")
    challenger: str | None = Field(None, description="Version of the model it made.")
    figures: dict[str, float] = Field(default_factory=dict)
    outcome: str | None = Field(None, description="The judge's reason, or what went wrong.")

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in OVER

    def begun(self, now: datetime) -> Self:
        """Return it in the hands of another trainer."""
        return self.model_copy(
            update={"state": "running", "attempts": self.attempts + 1, "started_at": now}
        )

    def judging(self, challenger: str) -> Self:
        """Return it with its model made."""
        return self.model_copy(update={"state": "judging", "challenger": challenger})

    def at(self, stage: str | None, figures: Mapping[str, float] | None = None) -> Self:
        """Return it a step further, with what was measured there."""
        return self.model_copy(
            update={"stage": stage, "figures": {**self.figures, **(figures or {})}}
        )

    def ended(self, state: State, outcome: str, now: datetime) -> Self:
        """Return it over, with the reason."""
        return self.model_copy(
            update={"state": state, "stage": None, "outcome": outcome, "ended_at": now}
        )


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


def new_job(trigger: Trigger, reason: str, now: datetime) -> Job:
    """Return a job to ask for."""
    return Job(id=uuid4().hex, trigger=trigger, reason=reason, asked_at=now)
