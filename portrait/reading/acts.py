"""Acts: what a message says was done, in our names and the producer's values.

Every vocabulary answers with these; `events.py` makes events of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from portrait.events.event import Action
from portrait.events.item import LONGEST_ID
from portrait.reading.names import OTHER, Names
from portrait.reading.values import MOST_OBJECTS, Fields, as_id, as_json, first, said

PRODUCT_IDS = ("product_id", "productId", "item_id", "itemId", "id", "sku")
TITLES = ("title", "name", "item_name", "itemName", "product_name", "productName")
CATEGORIES = (
    *("category", "category_path", "categoryPath", "categories", "item_category"),
    *("category_code", "product_type", "google_product_category"),
)
BRANDS = ("brand", "item_brand", "vendor", "manufacturer")
VARIANTS = ("variant", "item_variant", "size")
PRICES = ("price", "item_price", "unit_price", "unitPrice")
QUANTITIES = ("quantity", "qty")
CURRENCIES = ("currency", "currency_code", "currencyCode", "priceCurrency")
MOST_PRODUCTS = MOST_OBJECTS  # of one message
TOO_MANY = f"payload: more than {MOST_PRODUCTS} products in one"
_OF_ALL = frozenset({"price", "quantity", "item", "text"})  # said of several products: of none
LEVELS = tuple(f"item_category{level}" for level in range(2, 6))  # GA4's


@dataclass(frozen=True, slots=True)
class Acts:
    """What one message says."""

    #: One for each event, by the names of `Event`; values as they were sent, `type` an Action.
    fields: Sequence[Fields] = ()
    passed_over: Sequence[str] = ()  # names of what is known, and of no interest
    refusals: Sequence[str] = ()  # of what else is in it: why it can be no event
    #: Of what is passed over: who was said to be whom, by the names of `Identification`.
    who: Fields | None = None


def by(acts: Acts, who: Fields) -> Acts:
    """Return acts that are passed over, and by whom: that alone may be of interest."""
    return replace(acts, who=who)


def act(action: Action, common: Fields, products: Sequence[Fields] = ()) -> Acts:
    """Return the events of one deed: one for each product, and of a search a single one.

    Args:
        action: What was done.
        common: What holds for all of them, by our names: where a product says nothing else.
        products: What it was done to, by our names.
    """
    if action is Action.SEARCH or not products:
        return Acts([common | {"type": action}])
    if len(products) == 1:
        return Acts([common | said(products[0]) | {"type": action}])
    shared = {name: value for name, value in common.items() if name not in _OF_ALL}
    return Acts(
        [
            shared
            | said(product)
            | {"type": action, "event_id": part_id(common.get("event_id"), place)}
            for place, product in enumerate(products[:MOST_PRODUCTS])
        ],
        refusals=[TOO_MANY] if len(products) > MOST_PRODUCTS else (),
    )


def ordered(action: Action, common: Fields, products: Sequence[Fields]) -> Acts:
    """Return the events of a deed that may be told of a whole order, without what was in it.

    Of such a one nothing can be learned: it is passed over.
    """
    is_of_order = action in {Action.PURCHASE, Action.RETURN} and common.get("order_id") is not None
    if is_of_order and all(product.get("item_id") is None for product in products):
        return Acts(passed_over=[f"{action} without items"])
    return act(action, common, products)


def named(name: object, names: Names) -> Action | Acts:
    """Return the action of a name of a vocabulary, or that its message is passed over.

    Producers may send events that they named themselves: these are of no interest, too.
    """
    found = names.find(name)
    if isinstance(found, Action):
        return found
    return Acts(passed_over=[found or OTHER])


def product(fields: Fields) -> Fields:
    """Return a product as an event names it, in the words of Segment, Snowplow, GA4 and others."""
    levels = [fields[name] for name in LEVELS if first(fields, [name]) is not None]
    category = first(fields, CATEGORIES)
    snapshot = {
        "title": first(fields, TITLES),
        "category": [category, *levels] if levels else category,
        "brand": first(fields, BRANDS),
        "attributes": {"variant": v} if (v := first(fields, VARIANTS)) is not None else None,
    }
    is_named = snapshot["title"] is not None or snapshot["category"] is not None
    return {
        "item_id": first(fields, PRODUCT_IDS),
        "item": snapshot if is_named else None,
        "price": first(fields, PRICES),
        "currency": first(fields, CURRENCIES),
        "quantity": first(fields, QUANTITIES),
    }


def part_id(message_id: object, place: int) -> str | None:
    """Name the event of one product of a message: the same, however often the message is sent."""
    id = as_id(message_id)
    if not isinstance(id, str):
        return None
    name = f"{id}:{place}"
    return name if len(name) <= LONGEST_ID else derived_id(id, place)


def derived_id(*parts: Any) -> str:  # noqa: ANN401 - whatever was sent
    """Name an event that its producer gave no name, by what it says."""
    return blake2b(as_json(parts), digest_size=16).hexdigest()
