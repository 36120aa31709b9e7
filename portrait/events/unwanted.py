"""Unwanted: items, categories and brands that somebody does not want, for good or for a time.

What was said last of each counts. All that is said of one user is a set whose join is bounded,
commutes and is idempotent, so that any order and any repetition of the log leaves the same; an
erasure is part of it, and keeps out what was said before. It lies beside the record, as JSON:

    {"erased": ms, "said": {"item:milk": [at, until], …}}          until 0: for good

Whoever takes something back says that it is unwanted until now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from portrait.events.category import SEPARATOR, meaning_of

MOST_UNWANTED = 100  # of one user; the oldest word goes
FOR_GOOD = 0
LARGEST = 10**15  # ms: the year 33658; what says more was not written by us


class What(StrEnum):
    """What may be unwanted."""

    ITEM = "item"
    CATEGORY = "category"
    BRAND = "brand"


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody said of one thing."""

    at: int  # ms
    until: int  # ms, or FOR_GOOD

    @property
    def rank(self) -> tuple[int, int]:
        """What of two words counts: the later one, and of two at once the longer."""
        return self.at, self.until or LARGEST

    def holds_at(self, now_ms: int) -> bool:
        """Say whether it is unwanted at a moment."""
        return self.until == FOR_GOOD or now_ms < self.until


@dataclass(frozen=True, slots=True)
class Unwanted:
    """What one user has said, of things named `kind:name`."""

    said: Mapping[str, Word] = field(default_factory=dict)
    erased: int = 0  # ms: what was said up to then is forgotten

    def joined(self, other: Self) -> Self:
        """Return what both know."""
        erased = max(self.erased, other.erased)
        words: dict[str, Word] = dict(self.said)
        for thing, word in other.said.items():
            if thing not in words or word.rank > words[thing].rank:
                words[thing] = word
        known = [(word, thing) for thing, word in words.items() if word.at > erased]
        newest = sorted(known, key=lambda one: (one[0].at, one[1]))[-MOST_UNWANTED:]
        return type(self)({thing: word for word, thing in newest}, erased)

    def things_at(self, now_ms: int) -> dict[What, tuple[str, ...]]:
        """Return the names of what is unwanted at a moment, by kind; the newest last."""
        found: dict[What, list[str]] = {what: [] for what in What}
        for thing, word in self.said.items():
            kind, _, name = thing.partition(":")
            if word.holds_at(now_ms):
                found[What(kind)].append(name)
        return {what: tuple(names) for what, names in found.items()}


NOTHING = Unwanted()


def thing_of(what: What, name: str) -> str:
    """Return how a thing is called: categories and brands however they are written."""
    if what is What.CATEGORY:
        return f"{what}:{meaning_of(name)}"
    return f"{what}:{name.casefold() if what is What.BRAND else name}"


def covers(categories: Iterable[str], path: str) -> bool:
    """Say whether a category is one of some, or lies in one. Those are called by their meaning."""
    meaning = f"{meaning_of(path)}{SEPARATOR}"
    return any(meaning.startswith(f"{category}{SEPARATOR}") for category in categories)


class _Kept(BaseModel):
    """What is stored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    erased: int = 0
    said: dict[str, tuple[int, int]] = {}


def encode_unwanted(unwanted: Unwanted) -> str:
    """Write what somebody has said."""
    said = {thing: (word.at, word.until) for thing, word in unwanted.said.items()}
    return _Kept(erased=unwanted.erased, said=said).model_dump_json()


def read_unwanted(stored: bytes | None) -> Unwanted:
    """Read what is stored of somebody; what was damaged is as good as nothing."""
    if stored is None:
        return NOTHING
    try:
        kept = _Kept.model_validate_json(stored)
    except ValidationError:
        return NOTHING
    said = {
        thing: Word(at, until)
        for thing, (at, until) in kept.said.items()
        if thing.partition(":")[0] in set(What) and 0 < at < LARGEST and 0 <= until < LARGEST
    }
    return NOTHING.joined(Unwanted(said, kept.erased))
