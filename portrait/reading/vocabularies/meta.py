"""Meta: standard events of the pixel and of the conversions API.

Source: https://developers.facebook.com/docs/meta-pixel/reference and
https://developers.facebook.com/docs/marketing-api/conversions-api/parameters.
"""

from portrait.reading.acts import Acts, by, derived_id, named, ordered, product
from portrait.reading.names import META
from portrait.reading.values import (
    Fields,
    as_money,
    as_whole,
    first,
    is_said,
    objects,
    parsed,
    within,
)


def read(body: Fields) -> Acts | None:
    """Read one event of the conversions API; None if it is none."""
    if "event_name" not in body or not ("user_data" in body or "custom_data" in body):
        return None
    who = {
        "user_id": _one(within(body, "user_data", "external_id")),
        "anonymous_id": within(body, "user_data", "fbp"),
        "occurred_at": body.get("event_time"),
    }
    found = named(body["event_name"], META)
    if isinstance(found, Acts):
        return by(found, who)
    custom = body.get("custom_data")
    custom = custom if isinstance(custom, dict) else {}
    common = {
        **who,
        "event_id": body.get("event_id")
        or derived_id("meta", body.get("event_time"), body.get("user_data"), custom),
        "order_id": custom.get("order_id"),
        "currency": custom.get("currency"),
        "text": custom.get("search_string"),
    }
    products = [product(each) for each in objects(custom.get("contents"))]
    if not products:
        ids = _ids(custom.get("content_ids"))
        products = [product({"id": id} | _told(custom, len(ids))) for id in ids]
    return ordered(found, common, products)


def _ids(value: object) -> list[object]:
    """Return ids: a list, the text of one, or one alone."""
    inside = parsed(value) if isinstance(value, str) and value.startswith("[") else value
    found = inside if isinstance(inside, list) else [inside]
    return [id for id in found if is_said(id)]


def _told(custom: Fields, ids: int) -> Fields:
    """Return what is said of the content; of several it is not known which is meant."""
    if ids != 1:
        return {}
    value, pieces = as_money(custom.get("value"))[0], as_whole(custom.get("num_items"))
    is_shared = isinstance(value, int | float) and isinstance(pieces, int) and pieces > 1
    return {
        "name": first(custom, ("content_name",)),
        "category": first(custom, ("content_category",)),
        "price": value / pieces if is_shared else custom.get("value"),  # type: ignore[operator]
        "quantity": pieces,
    }


def _one(value: object) -> object:
    """Return what is said first; null and empty lists say nothing."""
    return next(filter(is_said, value), None) if isinstance(value, list) else value
