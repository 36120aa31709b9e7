"""Rows of the archive: what a record becomes, and which file it goes into."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from portrait.archive.rows import MOST_FILES, cut, tabulate
from portrait.archive.segment import Segment
from portrait.events.receipt import RECEIVED as SAID
from portrait.events.stream import Record
from portrait.ref import item_ref, user_ref
from portrait.times import DAY_MS
from tests.support.archives import RECEIVED_ON, TOLERANCE_MS, click
from tests.support.records import RECEIVED, FakeRecord, event_record
from tests.support.vocabularies import SEGMENT

MIDNIGHT = (RECEIVED // DAY_MS + 1) * DAY_MS


def test_a_row_holds_the_whole_event() -> None:
    record = event_record(
        7,
        type="review",
        session_id="s",
        price=2.5,
        quantity=3,
        text="good",
        rating=4.5,
        order_id="o",
        recommendation_id="r",
    )

    (row,) = tabulate([record], TOLERANCE_MS).rows.to_pylist()

    assert row == {
        "event_id": "e7",
        "user": "ann",
        "user_ref": user_ref("ann"),
        "session": "s",
        "item": "milk",
        "item_ref": item_ref("milk"),
        "action": "review",
        "price": 2.5,
        "quantity": 3,
        "text": "good",
        "rating": 4.5,
        "recommendation_id": "r",
        "occurred_at": datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC),
        "received_at": datetime.fromtimestamp(RECEIVED / 1_000, UTC),
        "topic": "events.review",
        "partition": 0,
        "offset": 7,
        "order_id": "o",
        "anonymous_ref": None,
        "surface": None,
        "choices": None,
        "shown": None,
        "logged_at": datetime.fromtimestamp(RECEIVED / 1_000, UTC),
        "part": 0,
    }


def test_a_row_says_which_visitor_a_user_was_too() -> None:
    both, alone = (
        event_record(1, anonymous_id="c-1"),
        event_record(2, anonymous_id="c-1", user_id=None),
    )

    rows = tabulate([both, alone], TOLERANCE_MS).rows

    assert rows["anonymous_ref"].to_pylist() == [user_ref("anonymous:c-1"), None]


def test_whoever_is_identified_or_taken_back_has_a_row() -> None:
    identify = {"type": "identify", "anonymous_id": "c-1", "user_id": "ann"}
    taken_back = {"type": "unlink", "anonymous_id": "c-1", "occurred_at": "2026-09-21T14:00:00Z"}
    records = [
        FakeRecord("identities", json.dumps(each).encode(), offset)
        for offset, each in enumerate([identify, taken_back])
    ]

    one, other = tabulate(records, TOLERANCE_MS).rows.to_pylist()

    assert (one["user"], one["action"], one["offset"]) == ("ann", "identify", 0)
    assert (other["user"], other["action"]) == ("anonymous:c-1", "unlink")
    assert one["anonymous_ref"] == other["anonymous_ref"] == user_ref("anonymous:c-1")
    assert one["occurred_at"] == datetime.fromtimestamp(RECEIVED / 1_000, UTC)
    assert other["occurred_at"] == datetime(2026, 9, 21, 14, 0, tzinfo=UTC)


def test_a_record_of_several_events_is_a_row_for_each_and_one_file_has_them_all() -> None:
    order = FakeRecord("events.purchase", json.dumps(SEGMENT.examples[0].sent).encode(), 7)

    said = tabulate([event_record(3), order, order], TOLERANCE_MS)
    files = {segment.topic: rows for segment, rows in cut(said.rows)}

    assert files["events.purchase"]["event_id"].to_pylist() == ["m-1:0", "m-1:1"]
    assert files["events.purchase"]["offset"].to_pylist() == [7, 7]
    assert "part" not in files["events.purchase"].column_names


def test_a_search_is_about_no_item() -> None:
    (row,) = tabulate([event_record(type="search", text="milk")], TOLERANCE_MS).rows.to_pylist()

    assert (row["item_ref"], row["text"]) == (None, "milk")


def test_what_the_update_worker_dead_letters_is_left_out() -> None:
    future = click(1, occurred_at="2027-01-01T00:00:00Z")

    rows = tabulate([FakeRecord("events.click", b"{"), future, click(2)], TOLERANCE_MS).rows

    assert rows["offset"].to_pylist() == [2]


def test_no_records_are_no_rows_and_no_files() -> None:
    assert list(cut(tabulate([], TOLERANCE_MS).rows)) == []


def test_each_topic_partition_has_its_own_file_in_order_of_offsets() -> None:
    records = [
        click(12),
        event_record(3, type="cart"),
        click(10),
        FakeRecord("events.click", click(4).value, 4, partition=1),
    ]

    files = {segment.name: rows["offset"].to_pylist() for segment, rows in cut_rows(records)}

    day = f"day={RECEIVED_ON}"
    assert files == {
        f"{day}/events.cart-0-{3:020d}-{4:020d}.parquet": [3],
        f"{day}/events.click-0-{10:020d}-{13:020d}.parquet": [10, 12],
        f"{day}/events.click-1-{4:020d}-{5:020d}.parquet": [4],
    }


def test_a_record_that_was_read_twice_is_one_row() -> None:
    ((_, rows),) = cut_rows([click(1), click(2), click(1)])

    assert rows["offset"].to_pylist() == [1, 2]


def test_a_day_that_is_over_does_not_come_back_however_clocks_run() -> None:
    times = [MIDNIGHT - 2, MIDNIGHT, MIDNIGHT - 1, MIDNIGHT + 1, MIDNIGHT - DAY_MS]
    long_ago = "2026-09-01T00:00:00Z"
    records = [click(n, received=at, occurred_at=long_ago) for n, at in enumerate(times)]

    days = [(segment.day.day, rows["offset"].to_pylist()) for segment, rows in cut_rows(records)]

    assert days == [(21, [0]), (22, [1, 2, 3, 4])]


def test_forged_receipts_make_no_files() -> None:
    """What a header says moves no row to another day: 1,500 made 1,500 files."""
    records = [
        replace(
            click(n, occurred_at="2000-01-01T00:00:00Z"),
            headers=((SAID, b"%d" % (RECEIVED - (1_500 - n) * DAY_MS)),),
        )
        for n in range(1_500)
    ]

    ((segment, rows),) = cut_rows(records)

    assert segment.day == RECEIVED_ON
    assert rows["offset"].to_pylist() == list(range(1_500))
    assert rows["received_at"][0].as_py() < datetime(2023, 1, 1, tzinfo=UTC)


def test_one_flush_is_a_bounded_number_of_files_whatever_stamps_say() -> None:
    """Where producers' clocks are believed; the oldest days then share a file."""
    long_ago = "2000-01-01T00:00:00Z"
    records = [
        replace(
            click(n, received=RECEIVED - (1_500 - n) * DAY_MS, occurred_at=long_ago),
            partition=partition,
        )
        for n in range(1_500)
        for partition in range(3)
    ]

    files = cut_rows(records)

    assert len(files) <= MOST_FILES
    offsets = [(s.partition, offset) for s, rows in files for offset in rows["offset"].to_pylist()]
    assert sorted(offsets) == [(p, n) for p in range(3) for n in range(1_500)]
    for segment, rows in files:
        newest = max(rows["received_at"].to_pylist())
        assert segment.day == newest.date()
    assert [s.day for s, _ in files if s.partition == 0][-1] == RECEIVED_ON - timedelta(days=1)


def cut_rows(records: Sequence[Record]) -> list[tuple[Segment, pa.Table]]:
    return list(cut(tabulate(records, TOLERANCE_MS).rows))
