"""Segment and RudderStack: track calls of the e-commerce specification, both versions.

Source: https://segment.com/docs/connections/spec/ecommerce/v2/, .../spec/common/ and
https://www.rudderstack.com/docs/event-spec/ecommerce-events-spec/.
"""

from portrait.reading.acts import Acts, by, named, ordered, product
from portrait.reading.names import TRACKED
from portrait.reading.values import Fields, first, objects, within

_MARKS = frozenset({"messageId", "properties", "event", "traits", "context", "previousId"})
CALLS = frozenset({"track", "page", "screen", "identify", "group", "alias"})


def read(body: Fields) -> Acts | None:
    """Read one call; None if it is none."""
    call = body.get("type")
    if not isinstance(call, str) or call not in CALLS or _MARKS.isdisjoint(body):
        return None
    if call != "track":
        return by(Acts(passed_over=[str(call)]), _who(body))
    found = named(body.get("event"), TRACKED)
    if isinstance(found, Acts):
        return by(found, _who(body))
    properties = body.get("properties")
    said = properties if isinstance(properties, dict) else {}
    common = {
        "event_id": first(body, ("messageId", "event_id")),
        **_who(body),
        "session_id": first(said, ("session_id", "sessionId"))
        or within(body, "context", "sessionId")
        or within(body, "context", "session", "id"),
        "order_id": first(said, ("order_id", "orderId")),
        "currency": first(said, ("currency",)),
        "text": first(said, ("query", "review_body", "text")),
        "rating": first(said, ("rating",)),
        "recommendation_id": first(said, ("recommendation_id", "recommendationId")),
    }
    products = [product(each) for each in objects(said.get("products"))] or [product(said)]
    return ordered(found, common, products)


def _who(body: Fields) -> Fields:
    """Return who a call is of, and when. An alias says who somebody has been before."""
    before = ("previousId", "previous_id") if body.get("type") == "alias" else ()
    return {
        "user_id": first(body, ("userId", "user_id")),
        "anonymous_id": first(body, (*before, "anonymousId", "anonymous_id")),
        **moments(body),
    }


def moments(body: Fields) -> Fields:
    """Return when a call was made, and where Segment has not corrected that, when it was sent.

    A message that has been through Segment has its own corrected time: `timestamp`, or what follows
    from `receivedAt`. Of another only the sender's clock is known, and Kafka's time corrects it.
    """
    made, original = body.get("timestamp"), body.get("originalTimestamp")
    sent, received = body.get("sentAt"), body.get("receivedAt")
    is_corrected = made is not None and (original is not None or received is not None)
    if is_corrected or sent is None:
        return {"occurred_at": made or original or received}
    made = original or made
    if received is not None and made is not None:
        return {"occurred_at": made, "sent_at": sent, "received_at": received}
    return {"occurred_at": made, "sent_at": sent}
