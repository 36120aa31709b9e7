"""Meta: standard events of the pixel and of the conversions API.

Source: https://developers.facebook.com/docs/meta-pixel/reference and
https://developers.facebook.com/docs/marketing-api/conversions-api/parameters.
"""

from portrait.reading.acts import Acts, act, derived_id, named, product
from portrait.reading.names import META
from portrait.reading.values import Fields, first, objects, within


def read(body: Fields) -> Acts | None:
    """Read one event of the conversions API; None if it is none."""
    if "event_name" not in body or not ("user_data" in body or "custom_data" in body):
        return None
    found = named(body["event_name"], META)
    if isinstance(found, Acts):
        return found
    custom = body.get("custom_data")
    custom = custom if isinstance(custom, dict) else {}
    common = {
        "event_id": body.get("event_id")
        or derived_id("meta", body.get("event_time"), body.get("user_data"), custom),
        "user_id": _one(within(body, "user_data", "external_id")),
        "anonymous_id": within(body, "user_data", "fbp"),
        "order_id": custom.get("order_id"),
        "currency": custom.get("currency"),
        "text": custom.get("search_string"),
        "occurred_at": body.get("event_time"),
    }
    products = [product(each) for each in objects(custom.get("contents"))]
    if not products:
        ids = custom.get("content_ids")
        ids = ids if isinstance(ids, list) else [ids] if ids is not None else []
        price = custom.get("value") if len(ids) == 1 else None
        products = [product({"id": id, "price": price} | _named(custom, len(ids))) for id in ids]
    return act(found, common, products)


def _named(custom: Fields, ids: int) -> Fields:
    """Return what the content is called; of several it is not known which is meant."""
    if ids != 1:
        return {}
    return {
        "name": first(custom, ("content_name",)),
        "category": first(custom, ("content_category",)),
    }


def _one(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value
