"""Brands in titles: which brand a title says, as the catalogue's own items teach it.

items with a brand ─▶ how often a title that has a brand's name is of that brand ─▶ known brands
title ─▶ words ─▶ the known name that stands first, the longest of those there ─▶ its brand, or none

A word is a run of letters and digits; Chinese, Japanese and Korean have no spaces, so that there
each character is one. Case, width and traditional characters do not count.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from portrait.catalogue.lexical import CJK
from portrait.privacy.redact import without_marks
from portrait.wording import worded

LONGEST = 8  # words of a name
MOST_WORDS = 100  # of a title that are looked at
MOST_BRANDS = 50_000  # that are known
RARE = 0.5  # of a title that never was: a brand found once is not believed wholly
TRUSTED = 0.6  # of the titles that have a name are of that brand, or it is not said
ENOUGH = 3  # titles that say their brand teach its name; what fewer teach may be a mistake,
REACH = 20  # so that each of these speaks for so many titles without a brand, or for none

WORD = re.compile(f"[{CJK}]|[^\\W{CJK}]+")


@dataclass(frozen=True, slots=True)
class KnownBrands:
    """What items with a brand teach: all of them are met, then the titles of all are counted.

    Brands are named by their words. Once there are MOST_BRANDS, no other is met.
    """

    items: Counter[str] = field(default_factory=Counter)  # by brand
    seen: Counter[str] = field(default_factory=Counter)  # titles that have a brand's name
    right: Counter[str] = field(default_factory=Counter)  # those of them whose brand it is
    bare: Counter[str] = field(default_factory=Counter)  # titles without a brand that have a name
    written: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def meet(self, brand: str) -> None:
        """Learn that there is an item of a brand, and how that is written."""
        name = named(brand)
        if name and (name in self.items or len(self.items) < MOST_BRANDS):
            self.items[name] += 1
            self.written[name][brand] += 1

    def count(self, title: str, brand: str) -> None:
        """Count the names in the title of an item of a brand, or of none."""
        names = {*names_in(words_of(title))} & self.items.keys()
        if not brand:
            self.bare.update(names)
            return
        own = named(brand)
        for name in names:
            self.seen[name] += 1
            self.right[name] += name == own

    def share(self, name: str) -> float:
        """Return how often a title that has a name is of that brand."""
        return (self.right[name] + RARE) / (self.seen[name] + 2 * RARE)

    def is_trusted(self, name: str) -> bool:
        """Whether titles that have a name are of that brand: `the` is one in many more titles."""
        right = self.right[name]
        is_told_enough = right >= ENOUGH or self.bare[name] <= REACH * right
        return self.share(name) >= TRUSTED and is_told_enough

    def said(self) -> dict[str, str]:
        """Return what a title says that has a name first: how its brand is mostly written.

        Empty where the name is not trusted: then nothing is said, whatever comes after it.
        """
        return {
            name: _commonest(self.written[name]) if self.is_trusted(name) else ""
            for name in sorted(self.items)
        }


def brand_in(title: str, said: Mapping[str, str]) -> str:
    """Return the brand that a title says, by what known names say; empty if none."""
    return said.get(first_known(title, said), "")


def first_known(title: str, known: Container[str]) -> str:
    """Return the known name that stands first, the longest of those there; empty if none."""
    return next((name for name in names_in(words_of(title)) if name in known), "")


def named(brand: str) -> str:
    """Return a brand as its words: `B & C Eagle` and `B&C Eagle` are one."""
    return " ".join(words_of(brand))


def words_of(text: str) -> list[str]:
    """Return the first words of a text, caseless."""
    return [word.casefold() for word in WORD.findall(plain(text))[:MOST_WORDS]]


def plain(text: str) -> str:
    """Return a text as its words are looked for."""
    return worded(without_marks(text))


def names_in(words: Sequence[str]) -> Iterator[str]:
    """Yield what may be a name: from the first word on, the longest first."""
    for begin in range(len(words)):
        for end in range(min(len(words), begin + LONGEST), begin, -1):
            yield " ".join(words[begin:end])


def _commonest(written: Counter[str]) -> str:
    return min(written, key=lambda brand: (-written[brand], brand))
