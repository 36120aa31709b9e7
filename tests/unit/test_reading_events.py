"""Envelopes: every shape that producers send, and none that they should not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.errors import RecordInvalidError
from portrait.events.event import Action, Event
from tests.support.records import encoded, one_event, payload


def test_plain_json_is_an_event() -> None:
    event = one_event(encoded(price=2.5, quantity=2, surprise="ignored"))

    assert (event.event_id, event.type, event.user_id) == ("e1", Action.CLICK, "ann")
    assert (event.price, event.quantity) == (2.5, 2)


@pytest.mark.parametrize("action", Action)
def test_every_action_is_accepted(action: Action) -> None:
    assert one_event(encoded(type=action, text="milk")).type is action


def test_the_topic_says_the_action_if_the_producer_does_not() -> None:
    assert one_event(encoded(type=None), action=Action.CART).type is Action.CART


@pytest.mark.parametrize("name", ["liked", "teleport", 7, ["cart"]])
def test_a_topic_does_not_overrule_an_action_we_do_not_know(name: object) -> None:
    with pytest.raises(RecordInvalidError, match="unknown action"):
        one_event(encoded(type=name), action=Action.CART)


def test_a_products_id_is_worth_more_than_its_sku() -> None:
    body: dict[str, object] = {
        "type": "track",
        "event": "Product Viewed",
        "messageId": "1",
        "userId": "ann",
    }
    body |= {"timestamp": "2026-09-21T14:13:20Z"}
    both = body | {"properties": {"sku": "s", "product_id": "p"}}
    one = body | {"properties": {"sku": "s"}}

    assert one_event(json.dumps(both).encode()).item_id == "p"
    assert one_event(json.dumps(one).encode()).item_id == "s"


def test_someone_anonymous_has_a_profile_of_their_own() -> None:
    event = one_event(encoded(user_id=None, anonymous_id="cookie"))

    assert event.user_key == "anonymous:cookie"


def test_a_known_user_is_known_even_with_a_cookie() -> None:
    assert one_event(encoded(anonymous_id="cookie")).user_key == "ann"


def test_an_item_snapshot_is_read() -> None:
    event = one_event(encoded(item={"title": "Milk", "category": ["Grocery", "Dairy"]}))

    assert event.item is not None
    assert event.item.text == "Milk. Grocery, Dairy"


def test_structured_cloudevents_are_events() -> None:
    body = {
        "specversion": "1.0",
        "id": "ce-1",
        "source": "/shop",
        "type": "com.example.shop.purchase",
        "time": "2026-09-21T14:13:20Z",
        "subject": "ann",
        "data": {"item_id": "milk", "price": 1},
    }

    event = one_event(json.dumps(body).encode())

    assert (event.event_id, event.type, event.user_id) == ("ce-1", Action.PURCHASE, "ann")


def test_binary_cloudevents_are_events() -> None:
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"ce-2"),
        ("ce_type", b"shop.cart"),
        ("ce_time", b"2026-09-21T14:13:20Z"),
    ]

    event = one_event(b'{"user_id": "ann", "item_id": "milk"}', headers)

    assert (event.event_id, event.type) == ("ce-2", Action.CART)


def test_what_the_data_says_wins_over_the_envelope() -> None:
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"outer"), ("ce_type", b"x.click")]

    body = encoded(event_id="inner", type=None)
    assert one_event(body, headers).event_id == "inner"


def test_segment_events_are_events() -> None:
    body = {
        "type": "track",
        "event": "Product Added",
        "messageId": "s-1",
        "userId": "ann",
        "anonymousId": "cookie",
        "originalTimestamp": "2026-09-21T14:13:20Z",
        "sentAt": "2026-09-21T14:13:21Z",
        "properties": {
            "product_id": "milk",
            "name": "Milk",
            "brand": "Farm",
            "price": 2.5,
            "quantity": 2,
        },
    }

    event = one_event(json.dumps(body).encode())

    assert (event.type, event.item_id, event.quantity) == (Action.CART, "milk", 2)
    assert event.item is not None
    assert event.item.brand == "Farm"
    assert event.sent_at is not None


def test_personalize_events_are_events() -> None:
    body = {
        "eventId": "p-1",
        "eventType": "Purchase",
        "userId": "ann",
        "itemId": "milk",
        "sessionId": "s",
        "recommendationId": "r",
        "sentAt": 1_790_000_000,
    }

    event = one_event(json.dumps(body).encode())

    assert (event.type, event.recommendation_id) == (Action.PURCHASE, "r")
    assert event.occurred_at.timestamp() == 1_790_000_000


def test_snowplow_events_are_events() -> None:
    body = {
        "event_id": "sp-1",
        "event": "add_to_cart",
        "domain_userid": "cookie",
        "domain_sessionid": "s",
        "derived_tstamp": "2026-09-21T14:13:20Z",
        "product_id": "milk",
    }

    event = one_event(json.dumps(body).encode())

    assert (event.type, event.anonymous_id) == (Action.CART, "cookie")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "payload: empty"),
        (b"", "payload: not UTF-8 JSON"),
        (b"{", "payload: not UTF-8 JSON"),
        (b"\xff\xfe", "payload: not UTF-8 JSON"),
        (b"[]", "payload: no event in it"),
        (b"42", "payload: not a JSON object"),
        (encoded(type="teleport"), "type: unknown action"),
        (encoded(type=None), "type: missing"),
        (encoded(type=7), "type: unknown action"),
        (encoded(user_id=None), "user_id: missing"),
        (encoded(item_id=None), "item_id: missing"),
        (encoded(type="search", text=None), "text: missing"),
        (encoded(type="search", text="  "), "text: missing"),
        (encoded(occurred_at="yesterday"), "occurred_at: datetime_from_date_parsing"),
        (encoded(event_id=None), "event_id: missing"),
        (encoded(event_id="x" * 129), "event_id: string_too_long"),
        (encoded(schema_version=2), "schema_version: less_than_equal"),
        (b'{"specversion": "1.0", "type": "click", "data": 7}', "data: not a JSON object"),
    ],
)
def test_what_can_never_be_an_event_is_refused_with_its_reason(
    body: bytes | None, reason: str
) -> None:
    with pytest.raises(RecordInvalidError) as refusal:
        one_event(body)

    assert str(refusal.value) == reason


def test_a_reason_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(RecordInvalidError) as refusal:
        one_event(encoded(occurred_at="my card is 4111", user_id="secret@example.org" * 9))

    assert "4111" not in str(refusal.value)
    assert "secret" not in str(refusal.value)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    with pytest.raises(RecordInvalidError):
        one_event(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
names = st.sampled_from(
    [*payload(), "event", "eventType", "properties", "specversion", "data", "item", "sent_at"]
)


@given(
    st.dictionaries(names, json_values, max_size=6),
    st.lists(st.tuples(st.sampled_from(["ce_specversion", "ce_type", "x"]), st.binary())),
)
def test_no_json_raises_anything_else(
    changes: dict[str, object], headers: list[tuple[str, bytes]]
) -> None:
    body = json.dumps({**payload(), **changes}).encode()
    try:
        event = one_event(body, headers)
    except RecordInvalidError:
        return
    assert isinstance(event, Event)


@pytest.mark.parametrize(
    ("scale", "price"), [("2", 12.9), ("999999999", None), ("x", None), (None, None)]
)
def test_a_decimal_of_connect_is_a_number_unless_its_scale_is_beyond_bounds(
    scale: object, price: float | None
) -> None:
    decimal = {
        "field": "price",
        "name": "org.apache.kafka.connect.data.Decimal",
        "parameters": {"scale": scale},
    }
    sent = {"schema": {"fields": [decimal]}, "payload": payload(price="BQo=")}

    assert one_event(json.dumps(sent).encode()).price == price
