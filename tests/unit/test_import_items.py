"""Import of items: the last row of an id wins, and what changes it after that changes it."""

import json
from collections.abc import Iterable

import pytest
from pydantic_core import to_json

from portrait.events.item import Item
from portrait.events.stream import Message
from portrait.reading.dialect import AS_SENT
from portrait.reading.report import Report, report_on_item
from tests.support.fakes import ListPublisher
from workers.imports.items import Whole, publish


async def imported(*rows: dict[str, object]) -> list[tuple[str, object]]:
    def reports() -> Iterable[Report]:
        return (report_on_item(row, AS_SENT) for row in rows)

    whole, publisher = Whole(), ListPublisher()
    for number, report in enumerate(reports()):
        whole.add(number, report)
    sent = await publish(reports(), whole, publisher)
    assert sent == len(publisher.messages)
    return [*map(_said, publisher.messages)]


def _said(message: Message) -> tuple[str, object]:
    assert message.topic == "items"
    return message.key.decode(), None if message.value is None else json.loads(message.value)


async def test_the_last_row_of_an_id_wins_and_the_order_is_that_of_the_file() -> None:
    assert await imported(
        {"id": "a", "title": "old"}, {"id": "b", "title": "B"}, {"id": "a", "title": "new"}
    ) == [("b", {"id": "b", "title": "B"}), ("a", {"id": "a", "title": "new"})]


async def test_what_changes_an_item_comes_after_what_says_all_of_it() -> None:
    assert await imported(
        {"id": "a", "price": 1},
        {"id": "a", "title": "A", "price": 2},
        {"id": "a", "stock": 0},
        {"id": "b", "available": "no"},
    ) == [
        ("a", {"id": "a", "title": "A", "price": 2.0}),
        ("a", {"id": "a", "available": False, "patch": True}),
        ("b", {"id": "b", "available": False, "patch": True}),
    ]


PATCHES: list[dict[str, object]] = [
    {"patch": True, "title": None, "price": 2},
    {"patch": True, "title": "New", "attributes": {"size": None, "colour": "red"}},
    {"patch": True, "brand": None, "attributes": None, "available": True},
    {"price": 3, "available": "yes"},
    {"withdrawn": False},
]


@pytest.mark.parametrize("patch", PATCHES, ids=str)
async def test_a_patch_means_what_it_meant_in_the_file(patch: dict[str, object]) -> None:
    known = Item(id="a", title="A", brand="B", price=1, attributes={"size": "L"}, available=False)
    ((_, sent),) = await imported({"id": "a"} | patch)

    (as_sent,) = report_on_item(to_json(sent), AS_SENT).items
    (as_it_was,) = report_on_item({"id": "a"} | patch, AS_SENT).items

    assert as_sent.is_patch
    assert as_sent.upon(known) == as_it_was.upon(known)


async def test_what_is_withdrawn_is_withdrawn_unless_it_comes_back() -> None:
    assert await imported(
        {"id": "a", "title": "A"},
        {"id": "a", "deleted": True},
        {"id": "b", "deleted": True},
        {"id": "b", "title": "B"},
    ) == [("a", None), ("b", {"id": "b", "title": "B"})]


async def test_rows_that_are_dead_are_left_out() -> None:
    assert await imported({"title": "no id"}, {"id": "a", "title": "A"}) == [
        ("a", {"id": "a", "title": "A"})
    ]
