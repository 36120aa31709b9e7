"""Envelopes: the shapes in which producers send an event.

Plain JSON is tried first and costs one pass. What fails it is read again, slower: CloudEvents 1.0
(structured, or binary with `ce_` headers), Segment's nested `properties`, and other names of the
actions.
"""

from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from portrait.errors import EventInvalidError
from portrait.events.event import Action, Event
from portrait.events.stream import Headers
from portrait.field_errors import reasons

TYPE_NAMES = {action.value: action for action in Action} | {
    # Segment
    "product viewed": Action.BROWSE,
    "product clicked": Action.CLICK,
    "products searched": Action.SEARCH,
    "product added": Action.CART,
    "order completed": Action.PURCHASE,
    "product reviewed": Action.REVIEW,
    "order refunded": Action.RETURN,
    "product removed": Action.REMOVE,
    "product added to wishlist": Action.WISH,
    # Snowplow e-commerce
    "product_view": Action.BROWSE,
    "list_click": Action.CLICK,
    "add_to_cart": Action.CART,
    "transaction": Action.PURCHASE,
    "refund": Action.RETURN,
    # Amazon Personalize, and what people write
    "view": Action.BROWSE,
    "addtocart": Action.CART,
    "buy": Action.PURCHASE,
}
TRACK = "track"  # what Segment calls every event; its name follows in `event`
ITEM_FIELDS = ("name", "title", "category", "brand")


def parse_event(
    payload: bytes | None, headers: Headers = (), *, action: Action | None = None
) -> Event:
    """Read one Kafka message value (UTF-8 JSON).

    Args:
        payload: The value; None is a tombstone, which no event topic has a meaning for.
        headers: The message's headers; `ce_*` make it a binary CloudEvent.
        action: What the topic says, for producers that leave `type` out.

    Raises:
        EventInvalidError: Not JSON, or not an event. Dead-letter it; do not retry.
    """
    if payload is None:
        msg = "payload: empty"
        raise EventInvalidError(msg)
    try:
        event = Event.__pydantic_validator__.validate_json(payload)
    except ValidationError:
        event = _parse_envelope(payload, headers, action)
    if event.user_id is None or event.item_id is None or event.type is Action.SEARCH:
        _require_subject(event)
    return event  # type: ignore[no-any-return] # the validator of Event returns an Event


def _require_subject(event: Event) -> None:
    """Raise unless it is known who acted, and on what."""
    if not (event.user_id or event.anonymous_id):
        msg = "user_id: missing"
        raise EventInvalidError(msg)
    if event.type is Action.SEARCH:
        if not (event.text and event.text.strip()):
            msg = "text: missing"
            raise EventInvalidError(msg)
    elif not event.item_id:
        msg = "item_id: missing"
        raise EventInvalidError(msg)


def _parse_envelope(payload: bytes, headers: Headers, action: Action | None) -> Event:
    try:
        body = from_json(payload)
    except ValueError:
        msg = "payload: not UTF-8 JSON"
        raise EventInvalidError(msg) from None  # the error repeats what was sent
    if not isinstance(body, dict):
        msg = "payload: not a JSON object"
        raise EventInvalidError(msg)
    fields = _spread_properties(_open_cloud_event(body, headers))
    fields["type"] = _action_of(fields, action)
    if "eventType" in fields and "timestamp" not in fields and "sentAt" in fields:
        fields["timestamp"] = fields.pop("sentAt")  # Personalize's name for when it happened
    try:
        return Event.model_validate(fields)
    except ValidationError as error:
        raise EventInvalidError(reasons(error)) from None  # the error repeats what was sent


def _open_cloud_event(body: dict[str, Any], headers: Headers) -> dict[str, Any]:
    """Merge a CloudEvent's attributes under its data; what the data says itself wins."""
    if "specversion" in body:
        attributes, inner = body, body.get("data")
    else:
        attributes = {
            name[3:]: value.decode(errors="replace")
            for name, value in headers
            if value is not None and name.startswith("ce_")
        }
        inner = body
    if "specversion" not in attributes:
        return body
    if not isinstance(inner, dict):
        msg = "data: not a JSON object"
        raise EventInvalidError(msg)
    names = {"event_id": "id", "type": "type", "user_id": "subject", "occurred_at": "time"}
    outer = {ours: attributes[theirs] for ours, theirs in names.items() if theirs in attributes}
    return outer | inner


def _spread_properties(fields: dict[str, Any]) -> dict[str, Any]:
    """Lift Segment's `properties` to the top, and its item fields into `item`."""
    properties = fields.get("properties")
    if not isinstance(properties, dict):
        return dict(fields)
    lifted = dict(properties)
    if "item" not in lifted and ("name" in lifted or "title" in lifted):
        lifted["item"] = {name: lifted[name] for name in ITEM_FIELDS if name in lifted}
    return lifted | {name: value for name, value in fields.items() if name != "properties"}


def _action_of(fields: dict[str, Any], of_topic: Action | None) -> Action:
    """Find the action in what the producer called it, or in the topic if it called it nothing.

    Raises:
        EventInvalidError: It is called something that we do not know, or nothing at all.
    """
    named = False
    for name in ("type", "eventType", "event"):
        value = fields.get(name)
        if value is None or value == TRACK:
            continue
        named = True
        last = value.rsplit(".", 1)[-1].lower() if isinstance(value, str) else ""
        if last in TYPE_NAMES:  # CloudEvents types are reverse-DNS names
            return TYPE_NAMES[last]
    if named or of_topic is None:
        msg = "type: unknown action" if named else "type: missing"
        raise EventInvalidError(msg)
    return of_topic
