"""Words: the text of an expression, cut into what it is written with.

Source: the lexis of the Common Expression Language, https://github.com/google/cel-spec.
"""

import re
from enum import StrEnum
from math import isfinite
from typing import NamedTuple

from portrait.errors import PortraitError

LONGEST = 1_000  # characters: what is longer is nobody's meaning


class ExpressionError(PortraitError):
    """An expression means nothing; the message says why, and `at` where: characters before it."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class Kind(StrEnum):
    """What a word is."""

    NUMBER = "a number"
    TEXT = "a text"
    NAME = "a name"
    SIGN = "a sign"
    END = "the end"


class Word(NamedTuple):
    """One of them, where it begins and where it ends."""

    kind: Kind
    text: str  # of a text, what it says
    at: int
    end: int


_SHAPES = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
    r"|(?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!()\[\],])"
    r"""|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')""",
    re.ASCII,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_HALVES = frozenset(map(chr, range(0xD800, 0xE000)))  # of pairs in UTF-16: none is a character
_ESCAPED = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}


def words_of(expression: str) -> list[Word]:
    """Cut an expression into words, the end last.

    Raises:
        ExpressionError: It is too long, or holds what is no word.
    """
    if len(expression) > LONGEST:
        msg = f"an expression has at most {LONGEST:,} characters"
        raise ExpressionError(msg, LONGEST)
    words, at = list[Word](), 0
    while at < len(expression):
        found = _SHAPES.match(expression, at)
        if found is None:
            raise ExpressionError(_no_word(expression[at]), at)
        if found.lastgroup != "space":
            words.append(_word(found))
        at = found.end()
    return [*words, Word(Kind.END, "", at, at)]


def _word(found: re.Match[str]) -> Word:
    kind, text, (at, end) = Kind[str(found.lastgroup).upper()], found[0], found.span()
    if kind is Kind.NUMBER and not isfinite(float(text)):
        msg = "no number is as large as that"
        raise ExpressionError(msg, at)
    return Word(kind, _unquoted(text, at) if kind is Kind.TEXT else text, at, end)


def _unquoted(written: str, at: int) -> str:
    def meant(escape: re.Match[str]) -> str:
        letter = escape[1]
        if len(letter) > 1:
            return _character(letter[1:], at + 1 + escape.start())
        if letter not in _ESCAPED:
            msg = f"`\\{letter}` means nothing in a text: a backslash is written twice"
            raise ExpressionError(msg, at + 1 + escape.start())
        return _ESCAPED[letter]

    return _ESCAPE.sub(meant, written[1:-1])


def _character(digits: str, at: int) -> str:
    character = chr(int(digits, 16))
    if character in _HALVES:
        msg = f"`\\u{digits}` is half a character: write the whole one as it is"
        raise ExpressionError(msg, at)
    return character


def _no_word(character: str) -> str:
    if character in "\"'":
        return "a text begins here and does not end"
    if character in "&|=":
        return f"a single `{character}` means nothing: it is written `{character * 2}`"
    return f"`{character}` means nothing here"
