"""The ledger of one subject: its counts by window, its histories, and who wrote of it of late.

mention ─▶ counts of hour, day, week ─▶ voices of the day ─▶ histories ─▶ what has happened, if
                                        an author counts there once a week          anything
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from portrait.opinions.alert import AlertKind
from portrait.opinions.aspects import Tone
from portrait.opinions.mention import Mention
from portrait.opinions.subject import Subject
from portrait.opinions.turns import History, Turn
from portrait.opinions.voices import KEPT_DAYS, Voices, authors_in
from portrait.opinions.windows import (
    AUTHORS,
    HARMFUL,
    TEXTS,
    Width,
    Window,
    oldest_kept,
    windows_of,
)
from portrait.times import DAY_MS, HOUR_MS

LEAST_TURN = 0.08  # of the share of negative texts: a smaller one is not worth anybody's time
LEAST_SURGE = 0.02  # of the share of harmful ones
MANY_TEXTS = 20  # of a day, and more than so many by each author: they are by few
PER_AUTHOR = 3
COMPANIONS = 16  # texts whose other subjects are remembered
MOST_COUNTS = 160  # of a window: tones, harm, topics and aspects by tone
LATE_MS = DAY_MS  # a text so much older than the newest is counted, and not tested

Counts = dict[str, int]


class Happening(NamedTuple):
    """What a mention has made of a subject."""

    kind: AlertKind
    turn: Turn


@dataclass(slots=True)
class Ledger:
    """What is kept of one subject. Bounded, whatever is written."""

    subject: Subject
    newest: int = 0  # ms: the newest text
    windows: set[Window] = field(default_factory=set)  # all that are kept
    counts: dict[Window, Counts] = field(default_factory=dict)  # of those that are loaded
    negative: History = field(default_factory=History)
    harmful: History = field(default_factory=History)
    companions: deque[tuple[int, ...]] = field(default_factory=lambda: deque(maxlen=COMPANIONS))
    few_on: int = -1  # day on which few authors were told of
    voices: dict[int, Voices] = field(default_factory=dict)  # by day, the last KEPT_DAYS
    touched: set[Window] = field(default_factory=set)  # since it was loaded
    touched_days: set[int] = field(default_factory=set)

    def take(self, mention: Mention, topic: str | None) -> list[Happening]:
        """Take in a text. Returns what has happened by it."""
        is_next_hour = mention.at // HOUR_MS > self.newest // HOUR_MS
        self.newest = max(self.newest, mention.at)
        slots = [*_slots(mention, topic)]
        day = mention.at // DAY_MS
        is_new_voice = self._is_new_voice(mention)
        if day > self.newest // DAY_MS - KEPT_DAYS:
            self.voices.setdefault(day, Voices()).hear(mention, slots)
            self.touched_days.add(day)
        kept = oldest_kept(self.newest)
        for window in windows_of(mention.at):
            if window.number >= kept[window.width]:
                self._count(window, slots)
        if is_next_hour:
            self._prune(kept)
        self.companions.append(tuple(each.ref for each in mention.subjects))
        happened = self._test(mention) if is_new_voice else []
        return [*happened, *self._few(day)]

    def is_companion(self, subject: int) -> bool:
        """Say whether the newest texts are about another subject, too."""
        return any(subject in others for others in self.companions)

    def authors(self) -> int:
        """Return how many wrote in the last days."""
        return authors_in([*self.voices.values()])

    def _is_new_voice(self, mention: Mention) -> bool:
        """Say whether an author is to be heard by the tests: once a week, and not too late."""
        if self.newest - mention.at > LATE_MS:
            return False
        author = mention.author
        if author is None:
            return True
        today = self.voices.get(mention.at // DAY_MS)
        is_known = any(day.knows(author) for day in self.voices.values())
        return not is_known and (today is None or today.admits(author))

    def _count(self, window: Window, slots: list[str]) -> None:
        counts = self.counts.setdefault(window, {})
        self.windows.add(window)
        self.touched.add(window)
        for slot in (TEXTS, *slots):
            if slot in counts or len(counts) < MOST_COUNTS:
                counts[slot] = counts.get(slot, 0) + 1
        counts[AUTHORS] = max(counts.get(AUTHORS, 0), self._authors_of(window))

    def _authors_of(self, window: Window) -> int:
        first, last = window.begins // DAY_MS, (window.ends - 1) // DAY_MS
        days = [voices for day, voices in self.voices.items() if first <= day <= last]
        is_hour = window.width is Width.HOUR
        return authors_in(days, window.number % 24 if is_hour else None)

    def _prune(self, kept: dict[Width, int]) -> None:
        """Forget windows and voices that are too old."""
        old = {each for each in self.windows if each.number < kept[each.width]}
        self.windows -= old
        self.touched |= old
        for window in old:
            self.counts.pop(window, None)
        for day in [each for each in self.voices if each <= self.newest // DAY_MS - KEPT_DAYS]:
            del self.voices[day]
            self.touched_days.discard(day)

    def _test(self, mention: Mention) -> list[Happening]:
        """Ask the histories. What has turned is from then on measured from there."""
        happened = []
        self.negative.add(mention.at, is_hit=mention.tone is Tone.NEGATIVE)
        if turn := self.negative.turn(LEAST_TURN):
            self.negative.begin_at(turn.since)
            kind = AlertKind.WORSE if turn.is_rise else AlertKind.BETTER
            happened.append(Happening(kind, turn))
        self.harmful.add(mention.at, is_hit=mention.harm is not None)
        if turn := self.harmful.turn(LEAST_SURGE):
            self.harmful.begin_at(turn.since)
            if turn.is_rise:
                happened.append(Happening(AlertKind.HARM, turn))
        return happened

    def _few(self, day: int) -> list[Happening]:
        """Say once a day that many texts are by few authors, of those who are named."""
        voices = self.voices.get(day)
        if voices is None or self.few_on >= day:
            return []
        authors = authors_in([voices])
        if voices.named < max(MANY_TEXTS, PER_AUTHOR * authors):
            return []
        self.few_on = day
        told = authors, voices.named
        begin = day * DAY_MS
        turn = Turn(begin, begin, begin + DAY_MS, (0, 0), told, 0.0)
        return [Happening(AlertKind.FEW_AUTHORS, turn)]


def _slots(mention: Mention, topic: str | None) -> Iterator[str]:
    """Name the figures that a text counts in."""
    yield mention.tone.value
    if mention.harm is not None:
        yield HARMFUL
    if topic is not None:
        yield f"topic:{topic}:{mention.tone}"
    for aspect, tone in mention.aspects:
        yield f"aspect:{aspect}:{tone}"
