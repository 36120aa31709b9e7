"""Names, left out of a text before its tone is read: who says it, and where, says nothing of it.

text ─▶ "someone" for whoever signs it, and for capitals amid a sentence ─▶ reader
     └▶ in Chinese, which has no capitals, for places and ways to name (unnamed_zh.py)

A word of praise or blame stays. So does a name in small letters, in another script without cases,
or where most words have capitals, as in a headline: it cannot be told from other words.

Source of the idea: Zhao et al., Gender Bias in Coreference Resolution, NAACL 2018.
"""

import re

from portrait.events.tone import blame_of
from portrait.text.unnamed_zh import unnamed_zh

SOMEONE = "someone"
LONGEST_SIGNATURE = 3  # words
HEADLINE = 2  # capitals amid sentences, of which a headline has no fewer
_WORD = re.compile(r"[^\W\d_][\w'’-]*")  # noqa: RUF001 - as they are written
_STOP = re.compile(r"[.!?,…:;—-](?=\s)|[\n。！？]")  # noqa: RUF001 - as they are written
_ENDS, _OPENS = ".!?…:;\n。！？—-", " \t\"'“”‘’(["  # noqa: RUF001 - as they are written
_CHINESE = re.compile("[\u4e00-\u9fff]")
_ME = re.compile(r"I['’]")  # noqa: RUF001 - as it is written


def unnamed(text: str) -> str:
    """Return a text without what looks like a name of somebody or of a place."""
    if _CHINESE.search(text):
        text = unnamed_zh(text)
    text = _unsigned(text)
    inner = [word for word in _WORD.finditer(text) if not _begins(text[: word.start()])]
    capitals = [word for word in inner if _is_capital(word[0])]
    if len(capitals) >= HEADLINE and 2 * len(capitals) > len(inner):
        return text
    for word in reversed(capitals):
        if not blame_of(word[0]):
            text = f"{text[: word.start()]}{SOMEONE}{text[word.end() :]}"
    return text


def _unsigned(text: str) -> str:
    """Leave out who signs a text, unless it is a word of tone."""
    last = max((stop.end() for stop in _STOP.finditer(text)), default=len(text))
    words = text[last:].split()
    if not 0 < len(words) <= LONGEST_SIGNATURE or not all(map(_is_capital, words)):
        return text
    return text if blame_of(text[last:]) else f"{text[:last]} {SOMEONE}"


def _begins(before: str) -> bool:
    """Say whether a sentence begins after this."""
    before = before.rstrip(_OPENS)
    return not before or before[-1] in _ENDS


def _is_capital(word: str) -> bool:
    """Say whether a word is written like a name: WHAT IS SHOUTED is not, and neither is I'm."""
    return word[0].isupper() and word.upper() != word and not _ME.match(word)
