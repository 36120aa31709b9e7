"""Which words of a title may be its brand, and what counts and letters say of each.

title ─▶ words ─▶ spans: among the first words, after "by", or a brand that the catalogue knows
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from portrait.arrays import Floats

WORD = re.compile(r"[a-z0-9]+")
FIRST, LONG, LONGEST = 3, 3, 4  # places where a brand begins; words of a new one; of a known one
RARE = 0.5  # of a title that never was: a brand found once is not believed wholly


class Span(NamedTuple):
    """Some words of a title, begin and end."""

    name: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class KnownBrands:
    """What a catalogue knows of brands, each named by its words in small letters."""

    items: Counter[str]  # by brand
    seen: Counter[str]  # titles that contain a brand's name
    right: Counter[str]  # those of them whose brand it is

    def share(self, name: str) -> float:
        """Return how often a title that contains a name is of that brand."""
        return float((self.right[name] + RARE) / (self.seen[name] + 2 * RARE))

    def without(self, title: str, brand: str) -> "KnownBrands":
        """Return what is known but for one item of the catalogue, of the names in its title."""
        names = {span.name for span in _spans(words_of(title), LONGEST)} & self.items.keys()
        return KnownBrands(
            Counter({name: self.items[name] - (name == brand) for name in names}),
            Counter({name: self.seen[name] - 1 for name in names}),
            Counter({name: self.right[name] - (name == brand) for name in names}),
        )


def named(brand: str) -> str:
    """Return a brand as its words: `B & C Eagle` and `B&C Eagle` are one."""
    return " ".join(words_of(brand))


def words_of(text: str) -> list[str]:
    """Return the words of a text, in small letters."""
    return WORD.findall(text.lower())


def brands_of(titles: Sequence[str], brands: Sequence[str]) -> KnownBrands:
    """Count the brands of a catalogue, and where their names stand in its titles."""
    known = KnownBrands(Counter(brands), Counter(), Counter())
    for title, brand in zip(titles, brands, strict=True):
        for name in {span.name for span in _spans(words_of(title), LONGEST)} & known.items.keys():
            known.seen[name] += 1
            known.right[name] += name == brand
    return known


def spans_of(title: str, known: KnownBrands) -> list[Span]:
    """Return what may be a title's brand, each name once, where it stands first."""
    words = words_of(title)
    found: dict[str, Span] = {}
    for span in _spans(words, LONGEST):
        is_named = span.begin < FIRST or words[span.begin - 1] == "by"
        if known.items[span.name] > 0 or (is_named and span.end - span.begin <= LONG):
            found.setdefault(span.name, span)
    return [*found.values()]


def first_known(title: str, known: KnownBrands) -> str:
    """Return the brand that the catalogue knows which stands first, the longest of those there."""
    found = [span for span in _spans(words_of(title), LONGEST) if span.name in known.items]
    return min(found, key=lambda span: (span.begin, -span.end)).name if found else ""


def traits_of(title: str, spans: Sequence[Span], known: KnownBrands) -> Floats:
    """Describe spans by what the catalogue knows of them and how they are written, (n, F)."""
    words = words_of(title)
    written = [title[match.start() : match.end()] for match in WORD.finditer(title.lower())]
    rows = []
    for name, begin, end in spans:
        before = words[begin - 1] if begin else ""
        after = words[end] if end < len(words) else ""
        is_known = known.items[name] > 0
        rows.append(
            [
                is_known,
                np.log1p(known.items[name]),
                np.log1p(known.seen[name]),
                known.share(name) if known.seen[name] else 0,
                _is_within(name, spans, known),
                begin,
                begin == 0,
                is_known and begin == 0,
                end - begin == 1,
                end - begin,
                before == "by",
                before == "the",
                any(map(str.isdigit, after)),
                any(map(str.isdigit, name)),
                written[begin].isupper(),
                written[begin][:1].isupper(),
                len(words),
            ]
        )
    return np.array(rows, np.float32)


def _is_within(name: str, spans: Sequence[Span], known: KnownBrands) -> bool:
    """Say whether a name is part of a longer one that is known."""
    return any(
        other.name != name and f" {name} " in f" {other.name} " and known.items[other.name] > 0
        for other in spans
    )


def _spans(words: Sequence[str], longest: int) -> list[Span]:
    return [
        Span(" ".join(words[begin:end]), begin, end)
        for begin in range(len(words))
        for end in range(begin + 1, min(len(words), begin + longest) + 1)
    ]
