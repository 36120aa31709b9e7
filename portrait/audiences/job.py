"""Audience jobs: how far it is that an audience is gathered, and where it lies until it is fetched.

The process that was asked gathers it, and writes once a second how far it is. A job whose process
has ended is forgotten within a minute, and what came of one after an hour: ask again.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from portrait.audiences.best import Member
from portrait.errors import PortraitError

KEPT = timedelta(hours=1)  # what came of one
BEAT = timedelta(seconds=1)  # between two words on how far it is
LOST = timedelta(minutes=1)  # without a word, it is forgotten
MEMBERS_AT_ONCE = 1_000  # of one part


class AudienceNotFoundError(PortraitError):
    """There is no such audience, or it was gathered too long ago: ask for it again."""


class AudienceNotReadyError(PortraitError):
    """The audience is not there: `GET /audiences/{id}` says how far it is, or why."""


class State(StrEnum):
    """How far an audience is."""

    RUNNING = "running"
    READY = "ready"
    REFUSED = "refused"  # too few people
    FAILED = "failed"


class AudienceJob(BaseModel):
    """One audience that was asked for."""

    model_config = ConfigDict(frozen=True)

    id: str
    state: State = State.RUNNING
    asked_at: AwareDatetime
    is_leaving: bool = False  # of who is about to leave; else of who is like somebody
    looked_at: int = 0  # people, each once, in however many walks
    leaders: int = 0
    people: int = 0
    fitting: int = 0
    size: int = 0
    left_out: dict[str, int] = Field(default_factory=dict)
    ended_at: datetime | None = None
    reason: str | None = None  # why it was refused, or failed


class AudienceJobs(Protocol):
    """Where they are kept."""

    async def put(self, job: AudienceJob) -> None:
        """Store how far one is: a running one for LOST, any other for KEPT."""
        ...

    async def get(self, id: str) -> AudienceJob:
        """Return one.

        Raises:
            AudienceNotFoundError: There is none.
        """
        ...

    async def write(self, id: str, members: Sequence[Member]) -> None:
        """Store who is in it, in order, for KEPT."""
        ...

    def read(self, id: str) -> AsyncIterator[list[Member]]:
        """Yield who is in it, MEMBERS_AT_ONCE at a time, in order."""
        ...
