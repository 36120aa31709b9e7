"""Snowplow: enriched events, as JSON or as the tab-separated line, with the e-commerce entities.

Sources: https://docs.snowplow.io/docs/fundamentals/canonical-event/ and the schemas of
com.snowplowanalytics.snowplow.ecommerce in Iglu Central.
"""

import re

from portrait.reading.acts import Acts, by, derived_id, named, ordered, product
from portrait.reading.names import SNOWPLOW
from portrait.reading.values import Fields, first, objects, parsed, said, within

ACTION = "snowplow_ecommerce_action"
TABS = 120  # an enriched line has 131 fields
_ENTITY = re.compile(r"contexts_com_snowplowanalytics_snowplow_ecommerce_(\w+?)_\d+(?:_\d+){0,2}$")
_SELF_DESCRIBING = re.compile(
    r"unstruct_event_com_snowplowanalytics_snowplow_(?:ecommerce_)?(\w+?)_\d+(?:_\d+){0,2}$"
)
_IGLU = re.compile(r"iglu:[^/]+/([^/]+)/")

# The fields of an enriched line that are read, by their places.
COLUMNS = {
    0: "app_id",
    3: "collector_tstamp",
    4: "dvce_created_tstamp",
    5: "event",
    6: "event_id",
    12: "user_id",
    15: "domain_userid",
    17: "network_userid",
    52: "contexts",
    58: "unstruct_event",
    59: "tr_orderid",
    67: "ti_orderid",
    68: "ti_sku",
    69: "ti_name",
    70: "ti_category",
    71: "ti_price",
    72: "ti_quantity",
    112: "ti_currency",
    119: "dvce_sent_tstamp",
    122: "derived_contexts",
    123: "domain_sessionid",
    124: "derived_tstamp",
    126: "event_name",
    130: "true_tstamp",
}


def line(payload: str) -> Fields | None:
    """Read a tab-separated enriched event; None if it is none."""
    cells = payload.rstrip("\r\n").split("\t")
    if len(cells) <= TABS:
        return None
    return said({name: cells[at] for at, name in COLUMNS.items() if at < len(cells)})


def read(body: Fields) -> Acts | None:
    """Read one enriched event; None if it is none."""
    if not ("collector_tstamp" in body or "derived_tstamp" in body or "domain_userid" in body):
        return None
    entities, name, data = _entities(body), body.get("event_name"), _self_describing(body)
    if name == ACTION or ACTION in data:
        name = within(data.get(ACTION), "type")
    elif name is None and not data:
        return None  # made over by its producer: a plain message
    elif body.get("event") == "transaction_item" or name == "transaction_item":
        return _transaction_item(body)
    elif name == "transaction":
        return Acts(
            passed_over=["transaction"]
        )  # the old kind: its items are messages of their own
    found = named(name, SNOWPLOW)
    if isinstance(found, Acts):
        return by(found, _common(body))
    own = next(iter(data.values()), {}) if ACTION not in data else {}
    products = [product(each) for each in entities.get("product", [])]
    if not products and own:
        products = [product(own)]
    deal = next(iter(entities.get("transaction", []) or entities.get("refund", [])), {})
    terms = own.get("terms")
    common = _common(body) | {
        "order_id": first(deal, ("transaction_id",)),
        "text": " ".join(map(str, terms)) if isinstance(terms, list) else terms,
    }
    return ordered(found, common, products)


def _common(body: Fields) -> Fields:
    moment = first(
        body, ("true_tstamp", "derived_tstamp", "dvce_created_tstamp", "collector_tstamp")
    )
    return {
        "event_id": body.get("event_id"),
        "user_id": body.get("user_id"),
        "anonymous_id": first(body, ("domain_userid", "network_userid")),
        "session_id": body.get("domain_sessionid"),
        "occurred_at": f"{moment}Z" if _lacks_offset(moment) else moment,  # Snowplow's are UTC
    }


def _lacks_offset(moment: object) -> bool:
    return isinstance(moment, str) and re.fullmatch(r"[\d\-]+[ T][\d:.]+", moment) is not None


def _transaction_item(body: Fields) -> Acts:
    """Read an item of the old kind of transaction: an event of its own."""
    item = product(
        {
            "sku": body.get("ti_sku"),
            "name": body.get("ti_name"),
            "category": body.get("ti_category"),
            "price": body.get("ti_price"),
            "quantity": body.get("ti_quantity"),
            "currency": body.get("ti_currency"),
        }
    )
    common = _common(body) | {"order_id": body.get("ti_orderid")}
    if common["event_id"] is None:
        common["event_id"] = derived_id("ti", body.get("ti_orderid"), body.get("ti_sku"))
    found = SNOWPLOW.actions["transaction"]
    return ordered(found, common, [item])


def _entities(body: Fields) -> dict[str, list[Fields]]:
    """Return the entities that are attached to an event, by the names of their schemas."""
    found: dict[str, list[Fields]] = {}
    for name, value in body.items():
        match = _ENTITY.fullmatch(name)
        if match:
            found.setdefault(match[1], []).extend(objects(value))
    contexts = body.get("contexts")
    whole = parsed(contexts) if isinstance(contexts, str) else contexts
    for each in objects(within(whole, "data")):
        schema = _IGLU.match(str(each.get("schema")))
        if schema:
            found.setdefault(schema[1], []).extend(objects(each.get("data")))
    return found


def _self_describing(body: Fields) -> dict[str, Fields]:
    """Return the self-describing event, by the name of its schema; it is one or none."""
    for name, value in body.items():
        match = _SELF_DESCRIBING.fullmatch(name)
        if match:
            return {match[1]: next(iter(objects(value)), {})}
    whole = body.get("unstruct_event")
    whole = parsed(whole) if isinstance(whole, str) else whole
    inner = within(whole, "data")
    schema = _IGLU.match(str(within(inner, "schema")))
    return {schema[1]: next(iter(objects(within(inner, "data"))), {})} if schema else {}
