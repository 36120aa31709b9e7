"""Which words of a title may be its brand, and what counts and letters say of each.

title ─▶ words ─▶ spans: among the first words, after "by", or a brand that the catalogue knows
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from portrait.arrays import Floats
from portrait.catalogue.brands import LONGEST, WORD, KnownBrands, names_in, plain, words_of

FIRST, LONG = 3, 3  # places where a brand begins; words of a new one


class Span(NamedTuple):
    """Some words of a title, begin and end."""

    name: str
    begin: int
    end: int


def brands_of(titles: Sequence[str], brands: Sequence[str]) -> KnownBrands:
    """Learn the brands of a catalogue, and where their names stand in its titles."""
    known = KnownBrands()
    for brand in brands:
        known.meet(brand)
    for title, brand in zip(titles, brands, strict=True):
        known.count(title, brand)
    return known


def without(known: KnownBrands, title: str, brand: str) -> KnownBrands:
    """Return what is known but for one item of the catalogue, of the names in its title."""
    names = {*names_in(words_of(title))} & known.items.keys()
    return KnownBrands(
        Counter({name: known.items[name] - (name == brand) for name in names}),
        Counter({name: known.seen[name] - 1 for name in names}),
        Counter({name: known.right[name] - (name == brand) for name in names}),
    )


def spans_of(title: str, known: KnownBrands) -> list[Span]:
    """Return what may be a title's brand, each name once, where it stands first."""
    words = words_of(title)
    found: dict[str, Span] = {}
    for span in _spans(words):
        is_named = span.begin < FIRST or words[span.begin - 1] == "by"
        if known.items[span.name] > 0 or (is_named and span.end - span.begin <= LONG):
            found.setdefault(span.name, span)
    return [*found.values()]


def traits_of(title: str, spans: Sequence[Span], known: KnownBrands) -> Floats:
    """Describe spans by what the catalogue knows of them and how they are written, (n, F)."""
    words = words_of(title)
    written = WORD.findall(plain(title))
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


def _spans(words: Sequence[str]) -> list[Span]:
    return [
        Span(" ".join(words[begin:end]), begin, end)
        for begin in range(len(words))
        for end in range(begin + 1, min(len(words), begin + LONGEST) + 1)
    ]
