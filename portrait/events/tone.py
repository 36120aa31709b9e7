"""Tone: whether a review without stars speaks against its item, by its words.

text ─▶ words of blame and of praise, turned round behind a negation ─▶ weighed ─▶ negative, or not

Only what is plainly negative counts; of all else nothing is said. `tone.toml` has the words, in
English and Chinese; how often they are right: docs/decisions/0027. Stream and archive ask
`stars_of`, and nothing else; what a BERT has read counts before it (`model/heard.py`).
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Self
from unicodedata import normalize

WORDS = Path(__file__).with_suffix(".toml")
WEIGHTS = {"negations": 0, "praise": -1, "blame": 1, "strong_praise": -2, "strong_blame": 2}
NO_TONE = "no_tone"  # words that hold one of those, and mean something else
PLAIN = 2  # by as much blame outweighs praise: one strong word, or two others
FARTHEST, FARTHEST_CHINESE = 10, 1  # characters between a negation and what it turns round
LONGEST_READ = 1_000  # characters: a fifth of a millisecond of a worker's time
READ_STARS = 1.0  # what a review counts as whose text is plainly negative
SAID, READ = 1, 0  # pieces reviewed; nobody reviews none: so a record marks stars that were read

_CHINESE = "(?=[\u4e00-\u9fff])"  # else each letter of English is looked up in Chinese, too
_STOPS = r"[.,;!?:()\n。、…~]|\bbut\b|但"  # beyond which no negation reaches


class Tone(StrEnum):
    """What a text says of something. The order is part of what is stored: append."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


ReadTones = Callable[[Sequence[str]], list[Tone | None]]  # B reviews -> what each says, if sure


def stars_of(rating: float | None, text: str | None) -> tuple[float, bool]:
    """Return the stars of a review, 0 for none, and whether they were read from its text."""
    if rating or not text:
        return rating or 0.0, False
    is_read = reads_negative(text)
    return READ_STARS if is_read else 0.0, is_read


def tone_read(text: str) -> Tone:
    """Return the tone of a review by its words, as sure as `reads_negative` is."""
    blame = blame_of(text)
    if abs(blame) < PLAIN:
        return Tone.NEUTRAL
    return Tone.NEGATIVE if blame > 0 else Tone.POSITIVE


def reads_negative(text: str) -> bool:
    """Say whether a review is plainly negative; where that is not sure, it is not said."""
    return blame_of(text) >= PLAIN


def blame_of(text: str) -> int:
    """Return the blame in a text less its praise."""
    words, blame, negation = _Words.read(), 0, -FARTHEST - 1
    for found in words.pattern.finditer(plain(text)):
        weight = words.weights.get(found.group())
        if weight:
            is_negated = found.start() - negation <= _reach(found.group())
            blame += _turned(weight) if is_negated else weight
        negation = found.end() if weight == 0 else -FARTHEST - 1
    return blame


def plain(text: str) -> str:
    """Return the beginning of a text in one form of its letters."""
    return normalize("NFKC", text[:LONGEST_READ]).casefold().replace("\u2019", "'")


def _reach(word: str) -> int:
    return FARTHEST if word.isascii() else FARTHEST_CHINESE


def _turned(weight: int) -> int:
    """Return what a word says behind a negation: the contrary, but less surely."""
    return -1 if weight > 0 else 1


@dataclass(frozen=True, slots=True)
class _Words:
    """What is looked for, and what it weighs; a negation weighs 0, what has no tone nothing."""

    pattern: re.Pattern[str]
    weights: Mapping[str, int]

    @classmethod
    @cache
    def read(cls) -> Self:
        """Read the words of both languages, once a process."""
        languages = tomllib.loads(WORDS.read_text("utf-8"))
        found = f"{starting(_all(languages['en']) + _all(languages['zh']))}|{_STOPS}"
        weights = {
            word: WEIGHTS[kind]
            for language in languages.values()
            for kind, words in language.items()
            if kind != NO_TONE
            for word in words
        }
        return cls(re.compile(found), weights)


def starting(words: Iterable[str]) -> str:
    """Write a pattern of words of both languages: a whole word of letters, or signs of Chinese."""
    all_words = [*words]
    english = [word for word in all_words if word.isascii()]
    chinese = [word for word in all_words if not word.isascii()]
    return rf"\b{_any_of(english)}\b|{_CHINESE}{_any_of(chinese)}"


def _all(language: Mapping[str, Sequence[str]]) -> list[str]:
    return [word for words in language.values() for word in words]


def _any_of(words: Iterable[str]) -> str:
    """Write a pattern of words that goes on letter by letter, and finds the longest."""
    tails: dict[str, list[str]] = defaultdict(list)
    for word in words:
        tails[word[:1]].append(word[1:])
    is_end = tails.pop("", None) is not None
    ways = [re.escape(first) + _any_of(rest) for first, rest in tails.items()]
    return f"(?:{'|'.join(ways)}){'?' if is_end else ''}" if ways else ""
