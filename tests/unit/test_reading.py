"""Reading: whatever a record holds, it ends in what it says or in a letter, and alone.

No reader may raise: not update, not archive, not index, not replay, and not the counts of hits,
which ask the columns that update decodes.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.archive.rows import cut, tabulate
from portrait.errors import RecordInvalidError
from portrait.events.item import MOST_ATTRIBUTES
from portrait.events.stream import Message, Record, Unreadable
from portrait.events.topics import DEAD, ERASURES, ITEMS
from portrait.profiles.facts import Facts, fold
from portrait.reading.decode import decode
from portrait.reading.records import (
    FETCH_MS,
    LARGEST_EVENT,
    LARGEST_ITEM,
    Clock,
    put_aside,
    read_item,
    read_record,
    require_whole,
    tabulated,
)
from portrait.times import DAY_MS
from tests.support.fakes import ListPublisher
from tests.support.records import RECEIVED, FakeRecord, encoded, event_record
from tests.support.streams import ListStream
from workers.index.worker import decode_items
from workers.letters.replay_dead import replay_dead

TOLERANCE = 300_000
LARGEST_LETTER = 1_040_000  # bytes, with all headers
STAMPS = (-(2**63), -1, 0, 1, RECEIVED, 253_402_300_800_000, 2**62, 2**63 - 1)

NOW = RECEIVED
CLOCK = Clock(NOW, TOLERANCE)
LIVE = Clock(NOW, TOLERANCE, since=NOW - 200)


def stamped(timestamp: int, **changes: object) -> FakeRecord:
    return replace(event_record(0, **changes), timestamp=timestamp)


def erasure(timestamp: int) -> FakeRecord:
    return FakeRecord(ERASURES, None, timestamp=timestamp)


# What no reader may raise at


SHAPES = (
    json.loads(encoded(text="milk", rating=4, price=2.5, item={"title": "Milk", "category": []})),
    {"specversion": "1.0", "type": "a.click", "subject": "u", "id": "1", "data": {"item_id": "i"}},
    {
        "type": "track",
        "event": "Product Added",
        "messageId": "m",
        "userId": "u",
        "sentAt": "2026-07-01T07:33:02Z",
        "originalTimestamp": 1_782_891_000,
        "properties": {"product_id": "p", "name": "Sencha", "price": 8.9},
    },
    {"id": "milk", "title": "Milk", "attributes": {"fat": "3 %"}, "category": ["A", "B"]},
)
NASTY = st.sampled_from(
    [None, True, -1, 2**63, 10**400, float("nan"), float("inf"), "", "\x00", "\ud800", "x" * 9_000]
) | st.recursive(st.text(max_size=3), lambda inner: st.lists(inner, max_size=2), max_leaves=3)
FIELDS = st.sampled_from(
    sorted({name for shape in SHAPES for name in shape} | {"ce_id", "eventType"})
)
BODIES = st.builds(
    lambda shape, changes: json.dumps({**shape, **changes}).encode(errors="surrogatepass"),
    st.sampled_from(SHAPES),
    st.dictionaries(FIELDS, NASTY, max_size=3),
)


def spoiled(body: bytes, at: int, byte: int, end: int) -> bytes:
    """Change a byte, and cut the end off."""
    at %= len(body) + 1
    return body[:at] + bytes([byte]) + body[at + 1 : len(body) - end]


VALUES = (
    st.none()
    | st.binary(max_size=40)
    | BODIES
    | st.builds(spoiled, BODIES, st.integers(0, 500), st.integers(0, 255), st.integers(0, 9))
    | st.sampled_from(
        [
            b"[" * 5_000 + b"]" * 5_000,
            b'{"type": ' + b"9" * 5_000 + b"}",
            b'{"type": ' + b"9" * 4_300 + b', "item_id": Infinity}',
            b'{"user_id": "\\ud800", "user_id": {}}',
            b" " * (LARGEST_EVENT + 1),
        ]
    )
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["ce_specversion", "ce_id", "ce_time", "ce_type", "portrait-topic", "\ud800"]
        ),
        st.none() | st.sampled_from([b"1.0", b"items", b"erasures"]) | st.binary(max_size=9),
    ),
    max_size=4,
)
RECORDS: st.SearchStrategy[Record] = st.builds(
    FakeRecord,
    topic=st.sampled_from(["events.click", "events.search", ERASURES, ITEMS, "elsewhere"]),
    value=VALUES,
    offset=st.integers(0, 2**62),
    partition=st.integers(0, 2**31 - 2),
    timestamp=st.sampled_from(STAMPS) | st.integers(-(2**63), 2**63 - 1),
    key=st.none() | st.binary(max_size=9) | st.just(b"k" * 9_000),
    headers=HEADERS,
) | st.builds(Unreadable, st.just("events.click"), st.just(0), st.just(3), st.just(0), st.just("x"))


def by_update(records: Sequence[Record]) -> list[Message]:
    parts = list(decode(records, clock=Clock.of_system(TOLERANCE), most_tokens=10_000))
    for part in parts:
        fold(Facts.empty(len(part.users)), part.columns)
    ends = sum(len(part) + len(part.dead) + part.passed_over.total() for part in parts)
    assert ends == len(records)  # each of them is of one message
    return [letter for part in parts for letter in part.dead]


def by_archive(records: Sequence[Record]) -> list[Message]:
    said = tabulate(records, TOLERANCE)
    assert all(segment.end > segment.first for segment, _ in cut(said.rows))
    return said.dead


def by_index(records: Sequence[Record]) -> list[Message]:
    return decode_items(records).dead


READERS = (by_update, by_archive, by_index)


@pytest.mark.parametrize("read", READERS)
@given(records=st.lists(RECORDS, max_size=4))
def test_no_record_ends_a_reader_or_spoils_another(
    read: Callable[[Sequence[Record]], list[Message]], records: list[Record]
) -> None:
    good = FakeRecord("items", b'{"id": "i"}') if read is by_index else event_record(0)

    letters = read([*records, good])

    assert len(letters) <= len(records)
    assert all(_size(letter) < LARGEST_LETTER for letter in letters)


@given(records=st.lists(RECORDS, max_size=4))
async def test_no_record_ends_a_replay(records: list[Record]) -> None:
    publisher, stream = ListPublisher(), ListStream(records, [])

    await replay_dead(stream, publisher)

    assert DEAD not in {message.topic for message in publisher.messages}


def _size(letter: Message) -> int:
    named = sum(len(n.encode(errors="replace")) + len(v or b"") + 12 for n, v in letter.headers)
    return len(letter.key) + len(letter.value or b"") + named


def test_a_defect_is_told_by_its_class_alone() -> None:
    def take(record: Record) -> None:
        raise ZeroDivisionError(str(record.value))

    letter = put_aside(event_record(0), take)

    assert letter is not None
    assert dict(letter.headers)["portrait-reason"] == b"internal: ZeroDivisionError"


def test_of_rows_that_are_built_at_once_the_bad_one_is_found() -> None:
    records = [event_record(n) for n in range(4)]

    array, letters = tabulated(records, [1, 2, 2**70, 4], lambda rows: np.array(rows, "<i8"), {})

    assert array.tolist() == [1, 2, 4]
    (letter,) = letters
    assert dict(letter.headers)["portrait-offset"] == b"2"
    assert dict(letter.headers)["portrait-reason"] == b"internal: OverflowError"


@pytest.mark.parametrize("read", [by_update, by_archive])
def test_an_offset_beyond_a_column_is_one_letter(
    read: Callable[[Sequence[Record]], list[Message]],
) -> None:
    beyond = replace(event_record(1), partition=2**40)

    (letter,) = read([event_record(0), beyond, event_record(2)])

    assert (dict(letter.headers)["portrait-reason"] or b"").startswith(b"internal: ")


# What is right, of what looks wrong


def reason_of(record: Record) -> str:
    """Return why the update worker puts a record aside."""
    (letter,) = by_update([record])
    return (dict(letter.headers)["portrait-reason"] or b"").decode()


def test_a_cloud_event_is_read_though_a_header_has_no_value() -> None:
    headers = [("ce_specversion", b"1.0"), ("ce_id", b"ce-1"), ("ce_dataschema", None)]
    headers += [
        ("ce_type", b"shop.cart"),
        ("ce_subject", b"u-1"),
        ("ce_time", b"2026-07-01T07:31:00Z"),
    ]
    record = FakeRecord("events.cart", b'{"item_id": "tea"}', headers=headers)

    assert by_update([record]) == by_archive([record]) == []


def test_a_type_that_is_a_number_of_any_size_is_unknown() -> None:
    number = b'{"type": ' + b"9" * 4_299 + b"}"

    assert reason_of(FakeRecord("events.click", number)) == "type: unknown action"


@pytest.mark.parametrize("count", [1, MOST_ATTRIBUTES + 1, 3_000])
def test_what_is_left_out_of_attributes_is_named_by_no_word_of_the_producer(count: int) -> None:
    attributes: dict[str, object] = {f"{n} ann@example.org": "x" * 257 for n in range(count)}
    item = json.dumps({"id": "i", "title": "t", "attributes": attributes | {"g": 100}}).encode()

    changes = decode_items([FakeRecord("items", item)])

    assert changes.dead == []
    assert changes.items[0][0].attributes == {"g": "100"}
    assert dict(changes.left_out) == {"attributes": 1}


def test_more_than_is_read_of_one_record_is_not_even_parsed() -> None:
    blanks = b" " * (LARGEST_ITEM + 1)

    (item,) = by_index([FakeRecord("items", blanks)])

    assert dict(item.headers)["portrait-reason"] == b"payload: larger than 1048576 bytes"
    assert reason_of(FakeRecord("events.click", blanks)) == "payload: larger than 65536 bytes"


def test_the_longest_keys_withdraw_items_and_longer_ones_nothing() -> None:
    assert read_item(FakeRecord("items", None, key=b"k" * 128)).withdrawn == ["k" * 128]
    for key in (b"k" * 129, b"", None):
        with pytest.raises(RecordInvalidError, match="missing or too long"):
            read_item(FakeRecord("items", None, key=key))


def test_what_the_client_cannot_read_is_a_letter_with_its_place() -> None:
    unread = Unreadable("events.cart", 4, 7, RECEIVED, "headers: not UTF-8")

    for read in (by_update, by_archive):
        (letter,) = read([event_record(0), unread])
        assert letter.value is None
        assert dict(letter.headers)["portrait-id"] == b"events.cart/4/0/7"
        assert dict(letter.headers)["portrait-reason"] == b"headers: not UTF-8"


def test_the_same_offset_of_another_log_has_another_id() -> None:
    record = FakeRecord("events.click", b"{", 7)
    first, second = (
        next(iter(decode([record], clock=Clock.of_system(1), most_tokens=1, logs=logs))).dead[0]
        for logs in ({}, {("events.click", 0): 1})
    )

    assert dict(first.headers)["portrait-id"] == b"events.click/0/0/7"
    assert dict(second.headers)["portrait-id"] == b"events.click/0/1/7"


# When it was


@pytest.mark.parametrize("timestamp", [-(2**63), -1, 0])
def test_a_record_without_a_timestamp_is_dead(timestamp: int) -> None:
    assert reason_of(stamped(timestamp)) == reason_of(erasure(timestamp)) == "timestamp: missing"


@pytest.mark.parametrize("timestamp", [253_402_300_800_000, 2**62, 2**63 - 1])
def test_a_record_stamped_for_the_far_future_is_dead(timestamp: int) -> None:
    for record in (stamped(timestamp), erasure(timestamp)):
        assert reason_of(record) == "timestamp: in the future"


def test_an_event_stamped_further_ahead_than_clocks_may_be_is_refused() -> None:
    assert read_record(stamped(NOW + TOLERANCE), CLOCK).events

    with pytest.raises(RecordInvalidError, match="timestamp: in the future"):
        read_record(stamped(NOW + TOLERANCE + 1), CLOCK)


def test_no_forged_timestamp_moves_an_event_into_a_coming_day() -> None:
    tomorrow = (NOW + DAY_MS) / 1_000

    for timestamp in (NOW, NOW + TOLERANCE, NOW + DAY_MS):
        with pytest.raises(RecordInvalidError, match="in the future"):
            require_whole(read_record(stamped(timestamp, occurred_at=tomorrow), CLOCK))


@given(st.integers(1, NOW))
def test_a_timestamp_that_can_be_is_taken_at_its_word(timestamp: int) -> None:
    for clock in (CLOCK, LIVE):
        assert clock.received(stamped(timestamp)) == timestamp


@given(st.integers(0, TOLERANCE), st.integers(0, 10_000), st.integers(0, TOLERANCE))
def test_an_event_from_ahead_was_received_no_later_than_it_can_have_been(
    ahead: int, since: int, late: int
) -> None:
    """Published by a clock that is ahead, and read late; or just now, by who keeps up."""
    published = NOW - late
    keeping_up = Clock(NOW, TOLERANCE, since=published - since + FETCH_MS)

    assert CLOCK.received(stamped(published + ahead)) <= max(published, published + ahead)
    if published + ahead > NOW:
        assert CLOCK.received(stamped(published + ahead)) <= published
        assert keeping_up.received(stamped(published + ahead)) <= published


def test_nothing_was_received_later_than_now_where_the_clock_was_set_back() -> None:
    set_back = Clock(NOW, TOLERANCE, since=NOW + 3_600_000)

    assert set_back.received(stamped(NOW + 1)) == NOW


def test_an_erasure_from_ahead_is_taken_for_now() -> None:
    for timestamp in (NOW, NOW + 1, NOW + 3_600_000, NOW + DAY_MS):
        assert LIVE.erased_until(erasure(timestamp)) == NOW
    with pytest.raises(RecordInvalidError, match="timestamp: in the future"):
        LIVE.erased_until(erasure(NOW + DAY_MS + 1))


def test_an_erasure_from_behind_is_taken_for_now_by_who_keeps_up() -> None:
    for timestamp in (NOW - 100, NOW - 3_600_000, 1):
        assert LIVE.erased_until(erasure(timestamp)) == NOW


@given(
    deleted=st.integers(NOW - 10 * TOLERANCE, NOW),
    slow=st.integers(0, TOLERANCE),
    earlier=st.integers(0, TOLERANCE),
    ahead=st.integers(0, TOLERANCE),
    later=st.integers(0, 10 * TOLERANCE),
)
def test_what_was_published_before_an_erasure_is_covered_however_late_both_are_read(
    deleted: int, slow: int, earlier: int, ahead: int, later: int
) -> None:
    """By any two clocks: the deleting one may be slow, the producer's ahead."""
    until = CLOCK.erased_until(erasure(deleted - slow))
    at_reading = Clock(NOW + later, TOLERANCE)

    assert at_reading.received(stamped(deleted - earlier + ahead)) <= until


@given(later=st.integers(1, 10 * TOLERANCE))
def test_what_is_published_after_an_erasure_is_new_to_who_keeps_up(later: int) -> None:
    until = LIVE.erased_until(erasure(NOW - 100))

    assert Clock(NOW + later + 50, TOLERANCE).received(stamped(NOW + later)) > until
