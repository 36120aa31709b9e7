"""Import of items: the last row of an id wins, and what changes it after that changes it."""

import json
from collections.abc import Iterable

from portrait.events.stream import Message
from portrait.reading.dialect import AS_SENT
from portrait.reading.report import Report, report_on_item
from tests.support.fakes import ListPublisher
from workers.import_items import Whole, publish


async def imported(*rows: dict[str, object]) -> list[tuple[str, object]]:
    def reports() -> Iterable[Report]:
        return (report_on_item(row, AS_SENT) for row in rows)

    whole, publisher, advanced = Whole(), ListPublisher(), list[int]()
    for report in reports():
        whole.add(report)
    sent = await publish(reports(), whole, publisher, advanced.append)
    assert sent == len(publisher.messages)
    assert sum(advanced) == len(rows)
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
        ("a", {"id": "a", "available": False}),
        ("b", {"id": "b", "available": False}),
    ]


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
