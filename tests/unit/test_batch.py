"""Batches: decoded once, in order, with what cannot be read set aside."""

import json

import pytest

from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.kinds import DISLIKED_REVIEW, LIKED_REVIEW, REVIEW, is_read, kinds_of
from portrait.reading.decode import EventBatch, decode, item_of
from portrait.reading.records import LARGEST_EVENT, Clock
from portrait.ref import event_ref, item_ref, search_ref
from tests.support.records import RECEIVED, FakeRecord, encoded, event_record, one_event
from tests.support.vocabularies import SEGMENT


def decoded(*records: FakeRecord, tokens: int = 10_000) -> list[EventBatch]:
    return list(decode(records, clock=Clock.of_system(60_000), most_tokens=tokens))


def test_an_event_becomes_a_row_with_its_place() -> None:
    (batch,) = decoded(event_record(7, type="purchase", price=2.5, quantity=3))

    (row,) = batch.columns
    assert batch.users == ["ann"]
    assert (row["user"], row["topic"], row["offset"]) == (0, ACTION_CODE[Action.PURCHASE], 7)
    assert row["event"]["id"] == event_ref("e7")
    assert row["event"]["ref"] == item_ref("milk")
    assert (row["event"]["price"], row["event"]["quantity"]) == (2.5, 3)
    assert row["event"]["at"] == RECEIVED


def test_events_of_one_user_share_a_row_of_facts() -> None:
    (batch,) = decoded(event_record(0), event_record(1, user_id="bob"), event_record(2))

    assert batch.users == ["ann", "bob"]
    assert batch.columns["user"].tolist() == [0, 1, 0]


def test_a_search_is_about_its_text() -> None:
    (batch,) = decoded(event_record(type="search", text=" fresh milk ", item_id=None))

    assert batch.columns["event"]["ref"].tolist() == [search_ref("fresh milk")]
    assert batch.searches == {search_ref("fresh milk"): "fresh milk"}
    assert batch.items == {}


def test_a_review_without_stars_has_those_of_its_text_and_says_that_they_were_read() -> None:
    blame, praise = "A horrible thing, useless.", "A lovely thing."
    (batch,) = decoded(
        event_record(0, type="review", text=blame, quantity=2),
        event_record(1, type="review", text=praise, quantity=2),
        event_record(2, type="review", text=blame, rating=5, quantity=2),
        event_record(3, type="purchase", text=blame, quantity=2),
    )

    event = batch.columns["event"]
    assert event["rating"].tolist() == [10, 0, 50, 0]
    assert event["quantity"].tolist() == [0, 2, 2, 2]
    assert kinds_of(event["action"], event["rating"]).tolist() == [
        DISLIKED_REVIEW,
        REVIEW,
        LIKED_REVIEW,
        ACTION_CODE[Action.PURCHASE],
    ]
    assert is_read(event["action"], event["quantity"]).tolist() == [True, False, False, False]


def test_a_poison_record_is_set_aside_with_its_place_and_the_others_go_on() -> None:
    poison = FakeRecord("events.cart", b"\xff", 9, partition=3, headers=[("trace", b"t")])

    (batch,) = decoded(event_record(0), poison, event_record(1))

    (letter,) = batch.dead
    assert len(batch) == 2
    assert letter.topic == "events.dead"
    assert (letter.key, letter.value) == (b"ann", b"\xff")
    assert dict(letter.headers) == {
        "portrait-id": b"events.cart/3/0/9",
        "portrait-topic": b"events.cart",
        "portrait-partition": b"3",
        "portrait-offset": b"9",
        "portrait-timestamp": str(RECEIVED).encode(),
        "portrait-reason": b"payload: not UTF-8 JSON",
        "trace": b"t",
    }


def reason_of(record: FakeRecord) -> str:
    (batch,) = decoded(record)
    (letter,) = batch.dead
    return (dict(letter.headers)["portrait-reason"] or b"").decode()


def test_an_oversized_event_is_dead() -> None:
    record = FakeRecord("events.click", b" " * (LARGEST_EVENT + 1))

    assert reason_of(record) == "payload: larger than 65536 bytes"


def test_an_event_of_the_future_is_dead() -> None:
    assert reason_of(event_record(occurred_at="2099-01-01T00:00:00Z")) == (
        "occurred_at: in the future"
    )


def test_an_event_before_our_time_is_dead() -> None:
    assert reason_of(event_record(occurred_at="1969-01-01T00:00:00Z")) == (
        "occurred_at: before 1970"
    )


def test_a_wrong_clock_is_corrected_by_when_it_says_it_sent() -> None:
    (batch,) = decoded(
        event_record(occurred_at="2031-01-01T00:00:00Z", sent_at="2031-01-01T00:00:05Z")
    )

    assert batch.columns["event"]["at"].tolist() == [RECEIVED - 5_000]


def test_a_batch_is_split_where_its_text_would_cost_too_much() -> None:
    searches = [event_record(n, type="search", text=f"{n} " + "word " * 20) for n in range(6)]

    parts = decoded(*searches, tokens=70)

    assert [len(part) for part in parts] == [2, 2, 2, 0]


def test_a_repeated_text_costs_once() -> None:
    searches = [event_record(n, type="search", text="word " * 20) for n in range(6)]

    assert [len(part) for part in decoded(*searches, tokens=70)] == [6]


@pytest.mark.parametrize(
    ("snapshots", "kept"),
    [
        ([None, {"title": "Milk"}, None, {}], "Milk"),
        ([{"title": "Milk"}, {"title": "Whole milk"}], "Whole milk"),
        ([{"title": "Milk", "price": 0}, {"title": "Whole milk"}], "Milk"),
        ([{"title": "Milk"}, {"brand": "Farm", "price": 2, "category": "Dairy"}], "Milk"),
        ([{"brand": "Farm", "price": 2}, {"title": "Milk"}], "Milk"),
    ],
)
def test_the_snapshot_that_says_most_of_an_item_is_kept_and_of_equals_the_later(
    snapshots: list[dict[str, object] | None], kept: str
) -> None:
    (batch,) = decoded(*(event_record(n, item=item) for n, item in enumerate(snapshots)))

    assert item_of(batch.items[item_ref("milk")]).title == kept


def test_an_item_nobody_described_is_remembered_but_not_for_sale() -> None:
    item = item_of(one_event(encoded()))

    assert (item.id, item.text, item.available) == ("milk", "", False)


def test_a_snapshot_says_all_that_the_catalogue_wants_to_know() -> None:
    snapshot = {"title": "Milk", "category": "A > B", "brand": "Farm", "price": 2}

    item = item_of(one_event(encoded(item=snapshot)))

    assert json.loads(item.model_dump_json(exclude_defaults=True)) == snapshot | {"id": "milk"}


def test_an_order_is_a_row_for_each_product_that_say_which_of_the_record_they_are() -> None:
    order = FakeRecord("events.purchase", json.dumps(SEGMENT.examples[0].sent).encode(), 7)

    (batch,) = decoded(event_record(3), order)

    assert batch.columns["offset"].tolist() == [3, 7, 7]
    assert batch.columns["part"].tolist() == [0, 0, 1]
