"""Mappings: what a shop declares of its messages is read so; a mistake is told with its line."""

import json
import re
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portrait.errors import SettingsInvalidError
from portrait.events.event import Action, Event
from portrait.reading.dialect import Dialect
from portrait.reading.events import Reading, read_events
from portrait.reading.items import read_items
from portrait.reading.mapping import MappingFile, read_mapping
from tests.support.generated import ROOT

SHIPPED = ROOT / "deploy" / "mappings"
ORDER = {
    "id": 5001,
    "created_at": "2026-07-01T03:31:00-04:00",
    "currency": "USD",
    "customer": {"id": 7001},
    "line_items": [
        {"id": 1, "product_id": 9001, "title": "Sencha", "quantity": 1, "price": "8.90"},
        {"id": 2, "product_id": 9002, "title": "Pot", "quantity": 2, "price": "49.00"},
    ],
}
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "mapping.yml"
        path.write_text(text)
        return path

    return written


def said(mapping: Path, sent: object, **dialect: Any) -> Reading[Event]:  # noqa: ANN401
    own = Dialect(mapped=read_mapping(mapping), **dialect)
    return read_events(json.dumps(sent).encode(), dialect=own)


def test_an_order_of_shopify_is_an_event_for_each_line() -> None:
    reading = said(SHIPPED / "shopify-orders.yml", ORDER, currency="CNY", rates={"USD": 7.0})

    assert reading.refusals == []
    assert [(e.event_id, e.type, e.user_id, e.item_id, e.quantity) for e in reading.events] == [
        ("5001:1", Action.PURCHASE, "7001", "9001", 1),
        ("5001:2", Action.PURCHASE, "7001", "9002", 2),
    ]
    assert [event.price for event in reading.events] == pytest.approx([62.3, 343.0])
    assert {event.occurred_at.isoformat() for event in reading.events} == {
        "2026-07-01T03:31:00-04:00"
    }


def test_a_currency_that_has_no_rate_counts_without_its_price() -> None:
    reading = said(SHIPPED / "shopify-orders.yml", ORDER, currency="CNY")

    assert [event.price for event in reading.events] == [None, None]
    assert reading.left_out == [{"price": "in another currency"}] * 2


@pytest.mark.parametrize(("currency", "price"), [("USD", 7.0), ("CNY", 1.0), ("EUR", None)])
def test_a_plain_event_in_another_currency_is_converted_too(
    currency: str, price: float | None
) -> None:
    plain = {"event_id": "e", "type": "click", "user_id": "u", "item_id": "i", "price": 1}
    sent = json.dumps(plain | {"currency": currency, "occurred_at": 1_782_891_060}).encode()

    (event,) = read_events(sent, dialect=Dialect(currency="CNY", rates={"USD": 7.0})).events

    assert event.price == price


def test_a_visit_of_matomo_is_read_or_passed_over() -> None:
    page = {"type": "action", "idpageview": "x1", "timestamp": 1_782_891_060, "visitorId": "v"}
    mapping = SHIPPED / "matomo.yml"

    (event,) = said(mapping, page | {"productViewSku": "tea-0042"}).events
    (search,) = said(mapping, page | {"type": "search", "siteSearchKeyword": "tea"}).events

    assert (event.type, event.user_key, event.event_id) == (
        Action.BROWSE,
        "anonymous:v",
        "x1:1782891060",
    )
    assert (search.type, search.text) == (Action.SEARCH, "tea")
    assert said(mapping, page).passed_over == ["Matomo other"]


def test_a_log_with_words_of_its_own_is_read() -> None:
    row = {
        "datum": "01.07.2026 09:31",
        "kunde": "K-1",
        "artikel": "4711",
        "bezeichnung": "Sencha",
        "warengruppe": "12",
        "aktion": "KAUF",
        "menge": "2",
        "preis": "8,90",
    }
    mapping = SHIPPED / "csv-log.yml"

    (event,) = said(mapping, row).events
    (item,) = read_items(
        json.dumps(row).encode(), dialect=Dialect(mapped=read_mapping(mapping))
    ).items

    assert (event.type, event.quantity, event.price) == (Action.PURCHASE, 2, 8.9)
    assert event.occurred_at.isoformat() == "2026-07-01T09:31:00+00:00"
    assert event.item is not None
    assert event.item.category == "Lebensmittel > Tee"
    assert (item.id, item.category, item.price) == ("4711", "Lebensmittel > Tee", 8.9)
    assert said(mapping, row | {"aktion": "GEBURTSTAG"}).refusals == [
        'type: what it says is not among the values of "shop log"'
    ]


def test_plain_messages_are_read_as_before_beside_a_mapping() -> None:
    plain = {"event_id": "e", "type": "click", "user_id": "u", "item_id": "i"}

    (event,) = said(SHIPPED / "matomo.yml", plain | {"occurred_at": 1_782_891_060}).events

    assert event.type is Action.CLICK


