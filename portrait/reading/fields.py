"""Fields: values as they were sent, into what the models take; what cannot be read is left out.

Of an event or an item only what is required can be wrong. An optional field that cannot be read is
left out, and it is said which and why; the reasons are those of the models' limits.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from portrait.field_errors import Place, field_of, places, told
from portrait.reading.dialect import Dialect
from portrait.reading.moments import as_moment
from portrait.reading.values import (
    Fields,
    as_currency,
    as_id,
    as_money,
    as_number,
    as_text,
    as_whole,
    is_said,
)

Model = TypeVar("Model", bound=BaseModel)
LeftOut = dict[str, str]  # field: why

_IDS = frozenset(
    {"event_id", "user_id", "anonymous_id", "session_id", "item_id", "order_id", "id", "group_id"}
    | {"recommendation_id"}
)
_NUMBERS = frozenset({"price", "rating", "quantity"})
_SOMEBODYS = frozenset({"user_id", "anonymous_id", "group_id"})  # 0 names nobody
_ASIDE = frozenset({"sent_at", "received_at", "available_from", "available_until"})
_SENT = frozenset({"sent_at", "received_at"})
FIRST_YEAR, NO_YEAR = 1971, 9000  # a moment before or after says that nothing was said
_TEXTS = frozenset({"title", "brand", "text"})
_MOMENTS = frozenset({"occurred_at", "sent_at", "received_at", "available_from", "available_until"})
_TOLD = 32  # fields of one message that are named as left out


def readable(fields: Mapping[str, object], dialect: Dialect) -> tuple[Fields, LeftOut]:
    """Return fields with their values as the models take them, and without what says nothing."""
    out: Fields = {}
    left_out: LeftOut = {}
    currency = fields.get("currency")
    for name, value in fields.items():
        if value is None or name == "currency" or not is_said(value):
            continue
        if isinstance(value, bool) and name in _NUMBERS:
            left_out[name] = "no number"
            continue
        read = (
            _price(value, currency, dialect, left_out)
            if name == "price"
            else _value(name, value, dialect)
        )
        if read is not None:
            out[name] = read
    return out, left_out


def _value(name: str, value: object, dialect: Dialect) -> object:
    """Read the value of a field as its model takes it."""
    if name in _IDS:
        return _id(name, value)
    if name in _TEXTS:
        return as_text(value)
    if name in _MOMENTS:
        return _moment(name, value, dialect)
    if name == "rating":
        return as_number(value)
    return as_whole(value) if name == "quantity" else value


def _id(name: str, value: object) -> object:
    """Read an id; None of nobody: shops write 0 for guests, and for what is no variant."""
    id = as_id(value)
    return None if name in _SOMEBODYS and id == "0" else id


def _moment(name: str, value: object, dialect: Dialect) -> object:
    """Read a moment; None of one that programs write for nothing, where nothing may be said."""
    moment = as_moment(value, dialect.zone)
    if name not in _ASIDE or not isinstance(moment, datetime):
        return moment
    is_none = moment.year < FIRST_YEAR or (name in _SENT and moment.year >= NO_YEAR)
    return None if is_none else moment


def _price(value: object, currency: object, dialect: Dialect, left_out: LeftOut) -> object:
    """Return a price in the shop's currency; None if that is not known, or it is none."""
    amount, code = as_money(value, dialect.currency)
    if not isinstance(amount, int | float) or isinstance(amount, bool):
        return value
    price = dialect.price(amount, code or as_currency(currency, dialect.currency))
    if price is None:
        left_out["price"] = "in another currency"
    return price


def fitted(
    model: type[Model],
    fields: Fields,
    required: frozenset[str],
    wrong: Callable[[str], Exception],
    left_out: LeftOut,
) -> Model:
    """Build a model of fields, without the optional ones that it refuses.

    Args:
        model: What to build.
        fields: By the model's names; those that are refused are taken out.
        required: Those that it cannot be built without.
        wrong: The error to raise, of a reason.
        left_out: Where to note what is left out.

    Raises:
        Exception: What `wrong` makes: something required is missing or cannot be read.
    """
    try:
        return model.model_validate(fields, by_name=True, by_alias=False)
    except ValidationError as error:
        problems = places(error)
    fatal = [problem for problem in problems if not problem[0] or problem[0][0] in required]
    if fatal:
        raise wrong(told(fatal)) from None  # pydantic's error repeats what was sent
    for place, why in problems:
        _leave_out(fields, place, why, left_out)
    try:
        return model.model_validate(fields, by_name=True, by_alias=False)
    except ValidationError as error:
        raise wrong(told(places(error))) from None


def _leave_out(fields: Fields, place: Place, why: str, left_out: LeftOut) -> None:
    """Take a field out, the innermost object's that has it: of an item not all, but its brand."""
    inner: object = fields
    depth = 0
    while (
        depth < len(place) - 1
        and isinstance(inner, dict)
        and isinstance(inner.get(place[depth]), dict)
    ):
        inner = inner[place[depth]]
        depth += 1
    if isinstance(inner, dict) and len(left_out) < _TOLD:
        inner.pop(place[depth], None)
        left_out[field_of(place)] = why
    elif isinstance(inner, dict):
        inner.pop(place[depth], None)
