"""Google Analytics 4: rows of the BigQuery export.

Source: https://support.google.com/analytics/answer/7029846 (schema) and the recommended events of
https://developers.google.com/analytics/devguides/collection/ga4/reference/events.
"""

from typing import Any

from portrait.events.event import Action
from portrait.reading.acts import Acts, act, derived_id, named, product
from portrait.reading.names import GA4
from portrait.reading.values import Fields, first, is_said, objects, within

_VALUES = ("string_value", "int_value", "double_value", "float_value")
_MARKS = frozenset({"event_params", "user_pseudo_id"})  # of an export; others say event_name, too
_NAMING = ("stream_id", "user_pseudo_id", "user_id", "event_timestamp", "event_name")
_PLACES = ("event_bundle_sequence_id", "batch_event_index", "batch_page_id", "batch_ordering_id")


def read(body: Fields) -> Acts | None:
    """Read one row; None if it is none."""
    if "event_name" not in body or "event_timestamp" not in body or _MARKS.isdisjoint(body):
        return None
    found = named(body["event_name"], GA4)
    if isinstance(found, Acts):
        return found
    params = _params(body.get("event_params"))
    common = {
        "event_id": first(params, ("event_id",)) or _row_id(body),
        "user_id": body.get("user_id"),
        "anonymous_id": body.get("user_pseudo_id"),
        "session_id": params.get("ga_session_id"),
        "order_id": within(body, "ecommerce", "transaction_id") or params.get("transaction_id"),
        "currency": params.get("currency"),
        "text": first(params, ("search_term", "q")),
        "occurred_at": body["event_timestamp"],
    }
    if found is Action.SEARCH and common["text"] is None:
        return Acts(passed_over=[str(body["event_name"])])
    return act(found, common, [*map(product, objects(body.get("items")))])


def _row_id(body: Fields) -> str:
    """Name a row: the export gives it no name, but these say which it is."""
    return derived_id("ga4", *(body.get(name) for name in (*_NAMING, *_PLACES)))


def _params(value: object) -> dict[str, Any]:
    """Return parameters by their keys, from the export's list of keys and typed values."""
    if isinstance(value, dict):
        return value
    return {
        str(each["key"]): first(each["value"], _VALUES)
        for each in objects(value)
        if is_said(each.get("key")) and isinstance(each.get("value"), dict)
    }
