"""Plain: messages in our own words, or in the commonest of others'."""

from portrait.errors import EventInvalidError
from portrait.events.event import Action
from portrait.reading.acts import CURRENCIES, PRICES, QUANTITIES, Acts, act, by, product
from portrait.reading.names import ALL, RESULTS
from portrait.reading.values import Fields, first, objects

ALIASES = {
    "event_id": ("event_id", "messageId", "eventId", "message_id"),
    "user_id": ("user_id", "userId", "customer_id", "customerId"),
    "anonymous_id": ("anonymous_id", "anonymousId", "domain_userid", "user_pseudo_id"),
    "session_id": ("session_id", "sessionId", "domain_sessionid", "user_session", "ga_session_id"),
    "item_id": ("item_id", "itemId", "product_id", "productId", "sku"),
    "order_id": ("order_id", "orderId", "transaction_id"),
    "quantity": QUANTITIES,
    "price": PRICES,
    "currency": CURRENCIES,
    "text": ("text", "query", "search_term", "review_body"),
    "rating": ("rating", "stars"),
    "recommendation_id": ("recommendation_id", "recommendationId"),
    "declared": ("declared",),
    "occurred_at": (
        *("occurred_at", "occurredAt", "originalTimestamp", "derived_tstamp", "timestamp"),
        *("event_time", "event_timestamp", "time"),
    ),
    "sent_at": ("sent_at", "sentAt"),
    "schema_version": ("schema_version",),
}
WHO = ("user_id", "anonymous_id", "occurred_at", "sent_at")
TYPES = ("type", "eventType", "event_type", "event", "event_name", "action")
WRAPPERS = ("track", "event")  # names that say that a name follows
THINGS = frozenset({"order", "cart", "basket"})  # names of what something is done with


def read(body: Fields, topic: Action | None) -> Acts:
    """Read a message.

    Args:
        body: What it says.
        topic: What was done, by the topic that the message lies on.

    Raises:
        EventInvalidError: It is not said what was done, or in a word that nobody knows.
    """
    properties = body.get("properties")
    if isinstance(properties, dict):
        if says_what(body):  # then those of the properties are of something else
            properties = {name: each for name, each in properties.items() if name not in TYPES}
        body = properties | {name: value for name, value in body.items() if name != "properties"}
    found = action_of(body, topic)
    if not isinstance(found, Action):
        return by(Acts(passed_over=[found]), {ours: first(body, ALIASES[ours]) for ours in WHO})
    fields = {ours: first(body, names) for ours, names in ALIASES.items()}
    names = named_by(body)
    if found is Action.SEARCH and fields["text"] is None and names and found not in names:
        return Acts(passed_over=[RESULTS])  # results were shown, and nothing says what was asked
    item = body.get("item")
    fields["item"] = item if isinstance(item, dict) else product(body)["item"]
    products = [product(each) for each in objects(body.get("products") or body.get("items"))]
    return act(found, fields, products if fields["item_id"] is None else ())


def named_by(body: Fields) -> list[object]:
    """Return what a message calls what was done."""
    return [body[field] for field in TYPES if field in body]


def says_what(body: Fields) -> bool:
    """Say whether a message says itself what was done, in a word that somebody knows."""
    return any(name in WRAPPERS or ALL.find(name) is not None for name in named_by(body))


def action_of(body: Fields, topic: Action | None) -> Action | str:
    """Return what was done, or the name of what is of no interest.

    Raises:
        EventInvalidError: It is not said, or in a word that nobody knows.
    """
    is_named = False
    for field in TYPES:
        name = body.get(field)
        if name is None or name in WRAPPERS:
            continue
        found = ALL.find(name)
        if found is not None:
            return _done_with(name, body) or found
        is_named = True
    if is_named or topic is None:
        msg = "type: unknown action" if is_named else "type: missing"
        raise EventInvalidError(msg)
    return topic


def _done_with(name: object, body: Fields) -> Action | str | None:
    """Return what was done with a thing: `{"type": "cart", "action": "remove"}`."""
    is_thing = isinstance(name, str) and name.casefold() in THINGS
    return ALL.find(body.get("action")) if is_thing else None
