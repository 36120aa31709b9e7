"""Frames: what lies behind one is read as if it stood alone, or says why it cannot be."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.archive.rows import tabulate
from portrait.events.stream import Record
from portrait.events.topics import DEAD, ERASURES, ITEMS
from portrait.reading.avro import avro
from portrait.reading.decode import EventBatch, decode
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.envelopes import value_of
from portrait.reading.frames import LARGEST_FRAMED, schema_of, schemas_named
from portrait.reading.protobuf import protobuf
from portrait.reading.records import Clock
from portrait.reading.schemas import Decode
from portrait.ref import user_ref
from tests.support.fakes import ListPublisher, MemorySchemas
from tests.support.records import FakeRecord, encoded, event_record, payload
from tests.support.registries import (
    CLICK,
    INT64,
    STRING,
    framed,
    in_avro,
    in_protobuf,
    proto,
    serialised,
)
from tests.support.streams import ListStream
from workers.index.worker import Changes, decode_items
from workers.letters.replay_dead import replay_dead

TOLERANCE = 300_000
MISSING = "framed with schema 12, and no schema registry is set (PORTRAIT_SCHEMA_REGISTRY)"
OF_AVRO, OF_PROTOBUF, OF_JSON, KEY, KEY_RECORD, ITEM, ROW = range(1, 8)
UNKNOWN = 12

CLICKED = {
    "event_id": "e-1",
    "type": "CLICK",
    "user_id": "ann",
    "item_id": "milk",
    "price": None,
    "occurred_at": 1_782_891_060_000,
}
ITEM_SCHEMA = {
    "type": "record",
    "name": "Item",
    "fields": [{"name": "id", "type": "int"}, {"name": "title", "type": "string"}],
}
KEY_SCHEMA = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "int"}]}
ROW_SCHEMA = {
    "type": "record",
    "name": "Envelope",
    "fields": [
        {"name": "before", "type": ["null", ITEM_SCHEMA]},
        {"name": "after", "type": ["null", "Item"]},
        {"name": "op", "type": "string"},
    ],
}
PROTO = proto(
    "Click", {"event_id": STRING, "user_id": STRING, "item_id": STRING, "occurred_at": INT64}
)


def knowing(**schemas: Decode) -> Dialect:
    """Return a dialect whose registry has these, all of them at hand."""
    known = MemorySchemas()
    known.registry = {
        OF_AVRO: avro(json.dumps(CLICK)),
        OF_PROTOBUF: protobuf(serialised(PROTO)),
        OF_JSON: value_of,
        KEY: avro('"string"'),
        KEY_RECORD: avro(json.dumps(KEY_SCHEMA)),
        ITEM: avro(json.dumps(ITEM_SCHEMA)),
        ROW: avro(json.dumps(ROW_SCHEMA)),
    }
    known.registry |= {int(id[1:]): each for id, each in schemas.items()}
    asyncio.run(known.fetch([*known.registry, UNKNOWN]))
    return Dialect(schemas=known)


SHOP = knowing()


AVRO_CLICK = framed(OF_AVRO, in_avro(CLICK, CLICKED))
PROTOBUF_CLICK = framed(
    OF_PROTOBUF,
    in_protobuf(
        PROTO, event_id="e-1", user_id="ann", item_id="milk", occurred_at=1_782_891_060_000
    ),
)
JSON_CLICK = framed(OF_JSON, encoded())


def decoded(*records: Record, dialect: Dialect = SHOP) -> EventBatch:
    clock = Clock.of_system(TOLERANCE)
    (batch,) = decode(records, clock=clock, most_tokens=10_000, dialect=dialect)
    return batch


def reason_of(value: bytes, dialect: Dialect = SHOP) -> str:
    (letter,) = decoded(FakeRecord("events.click", value), dialect=dialect).dead
    assert letter.value == value
    return (dict(letter.headers)["portrait-reason"] or b"").decode()


def indexed(value: bytes | None, key: bytes | None = b"milk", dialect: Dialect = SHOP) -> Changes:
    return decode_items([FakeRecord(ITEMS, value, key=key)], dialect=dialect)


@pytest.mark.parametrize("value", [AVRO_CLICK, PROTOBUF_CLICK, JSON_CLICK])
def test_what_is_framed_is_read_as_if_it_stood_alone(value: bytes) -> None:
    batch = decoded(event_record(0), FakeRecord("events.click", value, 1), event_record(2))

    assert batch.users == ["ann"]
    assert not batch.dead
    assert len(batch) == 3
    assert [event.item_id for event in batch.items.values()] == ["milk"]


def test_the_archive_reads_the_same() -> None:
    record = FakeRecord("events.click", AVRO_CLICK)

    said = tabulate([record], TOLERANCE, dialect=SHOP)

    assert said.rows["event_id"].to_pylist() == ["e-1"]
    assert tabulate([record], TOLERANCE).dead


@pytest.mark.parametrize("value", [encoded(), b"\xef\xbb\xbf" + encoded(), b" \n" + encoded()])
def test_json_behind_a_frame_is_read_without_a_registry(value: bytes) -> None:
    record = FakeRecord("events.click", framed(UNKNOWN, value))

    assert len(decoded(record, dialect=AS_SENT)) == 1


def test_json_behind_a_frame_needs_no_schema() -> None:
    assert len(decoded(FakeRecord("events.click", framed(UNKNOWN, encoded())))) == 1


def test_what_is_no_json_needs_a_registry_and_says_so() -> None:
    click = AVRO_CLICK[5:]

    assert reason_of(framed(UNKNOWN, click), AS_SENT) == f"payload: {MISSING}"
    assert reason_of(framed(UNKNOWN, click)) == "payload: schema 12 is unknown to the registry"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (AVRO_CLICK[:-1], "payload: does not fit schema 1"),
        (AVRO_CLICK + b"\0", "payload: does not fit schema 1"),
        (AVRO_CLICK[:5], "payload: does not fit schema 1"),
        (framed(OF_PROTOBUF, AVRO_CLICK[5:]), "payload: does not fit schema 2"),
        (framed(OF_AVRO, PROTOBUF_CLICK[5:]), "payload: does not fit schema 1"),
        (framed(OF_JSON, AVRO_CLICK[5:]), "payload: not UTF-8 JSON"),
        (
            framed(OF_PROTOBUF, in_protobuf(PROTO, user_id="ann")),
            "event_id: missing; occurred_at: missing",
        ),
        (framed(KEY, in_avro("string", "milk")), "payload: not a JSON object"),
        *((AVRO_CLICK[:n], "payload: not UTF-8 JSON") for n in range(1, 5)),
    ],
)
def test_what_is_cut_off_or_of_another_schema_is_a_letter_with_its_reason(
    value: bytes, reason: str
) -> None:
    assert reason_of(value).startswith(reason)


def test_a_record_that_begins_like_json_is_read_by_its_schema() -> None:
    schema = {
        "type": "record",
        "name": "r",
        "fields": [{"name": "price", "type": "double"}, *CLICK["fields"][:4], CLICK["fields"][5]],
    }
    value = in_avro(schema, CLICKED | {"price": float.fromhex("0x1.900000000007bp+3")})
    assert value[:1] == b"{"

    batch = decoded(
        FakeRecord("events.click", framed(99, value)), dialect=knowing(_99=avro(json.dumps(schema)))
    )

    assert batch.columns["event"]["price"].tolist() == [12.5]


def test_items_and_their_keys_are_read() -> None:
    tea = framed(ITEM, in_avro(ITEM_SCHEMA, {"id": 7, "title": "Tea"}))

    assert [(item.id, item.title) for [item] in indexed(tea).items] == [("7", "Tea")]
    for key in (
        framed(KEY, in_avro("string", "7")),
        framed(KEY_RECORD, in_avro(KEY_SCHEMA, {"id": 7})),
        framed(OF_JSON, b'"7"'),
        framed(UNKNOWN, b'{"id": 7}'),
        b"7",
    ):
        assert indexed(None, key).withdrawn == ["7"]


def test_more_than_is_read_by_a_schema_is_refused_before() -> None:
    large = {"id": 7, "title": "x" * LARGEST_FRAMED}

    (letter,) = indexed(framed(ITEM, in_avro(ITEM_SCHEMA, large))).dead
    ((item,),) = indexed(
        framed(ITEM, json.dumps(large | {"title": "Tea", "more": "x" * 300_000}).encode())
    ).items

    assert (dict(letter.headers)["portrait-reason"] or b"").startswith(b"payload: larger than")
    assert item.title == "Tea"


def test_a_row_of_debezium_is_opened_behind_its_frame() -> None:
    row = {"id": 7, "title": "Tea"}
    changed = framed(ROW, in_avro(ROW_SCHEMA, {"before": None, "after": row, "op": "c"}))
    deleted = framed(ROW, in_avro(ROW_SCHEMA, {"before": row, "after": None, "op": "d"}))

    assert [item.id for [item] in indexed(changed).items] == ["7"]
    assert indexed(deleted).withdrawn == ["7"]


@pytest.mark.parametrize(
    ("key", "dialect", "reason"),
    [
        (framed(UNKNOWN, b"\x08milk"), AS_SENT, f"key: {MISSING}"),
        (framed(UNKNOWN, b"\x08milk"), SHOP, "key: schema 12 is unknown to the registry"),
        (framed(KEY, b"\x09milk"), SHOP, "key: does not fit schema 4"),
        (framed(ITEM, in_avro(ITEM_SCHEMA, {"id": 7, "title": ""})), SHOP, "key: names nobody, or"),
    ],
)
def test_a_key_that_cannot_be_read_withdraws_nothing(
    key: bytes, dialect: Dialect, reason: str
) -> None:
    changes = indexed(None, key, dialect)

    assert not changes.withdrawn
    (letter,) = changes.dead
    assert (dict(letter.headers)["portrait-reason"] or b"").decode().startswith(reason)


def test_a_letter_is_read_once_the_registry_is_set() -> None:
    record = FakeRecord("events.click", AVRO_CLICK)
    (letter,) = decoded(record, dialect=AS_SENT).dead
    publisher = ListPublisher()
    put_aside = replace(
        record, topic=DEAD, value=letter.value, key=letter.key, headers=letter.headers
    )

    asyncio.run(replay_dead(ListStream([put_aside], []), publisher))

    (sent,) = publisher.messages
    again = FakeRecord(sent.topic, sent.value, key=sent.key, headers=sent.headers)
    assert len(decoded(again)) == 1


def test_the_schemas_of_a_batch_are_named_the_commonest_first() -> None:
    records = [
        FakeRecord("events.click", framed(5, b""), key=framed(6, b"")),
        *(FakeRecord(ITEMS, framed(7, b"{}"), key=framed(8, b"")) for _ in range(2)),
        FakeRecord(ITEMS, None, key=framed(8, b"")),
        FakeRecord(ERASURES, None, key=framed(9, b"")),
        FakeRecord("events.click", b"\0\0\0\0"),
        event_record(0),
    ]

    assert schemas_named(records) == [8, 7, 5, 9]
    assert schema_of(None) is schema_of(b"") is schema_of(b"{}") is None


@pytest.mark.parametrize(
    ("key", "user"),
    [
        (b"ann", "ann"),
        (framed(KEY, in_avro("string", "ann")), "ann"),
        (framed(KEY_RECORD, in_avro(KEY_SCHEMA, {"id": 7})), "7"),
        (framed(OF_JSON, b'{"user_id": "ann"}'), "ann"),
        (b'"ann"', "ann"),
        (b'{"user_id": "ann"}', "ann"),
        (b'{"schema": {"type": "string"}, "payload": "ann"}', "ann"),
        (b'{"user_id": 123.0}', "123"),
        (b'{"user_id": {"string": "ann"}}', "ann"),
    ],
)
def test_an_erasure_is_of_whom_its_key_names_however_it_is_written(key: bytes, user: str) -> None:
    erasure = FakeRecord(ERASURES, None, key=key)

    assert decoded(erasure).users == [user]
    assert [*tabulate([erasure], TOLERANCE, dialect=SHOP).erased] == [user_ref(user)]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (framed(UNKNOWN, b"\x02a"), f"key: {MISSING}"),
        ((12).to_bytes(8, "big"), f"key: {MISSING.replace('12', '0')}"),
        *(
            (key, "key: names nobody, or several")
            for key in (
                b'{"user_id": "ann", "shop": "x"}',
                b"{}",
                b'{"user_id": null}',
                b'{"user_id": true}',
                b'"  "',
                framed(OF_JSON, b'{"user_id": "ann", "shop": "x"}'),
            )
        ),
    ],
)
def test_an_erasure_whose_key_cannot_be_read_is_a_letter(key: bytes, reason: str) -> None:
    (letter,) = decoded(FakeRecord(ERASURES, None, key=key), dialect=AS_SENT).dead

    assert dict(letter.headers)["portrait-reason"] == reason.encode()


CONTENTS = st.binary(max_size=50) | st.sampled_from(
    [AVRO_CLICK[5:], PROTOBUF_CLICK[5:], encoded(), json.dumps([payload()] * 3).encode()]
)
READERS: tuple[Callable[[Record], int], ...] = (
    lambda record: len(decoded(record).dead),
    lambda record: len(tabulate([record], TOLERANCE, dialect=SHOP).dead),
    lambda record: len(indexed(record.value, record.value).dead + indexed(None, record.value).dead),
)


@pytest.mark.parametrize("read", READERS, ids=["update", "archive", "index"])
@given(
    id=st.integers(0, 13) | st.integers(0, 2**32 - 1),
    content=CONTENTS,
    at=st.integers(0, 60),
    byte=st.integers(0, 255),
    end=st.integers(0, 9),
)
def test_no_frame_ends_a_reader(  # noqa: PLR0913, PLR0917 - what it is made of
    read: Callable[[Record], int], id: int, content: bytes, at: int, byte: int, end: int
) -> None:
    whole = framed(id, content)
    at %= len(whole)
    spoiled = whole[:at] + bytes([byte]) + whole[at + 1 : len(whole) - end]

    for value in (whole, spoiled, whole[: len(whole) - end]):
        assert read(FakeRecord("events.click", value)) <= 2
