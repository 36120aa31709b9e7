"""Words of a planted shop, in two languages, written for it.

`en.toml` and `zh.toml` are of shops whose goods and brands are alike everywhere, as benchmarks want
them; `zh-shop.toml` of one that reads like a shop.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
Book = Language | Literal["zh-shop"]
SAID = 8  # of reviews of either tone: they are in the log; the others nobody has said before
KNOWN = 2  # of a leaf's searches: shoppers type them; the others nobody has typed before
LEVELS = ("cheap", "middle", "luxury")


@dataclass(frozen=True, slots=True)
class LeafWords:
    """What the goods of one leaf category are called, and how people search for them."""

    top: str
    name: str
    nouns: tuple[str, ...]
    searches: tuple[str, ...]  # the first KNOWN are typed in the log, the rest never
    brands: Mapping[str, Sequence[str]]  # by price level, of LEVELS
    attributes: tuple[str, ...]
    price: float | None  # of the middle level; None: it is drawn

    @property
    def path(self) -> str:
        """The category as the catalogue writes it: `top > name`."""
        return f"{self.top} > {self.name}"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one shop."""

    language: Language
    leaves: tuple[LeafWords, ...]  # by top, in the order of the file
    brands: Mapping[str, Sequence[str]]  # by price level: all that any leaf has
    praise: Sequence[str]  # the first SAID are said in the log, the rest never; so of blame
    blame: Sequence[str]
    wave: Sequence[str]  # what a bad batch of goods is blamed for; may be empty

    def title(self, brand: str, attributes: Sequence[str], noun: str) -> str:
        """Put a title together; Chinese has no spaces between words."""
        between = "" if self.language == "zh" else " "
        return f"{brand} {between.join([*attributes, noun])}"


@cache
def read_words(book: Book) -> Words:
    """Read the words of a shop."""
    raw = tomllib.loads((Path(__file__).parent / f"{book}.toml").read_text("utf-8"))
    leaves = tuple(
        _leaf(raw, top, name, words)
        for top, below in raw["tops"].items()
        for name, words in below.items()
    )
    brands = {
        level: [*dict.fromkeys(brand for leaf in leaves for brand in leaf.brands[level])]
        for level in LEVELS
    }
    language: Language = "en" if book == "en" else "zh"
    return Words(language, leaves, brands, raw["praise"], raw["blame"], raw.get("wave", ()))


def _leaf(raw: Mapping[str, Any], top: str, name: str, words: Mapping[str, Any]) -> LeafWords:
    """Read a leaf; what it does not have of its own is that of the whole shop."""
    return LeafWords(
        top,
        name,
        tuple(words["nouns"]),
        tuple(words["searches"]),
        raw["brands"].get(top, raw["brands"]),
        tuple(words["attributes"] if "attributes" in words else raw["attributes"]),
        words.get("price"),
    )