def test_paths_lead_into_lists_and_to_names_with_dots(write: Write) -> None:
    mapping = write(
        "events:\n"
        "- name: mine\n"
        "  fields:\n"
        "    type: {constant: click}\n"
        "    event_id: ids.1\n"
        "    user_id: who.is\n"
        "    item_id: [nowhere, a.b.c]\n"
        "    occurred_at: at\n"
    )

    (event,) = said(
        mapping,
        {"ids": [1, 2], "who.is": "u", "a": {"b": {"c": "i"}}, "at": "2026-07-01T00:00:00Z"},
    ).events

    assert (event.event_id, event.user_id, event.item_id) == ("2", "u", "i")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("events:\n- name: a\n  fields:\n    type: {constant: click}\n   x: 1\n", "line 5"),
        ("version: 2\n", "line 1: version"),
        ("events:\n- name: a\n  fields: {}\n", "line 2: events.0: it says no fields"),
        (
            "events:\n- name: a\n  fields:\n    colour: x\n",
            "line 4: events.0.fields.colour: no such field; there are 'event_id', ",
        ),
        ("events:\n- name: a\n  feilds:\n    type: x\n", "line 3: events.0.feilds"),
        (
            "events:\n- name: a\n  fields:\n    type: x\n    price: {path: a, constant: 1}\n",
            "line 5",
        ),
        (
            "items:\n- name: a\n  fields:\n    user_id: x\n",
            "line 4: items.0.fields.user_id: no such field; there are 'id', ",
        ),
        (
            "events:\n- name: a\n  fields:\n    type: {constant: buyy}\n",
            "line 3: events.0.fields: type",
        ),
        ("events:\n- name: a\n  fields:\n    type: {path: a, values: {K: purchse}}\n", "line 3"),
        ("events:\n- name: a\n  fields:\n    user_id: {pth: a}\n", "line 4"),
        ('events:\n- name: a\n  fields:\n    sent_at: {path: a, format: "%Q"}\n', "line 4"),
        ("events:\n- name: a\n  fields:\n    item_id: each.q\n", "line 2: events.0: item_id"),
        ("events:\n- name: a\n  name: b\n", "line 3: `name` stands there before"),
        ("version: 1\nx: \x01\n", "line 2: a character that YAML does not allow"),
        ("[1, 2]", "line 1"),
    ],
)
def test_a_mistake_is_told_with_its_line(write: Write, text: str, told: str) -> None:
    with pytest.raises(SettingsInvalidError, match="PORTRAIT_MAPPING") as refusal:
        read_mapping(write(text))

    assert told in str(refusal.value)


def test_a_file_that_is_no_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yml"
    path.write_bytes(b"version: 1\n# caf\xe9\n")

    with pytest.raises(SettingsInvalidError, match="line 2: not UTF-8"):
        read_mapping(path)


def test_values_are_named_as_json_writes_them(write: Write) -> None:
    mapping = write(
        "events:\n- name: a\n  fields:\n    event_id: id\n    user_id: who\n    item_id: what\n"
        "    occurred_at: at\n    type: {path: bought, values: {true: purchase, 7: cart}}\n"
    )
    sent = {"id": "e", "who": "u", "what": "i", "at": "2026-07-01T00:00:00Z"}

    types = [said(mapping, sent | {"bought": each}).events[0].type for each in (True, 7)]

    assert types == [Action.PURCHASE, Action.CART]


def test_a_rule_that_does_not_say_what_was_done_leaves_it_to_the_topic(write: Write) -> None:
    mapping = write(
        "events:\n- name: a\n  fields:\n    event_id: id\n    user_id: who\n    item_id: what\n"
        "    occurred_at: at\n"
    )
    sent = {"id": "e", "who": "u", "what": "i", "at": "2026-07-01T00:00:00Z"}
    own = Dialect(mapped=read_mapping(mapping))

    (event,) = read_events(json.dumps(sent).encode(), topic=Action.WISH, dialect=own).events

    assert event.type is Action.WISH


def test_lines_without_an_item_are_passed_over_beside_others() -> None:
    lines = [*ORDER["line_items"], {"id": 3, "title": "Tip", "price": "2.00"}]  # type: ignore[misc]

    reading = said(SHIPPED / "shopify-orders.yml", ORDER | {"line_items": lines})

    assert [event.item_id for event in reading.events] == ["9001", "9002"]
    assert (reading.passed_over, reading.refusals) == (["Shopify order"], [])


