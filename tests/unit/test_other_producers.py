"""Messages of the kinds that shops send, in more of the ways in which producers write them."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portrait.events.event import Action, Event
from portrait.reading.dialect import Dialect
from portrait.reading.events import Reading, read_events
from portrait.reading.items import read_items
from portrait.reading.records import refusal

SHOP = Dialect(ZoneInfo("Asia/Shanghai"), currency="EUR", rates={"USD": 0.9, "CNY": 0.1})
AT = "2026-07-01T07:31:00Z"
CART = {"event_id": "e", "type": "cart", "user_id": "u", "item_id": "i", "occurred_at": AT}
HALF = "x\ud83c"
TRACK = {"messageId": "m", "type": "track", "userId": "u", "timestamp": AT}
GA4 = {"event_timestamp": 1_782_891_060_000_000, "user_pseudo_id": "1.2", "event_params": []}
PIXEL = {"event_name": "Purchase", "event_time": 1_782_891_060, "event_id": "e"}


def read(sent: object, **dialect: Any) -> Reading[Event]:  # noqa: ANN401
    own = Dialect(SHOP.zone, SHOP.currency, SHOP.rates, **dialect)
    return read_events(json.dumps(sent).encode(), dialect=own)


def only(sent: object) -> Event:
    reading = read(sent)
    assert reading.refusals == []
    (event,) = reading.events
    return event


def price_of(price: object, **more: object) -> float | None:
    return only(CART | {"price": price} | more).price


@pytest.mark.parametrize(
    "sent",
    [
        CART | {"item": {"title": "Tea", "category": [{"name": HALF}]}},
        CART | {"item": {"title": f"Tea {HALF}", "attributes": {HALF: "red"}}},
        CART | {"price": {"centAmount": 10**400}},
        CART | {"price": {"amount": 1, "nanos": 10**400}},
        CART | {"price": {"amount": {"amount": {"amount": 1}}}},
        CART | {"item": {"title": "a", "attributes": [{"name": ["a"], "value": 1}]}},
        {"op": [], "after": CART},
        {"schema": {"name": []}, "payload": CART},
        TRACK
        | {
            "event": "Product Added",
            "originalTimestamp": "0001-01-01T00:00:00Z",
            "sentAt": "9999-12-31T00:00:00Z",
            "receivedAt": AT,
            "properties": {"product_id": "p"},
        },
        GA4 | {"event_name": "add_to_cart", "user_id": HALF, "items": [{"item_id": "a"}]},
        {"event_time": AT, "event_type": "cart", "product_id": 1, "user_id": 1, "brand": HALF},
    ],
)
def test_nothing_that_is_sent_is_a_mistake_of_ours(sent: object) -> None:
    payload = json.dumps(sent).encode()

    reason = refusal(lambda what: read_events(what, dialect=SHOP), payload)

    assert reason is None or not reason.startswith("internal")
    for event in read(sent).events:
        event.model_dump_json()


def test_a_half_character_in_a_category_of_an_item_is_replaced() -> None:
    sent = {"id": "i", "title": "a", "category": [{"name": HALF}], "attributes": {HALF: "b"}}

    (item,) = read_items(json.dumps(sent).encode()).items

    assert (item.category, item.attributes) == ("x\ufffd", {"x\ufffd": "b"})
    item.model_dump_json()


@pytest.mark.parametrize(
    ("more", "user"),
    [
        ({"user_id": "undefined", "anonymous_id": "a"}, "anonymous:a"),
        ({"user_id": "(not set)", "anonymous_id": "a"}, "anonymous:a"),
        ({"user_id": 0, "anonymous_id": "a"}, "anonymous:a"),
        ({"user_id": "0", "anonymous_id": "a"}, "anonymous:a"),
        ({"user_id": None, "userId": "u1", "anonymous_id": "a"}, "u1"),
        ({"user_id": None, "customer_id": "c1", "anonymous_id": "a"}, "c1"),
        ({"user_id": {"$oid": "66b0"}}, "66b0"),
    ],
)
def test_who_acted_is_who_is_named(more: dict[str, object], user: str) -> None:
    assert only(CART | more).user_key == user


@pytest.mark.parametrize(
    ("price", "more", "read_as"),
    [
        ("25.000₫", {}, None),  # no rate for dong; and not 25 euros
        ("1.299 €", {}, 1_299),
        ("EUR 1.299", {}, 1_299),
        ("1.299", {}, 1.299),
        (10, {"currency_code": "USD"}, 9),
        (10, {"currency": "usd"}, 9),
        ("RMB 1299", {}, 129.9),
        (10, {"currency": "元"}, 1),
        (10, {"currency": "€"}, 10),
        ({"amount": 12, "currency": {"code": "CNY"}}, {}, 1.2),
        (True, {}, None),
        ("\u22125", {}, None),
    ],
)
def test_prices_are_what_they_say(
    price: object, more: dict[str, object], read_as: float | None
) -> None:
    assert price_of(price, **more) == (None if read_as is None else pytest.approx(read_as))


@pytest.mark.parametrize(
    ("moment", "hour"),
    [
        (20_260_701, "2026-06-30T16:00"),
        ("20260701073100", "2026-06-30T23:31"),
        (20_260_701_073_100, "2026-06-30T23:31"),
        ("Wed, 01 Jul 2026 07:31:00 -0000", "2026-07-01T07:31"),
        ("Wed Jul 01 07:31:00 CST 2026", "2026-06-30T23:31"),
        ("Wed, 01 Jul 2026 07:31:00 EST", "2026-07-01T12:31"),
        ("2026-07-01 03:31 PM", "2026-07-01T07:31"),
        ("2026-07-01 12:31:05 am", "2026-06-30T16:31"),
        ("2026年7月1日 下午3:31", "2026-07-01T07:31"),
        ("2026-07-01 24:00:00", "2026-07-01T16:00"),
        ("/Date(1782891060000)/", "2026-07-01T07:31"),
        ("1.78289106E12", "2026-07-01T07:31"),
    ],
)
def test_moments_are_when_they_say(moment: object, hour: str) -> None:
    at = only(CART | {"occurred_at": moment}).occurred_at.astimezone(UTC)

    assert at == datetime.fromisoformat(f"{hour}:00+00:00").replace(second=at.second)


@pytest.mark.parametrize("nothing", [0, "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z"])
def test_a_moment_that_programs_write_for_nothing_is_not_said(nothing: object) -> None:
    assert only(CART | {"sent_at": nothing}).sent_at is None


@pytest.mark.parametrize(
    ("sent", "action"),
    [
        (CART | {"type": "order", "action": "return"}, Action.RETURN),
        (CART | {"type": "cart", "action": "remove"}, Action.REMOVE),
        (CART | {"type": "cart", "action": "add"}, Action.CART),
        (
            {k: v for k, v in CART.items() if k != "type"}
            | {"event": "purchase", "properties": {"type": "review"}},
            Action.PURCHASE,
        ),
    ],
)
def test_what_was_done_is_what_the_message_calls_it(sent: object, action: Action) -> None:
    assert only(sent).type is action


def test_what_is_said_of_an_order_is_not_said_of_each_of_its_lines() -> None:
    lines = [{"sku": "a", "price": 40}, {"sku": "b"}]
    order = CART | {"item_id": None, "type": "purchase", "price": 100, "quantity": 3}

    events = read(order | {"items": lines}).events

    assert [(each.item_id, each.price, each.quantity) for each in events] == [
        ("a", 40, None),
        ("b", None, None),
    ]


def test_a_shop_of_wordpress_has_no_group_and_no_guest_called_nought() -> None:
    (item,) = read_items(json.dumps({"id": 7, "name": "Tea", "parent_id": 0}).encode()).items

    assert (item.id, item.group_id) == ("7", None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"userId": "u-1", "productId": "p", "messageId": "m-9"}, ("u-1", "m-9", Action.CART)),
        ({"user_id": "u-1", "productId": "p", "action": "purchase"}, ("u-1", "c", "purchase")),
        ({"productId": "p"}, ("order-55", "c", Action.CART)),
        (
            {"schema": {}, "payload": {"user_id": "u", "product_id": "p"}},
            ("u", "c", Action.CART),
        ),
        (
            {"op": "c", "before": None, "after": '{"user_id": "u", "product_id": "p"}'},
            ("u", "c", Action.CART),
        ),
    ],
)
def test_in_a_cloud_event_the_data_wins_whatever_it_calls_it(
    data: dict[str, object], expected: tuple[str, str, str]
) -> None:
    around = {"specversion": "1.0", "id": "c", "type": "shop.cart", "subject": "order-55"}

    event = only(around | {"time": AT, "data": data})

    assert (event.user_key, event.event_id, event.type) == expected


def test_a_personalize_event_in_a_cloud_event_happened_when_it_says() -> None:
    data = {"eventType": "click", "userId": "u", "itemId": "p", "sentAt": 1_782_890_000}

    event = only({"specversion": "1.0", "id": "c", "type": "x", "time": AT, "data": data})

    assert event.occurred_at.timestamp() == 1_782_890_000


def test_rows_of_one_moment_are_events_of_their_own_and_a_row_is_one_however_typed() -> None:
    row = GA4 | {"event_name": "add_to_cart"}
    first, second = (only(row | {"items": [{"item_id": id}]}) for id in "ab")
    typed = only(
        row | {"event_timestamp": str(GA4["event_timestamp"]), "items": [{"item_id": "a"}]}
    )

    assert first.event_id != second.event_id
    assert first.event_id == typed.event_id


def test_what_google_writes_for_nothing_says_nothing() -> None:
    item = {"item_id": "a", "item_name": "Tee", "item_brand": "(not set)", "price": 5}
    item |= {"item_category": "Apparel", "item_category2": "(not set)"}
    params = [{"key": "currency", "value": {"string_value": "(not set)"}}]

    event = only(GA4 | {"event_name": "view_item", "items": [item], "event_params": params})

    assert event.price == 5
    assert event.item is not None
    assert (event.item.brand, event.item.category) == ("", "Apparel")


def test_what_producers_name_their_events_is_no_label() -> None:
    reading = read(GA4 | {"event_name": "someone@example.org.search"})

    assert reading.passed_over == ["view_search_results"]


def test_searches_of_one_second_are_two() -> None:
    sent = {"eventType": "search", "userId": "u", "sentAt": 1_782_891_060, "sessionId": "s"}

    first, second = (only(sent | {"properties": json.dumps({"query": q})}) for q in ("tea", "pot"))

    assert first.event_id != second.event_id


def test_all_that_a_row_of_a_log_says_is_read() -> None:
    row = {
        "event_id": "e",
        "user_id": 1,
        "item_id": 2,
        "behavior": "buy",
        "timestamp": 1_782_891_060,
    }

    event = only(row | {"price": "9.90", "quantity": 2, "order_id": "o", "session_id": "s"})

    assert (event.type, event.price, event.quantity) == (Action.PURCHASE, 9.9, 2)
    assert (event.order_id, event.session_id) == ("o", "s")


@pytest.mark.parametrize(
    ("custom", "products"),
    [
        ({"content_ids": '["p1","p2"]', "value": 9}, [("p1", None, None), ("p2", None, None)]),
        ({"content_ids": ["p1"], "value": 30, "num_items": 3}, [("p1", 10, 3)]),
        ({"content_ids": ["p1"], "value": 30}, [("p1", 30, None)]),
    ],
)
def test_a_pixel_tells_what_a_piece_costs(
    custom: dict[str, object], products: list[tuple[str, float | None, int | None]]
) -> None:
    sent = PIXEL | {"user_data": {"external_id": ["", "u9"]}, "custom_data": custom}

    events = read({"data": [sent]}).events

    assert [(each.item_id, each.price, each.quantity) for each in events] == products
    assert {each.user_id for each in events} == {"u9"}


@pytest.mark.parametrize(
    "sent",
    [
        TRACK | {"event": "Order Refunded", "properties": {"order_id": "o"}},
        TRACK | {"event": "Order Completed", "properties": {"order_id": "o", "products": []}},
        GA4 | {"event_name": "refund", "ecommerce": {"transaction_id": "o"}, "items": []},
    ],
)
def test_an_order_of_which_no_item_is_told_is_passed_over(sent: object) -> None:
    reading = read(sent)

    assert (reading.refusals, reading.events, len(reading.passed_over)) == ([], [], 1)


def test_a_change_of_mongodb_is_the_text_of_a_row() -> None:
    row = json.dumps(CART)

    assert only({"op": "c", "after": row}).item_id == "i"
    assert read({"op": "d", "before": row, "after": None}).passed_over == ["deleted"]


def test_no_message_is_more_than_a_thousand_events() -> None:
    many = CART | {"item_id": None, "products": [{"id": n} for n in range(21_800)]}

    reading = read(many)

    assert len(reading.events) == 1_000
    assert reading.refusals == ["payload: more than 1000 products in one"]


@pytest.mark.parametrize(
    ("sent", "available"),
    [
        ({"in_stock": "N"}, False),
        ({"availability": "not in stock"}, False),
        ({"availability": ["https://schema.org/OutOfStock"]}, False),
        ({"availability": {"@id": "https://schema.org/InStock"}}, True),
        ({"库存": "x", "availability": "暂时缺货"}, False),
        ({"g:availability": "out of stock"}, False),
    ],
)
def test_whether_an_item_can_be_bought_is_read_in_more_words(
    sent: dict[str, object],
    available: bool,  # noqa: FBT001 - a parameter
) -> None:
    (item,) = read_items(
        json.dumps({"id": "i", "title": "t"} | sent, ensure_ascii=False).encode()
    ).items

    assert item.available is available


def test_an_item_of_googles_feed_is_whole() -> None:
    sent = {"g:id": "i", "g:title": "Tea", "g:price": "8.90 EUR", "g:brand": "B"}

    (item,) = read_items(json.dumps(sent).encode(), dialect=SHOP).items

    assert (item.id, item.title, item.price, item.brand) == ("i", "Tea", 8.9, "B")


@pytest.mark.parametrize("yes", ["true", 1, "yes", True])
def test_a_patch_and_a_withdrawal_are_said_in_any_word(yes: object) -> None:
    (patch,) = read_items(json.dumps({"id": "i", "title": "t", "patch": yes}).encode()).items
    gone = read_items(json.dumps({"id": "i", "withdrawn": yes}).encode())

    assert patch.is_patch
    assert gone.withdrawn == ["i"]


def test_the_item_that_a_request_names_is_the_item() -> None:
    sent = {"datasetArn": "x", "items": [{"itemId": "1", "properties": '{"id":"zz","title":"T"}'}]}

    (item,) = read_items(json.dumps(sent).encode()).items

    assert (item.id, item.title) == ("1", "T")


@pytest.mark.parametrize(
    ("name", "action"),
    [("加入购物车", Action.CART), ("支付", Action.PURCHASE), ("取消订单", Action.RETURN)],
)
def test_a_call_of_segment_may_have_a_chinese_name(name: str, action: Action) -> None:
    event = only(TRACK | {"event": name, "properties": {"product_id": "tea"}})

    assert (event.type, event.item_id) == (action, "tea")


def test_what_a_chinese_shop_does_besides_is_passed_over_by_its_name() -> None:
    assert read(TRACK | {"event": "领券", "properties": {}}).passed_over == ["领券"]
