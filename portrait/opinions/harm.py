"""Harm: whether a text threatens, abuses, hates, or tells others to hurt themselves, by its words.

A short list in English and Chinese: it finds what is said openly, in the usual spelling, or with
signs between its letters, and nothing that is said in hints, in other spellings or as a
quotation's opposite. It is there to notice a surge of such texts, not to judge one of them:
nothing is removed or refused because of it. How often it errs: docs/decisions/0043.
"""

import re
import tomllib
from enum import StrEnum
from functools import cache
from pathlib import Path

from portrait.events.tone import plain, starting

WORDS = Path(__file__).with_suffix(".toml")
_BETWEEN = re.compile(r"(?<=[\u4e00-\u9fff])[\s*_.·-]{1,2}(?=[\u4e00-\u9fff])")  # 去*死


class Harm(StrEnum):
    """What is harmful in a text."""

    THREAT = "threat"
    ABUSE = "abuse"
    HATE = "hate"
    SELF_HARM = "self-harm"


def harm_of(text: str) -> Harm | None:
    """Return what is harmful in a text, the first that is found; None if nothing is."""
    pattern, kinds = _lists()
    found = pattern.search(_BETWEEN.sub("", plain(text)))
    return None if found is None else kinds[found.group()]


@cache
def _lists() -> tuple[re.Pattern[str], dict[str, Harm]]:
    """Read the words of both languages, once a process."""
    lists = tomllib.loads(WORDS.read_text("utf-8"))
    kinds = {word: Harm(kind) for kind, words in lists.items() for word in words["words"]}
    return re.compile(starting(kinds)), kinds
