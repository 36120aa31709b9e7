"""Ports: where opinions are kept, as their worker writes and the service reads them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from portrait.opinions.alert import Alert
from portrait.opinions.book import OpenAlert
from portrait.opinions.ledger import Ledger
from portrait.opinions.mention import Mention
from portrait.opinions.subject import Subject, SubjectKind
from portrait.opinions.topics import Topics
from portrait.opinions.voices import Example

MOST_SUBJECTS = 20_000  # those of which nothing was said for longest go
MOST_REPEATS = 200_000  # ids of texts that are remembered, so that a repeat counts once
MOST_ALERTS = 1_000  # the oldest go
SAMPLE_OF_DAY = 300  # texts that topics are found in, of one day
OUTBOX = ("topic", "webhook")  # ways by which an alert leaves, each by itself


@dataclass(slots=True)
class Opened:
    """What a batch needs of the store."""

    revision: int
    ledgers: dict[int, Ledger]  # by ref
    open: list[OpenAlert]
    repeats: set[int]  # refs of mentions that were taken in before
    erased: dict[int, int]  # until when (ms), by author
    told: dict[str, list[Example]] = field(default_factory=dict)  # what new alerts show, by id


class Page(NamedTuple):
    """Some subjects, the newest first, and where the next page begins."""

    subjects: tuple[Ledger, ...]
    next: str | None


class OpinionStore(Protocol):
    """Opinions. One worker writes; a second one that writes meanwhile is noticed, not forbidden."""

    async def load(self, mentions: Sequence[Mention]) -> Opened:
        """Return what is kept of the subjects of mentions, and of these themselves."""
        ...

    async def save(  # noqa: PLR0913, PLR0917 - all of one batch, in one step
        self,
        opened: Opened,
        mentions: Sequence[Mention],
        alerts: Sequence[Alert],
        joined: Mapping[str, Sequence[str]],
        outbox: Sequence[str],
        sample: Sequence[Example],
    ) -> None:
        """Store what a batch has changed, in one step or not at all.

        Raises:
            OvertakenError: Somebody else has stored something since it was loaded.
        """
        ...

    async def forget(self, author: int, until: int) -> None:
        """Forget an author, up to a moment (ms), and remember that for as long as the log may tell.

        Wherever they are named: among who wrote, as who wrote an example, or in what alerts show.

        Raises:
            OvertakenError: As `save`.
        """
        ...

    async def tells_of(self, authors: Collection[int], until: int) -> bool:
        """Say whether something lies here of any of these that they wrote up to a moment, ms."""
        ...

    async def sample(self) -> list[Example]:
        """Return texts of the last days."""
        ...

    async def topics(self) -> Topics:
        """Return the topics that were found last; none at first."""
        ...

    async def put_topics(self, topics: Topics) -> None:
        """Keep them instead."""
        ...

    async def outbox(self, way: str) -> list[Alert]:
        """Return the alerts that are still to leave this way, the oldest first."""
        ...

    async def sent(self, way: str, alert_id: str) -> None:
        """Note that one has left."""
        ...

    async def page(self, kind: SubjectKind, since: int, after: str | None, most: int) -> Page:
        """Return subjects of a kind of which something was said since a moment (ms)."""
        ...

    async def find(self, subject: Subject) -> Ledger | None:
        """Return one subject, with all its windows and voices; None if nothing was said of it."""
        ...

    async def alerts(self, most: int) -> list[Alert]:
        """Return alerts, the newest first."""
        ...
