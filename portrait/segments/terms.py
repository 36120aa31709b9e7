"""Terms: the parts of an expression, each understood: of which type it is, and how it is read.

Names are looked up here, once for everybody. Nothing that is made of them can fail, loop or reach
anything but the person.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from math import fmod, inf, nan
from typing import Any, NamedTuple

from portrait.events.category import interest_category
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.events.unwanted import What
from portrait.ref import item_ref
from portrait.segments.fields import FIELDS, FORECASTS, FUNCTIONS, NAMED, Asks, Read, Type, asked
from portrait.segments.person import Named
from portrait.segments.tree import Call, Listed, Name, Operation, Part, Value
from portrait.segments.words import ExpressionError


class Thing(NamedTuple):
    """A category or a brand that an expression names, as it is written there."""

    what: What
    name: str
    at: int

    @property
    def key(self) -> str:
        """What its spelling is found by."""
        return f"{self.what}:{self.name}"


class Term(NamedTuple):
    """A part, understood."""

    type: Type
    read: Read


_ORDERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_EQUAL = {"==", "!="}


def _divided(one: float, other: float) -> float:
    return one / other if other else nan


def _rest(one: float, other: float) -> float:
    return fmod(one, other) if other and abs(one) != inf else nan


_SUMS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": _rest,
}


class Reader:
    """Understands parts, one in the other."""

    def __init__(self, spelled: Mapping[str, str]) -> None:
        self._spelled = spelled
        self.things = list[Thing]()
        self.forecasts = set[str]()  # fields that a model foretells

    def term(self, part: Part) -> Term:
        """Understand a part, and all that lies in it.

        Raises:
            ExpressionError: It means nothing.
        """
        match part:
            case Value():
                term = _constant(part)
            case Name():
                term = self._field(part)
            case Call():
                term = self._call(part)
            case Operation(sign="!" | "-" as sign, parts=(only,)):
                term = self._alone(sign, only)
            case Operation(sign="&&" | "||" as sign):
                term = self._row(sign, part.parts)
            case Operation(sign="in", parts=(one, other)):
                term = self._among(one, other)
            case Operation(sign=sign, parts=(one, other)):
                term = self._pair(sign, one, other)
            case _:
                msg = "a list stands behind `in` alone"
                raise ExpressionError(msg, part.at)
        return term

    def _alone(self, sign: str, part: Part) -> Term:
        term = self.term(part)
        read = term.read
        if sign == "!":
            require(term, Type.FLAG, part, "`!` stands before")
            return Term(Type.FLAG, lambda person: not read(person))
        require(term, Type.NUMBER, part, "`-` stands before")
        return Term(Type.NUMBER, lambda person: -read(person))

    def _row(self, sign: str, parts: Sequence[Part]) -> Term:
        terms = [self.term(part) for part in parts]
        for term, part in zip(terms, parts, strict=True):
            require(term, Type.FLAG, part, f"`{sign}` stands between")
        reads = [term.read for term in terms]
        if sign == "&&":
            return Term(Type.FLAG, lambda person: all(read(person) for read in reads))
        return Term(Type.FLAG, lambda person: any(read(person) for read in reads))

    def _among(self, part: Part, listed: Part) -> Term:
        term = self.term(part)
        if not isinstance(listed, Listed) or not listed.parts:
            msg = "behind `in` a list belongs, as `['a', 'b']`"
            raise ExpressionError(msg, listed.at)
        values = set[object]()
        for each in listed.parts:
            require(self.term(each), term.type, each, "what is compared here is")
            values.add(_written(each))
        read = term.read
        return Term(Type.FLAG, lambda person: read(person) in values)

    def _pair(self, sign: str, one: Part, other: Part) -> Term:
        left, right = self.term(one), self.term(other)
        if sign in _SUMS:
            for term, part in ((left, one), (right, other)):
                require(term, Type.NUMBER, part, f"`{sign}` stands between")
            return Term(Type.NUMBER, _both(_SUMS[sign], left.read, right.read))
        require(right, left.type, other, "what is compared here is")
        if sign not in _EQUAL:
            require(left, Type.NUMBER, one, f"`{sign}` stands between")
        return Term(Type.FLAG, _both(_ORDERS[sign], left.read, right.read))

    def _field(self, part: Name) -> Term:
        field = FIELDS.get(part.name)
        if field is None:
            as_function = f"`{part.name}` is a function: it is asked as `{part.name}(…)`"
            is_function = part.name in FUNCTIONS
            msg = as_function if is_function else _unknown("field", part.name, FIELDS)
            raise ExpressionError(msg, part.at)
        if part.name in FORECASTS:
            self.forecasts.add(part.name)
        return Term(field.type, field.read)

    def _call(self, call: Call) -> Term:
        function = FUNCTIONS.get(call.name)
        if function is None:
            raise ExpressionError(_unknown("function", call.name, FUNCTIONS), call.at)
        if len(call.parts) != len(function.asks):
            msg = f"`{call.name}` is asked with {' and '.join(function.asks)}"
            raise ExpressionError(msg, call.at)
        pairs = zip(function.asks, call.parts, strict=True)
        given = [self._given(asks, part) for asks, part in pairs]
        return Term(function.type, asked(function, *given))

    def _given(self, asks: Asks, part: Part) -> object:
        """Look up what a function is asked with."""
        value = _written(part)
        if asks is Asks.DAYS:
            if not isinstance(value, float):
                msg = f"here {asks} belongs, as `30`"
                raise ExpressionError(msg, part.at)
            return value
        if not isinstance(value, str) or not value:
            msg = f"here {asks} belongs, as a text"
            raise ExpressionError(msg, part.at)
        if asks is Asks.ACTION:
            if value not in set(Action):
                raise ExpressionError(_unknown("action", value, [*Action]), part.at)
            return ACTION_CODE[Action(value)]
        if asks not in NAMED:
            return item_ref(value)
        thing = Thing(NAMED[asks], value, part.at)
        self.things.append(thing)
        spelled = self._spelled.get(thing.key, value)
        return Named.of(interest_category(spelled) if asks is Asks.CATEGORY else spelled)


def _both(join: Callable[[Any, Any], Any], left: Read, right: Read) -> Read:
    return lambda person: join(left(person), right(person))


def _constant(part: Value) -> Term:
    value = part.value
    kind = Type.FLAG if isinstance(value, bool) else Type.NUMBER
    return Term(Type.TEXT if isinstance(value, str) else kind, lambda _: value)


def _written(part: Part) -> object:
    """Return what is written; nothing that follows from a profile."""
    if isinstance(part, Value):
        return part.value
    if isinstance(part, Operation) and part.sign == "-" and isinstance(part.parts[0], Value):
        value = part.parts[0].value
        if isinstance(value, float):
            return -value
    msg = "here a number or a text belongs as it is, and nothing that follows from a profile"
    raise ExpressionError(msg, part.at)


def require(term: Term, type: Type, part: Part, why: str) -> None:
    """Raise ExpressionError unless a part is of a type."""
    if term.type is not type:
        msg = f"{why} {type}, and this is {term.type}"
        raise ExpressionError(msg, part.at)


def _unknown(what: str, name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    nearest = get_close_matches(name, [*known], 2)
    meant = " or ".join(f"`{each}`" for each in nearest)
    more = f" Perhaps {meant} is meant." if nearest else f" There are: {', '.join(known)}."
    return f"there is no {what} `{name}`.{more}"
