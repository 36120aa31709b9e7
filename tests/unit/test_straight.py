"""What is read straight means what the whole reader would read in it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.events.event import Event
from portrait.events.item import ItemSnapshot
from portrait.reading.decode import item_of
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.envelopes import messages_in
from portrait.reading.events import Reading, read_messages
from portrait.reading.straight import plain_event
from tests.support.records import payload

NAMES = (
    *("event_id", "messageId", "type", "eventType", "event", "action", "user_id", "userId"),
    *("customer_id", "anonymous_id", "anonymousId", "session_id", "sessionId", "user_session"),
    *("item_id", "productId", "sku", "order_id", "transaction_id", "quantity", "qty", "price"),
    *("unit_price", "item_price", "currency", "currency_code", "text", "query", "rating", "stars"),
    *("occurred_at", "timestamp", "event_time", "sent_at", "sentAt", "receivedAt", "__deleted"),
    *("title", "name", "brand", "category", "properties", "products", "page", "recommendation_id"),
    "declared",
)
VALUES = st.sampled_from(
    [
        *(None, "", " ", "x", "undefined", "(not set)", "0", 0, 1, 2.5, "2", "1,5", True, False),
        *("EUR", "USD", "click", "purchase", "return", "2026-07-01T07:31:00Z", 1_790_000_000),
        *("0001-01-01T00:00:00Z", 20_260_701, "2026-07-01 24:00:00Z", "9999-01-01T00:00:00Z"),
        *({"a": 1}, {"item_id": "z"}, [{"sku": "y"}], "true"),
    ]
)
ITEM_NAMES = (
    "title",
    "name",
    "category",
    "brand",
    "price",
    "unit_price",
    "currency",
    "group_id",
    "available_until",
)
ITEMS = st.none() | st.dictionaries(st.sampled_from(ITEM_NAMES), VALUES, max_size=3)
SHOP = Dialect(currency="EUR", rates={"USD": 0.9})


def wholly(sent: dict[str, Any], dialect: Dialect) -> Reading[Event]:
    return read_messages(messages_in(sent), dialect=dialect)


def said(event: Event) -> dict[str, Any]:
    """Return what an event says; nothing beyond its fields counts."""
    fields = event.model_dump(include={*Event.model_fields} - {"currency", "item"})
    item = event.item
    fields["text"] = (event.text or "").strip() or None
    return fields | {"item": item and item.model_dump(include={*ItemSnapshot.model_fields})}


@settings(max_examples=2_000)
@given(
    changes=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
    item=ITEMS,
    dialect=st.sampled_from([AS_SENT, SHOP]),
)
def test_what_is_read_straight_is_what_the_whole_reader_reads(
    changes: dict[str, Any], item: dict[str, Any] | None, dialect: Dialect
) -> None:
    sent = payload() | changes | ({} if item is None else {"item": item})
    straight = plain_event(json.dumps(sent).encode(), dialect)
    if straight is None:
        return

    whole = wholly(sent, dialect)

    assert whole.refusals == []
    assert [said(event) for event in whole.events] == [said(straight)]


@pytest.mark.parametrize("beside", ["id", "item_id", "withdrawn", "patch", "colour", "said"])
def test_what_is_said_beside_an_item_is_nothing_of_the_item(beside: str) -> None:
    sent = payload() | {"item": {"title": "Milk", beside: "x"}}
    event = plain_event(json.dumps(sent).encode(), AS_SENT)
    assert event is not None

    item = item_of(event)

    assert item.model_dump_json(exclude_defaults=True) == '{"title":"Milk","id":"milk"}'


@pytest.mark.parametrize(
    "more", [{}, {"page_url": "https://shop.example/x"}, {"item": {"title": "Milk", "colour": 1}}]
)
def test_what_nobody_reads_does_not_keep_an_event_from_being_read_straight(
    more: dict[str, Any],
) -> None:
    assert plain_event(json.dumps(payload() | more).encode(), AS_SENT) is not None
