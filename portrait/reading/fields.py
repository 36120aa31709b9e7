"""Fields: values as they were sent, into what the models take; what cannot be read is left out.

Of an event or an item only what is required can be wrong. An optional field that cannot be read is
left out, and it is said which and why; the reasons are those of the models' limits.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from portrait.field_errors import Place, field_of, places, told
from portrait.reading.dialect import Dialect
from portrait.reading.moments import as_moment
from portrait.reading.values import (
    Fields,
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
        if name in _IDS:
            value = as_id(value)  # noqa: PLW2901
        elif name in _TEXTS:
            value = as_text(value)  # noqa: PLW2901
        elif name in _MOMENTS:
            value = as_moment(value, dialect.zone)  # noqa: PLW2901
        elif name == "price":
            value = _price(value, currency, dialect, left_out)  # noqa: PLW2901
        elif name == "rating":
            value = as_number(value)  # noqa: PLW2901
        elif name == "quantity":
            value = as_whole(value)  # noqa: PLW2901
        if value is not None:
            out[name] = value
    return out, left_out


def _price(value: object, currency: object, dialect: Dialect, left_out: LeftOut) -> object:
    """Return a price in the shop's currency; None if that is not known, or it is none."""
    amount, code = as_money(value, dialect.currency)
    if not isinstance(amount, int | float) or isinstance(amount, bool):
        return value
    if code is None and isinstance(currency, str):
        code = currency.strip().upper()
    price = dialect.price(amount, code)
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
