"""The book: the ledgers that a batch touches, and what becomes an alert.

    mentions ─▶ each subject's ledger, the narrowest first ─▶ happenings ─▶ an alert, or part of one

What turns an item turns its brand a little later, by the same texts. So a happening joins an alert
of the same kind if it began before that was told, or within a week after, and the newest texts of
either subject are about the other one, too: one turn is told once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from portrait.opinions.alert import JOINED_MS, OPEN_MS, Alert, AlertKind, AlertShare
from portrait.opinions.aspects import Tone
from portrait.opinions.ledger import Happening, Ledger
from portrait.opinions.mention import Mention
from portrait.opinions.subject import Subject
from portrait.opinions.voices import Example
from portrait.opinions.windows import HARMFUL, Width, share_of
from portrait.times import DAY_MS, to_moment

MOST_OPEN = 500  # alerts that others may join; the oldest go
MOST_JOINED = 20  # subjects that are named as part of an alert
SHOWN = 3  # examples and topics of an alert
_SLOT = {AlertKind.BETTER: Tone.POSITIVE.value, AlertKind.HARM: HARMFUL}


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert of the last week, which others may be part of."""

    alert_id: str
    kind: AlertKind
    subject: int  # ref
    at: int  # ms
    companions: tuple[int, ...]  # refs: what its texts were about beside


@dataclass(slots=True)
class Book:
    """Takes in mentions. Lives for one batch."""

    ledgers: Mapping[int, Ledger]  # by subject ref: all that the batch touches
    open: list[OpenAlert] = field(default_factory=list)  # the oldest first
    topics: Mapping[str, str] = field(default_factory=dict)  # names by id
    alerts: list[Alert] = field(default_factory=list)  # new ones
    joined: dict[str, list[str]] = field(default_factory=dict)  # subjects by alert_id
    told: dict[str, list[Example]] = field(default_factory=dict)  # what new alerts show, by id

    def take(self, mentions: Sequence[Mention], topics: Sequence[str | None]) -> None:
        """Take in mentions, the oldest first, each with its topic."""
        for mention, topic in zip(mentions, topics, strict=True):
            for subject in mention.subjects:
                ledger = self.ledgers[subject.ref]
                for happening in ledger.take(mention, topic):
                    self._tell(ledger, happening, mention)

    def _tell(self, ledger: Ledger, happening: Happening, mention: Mention) -> None:
        """Make an alert, unless it is part of one."""
        self.open = [each for each in self.open if mention.at - each.at < OPEN_MS][-MOST_OPEN:]
        ref = ledger.subject.ref
        for other in self.open:
            is_in_time = happening.turn.since <= other.at + JOINED_MS
            is_alike = (
                other.subject == ref
                or ref in other.companions
                or ledger.is_companion(other.subject)
            )
            if other.kind is happening.kind and is_in_time and is_alike:
                self._join(other.alert_id, ledger.subject)
                return
        shown = _examples(ledger, happening.kind, happening.turn.since)
        alert = alert_of(ledger, happening, mention.at, self.topics, shown)
        beside = tuple({each for others in ledger.companions for each in others})
        self.open.append(OpenAlert(alert.alert_id, happening.kind, ref, mention.at, beside))
        self.alerts.append(alert)
        self.told[alert.alert_id] = shown

    def _join(self, alert_id: str, subject: Subject) -> None:
        names = self.joined.setdefault(alert_id, [])
        name = f"{subject.kind}:{subject.name}"
        if name not in names and len(names) < MOST_JOINED:
            names.append(name)


def alert_of(
    ledger: Ledger,
    happening: Happening,
    at: int,
    topics: Mapping[str, str],
    shown: Sequence[Example],
) -> Alert:
    """Write an alert. Its id follows from what it says, so that twice the same is one."""
    kind, turn = happening
    subject = ledger.subject
    said = f"{kind}:{subject.ref}:{turn.since}".encode()
    return Alert(
        alert_id=blake2b(said, digest_size=12).hexdigest(),
        kind=kind,
        subject_kind=subject.kind,
        subject=subject.name,
        at=to_moment(at),
        since=to_moment(turn.since),
        not_before=to_moment(turn.not_before),
        not_after=to_moment(turn.not_after),
        before=_share(*turn.before),
        after=_share(*turn.after),
        evidence=round(turn.evidence, 2),
        authors=ledger.authors(),
        topics=_topics(ledger, kind, turn.since, topics),
        examples=tuple(example.text for example in shown),
    )


def _share(count: int, of: int) -> AlertShare:
    share, low, high = (round(part, 4) for part in share_of(count, of))
    return AlertShare(count=count, of=of, share=share, low=low, high=high)


def _topics(
    ledger: Ledger, kind: AlertKind, since: int, names: Mapping[str, str]
) -> tuple[str, ...]:
    """Name the topics of the texts since then that say what the alert is about."""
    tone = Tone.POSITIVE if kind is AlertKind.BETTER else Tone.NEGATIVE
    counted: Counter[str] = Counter()
    for window, counts in ledger.counts.items():
        if window.width is Width.DAY and window.ends > since:
            for slot, count in counts.items():
                if slot.startswith("topic:") and slot.endswith(f":{tone}"):
                    counted[slot.split(":")[1]] += count
    return tuple(names[id] for id, _ in counted.most_common(SHOWN) if id in names)


def _examples(ledger: Ledger, kind: AlertKind, since: int) -> list[Example]:
    """Return the newest examples of what the alert is about."""
    slot = _SLOT.get(kind, Tone.NEGATIVE.value)
    found: Iterator[Example] = (
        example
        for day, voices in ledger.voices.items()
        if day >= since // DAY_MS
        for example in voices.examples.get(slot, ())
        if example.at >= since
    )
    return sorted(found, key=lambda example: -example.at)[:SHOWN]
