"""Opinions in memory."""

from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

from portrait.errors import OvertakenError
from portrait.opinions.alert import Alert
from portrait.opinions.book import OpenAlert
from portrait.opinions.ledger import Ledger
from portrait.opinions.mention import Mention
from portrait.opinions.store import OUTBOX, Opened, Page
from portrait.opinions.subject import Subject, SubjectKind
from portrait.opinions.topics import Topics
from portrait.opinions.voices import Example


class MemoryOpinions:
    """An `OpinionStore` in dicts. Nothing of it expires."""

    def __init__(self) -> None:
        self.ledgers: dict[int, Ledger] = {}
        self._revision = 0
        self._open = list[OpenAlert]()
        self._repeats: set[int] = set()
        self._erased: dict[int, int] = {}
        self._alerts: dict[str, Alert] = {}
        self._told: dict[str, list[Example]] = {}
        self._outbox: dict[str, list[str]] = {way: [] for way in OUTBOX}
        self._sample: list[Example] = []
        self._topics = Topics.none()

    async def load(self, mentions: Sequence[Mention]) -> Opened:
        """Return a copy."""
        subjects = {each.ref: each for mention in mentions for each in mention.subjects}
        ledgers = {
            ref: deepcopy(self.ledgers.get(ref)) or Ledger(subject)
            for ref, subject in subjects.items()
        }
        repeats = self._repeats & {mention.ref for mention in mentions}
        return Opened(self._revision, ledgers, [*self._open], repeats, {**self._erased})

    async def save(  # noqa: PLR0913, PLR0917 - the port's
        self,
        opened: Opened,
        mentions: Sequence[Mention],
        alerts: Sequence[Alert],
        joined: Mapping[str, Sequence[str]],
        outbox: Sequence[str],
        sample: Sequence[Example],
    ) -> None:
        """Keep it."""
        self._next(opened.revision)
        self.ledgers |= opened.ledgers
        self._open = opened.open
        self._repeats |= {mention.ref for mention in mentions}
        self._alerts |= {alert.alert_id: alert for alert in alerts}
        self._told |= opened.told
        for id, names in joined.items():
            also = tuple(sorted({*self._alerts[id].also, *names}))
            self._alerts[id] = self._alerts[id].model_copy(update={"also": also})
        for way in OUTBOX:
            self._outbox[way] += outbox
        self._sample += sample

    async def forget(self, author: int, until: int) -> None:
        """Forget an author."""
        self._next(self._revision)
        self._erased[author] = until
        days = [voices for ledger in self.ledgers.values() for voices in ledger.voices.values()]
        for id, shown in self._told.items():
            self._told[id] = [example for example in shown if example.author != author]
            left = tuple(example.text for example in self._told[id])
            self._alerts[id] = self._alerts[id].model_copy(update={"examples": left})
        self._sample = [each for each in self._sample if each.author != author]
        for voices in days:
            voices.without(author)

    async def tells_of(self, authors: Collection[int], until: int) -> bool:
        """Look everywhere."""
        days = [voices for ledger in self.ledgers.values() for voices in ledger.voices.values()]
        texts = [*self._sample, *(each for shown in self._told.values() for each in shown)]
        named = {author for voices in days for author in voices.named_authors}
        named |= {text.author for text in texts if text.author is not None}
        return any(self._erased.get(author, 0) < until for author in named & {*authors})

    async def sample(self) -> list[Example]:
        """Return all texts."""
        return [*self._sample]

    async def topics(self) -> Topics:
        """Return the topics."""
        return self._topics

    async def put_topics(self, topics: Topics) -> None:
        """Keep them."""
        self._topics = topics

    async def outbox(self, way: str) -> list[Alert]:
        """Return what is to leave."""
        return [self._alerts[id] for id in self._outbox[way]]

    async def sent(self, way: str, alert_id: str) -> None:
        """Take one out."""
        self._outbox[way].remove(alert_id)

    async def page(self, kind: SubjectKind, since: int, after: str | None, most: int) -> Page:
        """Return subjects, the newest first."""
        placed = sorted(
            (
                (f"{ledger.newest:015}:{ref:016x}", ledger)
                for ref, ledger in self.ledgers.items()
                if ledger.subject.kind is kind and ledger.newest >= since
            ),
            key=lambda one: one[0],
            reverse=True,
        )
        rest = [(place, ledger) for place, ledger in placed if after is None or place < after]
        last = rest[most - 1][0] if len(rest) > most else None
        return Page(tuple(self._shown(ledger) for _, ledger in rest[:most]), last)

    async def find(self, subject: Subject) -> Ledger | None:
        """Return one."""
        ledger = self.ledgers.get(subject.ref)
        return None if ledger is None else self._shown(ledger)

    async def alerts(self, most: int) -> list[Alert]:
        """Return the newest."""
        return sorted(self._alerts.values(), key=lambda alert: alert.at, reverse=True)[:most]

    def _shown(self, ledger: Ledger) -> Ledger:
        return replace(ledger, touched=set(), touched_days=set())

    def _next(self, revision: int) -> None:
        if revision != self._revision:
            raise OvertakenError
        self._revision += 1
