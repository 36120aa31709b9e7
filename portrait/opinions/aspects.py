"""Aspects: what a text says of price, quality, delivery and the like, each with its tone.

text ─▶ clauses ─▶ an aspect by its words, a tone by its words ─▶ one tone for each aspect

A clause that names an aspect says of it what its tone is; a clause that names none goes on about
the aspect before it. What names no aspect at all says nothing here. A pure function of the text:
the opinion monitor counts what it returns, and a profile can. `aspects.toml` has the words, in
English and Chinese; of tones `tone.py` has them.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

from portrait.events.tone import LONGEST_READ, Tone, blame_of, plain, starting

WORDS = Path(__file__).with_suffix(".toml")
LONGEST_CLAUSE = 160  # characters of it that are shown as what was said
_CLAUSE = re.compile(r"[.!?;\n。…~]+|[,、](?=.)|\bbut\b|但是?|\bhowever\b|不过|就是|可是")

BLAME: Mapping[Tone | None, int] = {Tone.NEGATIVE: 1, Tone.POSITIVE: -1, Tone.NEUTRAL: 0, None: 0}

_NEGATED = re.compile(
    r"(?:\bnot|n't|\bno|\bnever|不|没|没有|不算|不太)\s?(?:too|very|that|at all|是)?\s?$"
)


class Aspect(StrEnum):
    """What shoppers judge, whatever the item. The order is part of what is stored: append."""

    PRICE = "price"
    QUALITY = "quality"
    DELIVERY = "delivery"
    PACKAGING = "packaging"
    SERVICE = "service"
    FIT = "fit"
    LOOKS = "looks"
    TASTE = "taste"
    USE = "use"


class ClauseRead(NamedTuple):
    """What a BERT is sure of in one clause."""

    aspect: Aspect | None
    tone: Tone | None


UNREAD = ClauseRead(None, None)
NOTHING_READ: Mapping[str, ClauseRead] = {}


class AspectSaid(NamedTuple):
    """What a text says of one aspect, and in which words."""

    aspect: Aspect
    tone: Tone
    words: str  # the clause that says it most plainly, cut


ReadAspects = Callable[[Sequence[str]], list[tuple[AspectSaid, ...]]]  # B texts; blocks


class ReviewReader(Protocol):
    """A BERT that reads reviews."""

    def __call__(self, texts: Sequence[str]) -> list[Tone | None]:
        """Return what B reviews say, None where it is not sure. Blocks."""
        ...

    def aspects(self, texts: Sequence[str]) -> list[tuple[AspectSaid, ...]]:
        """Return what B reviews say of what, by words and by what it is sure of. Blocks."""
        ...


def aspects_of(text: str, read: Mapping[str, ClauseRead] = NOTHING_READ) -> tuple[AspectSaid, ...]:
    """Return what a text says of each aspect that it names, in the order in which it names them.

    Args:
        text: A review or a post.
        read: What a BERT has read in its clauses: it names an aspect beside the words, and has a
            tone where these have none.
    """
    scores: dict[Aspect, list[tuple[int, str]]] = {}
    about: tuple[Aspect, ...] = ()
    for said in clauses_of(text):
        heard = read.get(said, UNREAD)
        about = _named(said, heard.aspect) or about
        blame = blame_of(said) or _own_blame(said) or BLAME[heard.tone]
        for aspect in about:
            scores.setdefault(aspect, []).append((blame, said[:LONGEST_CLAUSE]))
    return tuple(_summed(aspect, parts) for aspect, parts in scores.items())


def clauses_of(text: str) -> list[str]:
    """Return the clauses of a text in one form of its letters, none of them empty."""
    return [clause for part in _CLAUSE.split(plain(text)) if (clause := part.strip())]


def _summed(aspect: Aspect, parts: list[tuple[int, str]]) -> AspectSaid:
    """Add up what clauses say of an aspect, and show the one that says it most."""
    blame = sum(blame for blame, _ in parts)
    sign = (blame > 0) - (blame < 0)
    _, words = max(parts, key=lambda part: part[0] * sign)
    return AspectSaid(aspect, tone_of(blame), words)


def tone_of(blame: int) -> Tone:
    """Return the tone of so much blame, less praise."""
    if blame == 0:
        return Tone.NEUTRAL
    return Tone.NEGATIVE if blame > 0 else Tone.POSITIVE


def _named(clause: str, heard: Aspect | None) -> tuple[Aspect, ...]:
    """Return the aspects that a clause names, and the one that was heard in it, each once."""
    words = _Lists.read()
    named = [words.aspects[found] for found in words.pattern.findall(clause)]
    return tuple(dict.fromkeys([*named, *([heard] if heard else [])]))


def _own_blame(clause: str) -> int:
    """Return the blame of words that mean an aspect and its tone at once: `expensive`, `太小`."""
    words, blame = _Lists.read(), 0
    for found in words.pattern.finditer(clause):
        is_negated = _NEGATED.search(clause, 0, found.start()) is not None
        blame += words.blame[found.group()] * (-1 if is_negated else 1)
    return blame


class _Lists(NamedTuple):
    """What is looked for, which aspect it means, and what it says of it by itself."""

    pattern: re.Pattern[str]
    aspects: Mapping[str, Aspect]
    blame: Mapping[str, int]

    @classmethod
    @cache
    def read(cls) -> "_Lists":
        """Read the words of both languages, once a process."""
        lists = tomllib.loads(WORDS.read_text("utf-8"))
        aspects = {
            word: Aspect(name)
            for name, kinds in lists.items()
            for words in kinds.values()
            for word in words
        }
        blame = {
            word: {"blame": 1, "praise": -1}.get(kind, 0)
            for kinds in lists.values()
            for kind, words in kinds.items()
            for word in words
        }
        return cls(re.compile(starting(aspects)), aspects, blame)


__all__ = [
    "LONGEST_READ",
    "Aspect",
    "AspectSaid",
    "ClauseRead",
    "ReadAspects",
    "ReviewReader",
    "Tone",
    "aspects_of",
    "clauses_of",
    "tone_of",
]
