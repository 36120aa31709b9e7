"""The audit log: who changed what, when, and what came of it. No personal text, no raw id."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from portrait.ref import user_ref

MOST_LINES = 100_000  # that are kept; some 200 bytes each


class AuditLine(BaseModel):
    """One call that only an administrator may make."""

    model_config = ConfigDict(frozen=True)

    at: AwareDatetime = Field(examples=["2026-11-27T09:30:00Z"])
    who: str = Field(
        description="`key` and its id, `token` and its subject, or `anybody` where access is off, "
        "`command line` of `portrait keys`, `shops` and `export`.",
        examples=["key 3f9c1a20b7de"],
    )
    what: str = Field(description="The route.", examples=["DELETE /profile/{user_id}"])
    about: str = Field(
        "",
        description="Of a user the hash of the id, of anything else its name.",
        examples=["user 8f14e45fceea167a"],
    )
    status: int = Field(description="As it was answered; 0 on the command line.", examples=[202])
    request_id: str = Field(examples=["5f0c8a"])


def line_of_command(task: str, about: str, at: datetime) -> AuditLine:
    """Return the line of what an operator did on the command line: `keys create`."""
    what = f"portrait {task}"
    return AuditLine(at=at, who="command line", what=what, about=about, status=0, request_id="")


def about_user(user: str) -> str:
    """Say whom a line is about: by the hash of the id."""
    return f"user {user_ref(user):016x}"


class Placed(NamedTuple):
    """A line, and its place in the log."""

    place: str  # milliseconds since 1970, a hyphen, a number within them
    line: AuditLine | None  # None: it cannot be read


class AuditLog(Protocol):
    """Lines that are only ever added to."""

    async def add(self, line: AuditLine) -> None:
        """Write a line.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def newest(self, most: int) -> Sequence[AuditLine]:
        """Return the newest lines, newest first.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def after(self, place: str | None, most: int) -> Sequence[Placed]:
        """Return the oldest lines after a place, or after the beginning, oldest first.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...


class AuditArchive(Protocol):
    """Lines that nobody trims. Both methods block, and raise ArchiveUnavailableError."""

    def newest(self) -> str | None:
        """Return the place of the newest line."""
        ...

    def write(self, lines: Sequence[Placed]) -> None:
        """Add lines, the oldest first; those that cannot be read are passed over."""
        ...
