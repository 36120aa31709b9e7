"""Vocabularies: what producers of each kind send is read as its specification means it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.errors import RecordInvalidError
from portrait.events.event import Action, Event
from portrait.reading.dialect import Dialect
from portrait.reading.events import Reading, read_events
from portrait.reading.names import ALL
from portrait.reading.vocabularies.snowplow import COLUMNS
from tests.support.vocabularies import (
    CALL,
    PERSONALIZE,
    SEGMENT,
    SNOWPLOW_ROW,
    TEA,
    VOCABULARIES,
    Example,
    Fields,
)


def examples() -> list[object]:
    return [
        pytest.param(example, id=f"{vocabulary.name}-{place}")
        for vocabulary in VOCABULARIES
        for place, example in enumerate(vocabulary.examples)
    ]


def said(sent: object, topic: Action | None = Action.BROWSE) -> Reading[Event]:
    return read_events(json.dumps(sent).encode(), topic=topic)


def shown(event: Event) -> Fields:
    """Return what is said in an event, and nothing that is a default."""
    fields: Fields = event.model_dump(mode="json", exclude_unset=True)
    return fields


@pytest.mark.parametrize("example", examples())
def test_messages_are_read_as_their_specification_means_them(example: Example) -> None:
    reading = said(example.sent)

    assert reading.refusals == []
    assert reading.left_out == [{}] * len(example.read)
    assert bool(reading.passed_over) == (not example.read)
    for event, expected in zip(reading.events, example.read, strict=True):
        found = Event.model_validate(expected, by_name=True)
        if expected["event_id"] == "DERIVED":
            found = found.model_copy(update={"event_id": event.event_id})
        assert event == found


@pytest.mark.parametrize("example", examples())
def test_a_message_that_comes_again_has_the_same_ids(example: Example) -> None:
    ids = [event.event_id for event in said(example.sent).events]

    assert ids == [event.event_id for event in said(example.sent).events]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("vocabulary", VOCABULARIES, ids=lambda each: each.name)
def test_every_name_of_a_specification_is_known(vocabulary: object) -> None:
    names = vocabulary.names  # type: ignore[attr-defined]
    for name, action in names.actions.items():
        assert names.find(name) is action
        assert names.find(name.upper().replace(" ", "_")) is action
        assert ALL.find(name) is action
    for name in names.passed_over:
        assert names.find(name) == name
        assert ALL.find(name) is not None


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("com.shop.cart.v1", Action.CART),
        ("com.shop.product_viewed.v2.1", Action.BROWSE),
        ("org.example.ViewContent", Action.BROWSE),
        ("加入购物车", Action.CART),
        ("AddToCart", Action.CART),
        ("add-to-cart", Action.CART),
        ("Viewed Product", Action.BROWSE),
        ("view_item_list", "view_item_list"),
        ("com.shop.teleport.v1", None),
        ("", None),
        (7, None),
        (["cart"], None),
    ],
)
def test_a_name_means_the_same_however_it_is_written(name: object, action: object) -> None:
    assert ALL.find(name) == action


def test_a_batch_is_many_messages_and_one_that_is_wrong_costs_itself_alone() -> None:
    view = {"type": "track", "event": "Product Viewed", "userId": "u-1", "properties": TEA}
    body = {
        "sentAt": "2026-07-01T07:33:02Z",
        "batch": [
            view | {"messageId": "m-1", "originalTimestamp": "2026-07-01T07:33:00Z"},
            view | {"messageId": "m-2"},
            7,
            view
            | {"messageId": "m-3", "originalTimestamp": "2026-07-01T07:33:00Z", "userId": "u-2"},
        ],
    }

    reading = said(body)

    assert [(event.event_id, event.user_id) for event in reading.events] == [
        ("m-1", "u-1"),
        ("m-3", "u-2"),
    ]
    assert all(event.sent_at for event in reading.events)
    assert sorted(reading.refusals) == ["occurred_at: missing", "payload: not a JSON object"]


def test_an_order_whose_message_has_a_long_name_has_events_with_names_of_their_own() -> None:
    order = CALL | {"event": "Order Completed", "messageId": "m" * 127}
    reading = said(order | {"properties": {"products": [TEA, TEA]}})

    first, second = reading.events
    assert first.event_id != second.event_id
    assert max(len(first.event_id), len(second.event_id)) <= 128


def test_an_order_of_no_products_says_nothing_that_can_be_counted() -> None:
    order = CALL | {"event": "Order Completed", "properties": {"products": []}}

    assert said(order).refusals == ["item_id: missing"]


def test_a_line_of_snowplow_is_an_event() -> None:
    action = {
        "schema": "iglu:a/snowplow_ecommerce_action/jsonschema/1-0-0",
        "data": {"type": "product_view"},
    }
    product = {"schema": "iglu:a/product/jsonschema/1-0-0", "data": {"id": "tea-0042"}}
    cells = [""] * 131
    row = {name: value for name, value in SNOWPLOW_ROW.items() if value} | {
        "contexts": json.dumps({"schema": "iglu:a/contexts/jsonschema/1-0-0", "data": [product]}),
        "unstruct_event": json.dumps(
            {"schema": "iglu:a/unstruct_event/jsonschema/1-0-0", "data": action}
        ),
    }
    for place, name in COLUMNS.items():
        cells[place] = str(row.get(name, ""))

    (event,) = read_events("\t".join(cells).encode()).events

    assert (event.type, event.item_id, event.anonymous_id) == (Action.BROWSE, "tea-0042", "a-4711")
    assert event.occurred_at.isoformat() == "2026-07-01T07:30:00.250000+00:00"


PLACES = [example.sent for vocabulary in VOCABULARIES for example in vocabulary.examples]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=5,
)


@settings(max_examples=300)
@given(st.sampled_from(PLACES), st.data())
def test_whatever_stands_in_a_field_nothing_else_is_raised(
    sent: Fields, data: st.DataObject
) -> None:
    changed = json.loads(json.dumps(sent))
    inner = changed
    while True:
        name = data.draw(st.sampled_from(sorted(inner)))
        child = inner[name]
        if isinstance(child, list) and child and isinstance(child[0], dict):
            child = child[0]
        if not isinstance(child, dict) or not child or data.draw(st.booleans()):
            break
        inner = child
    inner[name] = data.draw(ODD)
    try:
        reading = said(changed)
    except RecordInvalidError:
        return
    assert reading.events or reading.passed_over or reading.refusals
    assert all(isinstance(reason, str) for reason in reading.refusals)


def test_a_request_of_personalize_gives_its_user_to_each_of_its_events() -> None:
    (example,) = PERSONALIZE.examples
    several = example.sent | {
        "eventList": [
            {"eventType": "view", "itemId": str(n), "sentAt": 1_782_891_060 + n} for n in range(3)
        ]
    }

    reading = said(several)

    assert {event.user_id for event in reading.events} == {"u-1"}
    assert len({event.event_id for event in reading.events}) == 3


def test_what_is_passed_over_is_counted_by_its_name_in_the_specification() -> None:
    assert said(SEGMENT.examples[6].sent).passed_over == ["Checkout Started"]
    assert said(SEGMENT.examples[8].sent).passed_over == ["other"]


@pytest.mark.parametrize(("count", "is_too_many"), [(1_000, False), (1_001, True)])
def test_a_message_holds_no_more_messages_than_are_bounded(
    count: int, *, is_too_many: bool
) -> None:
    reading = said([{"type": "page", "messageId": "m"}] * count)

    assert len(reading.passed_over) == 1_000
    assert bool(reading.refusals) is is_too_many


PLAIN = {"event_id": "e", "user_id": "u", "item_id": "i"}


@pytest.mark.parametrize(
    ("sent", "action"),
    [
        ({"event_name": "click", "event_timestamp": 1_782_891_060}, Action.CLICK),
        ({"event_type": "click", "event_time": 1_782_891_060, "product_id": "i"}, Action.CLICK),
        ({"type": "cart", "event_type": "cart", "event_time": "2026-07-01"}, Action.CART),
    ],
)
def test_plain_messages_that_share_words_with_a_log_stay_plain(
    sent: Fields, action: Action
) -> None:
    (event,) = said(PLAIN | sent).events

    assert (event.event_id, event.type, event.item_id) == ("e", action, "i")


def test_a_name_that_nobody_knows_is_dead_though_its_fields_are_those_of_a_log() -> None:
    row = {"event_type": "teleport", "event_time": 1, "product_id": "i"}

    assert said(PLAIN | row).refusals == ["type: unknown action"]


def test_personalize_tells_when_it_happened_from_when_it_was_sent_where_it_says_both() -> None:
    sent = {
        "eventType": "Buy",
        "itemId": "i",
        "userId": "u",
        "eventId": "e",
        "sentAt": 1_782_891_065,
    }

    (alone,) = said(sent).events
    (both,) = said(sent | {"timestamp": 1_782_891_060}).events

    assert (alone.occurred_at.timestamp(), alone.sent_at) == (1_782_891_065, None)
    assert both.occurred_at.timestamp() == 1_782_891_060
    assert both.sent_at is not None


def test_a_price_without_a_currency_is_in_that_of_the_order() -> None:
    order = CALL | {"event": "Order Completed"}
    products = [TEA, TEA | {"currency": "EUR"}]
    sent = order | {"properties": {"currency": "USD", "products": products}}
    dialect = Dialect(currency="EUR", rates={"USD": 2.0})

    events = read_events(json.dumps(sent).encode(), dialect=dialect).events

    assert [event.price for event in events] == [17.8, 8.9]
