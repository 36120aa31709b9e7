"""Reading what a fetch brought: every good record, once, whatever lies between them."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portrait.adapters.kafka_records import (
    LARGEST_BATCH,
    LARGEST_PLAIN,
    MOST_HEADERS,
    Intake,
    PartitionReader,
)
from portrait.events.stream import Record, Unreadable
from tests.support.kafka_bytes import (
    CODECS,
    HEADER,
    MARK,
    PLACE,
    ZSTD,
    batch,
    bomb,
    marker,
    poisoned,
    read,
    repacked,
    signed,
    transactional,
)

MEGABYTE = 1 << 20


def begin_peak() -> None:
    """Forget the most memory that this process ever held. Source: proc(5)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak() -> int:
    return _bytes("VmHWM")


def resident() -> int:
    return _bytes("VmRSS")


def _bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1_024


def what(records: Sequence[Record]) -> list[tuple[int, bytes | None]]:
    """Offsets and values; of what could not be read, the offset and the reason."""
    return [
        (each.offset, each.reason.encode() if isinstance(each, Unreadable) else each.value)
        for each in records
    ]


@pytest.mark.parametrize("codec", CODECS)
def test_good_batches_come_through_in_every_compression(codec: int) -> None:
    headers = [[("name", b"v"), ("none", None)]]
    fetched = batch([b"a", b"b"], codec=codec, headers=headers) + batch([b"c"], first=2)

    records = read(fetched)

    assert what(records) == [(0, b"a"), (1, b"b"), (2, b"c")]
    assert records[0].headers == (("name", b"v"), ("none", None))
    assert records[1].key == b"1"


@pytest.mark.parametrize("codec", CODECS)
def test_a_header_name_that_is_no_utf8_costs_its_record_alone(codec: int) -> None:
    bad = poisoned(batch([b"a", b"b", b"c"], first=5, headers=[[], [(MARK, b"x")]]))
    bad = repacked(bad, codec) if codec else bad

    records = read(batch([b"before"], first=4) + bad + batch([b"after"], first=8), offset=4)

    reason = b"a header whose name is not UTF-8"
    assert what(records) == [(4, b"before"), (5, b"a"), (6, reason), (7, b"c"), (8, b"after")]


@pytest.mark.parametrize("codec", CODECS[1:])
def test_a_bomb_is_stepped_over_and_costs_no_more_than_the_largest_batch(codec: int) -> None:
    fetched = batch([b"before"]) + bomb(codec, 290_000_000, first=1) + batch([b"after"], first=2)
    begin_peak()

    before = resident()
    records = read(fetched)
    grown = peak() - before

    assert [each.offset for each in records] == [0, 1, 2]
    assert isinstance(records[1], Unreadable)
    assert grown < 40 * MEGABYTE


@pytest.mark.parametrize("codec", CODECS[1:])
def test_the_bound_of_a_batch_is_met_to_the_byte(codec: int) -> None:
    around = len(batch([bytes(LARGEST_BATCH)])) - HEADER - LARGEST_BATCH
    most = LARGEST_BATCH - around + 1  # a record of zeros has no key

    fits, over = (read(bomb(codec, size)) for size in (most, most + 1))

    assert fits[0].value == bytes(most)
    assert isinstance(over[0], Unreadable)


def test_very_many_headers_are_not_unpacked() -> None:
    many = batch([b"v", b"w"], headers=[[("", b"")] * LARGEST_PLAIN])

    records = read(many)

    assert what(records) == [(0, f"more than {MOST_HEADERS} headers".encode()), (1, b"w")]


@pytest.mark.parametrize(
    ("place", "value"),
    [(16, b"\x03"), (16, b"\x09"), (17, b"\0\0\0\0"), (HEADER + 2, b"\xff\xff\xff\xff")],
    ids=["format 3", "format 9", "check sum", "damaged"],
)
def test_a_batch_that_is_damaged_is_one_step(place: int, value: bytes) -> None:
    damaged = bytearray(batch([b"a", b"b", b"c"], first=1))
    damaged[place : place + len(value)] = value

    records = read(batch([b"before"]) + bytes(damaged) + batch([b"after"], first=4))

    assert [each.offset for each in records] == [0, 3, 4]
    assert isinstance(records[1], Unreadable)
    assert records[2].value == b"after"


def test_what_an_aborted_transaction_held_is_passed_over() -> None:
    fetched = b"".join(
        (
            transactional(batch([b"void", b"void"]), 7),
            transactional(batch([b"of another"], first=2), 8),
            batch([b"of nobody's"], first=3),
            transactional(batch([b"void"], first=4, codec=ZSTD), 7),
            marker(7, first=5, commits=False),
            transactional(batch([b"the next"], first=6), 7),
            marker(8, first=7, commits=True),
            marker(7, first=8, commits=True),
            transactional(batch([b"void"], first=9), 8),
            marker(8, first=10, commits=False),
        )
    )

    records = read(fetched, aborted=[(8, 9), (7, 0)], end=11)

    assert what(records) == [(2, b"of another"), (3, b"of nobody's"), (6, b"the next")]


