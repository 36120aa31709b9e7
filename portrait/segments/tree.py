"""Tree: an expression by what binds what, bounded in width and depth.

Source: the grammar of the Common Expression Language, https://github.com/google/cel-spec. What a
profile needs of it: no messages, no macros, no comprehension; so nothing in it can loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from portrait.segments.words import ExpressionError, Kind, Word, words_of

DEEPEST = 24  # parts in each other: what evaluates them calls itself as often
MOST_PARTS = 200
BINDS: dict[str, int] = {  # how tightly
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in"), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys("*/%", 5),
}
JOINED = {"||", "&&"}  # as many as there are, side by side
IN_SIGNS = {"and": "&&", "or": "||", "is": "=="}  # as others write them
COMPARED = BINDS["in"]
_VALUES = {"true": True, "false": False}
Plain = bool | float | str


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an expression, where it begins and where it ends, in characters."""

    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Value(Part):
    """A number, a text, `true` or `false`."""

    value: Plain


@dataclass(frozen=True, slots=True)
class Name(Part):
    """A field."""

    name: str


@dataclass(frozen=True, slots=True)
class Several(Part):
    """A list, what a function is asked with, or the parts of one operation."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Listed(Several):
    """A list."""


@dataclass(frozen=True, slots=True)
class Call(Several):
    """A function, asked with some parts."""

    name: str


@dataclass(frozen=True, slots=True)
class Operation(Several):
    """An operator, and what it stands before or between."""

    sign: str


def parse(expression: str) -> Part:
    """Read an expression.

    Raises:
        ExpressionError: It cannot be read.
    """
    return _Parser(words_of(expression)).whole()


class _Parser:
    """Reads words by how tightly operators bind (precedence climbing)."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words
        self._place = 0
        self._deep = 0
        self._parts = 0

    @property
    def _next(self) -> Word:
        return self._words[self._place]

    def whole(self) -> Part:
        part = self._operation(1)
        if self._next.kind is not Kind.END:
            self._fail("an operator, or nothing more")
        return part

    def _operation(self, least: int) -> Part:
        """Read operands, and operators that bind as tightly as `least`."""
        left = self._operand()
        while (sign := self._operator()) and BINDS[sign] >= least:
            at, binds = self._next.at, BINDS[sign]
            self._place += 1
            right = self._operation(binds + 1)
            if binds == COMPARED and self._operator() and BINDS[self._operator()] == COMPARED:
                msg = "one comparison cannot be compared again: join two by `&&`"
                raise ExpressionError(msg, self._next.at)
            left = self._counted(_joined(sign, left, right), at)
        return left

    def _operator(self) -> str:
        """Return the operator that comes next; empty: none does."""
        word = self._next
        is_one = word.kind is Kind.SIGN or (word.kind is Kind.NAME and word.text == "in")
        return word.text if is_one and word.text in BINDS else ""

    def _operand(self) -> Part:
        self._deep += 1
        word = self._next
        if self._deep > DEEPEST:
            msg = f"more than {DEEPEST} parts lie in each other here"
            raise ExpressionError(msg, word.at)
        self._place += 1
        part = self._begun_by(word)
        self._deep -= 1
        return self._counted(part, word.at)

    def _begun_by(self, word: Word) -> Part:
        match word.kind, word.text:
            case Kind.NUMBER, text:
                part: Part = Value(word.at, word.end, float(text))
            case Kind.TEXT, text:
                part = Value(word.at, word.end, text)
            case Kind.NAME, "true" | "false" as text:
                part = Value(word.at, word.end, _VALUES[text])
            case Kind.NAME, name if name != "in":
                part = self._call(word) if self._takes("(") else Name(word.at, word.end, name)
            case Kind.SIGN, "(":
                part = self._operation(1)
                self._require(")")
            case Kind.SIGN, "[":
                part = Listed(word.at, *self._until("]"))
            case Kind.SIGN, "!" | "-" as sign:
                operand = self._operand()
                part = Operation(word.at, operand.end, (operand,), sign)
            case _:
                self._place -= 1
                self._fail("a value, a field or `(`")
        return part

    def _call(self, word: Word) -> Call:
        end, parts = self._until(")")
        return Call(word.at, end, parts, word.text)

    def _until(self, closing: str) -> tuple[int, tuple[Part, ...]]:
        """Read parts with commas between. Returns where they end, and them."""
        parts = list[Part]()
        while not self._takes(closing):
            if parts:
                self._require(",")
            parts.append(self._operation(1))
        return self._words[self._place - 1].end, tuple(parts)

    def _takes(self, sign: str) -> bool:
        is_next = self._next.kind is Kind.SIGN and self._next.text == sign
        self._place += is_next
        return is_next

    def _require(self, sign: str) -> None:
        if not self._takes(sign):
            self._fail(f"`{sign}`")

    def _fail(self, wanted: str) -> NoReturn:
        word = self._next
        found = "the expression ends" if word.kind is Kind.END else f"`{word.text}` stands"
        sign = IN_SIGNS.get(word.text.lower()) if word.kind is Kind.NAME else None
        advice = f": it is written `{sign}`" if sign else ""
        msg = f"{found} where {wanted} belongs{advice}"
        raise ExpressionError(msg, word.at)

    def _counted(self, part: Part, at: int) -> Part:
        self._parts += 1
        if self._parts > MOST_PARTS:
            msg = f"an expression has at most {MOST_PARTS} parts"
            raise ExpressionError(msg, at)
        return part


def _joined(sign: str, left: Part, right: Part) -> Operation:
    """Put an operation together; of a row of the same `&&` or `||`, all lie side by side."""
    is_row = isinstance(left, Operation) and left.sign == sign and sign in JOINED
    before = left.parts if is_row and isinstance(left, Operation) else (left,)
    return Operation(left.at, right.end, (*before, right), sign)
