"""Shopify: standard events of web pixels. Orders come by webhook: see the mapping for them.

Source: https://shopify.dev/docs/api/web-pixels-api/standard-events.
"""

from portrait.events.event import Action
from portrait.reading.acts import Acts, by, named, ordered
from portrait.reading.names import SHOPIFY
from portrait.reading.values import Fields, first, objects, within


def read(body: Fields) -> Acts | None:
    """Read one event of a pixel; None if it is none."""
    if "clientId" not in body or "name" not in body:
        return None
    data = body.get("data")
    data = data if isinstance(data, dict) else {}
    checkout = within(data, "checkout") or {}
    who = {
        "user_id": within(body, "customerId") or within(checkout, "order", "customer", "id"),
        "anonymous_id": body.get("clientId"),
        "occurred_at": body.get("timestamp"),
    }
    found = named(body["name"], SHOPIFY)
    if isinstance(found, Acts):
        return by(found, who)
    common = {
        **who,
        "event_id": body.get("id"),
        "order_id": within(checkout, "order", "id"),
        "text": within(data, "searchResult", "query"),
    }
    return ordered(found, common, _products(found, data, checkout))


def _products(action: Action, data: Fields, checkout: Fields) -> list[Fields]:
    if action is Action.PURCHASE:
        return [
            _product(within(each, "variant"), each.get("quantity"), within(each, "title"))
            for each in objects(within(checkout, "lineItems"))
        ]
    line = data.get("cartLine")
    if isinstance(line, dict):
        return [_product(line.get("merchandise"), line.get("quantity"))]
    return [_product(data.get("productVariant"), None)] if "productVariant" in data else []


def _product(variant: object, quantity: object, title: object = None) -> Fields:
    """Return a variant as the product that it is one of: that is what a catalogue sells."""
    item = {
        "title": within(variant, "product", "title") or title,
        "brand": within(variant, "product", "vendor"),
        "category": within(variant, "product", "type"),
        "attributes": {"variant": name} if (name := within(variant, "title")) else None,
    }
    ids = {"product": within(variant, "product", "id"), "variant": within(variant, "id")}
    return {
        "item_id": first(ids, ("product", "variant")),
        "item": item if item["title"] else None,
        "price": within(variant, "price"),
        "quantity": quantity,
    }
