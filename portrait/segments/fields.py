"""Fields and functions: what an expression may name, as `GET /profile` names it where that does."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.events.unwanted import What
from portrait.model.heads import CHURN_RISK, PURCHASE_INTENT
from portrait.segments.person import Person


class Type(StrEnum):
    """What a part of an expression is."""

    NUMBER = "a number"
    TEXT = "a text"
    FLAG = "true or false"
    LIST = "a list"


Read = Callable[[Person], Any]  # a value of its type


class Field(NamedTuple):
    """Something that a profile says."""

    type: Type
    says: str
    read: Read


class Asks(StrEnum):
    """What a function is asked with: written as it is, for it is looked up before anybody is."""

    CATEGORY = "a category"
    BRAND = "a brand"
    ITEM = "an item_id"
    ACTION = "an action"
    DAYS = "a number of days"


NAMED = {Asks.CATEGORY: What.CATEGORY, Asks.BRAND: What.BRAND}  # what the shop has a spelling for


class Function(NamedTuple):
    """Something that a profile says of a thing."""

    asks: tuple[Asks, ...]
    type: Type
    says: str
    read: Callable[..., Any]  # of a person and of what it is asked with


def _total(action: Action) -> Field:
    code = ACTION_CODE[action]
    return Field(Type.NUMBER, f"All `{action}` events.", lambda person: person.total(code))


def _price(place: int, says: str) -> Field:
    return Field(Type.NUMBER, says, lambda person: person.price(place))


_SILENT = Field(
    Type.NUMBER,
    "Days since the newest event.",
    lambda person: person.days_since(person.record.head.last_at),
)

FIELDS: Mapping[str, Field] = {
    "purchases": _total(Action.PURCHASE),
    "days_since_last": _SILENT,
    "days_since_first": Field(
        Type.NUMBER,
        "Days since the first event.",
        lambda person: person.days_since(person.record.head.first_at),
    ),
    "events_folded": Field(
        Type.NUMBER, "All events.", lambda person: float(sum(person.record.head.totals))
    ),
    **{f"totals.{action}": _total(action) for action in Action},
    "spend": Field(Type.NUMBER, "Purchases less returns.", Person.spend),
    "activity.state": Field(Type.TEXT, "`active` or `gone`.", Person.state),
    "activity.silent_days": _SILENT,
    "activity.usual_gap_days": Field(
        Type.NUMBER,
        "Days between two days with events; unknown of who came once.",
        Person.usual_gap,
    ),
    "price_band.low": _price(0, "A tenth of what they pay lies below it; unknown without prices."),
    "price_band.typical": _price(1, "What they pay for one piece."),
    "price_band.high": _price(2, "A tenth lies above it."),
    "purchase_intent.probability": Field(
        Type.NUMBER,
        "That they buy within 7 days, 0 to 1; unknown where no model foretells it.",
        lambda person: person.foretold.purchase_intent,
    ),
    "churn_risk.probability": Field(
        Type.NUMBER,
        "That they do nothing for 30 days, likewise.",
        lambda person: person.foretold.churn_risk,
    ),
}
FORECASTS: Mapping[str, str] = {  # fields that a head of the model foretells, by its name
    f"{head}.probability": head for head in (PURCHASE_INTENT, CHURN_RISK)
}

FUNCTIONS: Mapping[str, Function] = {
    "interest": Function(
        (Asks.CATEGORY,),
        Type.NUMBER,
        "Score of the interest, 0 to 1, as `interests` of the profile has it; 0: none.",
        Person.interest,
    ),
    "trend": Function(
        (Asks.CATEGORY,),
        Type.NUMBER,
        "Whither the interest goes, -1 to 1; above 0.1 it is rising.",
        Person.trend,
    ),
    "brand": Function((Asks.BRAND,), Type.NUMBER, "Share of the brand, 0 to 1.", Person.brand),
    "bought": Function(
        (Asks.ITEM,),
        Type.FLAG,
        "Whether a purchase of it is among the newest 64 events.",
        Person.bought,
    ),
    "touched": Function((Asks.ITEM,), Type.FLAG, "Whether any event with it is.", Person.touched),
    "days_since": Function(
        (Asks.ACTION,),
        Type.NUMBER,
        "Days since the last such event among the newest 64; unknown if there is none.",
        Person.days_since_action,
    ),
    "count": Function(
        (Asks.ACTION, Asks.DAYS),
        Type.NUMBER,
        "How many such events of the last days are among the newest 64.",
        Person.count,
    ),
}


def asked(function: Function, *given: object) -> Read:
    """Return a function of a person alone."""
    if len(given) == 1:
        (only,) = given
        return lambda person: function.read(person, only)
    return partial(_asked, function.read, given)


def _asked(read: Callable[..., Any], given: tuple[object, ...], person: Person) -> object:
    return read(person, *given)
