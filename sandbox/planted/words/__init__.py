"""Words of a planted shop, in two languages, written for it."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
SAID = 8  # of reviews of either tone: they are in the log; the others nobody has said before
KNOWN = 2  # of a leaf's searches: shoppers type them; the others nobody has typed before


@dataclass(frozen=True, slots=True)
class LeafWords:
    """What the goods of one leaf category are called, and how people search for them."""

    top: str
    name: str
    nouns: tuple[str, ...]
    searches: tuple[str, ...]  # the first KNOWN are typed in the log, the rest never

    @property
    def path(self) -> str:
        """The category as the catalogue writes it: `top > name`."""
        return f"{self.top} > {self.name}"


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    language: Language
    leaves: tuple[LeafWords, ...]  # by top, in the order of the file
    brands: Mapping[str, Sequence[str]]  # by price level: cheap, middle, luxury
    attributes: Sequence[str]
    praise: Sequence[str]  # the first SAID are said in the log, the rest never; so of blame
    blame: Sequence[str]

    def title(self, brand: str, attributes: Sequence[str], noun: str) -> str:
        """Put a title together; Chinese has no spaces between words."""
        between = "" if self.language == "zh" else " "
        return f"{brand} {between.join([*attributes, noun])}"


@cache
def read_words(language: Language) -> Words:
    """Read the words of a language."""
    raw = tomllib.loads((Path(__file__).parent / f"{language}.toml").read_text("utf-8"))
    leaves = tuple(
        LeafWords(top, name, tuple(words["nouns"]), tuple(words["searches"]))
        for top, below in raw["tops"].items()
        for name, words in below.items()
    )
    return Words(language, leaves, raw["brands"], raw["attributes"], raw["praise"], raw["blame"])
