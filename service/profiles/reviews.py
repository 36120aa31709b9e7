"""Reviews: what somebody's own reviews say, by category and by aspect, and who has read it.

ring ─▶ reviews ─▶ what a BERT was sure of, else stars, else words ─▶ counted by category ─▶ aspects
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from portrait.events.category import interest_category, meaning_of
from portrait.events.tone import READ, Tone
from portrait.model.kinds import DISLIKED, LIKED, REVIEW
from portrait.opinions.aspects import Aspect
from portrait.profiles.record import Event, Record
from portrait.profiles.reviewed import By, Reading
from service.profiles.describe import Json, mention
from service.view import Source

ReadBy = Literal["bert", "stars", "words"]

ASPECTS = tuple(aspect.value for aspect in Aspect)
READERS: tuple[ReadBy, ...] = ("bert", "stars", "words")
MOST_EVIDENCE = 3  # events, the newest


@dataclass(slots=True)
class _Said:
    """What is said of one thing."""

    tones: Counter[Tone] = field(default_factory=Counter)
    events: list[Event] = field(default_factory=list)

    def add(self, tone: Tone, event: Event) -> None:
        self.tones[tone] += 1
        self.events.append(event)

    def told(self, source: Source) -> Json:
        counts = {tone.value: self.tones[tone] for tone in Tone}
        newest = self.events[:MOST_EVIDENCE]
        return {**counts, "evidence": [mention(event, {}, source) for event in newest]}


@dataclass(slots=True)
class _OfCategory:
    """What is said of the things of one category."""

    category: str | None
    whole: _Said = field(default_factory=_Said)
    readers: Counter[ReadBy] = field(default_factory=Counter)
    aspects: dict[int, _Said] = field(default_factory=dict)

    def told(self, source: Source) -> Json:
        return {
            "category": self.category,
            **self.whole.told(source),
            "read_by": {reader: self.readers[reader] for reader in READERS},
            "aspects": [
                {"aspect": ASPECTS[place], **said.told(source)}
                for place, said in sorted(self.aspects.items(), key=_most)
            ],
        }


def reviews_told(record: Record, readings: Mapping[int, Reading], source: Source) -> list[Json]:
    """Return what a user's reviews say, most reviews first.

    Args:
        record: Of the user.
        readings: Of reviews with a text, by event id.
        source: What names items.
    """
    categories: dict[str, _OfCategory] = {}
    for event in _reviews(record.events):
        reading = readings.get(event[1])
        tone, reader = read(event, reading)
        if tone is None:
            continue
        path = _category(event, source)
        of = categories.setdefault(meaning_of(path or ""), _OfCategory(path))
        of.whole.add(tone, event)
        of.readers[reader] += 1
        for place, said in () if reading is None else reading.aspects:
            if place < len(ASPECTS):
                of.aspects.setdefault(place, _Said()).add(said, event)
    ordered = sorted(categories.values(), key=lambda of: -of.whole.tones.total())
    return [of.told(source) for of in ordered]


def read(event: Event, reading: Reading | None) -> tuple[Tone | None, ReadBy]:
    """Return what a review says, None if nothing, and by what that is known.

    A BERT that was sure comes first, then the stars that were said, then words.
    """
    if reading is not None and reading.by is By.BERT and reading.tone is not None:
        return reading.tone, "bert"
    is_read = event[4] == READ
    stars = reading.stars if reading is not None else 0 if is_read else event[6]
    if stars:
        return tone_of_tenths(stars), "stars"
    if reading is not None and reading.tone is not None:
        return reading.tone, "words"
    return (tone_of_tenths(event[6]) if event[6] else None), "words"


def tone_of_tenths(tenths: int) -> Tone:
    """Return what so many tenths of a star say."""
    if tenths >= LIKED:
        return Tone.POSITIVE
    return Tone.NEGATIVE if tenths <= DISLIKED else Tone.NEUTRAL


def _reviews(events: Iterable[Event]) -> Iterator[Event]:
    return (event for event in events if event[5] == REVIEW)


def _category(event: Event, source: Source) -> str | None:
    row = source.rows.get(event[2])
    path = source.items[row].category if row is not None else ""
    return interest_category(path) if path else None


def _most(aspect: tuple[int, _Said]) -> tuple[int, int]:
    place, said = aspect
    return -said.tones.total(), place
