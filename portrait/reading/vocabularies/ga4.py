"""Google Analytics 4: rows of the BigQuery export.

Source: https://support.google.com/analytics/answer/7029846 (schema) and the recommended events of
https://developers.google.com/analytics/devguides/collection/ga4/reference/events.
"""

from typing import Any

from portrait.events.event import Action
from portrait.reading.acts import Acts, by, derived_id, named, ordered, product
from portrait.reading.names import GA4, RESULTS
from portrait.reading.values import Fields, as_text, first, is_said, objects, within

_VALUES = ("string_value", "int_value", "double_value", "float_value")
_NOTHING = ("(not set)", "(none)", "(not provided)")
_MARKS = frozenset({"event_params", "user_pseudo_id"})  # of an export; others say event_name, too
_NAMING = ("stream_id", "user_pseudo_id", "user_id", "event_timestamp", "event_name")
_PLACES = ("event_bundle_sequence_id", "batch_event_index", "batch_page_id", "batch_ordering_id")


def read(body: Fields) -> Acts | None:
    """Read one row; None if it is none."""
    if "event_name" not in body or "event_timestamp" not in body or _MARKS.isdisjoint(body):
        return None
    found = named(body["event_name"], GA4)
    who = {
        "user_id": body.get("user_id"),
        "anonymous_id": body.get("user_pseudo_id"),
        "occurred_at": body["event_timestamp"],
    }
    if isinstance(found, Acts):
        return by(found, who)
    params = _params(body.get("event_params"))
    common = {
        "event_id": first(params, ("event_id",)) or _row_id(body),
        **who,
        "session_id": params.get("ga_session_id"),
        "order_id": within(body, "ecommerce", "transaction_id") or params.get("transaction_id"),
        "currency": params.get("currency"),
        "text": first(params, ("search_term", "q")),
    }
    if found is Action.SEARCH and common["text"] is None:
        return Acts(passed_over=[RESULTS])
    products = [product(_told(each)) for each in objects(body.get("items"))]
    if not products and "product_id" in params:  # of an app's own purchases
        products = [product(params)]
    return ordered(found, common, products)


def _row_id(body: Fields) -> str:
    """Name a row: the export gives it no name, but these say which it is.

    Before 2024 it had no places in a batch, all of which have one moment: then all that is said.
    """
    named = [_spelled(body.get(name)) for name in (*_NAMING, *_PLACES)]
    is_placed = first(body, _PLACES[1:]) is not None
    whole = () if is_placed else (_spelled(body.get("items")), _spelled(body.get("event_params")))
    return derived_id("ga4", *named, *whole)


def _spelled(value: object) -> object:
    """Return a value with its numbers as text: JSON exports write whole ones so, Parquet not."""
    if isinstance(value, dict):
        return {name: _spelled(each) for name, each in value.items() if is_said(each)}
    if isinstance(value, list):
        return [_spelled(each) for each in value]
    return as_text(value) if isinstance(value, int | float) else value


def _told(fields: Fields) -> Fields:
    """Leave out what Google writes where nothing was said."""
    return {name: value for name, value in fields.items() if value not in _NOTHING}


def _params(value: object) -> dict[str, Any]:
    """Return parameters by their keys, from the export's list of keys and typed values."""
    if isinstance(value, dict):
        return value
    return _told(
        {
            str(each["key"]): first(each["value"], _VALUES)
            for each in objects(value)
            if is_said(each.get("key")) and isinstance(each.get("value"), dict)
        }
    )
