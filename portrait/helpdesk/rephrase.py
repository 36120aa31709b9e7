"""Rephrasing: a language model may say a reply in other words, and add nothing.

reply, slots unfilled ─▶ model ─▶ checked against the reply ─▶ filled
                            └─ late, refused or adding something ─▶ the reply as it was written

The model sees the template and never what fills it: no name, no order, no message leaves. What it
returns may hold no number, amount, address, name or promise that the reply does not hold.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Protocol
from unicodedata import normalize

from portrait.errors import PortraitError
from portrait.helpdesk.desk import Mood
from portrait.helpdesk.harmful import harm_in

WORDS = Path(__file__).with_suffix(".toml")
LONGER, LONGER_BY = 2.0, 200  # times as long as the reply, and characters beside

_SLOT = re.compile(r"\{\w+\}")
_CJK = re.compile(r"[\u3400-\u9fff]")
_LARGE = re.compile(r"(?<![\w'])[A-Z][\w'-]*")


class RephrasingError(PortraitError):
    """The model does not rephrase: the reply goes out as it was written."""


class Rephraser(Protocol):
    """Says a template in other words."""

    async def __call__(self, template: str, language: str, mood: Mood) -> str:
        """Return the template in other words, its slots as they are.

        Raises:
            RephrasingError: It does not answer in time, or not as it should.
        """
        ...


def check_rephrased(template: str, rephrased: str) -> None:
    """Refuse other words that add something, or leave a slot out.

    Raises:
        RephrasingError: They do; says what kind of thing, and nothing of the text.
    """
    if len(rephrased) > LONGER * len(template) + LONGER_BY or not rephrased.strip():
        msg = "it is empty, or much longer than the reply"
        raise RephrasingError(msg)
    if sorted(_SLOT.findall(template)) != sorted(_SLOT.findall(rephrased)):
        msg = "its slots are others"
        raise RephrasingError(msg)
    if "{" in _SLOT.sub("", rephrased) or "}" in _SLOT.sub("", rephrased):
        msg = "a brace is left open"
        raise RephrasingError(msg)
    if harm_in(rephrased):
        msg = "it would hurt"
        raise RephrasingError(msg)
    if bool(_CJK.search(template)) != bool(_CJK.search(rephrased)):
        msg = "it is in another language"
        raise RephrasingError(msg)
    for kind, pattern in _additions().items():
        if kind != "a no" and _all(pattern, rephrased) - _all(pattern, template):
            msg = f"it adds {kind}"
            raise RephrasingError(msg)
    if _names(rephrased) - _words(template):
        msg = "it adds a name"
        raise RephrasingError(msg)
    negations = _additions()["a no"]
    if bool(_all(negations, template)) != bool(_all(negations, rephrased)):
        msg = "it says no where the reply does not, or the contrary"
        raise RephrasingError(msg)


@cache
def _additions() -> Mapping[str, re.Pattern[str]]:
    """Return what may not be added, by what it is called."""
    words = tomllib.loads(WORDS.read_text("utf-8"))
    en, zh = words["en"], words["zh"]
    numerals = r"[一二两三四五六七八九十百千万亿]+(?=[天日周月年小时分元块折次倍个件])"
    return {
        "a number": re.compile(rf"\d+(?:[.,:/-]\d+)*%?|{numerals}|{_whole(en['numbers'])}"),
        "an address": re.compile(
            r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+\.\w+"
            r"|\b[a-z0-9-]+\.(?:com|cn|net|org|io|shop|de|uk)\b",
            re.ASCII,
        ),
        "an amount": re.compile(rf"[$€£¥₹]|{_whole(en['amounts'])}|{'|'.join(zh['amounts'])}"),
        "a promise": re.compile(rf"{_whole(en['promises'])}|{'|'.join(zh['promises'])}"),
        "a person": re.compile(rf"[\u4e00-\u9fff]{{1,3}}(?:{'|'.join(zh['titles'])})"),
        "a no": re.compile(rf"{_whole(en['negations'])}|{'|'.join(zh['negations'])}"),
    }


@cache
def _starters() -> frozenset[str]:
    return frozenset(tomllib.loads(WORDS.read_text("utf-8"))["en"]["starters"])


def _whole(words: Iterable[str]) -> str:
    return rf"(?<![\w'])(?:{'|'.join(map(re.escape, words))})(?![\w'])"


def _all(pattern: re.Pattern[str], text: str) -> set[str]:
    plain = normalize("NFKC", _without_slots(text)).casefold().replace("\u2019", "'")
    return set(pattern.findall(plain))


def _names(text: str) -> set[str]:
    """Return what is written large and is no word that sentences begin with, in small letters."""
    plain = _without_slots(text).replace("\u2019", "'")
    return {name.casefold() for name in _LARGE.findall(plain)} - _starters()


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w'-]+", _without_slots(text).casefold()))


def _without_slots(text: str) -> str:
    return _SLOT.sub(" ", text)
