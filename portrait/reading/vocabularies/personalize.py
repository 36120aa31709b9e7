"""Amazon Personalize: what goes into PutEvents.

Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutEvents.html.
"""

from portrait.events.event import Action
from portrait.reading.acts import Acts, act, derived_id, product
from portrait.reading.names import ALL, OTHER
from portrait.reading.values import Fields, first, objects, parsed


def read(body: Fields) -> Acts | None:
    """Read one event of `eventList`, with the user and the session of its request; None: none."""
    name = body.get("eventType")
    if not isinstance(name, str) or ("itemId" not in body and "sentAt" not in body):
        return None
    found = ALL.find(name)  # a shop names its types itself
    if not isinstance(found, Action):
        return Acts(passed_over=[found or OTHER])
    properties = body.get("properties")
    more = parsed(properties) if isinstance(properties, str) else properties
    more = more if isinstance(more, dict) else {}
    user = first(body, ("userId", "user_id"))
    common = {
        "event_id": first(body, ("eventId", "event_id"))
        or derived_id(
            *("personalize", user),
            *(body.get(n) for n in ("sessionId", "itemId", "sentAt")),
            *([name, more] if more else [name]),
        ),
        "user_id": user,
        "anonymous_id": first(body, ("anonymousId", "anonymous_id")),
        "session_id": first(body, ("sessionId", "session_id")),
        "order_id": first(more, ("order_id", "orderId")),
        "text": first(more, ("text", "query", "review")),
        "rating": first(more, ("rating",)),
        "recommendation_id": body.get("recommendationId"),
        **moments(body),
    }
    named = first(body, ("itemId", "productId", "item_id"))
    item = product(more if named is None else more | {"product_id": named})
    if found in {Action.PURCHASE, Action.CART} and item["price"] is None:
        item["price"] = first(body, ("price",))
    return act(found, common, [item])


def moments(body: Fields) -> Fields:
    """Return when it happened: `sentAt`, unless that is told apart from when it was sent."""
    made, sent = first(body, ("timestamp", "occurred_at")), body.get("sentAt")
    return {"occurred_at": sent} if made is None else {"occurred_at": made, "sent_at": sent}


def requests(body: Fields) -> list[Fields]:
    """Open a whole request: its events, each with the request's user and session."""
    shared = {name: body[name] for name in ("userId", "sessionId") if name in body}
    return [shared | each for each in objects(body["eventList"])]