def test_who_worked_at_the_till_is_no_customer() -> None:
    guest = ORDER | {"customer": None, "user_id": 777, "checkout_token": "ct"}
    refund = {"id": 9, "user_id": 777, "created_at": "2026-07-01T00:00:00Z"}
    lines = {"refund_line_items": [{"id": 1, "quantity": 1, "line_item": {"product_id": 9001}}]}

    bought = said(SHIPPED / "shopify-orders.yml", guest)
    returned = said(SHIPPED / "shopify-orders.yml", refund | lines)

    assert {event.user_key for event in bought.events} == {"anonymous:ct"}
    assert (returned.events, returned.passed_over) == ([], ["Shopify refund of nobody known"])


def test_ids_of_mongodb_are_told_apart(write: Write) -> None:
    mapping = write(
        "events:\n- name: a\n  each: lines\n  fields:\n    type: {constant: purchase}\n"
        "    event_id: _id\n    user_id: who\n    item_id: each.sku\n    occurred_at: at\n"
    )
    sent = {"_id": {"$oid": "66b0"}, "who": "u", "at": "2026-07-01T00:00:00Z"}

    events = said(mapping, sent | {"lines": [{"sku": "a"}, {"sku": "b"}]}).events

    assert [event.event_id for event in events] == ["66b0:0", "66b0:1"]


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(SettingsInvalidError, match="cannot be read"):
        read_mapping(Path("/nowhere/mapping.yml"))


def test_the_published_schema_is_that_of_the_code() -> None:
    published = json.loads((SHIPPED / "mapping.schema.json").read_text())

    assert published == MappingFile.model_json_schema()


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yml")), ids=lambda path: path.name)
def test_every_shipped_mapping_is_one(path: Path) -> None:
    assert read_mapping(path).events


LINE = {
    "Description": "WHITE METAL LANTERN",
    "Quantity": 6,
    "InvoiceDate": "2010-12-01 08:26:00",
    "UnitPrice": 3.39,
    "CustomerID": 17850.0,
}


@pytest.mark.parametrize(
    ("quantity", "action", "pieces"),
    [(6, Action.PURCHASE, 6), (-1, Action.RETURN, 1), ("-2", Action.RETURN, 2)],
)
def test_a_purchase_of_less_than_nothing_is_a_return(
    quantity: object, action: Action, pieces: int
) -> None:
    (event,) = said(SHIPPED / "online-retail.yml", LINE | {"Quantity": quantity}).events

    assert (event.type, event.quantity) == (action, pieces)
    assert (event.user_id, event.item_id, event.price) == ("17850", "WHITE METAL LANTERN", 3.39)


def test_who_bought_without_being_known_is_passed_over() -> None:
    reading = said(SHIPPED / "online-retail.yml", LINE | {"CustomerID": None})

    assert (reading.events, reading.passed_over) == ([], ["line without a customer"])


def page_example(kind: str, after: str) -> str:
    page = (ROOT / "docs" / "event-schema.md").read_text().partition(after)[2]
    return page.partition(f"```{kind}\n")[2].partition("```")[0]


def test_the_example_of_the_page_is_read_as_it_says(write: Write) -> None:
    message = json.loads(page_example("jsonc", "### Your own"))
    mapping = write(page_example("yaml", "### Your own"))

    read = said(mapping, message, zone=ZoneInfo("Asia/Shanghai")).events

    assert [(e.type, e.user_id, e.item_id, e.quantity, e.price) for e in read] == [
        (Action.PURCHASE, "8801", "A-1", 2, 268.0),
        (Action.PURCHASE, "8801", "B-7", 1, 399.0),
    ]
    assert {e.occurred_at.astimezone(UTC).isoformat() for e in read} == {
        "2026-11-20T07:31:00+00:00"
    }
    assert {e.order_id for e in read} == {"20261127001"}


def test_a_word_that_a_rule_does_not_know_is_said_to_be_one(write: Write) -> None:
    page = said(write(page_example("yaml", "### Your own")), {"事件": "心跳"})
    message = json.loads(page_example("jsonc", "### Your own")) | {"事件": "申请退款"}
    rule = "events: [{name: a, fields: {type: {path: t, values: {buy: purchase}}, user_id: u}}]"

    assert page.passed_over == ["心跳"]
    returned = said(write(page_example("yaml", "### Your own")), message).events
    assert [event.type for event in returned] == [Action.RETURN, Action.RETURN]
    assert said(write(rule), {"t": "领券", "u": 1}).refusals == [
        'type: what it says is not among the values of "a"'
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1: it says nothing"),
        ("version: 1", "line 1: it says nothing"),
        ("events: [{name: a, wenn: {}, fields: {type: t}}]", "no such word in a mapping"),
        (
            "events: [{name: a, fields: {occurred_at: {path: t, format: YYYY-MM-DD}}}]",
            "as `%Y-%m-%d %H:%M` is one",
        ),
    ],
)
def test_a_mapping_that_can_mean_nothing_is_refused(write: Write, text: str, told: str) -> None:
    with pytest.raises(SettingsInvalidError, match=re.escape(told)):
        read_mapping(write(text))
