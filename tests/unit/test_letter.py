"""Dead letters: whatever a record was, its letter fits, tells its place, and can go back."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.errors import LetterInvalidError
from portrait.events.letter import (
    LARGEST_HEADERS,
    LARGEST_KEY,
    LARGEST_VALUE,
    LONGEST_REASON,
    MOST_ALIKE,
    MOST_HEADERS,
    REPLAYED,
    dead_letter,
    joined,
    original,
    records_of,
    topic_of,
)
from portrait.events.receipt import RECEIVED as RECEIVED_FIRST
from portrait.events.stream import Headers, Message, Unreadable
from portrait.events.topics import ERASURES
from tests.support.records import FakeRecord

MEBIBYTE = 1_048_576
OVERHEAD = 4_096  # of Kafka's own, and of lengths; on the safe side

names = st.sampled_from(["topic", "reason", "portrait-topic", "portrait-cut", "trace", "", "ü"])
headers = st.lists(st.tuples(names, st.none() | st.binary(max_size=9)), max_size=5)


def again(message: Message, offset: int = 0) -> FakeRecord:
    """Return the record that a published letter is."""
    return FakeRecord(
        message.topic, message.value, offset, key=message.key, headers=message.headers
    )


def said(message: Message) -> dict[str, str]:
    """Return our own headers of a letter."""
    ours = [pair for pair in message.headers if pair[0].startswith("portrait-")]
    return {name: (value or b"").decode() for name, value in reversed(ours)}


def size_of(message: Message) -> int:
    named = sum(len(name.encode()) + len(value or b"") + 12 for name, value in message.headers)
    return len(message.key) + len(message.value or b"") + named


@given(
    st.sampled_from(sorted(REPLAYED)),
    st.binary(max_size=99),
    st.none() | st.binary(max_size=99),
    headers,
)
def test_a_letter_goes_back_as_it_came_whatever_its_headers_are_called(
    topic: str, key: bytes, value: bytes | None, theirs: Headers
) -> None:
    record = FakeRecord(topic, value, 9, key=key, headers=theirs)

    first = (RECEIVED_FIRST, str(record.timestamp).encode())
    sent = Message(topic, key, value, (first, *theirs))
    assert original(again(dead_letter(record, "why"))) == sent


@pytest.mark.parametrize(
    "record",
    [
        FakeRecord("items", b"v" * 3_000_000),
        FakeRecord("items", b"v" * LARGEST_VALUE, key=b"k" * 3_000_000),
        FakeRecord("items", b"v" * LARGEST_VALUE, headers=[("h", b"h" * 3_000_000)] * 3),
        FakeRecord("items", b"v" * LARGEST_VALUE, headers=[("h" * 3_000_000, None)]),
        FakeRecord("items", b"v" * LARGEST_VALUE, headers=[("", None)] * 200_000),
        FakeRecord(
            "items",
            b"v" * LARGEST_VALUE,
            key=b"k" * LARGEST_KEY,
            headers=[("h", b"h" * (LARGEST_HEADERS // MOST_HEADERS - 1))] * MOST_HEADERS,
        ),
    ],
    ids=["value", "key", "headers", "header name", "many headers", "all at their bounds"],
)
def test_a_letter_fits_into_a_message_of_one_mebibyte(record: FakeRecord) -> None:
    letter = dead_letter(record, "reason " * 1_000_000)

    assert size_of(letter) + OVERHEAD < MEBIBYTE
    assert len(said(letter)["portrait-reason"]) == LONGEST_REASON


def test_what_is_cut_is_told_with_its_length_and_its_hash() -> None:
    value = b"v" * 2_000_000
    record = FakeRecord("items", value, 7, 3, key=b"k" * 5_000, headers=[("h", b"")] * 99)

    letter = said(dead_letter(record, "why", log=2))

    assert letter["portrait-id"] == "items/3/2/7"
    assert letter["portrait-cut"] == "key value headers"
    assert letter["portrait-key-bytes"] == "5000"
    assert letter["portrait-value-bytes"] == "2000000"
    assert letter["portrait-value-sha256"] == sha256(value).hexdigest()
    assert letter["portrait-headers"] == "99"


def test_what_is_not_whole_is_not_sent_back() -> None:
    cut = dead_letter(FakeRecord("items", b"v" * 2_000_000), "why")
    unread = dead_letter(Unreadable("items", 0, 5, 0, "headers: not UTF-8"), "headers: not UTF-8")

    for letter in (cut, unread):
        with pytest.raises(LetterInvalidError, match="not whole"):
            original(again(letter))


@pytest.mark.parametrize("topic", [ERASURES, "events.dead", "profiles.updated", "elsewhere", ""])
def test_nothing_is_sent_to_other_topics_than_those_of_events_and_items(topic: str) -> None:
    with pytest.raises(LetterInvalidError, match="no topic"):
        original(again(dead_letter(FakeRecord(topic, b"v"), "why")))


def test_a_producer_cannot_say_where_its_letter_goes() -> None:
    forged = [("portrait-topic", b"erasures"), ("portrait-id", b"forged")]

    letter = dead_letter(FakeRecord("events.cart", b"v", headers=forged), "why")

    assert topic_of(letter) == "events.cart"
    assert original(again(letter)).topic == "events.cart"


def letters_of(records: Sequence[FakeRecord]) -> list[Message]:
    return [dead_letter(record, "why") for record in records]


def offsets_in(letter: Message) -> list[int]:
    told = said(letter)
    first = int(told["portrait-offset"])
    return list(range(first, int(told.get("portrait-last-offset", first)) + 1))


def test_a_record_that_comes_many_times_in_a_row_is_one_letter() -> None:
    records = [FakeRecord("events.cart", b"v", 3 + n, 1, headers=[("h", b"")]) for n in range(500)]

    (letter,) = joined(letters_of(records))

    assert said(letter) == said(dead_letter(records[0], "why")) | {
        "portrait-id": "events.cart/1/0/3-502",
        "portrait-last-offset": "502",
        "portrait-records": "500",
    }
    assert records_of(letter) == 500
    assert original(again(letter)) == original(again(dead_letter(records[0], "why")))


def test_a_producer_that_tries_again_has_a_letter_for_each_try() -> None:
    letters = letters_of([FakeRecord("events.cart", b"v", n) for n in range(MOST_ALIKE)])

    assert [*joined(letters)] == letters


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 2, MOST_ALIKE, MOST_ALIKE + 1, 3 * MOST_ALIKE]),  # in a row
            st.integers(0, 1),  # good ones before
            st.sampled_from([None, b"", b"v"]),
            st.sampled_from([b"", b"k"]),
            st.sampled_from([(), (("portrait-records", b"9"),)]),
        ),
        max_size=6,
    )
)
def test_letters_that_are_joined_tell_the_same_of_the_same_offsets(
    runs: list[tuple[int, int, bytes | None, bytes, Headers]],
) -> None:
    records: list[FakeRecord] = []
    offset = 0
    for count, good, value, key, theirs in runs:
        offset += good
        records += [
            FakeRecord("items", value, offset + n, key=key, headers=theirs) for n in range(count)
        ]
        offset += count

    letters = [*joined(letters_of(records))]

    by_offset = {record.offset: record for record in records}
    told = [(offset, letter) for letter in letters for offset in offsets_in(letter)]
    assert [offset for offset, _ in told] == [*by_offset]
    assert sum(map(records_of, letters)) == len(records)
    for offset, letter in told:
        back, sent = original(again(letter)), original(again(dead_letter(by_offset[offset], "")))
        assert (back.key, back.value, back.headers) == (sent.key, sent.value, sent.headers)
    assert len({said(letter)["portrait-id"] for letter in letters}) == len(letters)
