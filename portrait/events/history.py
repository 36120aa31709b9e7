"""Ports: history, as an import puts it into the log, and how far it has come with it.

An event of history says in a header when it happened, and so when it counts as received: erasures
hold, and training sees it as what was known then. The time of its record is that of the import: it
is kept as long as what comes in today, and whoever reads it can tell that it is history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from portrait.errors import PortraitError
from portrait.events.event import Action
from portrait.events.receipt import RECEIVED
from portrait.events.stream import Headers

MARK = "portrait-import"  # header: which import an event is of, and which event of it

Place = tuple[str, int]  # topic, partition


class ImportTakenError(PortraitError):
    """Another process has taken this import over, and goes on with it."""


class PastEvent(NamedTuple):
    """One event of history."""

    at: int  # when it happened, ms
    number: int  # of the import's events, in the order of its files
    action: Action
    key: bytes  # of its message: the user
    value: bytes

    def headers(self, name: str) -> Headers:
        """Return the headers of its message, as of an import of this name."""
        return ((RECEIVED, b"%d" % self.at), (MARK, f"{name}:{self.number}".encode()))


def number_in(headers: Headers, name: str) -> int | None:
    """Return which event of an import a message is; None if it is none."""
    prefix = f"{name}:".encode()
    for header, value in headers:
        if header == MARK and value and value.startswith(prefix):
            digits = value[len(prefix) :]
            return int(digits) if digits.isdigit() else None
    return None


@dataclass(frozen=True, slots=True)
class Imported:
    """How far an import has come."""

    done: int = 0  # events, the oldest, that the log has for certain
    ends: Mapping[Place, int] = field(default_factory=dict)  # where it ended before all others
    is_finished: bool = False


class ImportLedger(Protocol):
    """What has been imported, by names that say of what content."""

    async def read(self, name: str) -> Imported | None:
        """Return how far an import has come; None: nobody has begun it."""
        ...

    async def take(self, name: str, owner: str) -> Imported:
        """Take an import over from whoever is at it. Returns how far it has come."""
        ...

    async def note(self, name: str, owner: str, imported: Imported) -> None:
        """Say how far an import has come.

        Raises:
            ImportTakenError: Somebody else has taken it over.
        """
        ...


class HistoryLog(Protocol):
    """The log as an import writes it, and looks up what it has written."""

    async def ends(self) -> Mapping[Place, int]:
        """Return where each partition ends now, or a little before."""
        ...

    async def append(self, events: Sequence[PastEvent]) -> None:
        """Return once the log has every event, those of a user in this order.

        Raises:
            StreamUnavailableError: It may have some of them: look it up. Nothing is on its way.
        """
        ...

    async def found(self, ends: Mapping[Place, int]) -> set[int]:
        """Return which events of this import lie at these ends or after them.

        Raises:
            StreamUnavailableError: It cannot be read.
        """
        ...
