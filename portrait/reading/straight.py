"""Straight: a message that is an event as it stands, read in one pass, as nearly all are.

It has to mean here what it means to the whole reader, which is five times as slow. So whatever that
would look at, and the model does not, is left to it.
"""

from datetime import datetime

from pydantic import ConfigDict, Field, ValidationError

from portrait.events.event import Action, Event
from portrait.events.item import ItemSnapshot
from portrait.reading.acts import BRANDS, CATEGORIES, CURRENCIES, LEVELS, PRICES, TITLES, VARIANTS
from portrait.reading.dialect import Dialect
from portrait.reading.fields import FIRST_YEAR
from portrait.reading.snapshots import FROM, GROUPS, UNTIL
from portrait.reading.values import NOBODY
from portrait.reading.vocabularies.plain import ALIASES, TYPES

_FAR_YEAR = 2200  # what lies beyond may be written in another way
_NOTHING = NOBODY | {"0"}
_IDS = (
    *("event_id", "user_id", "anonymous_id", "item_id", "session_id", "order_id"),
    "recommendation_id",
)
_ITEMS = frozenset({*TITLES, *CATEGORIES, *LEVELS, *BRANDS, *PRICES, *CURRENCIES, *VARIANTS})
_IN_ITEMS = _ITEMS | {*GROUPS, *FROM, *UNTIL, "category_id", "categoryId"}
_IN_EVENTS = _ITEMS | {
    *(name for names in ALIASES.values() for name in names),
    *TYPES,
    *("properties", "products", "items", "event_params", "user_data", "custom_data", "clientId"),
    *("behavior", "behavior_type", "contexts", "unstruct_event", "receivedAt", "received_at"),
    *("specversion", "schema", "payload", "op", "before", "after", "batch", "events", "data"),
    *("eventList", "datasetArn", "__deleted"),
}


class _Snapshot(ItemSnapshot):
    """An item of which it is known what else was said."""

    model_config = ConfigDict(extra="allow")

    price: float | None = Field(None, ge=0, le=1e9, strict=True)


class _Plain(Event):
    """An event of which it is known what else was said, with numbers that are numbers."""

    model_config = ConfigDict(extra="allow")

    item: _Snapshot | None = None
    quantity: int | None = Field(None, ge=1, le=65_535, strict=True)
    price: float | None = Field(None, ge=0, le=1e9, strict=True)
    rating: float | None = Field(None, ge=0, le=5, strict=True)


def plain_event(payload: bytes, dialect: Dialect) -> Event | None:
    """Read a message that is an event as it stands, in one pass; None if it is not."""
    if dialect.mapped.events:
        return None  # what the shop says of its own comes first
    try:
        event: _Plain = _Plain.__pydantic_validator__.validate_json(payload)
    except ValidationError:
        return None
    return event if _is_whole(event, dialect) else None


def _is_whole(event: _Plain, dialect: Dialect) -> bool:
    """Whether the whole reader would read nothing else in it, and nothing otherwise.

    Asked of every event of the stream, so it looks into the model's own dictionary.
    """
    said, more = event.__dict__, event.__pydantic_extra__
    if more and not _IN_EVENTS.isdisjoint(more):
        return False
    item, sent, currency = said["item"], said["sent_at"], said["currency"]
    if not _is_near(said["occurred_at"]) or not (sent is None or _is_near(sent)):
        return False
    if item is not None and not _is_whole_item(item):
        return False
    if currency is not None and currency != dialect.currency:
        return False
    for name in _IDS:
        id = said[name]
        if id is not None and (id in _NOTHING or id.isspace()):
            return False
    what = said["text" if said["type"] is Action.SEARCH else "item_id"]
    return (
        bool(what) and not what.isspace() and (said["user_id"] or said["anonymous_id"]) is not None
    )


def _is_whole_item(item: _Snapshot) -> bool:
    if item.model_extra and not _IN_ITEMS.isdisjoint(item.model_extra):
        return False
    if item.available_from is not None or item.available_until is not None:
        return False
    texts = (item.title, item.category, item.brand, item.group_id)
    return item.group_id not in _NOTHING and not any(text and text.isspace() for text in texts)


def _is_near(moment: datetime) -> bool:
    return FIRST_YEAR <= moment.year < _FAR_YEAR
