"""Aspects: what a text says of price, quality, delivery and the like, each with its tone.

text ─▶ clauses ─▶ an aspect by its words, a tone by its words ─▶ one tone for each aspect

A clause that names an aspect says of it what its tone is; a clause that names none goes on about
the aspect before it. What names no aspect at all says nothing here. A pure function of the text:
the opinion monitor counts what it returns, and a profile can. `aspects.toml` has the words, in
English and Chinese; of tones `tone.py` has them.
"""

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

from portrait.events.tone import LONGEST_READ, Tone, blame_of, plain, starting

WORDS = Path(__file__).with_suffix(".toml")
LONGEST_CLAUSE = 160  # characters of it that are shown as what was said
_CLAUSE = re.compile(r"[.!?;\n。…~]+|[,、](?=.)|\bbut\b|但是?|\bhowever\b|不过|就是|可是")

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


class AspectSaid(NamedTuple):
    """What a text says of one aspect, and in which words."""

    aspect: Aspect
    tone: Tone
    words: str  # the clause that says it most plainly, cut


def aspects_of(text: str) -> tuple[AspectSaid, ...]:
    """Return what a text says of each aspect that it names, in the order in which it names them."""
    scores: dict[Aspect, list[tuple[int, str]]] = {}
    about: tuple[Aspect, ...] = ()
    for clause in _CLAUSE.split(plain(text)):
        said = clause.strip()
        if not said:
            continue
        about, own = _named(said) or about, _own_blame(said)
        blame = blame_of(said) or own
        for aspect in about:
            scores.setdefault(aspect, []).append((blame, said[:LONGEST_CLAUSE]))
    return tuple(_summed(aspect, parts) for aspect, parts in scores.items())


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


def _named(clause: str) -> tuple[Aspect, ...]:
    """Return the aspects that a clause names, each once."""
    words = _Lists.read()
    return tuple(dict.fromkeys(words.aspects[found] for found in words.pattern.findall(clause)))


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


__all__ = ["LONGEST_READ", "Aspect", "AspectSaid", "Tone", "aspects_of", "tone_of"]
