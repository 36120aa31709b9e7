"""Reports: how each message ends, by the rules of the workers."""

import json
from typing import Any

import pytest

from portrait.events.event import Action
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.mapping import Mapped, Rule
from portrait.reading.records import Clock, read_record, refusal, require_whole
from portrait.reading.report import End, Report, canonical, report_on, report_on_item
from tests.support.records import RECEIVED, FakeRecord, payload
from tests.support.vocabularies import VOCABULARIES

CLOCK = Clock(RECEIVED, 60_000)
NOON = "2026-07-01T12:00:00Z"
ORDER = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "m-1",
    "userId": "ann",
    "timestamp": NOON,
    "properties": {"products": [{"product_id": "tea"}, {"name": "no id"}]},
}


def of(sent: Any, **options: Any) -> Report:  # noqa: ANN401
    return report_on(sent, CLOCK, AS_SENT, **options)


@pytest.mark.parametrize(
    ("sent", "end", "called", "reason"),
    [
        (payload(), End.READ, "click", None),
        ({"type": "page", "messageId": "m", "userId": "u"}, End.PASSED_OVER, "page", "page"),
        (
            {"type": "track", "event": "Bonus Earned", "messageId": "m", "properties": {}},
            *(End.PASSED_OVER, "Bonus Earned", "other"),
        ),
        (payload(item_id=None), End.DEAD, "click", "item_id: missing"),
        (payload(type="dance"), End.DEAD, "dance", "type: unknown action"),
        (
            payload(occurred_at="2999-01-01T00:00:00Z"),
            End.DEAD,
            "click",
            "occurred_at: in the future",
        ),
        (ORDER, End.DEAD, "Order Completed", "item_id: missing"),
    ],
    ids=str,
)
def test_a_message_ends_in_one_of_three_ways(
    sent: dict[str, Any], end: End, called: str, reason: str | None
) -> None:
    for shape in (sent, json.dumps(sent).encode()):
        report = of(shape)

        assert (report.end, report.called, report.reason) == (end, called, reason)


def test_of_a_message_that_is_dead_in_part_the_rest_is_told() -> None:
    report = of(ORDER)

    assert report.end is End.DEAD
    assert [event.item_id for event in report.events] == ["tea"]


def test_fields_that_are_left_out_are_told_with_the_reason() -> None:
    report = of(payload(quantity=-1, price=2.5))

    assert report.end is End.READ
    assert report.left_out == {"quantity": "greater_than_equal"}


@pytest.mark.parametrize("sent", [b"", b"{", b"[1]", b"\xff", b"7", b"x" * 70_000], ids=repr)
def test_what_is_no_message_is_dead_and_has_no_name(sent: bytes) -> None:
    report = of(sent)

    assert (report.end, report.called) == (End.DEAD, "")
    assert str(report.reason).startswith("payload: ")


def test_the_topic_says_what_was_done_where_the_message_does_not() -> None:
    assert of(payload(type=None)).reason == "type: missing"
    assert of(payload(type=None), topic=Action.CART).events[0].type is Action.CART


@pytest.mark.parametrize(
    "message",
    [example.sent for each in VOCABULARIES for example in each.examples],
    ids=lambda message: str(message)[:40],
)
def test_it_is_read_as_the_workers_read_it(message: object) -> None:
    record = FakeRecord("events.browse", json.dumps(message).encode())
    whole = refusal(lambda sent: require_whole(read_record(sent, CLOCK)), record)
    heard = read_record(record, CLOCK)

    report = report_on(record.value or b"", CLOCK, AS_SENT, Action.BROWSE)

    assert report.reason == whole or report.end is End.PASSED_OVER
    assert [*report.events] == [each.event for each in heard.events]


def test_a_clock_that_is_known_to_be_wrong_is_corrected_before_it_is_judged() -> None:
    ahead = payload(occurred_at="2999-01-01T00:00:00Z", sent_at="2999-01-01T00:00:01Z")

    assert of(ahead).end is End.READ


def test_a_mistake_of_ours_costs_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("portrait.reading.report.read_messages", broken)

    assert of(payload()).reason == "internal: ZeroDivisionError"


def test_what_a_mapping_reads_is_called_by_its_rule() -> None:
    rule = Rule(name="till", when={"kasse": "said"}, fields={"type": "was", "user_id": "wer"})
    own = Dialect(mapped=Mapped((rule,)))

    report = report_on({"kasse": 7, "was": "buy", "event": "x"}, CLOCK, own)

    assert report.called == "till"


@pytest.mark.parametrize("is_row", [True, False])
def test_an_item_is_read_or_withdrawn_or_dead(is_row: bool) -> None:  # noqa: FBT001
    def item(**fields: object) -> Report:
        return report_on_item(fields if is_row else json.dumps(fields).encode(), AS_SENT)

    read, gone, dead = (
        item(sku="tea", name="Sencha", stock="0"),
        item(id="a", deleted="1"),
        item(a=1),
    )

    assert [canonical(each) for each in read.items] == [
        {"id": "tea", "title": "Sencha", "available": False}
    ]
    assert (gone.end, [*gone.withdrawn]) == (End.READ, ["a"])
    assert (dead.end, dead.reason) == (End.DEAD, "id: missing")


def test_an_event_is_told_as_its_own_json() -> None:
    (event,) = of(payload(occurred_at="2026-07-01 14:00:00+02:00")).events

    told = canonical(event)

    assert told == json.loads(event.model_dump_json(exclude_none=True))
    assert [*map(canonical, of(json.dumps(told).encode()).events)] == [told]