def test_reading_goes_on_inside_an_aborted_transaction_and_behind_its_marker() -> None:
    void = transactional(batch([b"void", b"void"], first=4), 7)
    intake = Intake()
    intake.left = 1_000_000
    fetched = void + marker(7, first=6, commits=False)
    reader = PartitionReader(PLACE, fetched, 5, 7, intake, aborted=[(7, 1)])

    assert list(reader) == []
    assert reader.next_fetch_offset == 7


def test_a_damaged_record_does_not_take_those_before_it() -> None:
    raw = bytearray(batch([b"a" * 50, b"b" * 50, b"c" * 50]))
    at = raw.index(b"b" * 50)
    raw[at - 1] = 0x7E  # the length of the value: beyond its record

    records = read(signed(bytes(raw)))

    assert [each.offset for each in records] == [0, 1, 2]
    assert [isinstance(each, Unreadable) for each in records] == [False, True, False]


def test_reading_goes_on_inside_a_batch() -> None:
    reader_at_2 = read(batch([b"a", b"b", b"c", b"d"]), offset=2)

    assert what(reader_at_2) == [(2, b"c"), (3, b"d")]


def test_no_more_batches_are_opened_than_there_is_room_for() -> None:
    fetched = b"".join(batch([bytes(1_000)], first=n, codec=ZSTD) for n in range(10))
    intake = Intake()
    intake.left = 2_500
    reader = PartitionReader(PLACE, fetched, 0, 10, intake)

    first = [each.offset for each in reader]

    assert first == [0, 1, 2]
    assert reader.next_fetch_offset == 3


def test_old_messages_are_read_too() -> None:
    body = struct.pack(">bbq", 1, 0, 7) + struct.pack(">i1si2s", 1, b"k", 2, b"vv")
    raw = struct.pack(">qiI", 0, len(body) + 4, zlib.crc32(body)) + body

    records = read(raw)

    assert what(records) == [(0, b"vv")]


@given(
    before=st.integers(0, 3),
    values=st.lists(st.binary(max_size=20), min_size=1, max_size=4),
    codec=st.sampled_from(CODECS),
    changes=st.lists(st.tuples(st.integers(12, 200), st.integers(0, 255)), max_size=4),
    is_signed=st.booleans(),
)
@example(
    before=0, values=[b""], codec=0, changes=[(23, 1)], is_signed=True
)  # a last offset far off
@example(
    before=0, values=[b"", b"", bytes(5)], codec=0, changes=[(170, 10)], is_signed=True
)  # a record beyond its batch
def test_whatever_a_batch_holds_reading_gets_past_it(
    before: int,
    values: list[bytes],
    codec: int,
    changes: list[tuple[int, int]],
    is_signed: bool,  # noqa: FBT001 - Hypothesis names it
) -> None:
    raw = bytearray(batch(values, first=before, codec=codec))
    for place, value in changes:
        raw[max(place % len(raw), 12)] = value
    strange = signed(bytes(raw)) if is_signed else bytes(raw)
    end = before + len(values)
    good = [b"good"] * 2
    fetched = (batch([b"x"] * before) if before else b"") + strange + batch(good, first=end)

    records = read(fetched, end=end + 2)

    offsets = [each.offset for each in records]
    assert offsets == sorted(set(offsets))
    assert offsets[-1] == end + 1
    assert what(records)[-2:] == [(end, b"good"), (end + 1, b"good")]
    assert offsets[:before] == list(range(before))
    assert all(each.topic == PLACE.topic for each in records)


@given(junk=st.binary(max_size=200), offset=st.integers(0, 5))
def test_bytes_that_are_no_batch_are_got_past(junk: bytes, offset: int) -> None:
    intake = Intake()
    intake.left = 1_000_000
    reader = PartitionReader(PLACE, junk, offset, 100, intake)

    list(reader)

    assert reader.next_fetch_offset > offset


@pytest.mark.parametrize("length", [1, 2, 4, 5])
def test_a_batch_that_ends_before_its_format_is_one_step(length: int) -> None:
    short = struct.pack(">qi", 0, length) + bytes(length)

    (bad, *good) = read(short + batch([b"b"], first=1), end=2)

    assert isinstance(bad, Unreadable)
    assert what(good) == [(1, b"b")]


def test_a_batch_that_claims_to_be_of_an_old_format_is_one_step() -> None:
    damaged = bytearray(batch([b"a"] * 4))
    damaged[16] = 0  # its format: the client's parser fails on the number of records

    (bad, *good) = read(bytes(damaged) + batch([b"b"], first=4), end=5)

    assert isinstance(bad, Unreadable)
    assert what(good) == [(4, b"b")]


@pytest.mark.parametrize("damaged", [0, -1, 1_000, 2**60])
def test_a_batch_whose_offset_is_damaged_hides_no_other(damaged: int) -> None:
    first, second, third = (batch([name], first=n) for n, name in enumerate([b"a", b"b", b"c"]))
    second = struct.pack(">q", damaged) + second[8:]

    found = read(first + second + third, end=3)

    assert [(each.offset, isinstance(each, Unreadable)) for each in found] == [
        (0, False),
        (1, True),
        (2, False),
    ]
