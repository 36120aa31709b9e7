"""Avro: what was written is read, and no schema and no message asks for more than it holds."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.errors import SchemaInvalidError
from portrait.reading.avro import DEEPEST, MOST_WITHOUT_BYTES, avro
from portrait.times import to_ms
from tests.support.registries import CLICK, in_avro

Json = Any


class Written(NamedTuple):
    """A schema, a value of it, and how that is read."""

    schema: Json
    value: object
    read: object


def same(kind: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Written]:
    return values.map(lambda value: Written(kind, value, value))


LEAVES = st.one_of(
    st.just(Written("null", None, None)),
    same("boolean", st.booleans()),
    same("int", st.integers(-(2**31), 2**31 - 1)),
    same("long", st.integers(-(2**63), 2**63 - 1)),
    same("double", st.floats(allow_nan=False)),
    same("string", st.text(max_size=9)),
    st.binary(max_size=9).map(lambda b: Written("bytes", b, base64.b64encode(b).decode())),
)
PADDING = 32  # bytes: at most four values a byte are read
NAMES = st.sampled_from(["id", "user_id", "logicalType", "price", "x"])


def several(of: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    """Put types into arrays, maps, unions and records."""
    return st.one_of(
        st.tuples(of, st.integers(0, 3)).map(
            lambda t: Written(
                {"type": "array", "items": _held(t[0].schema)},
                [_padded(t[0].value)] * t[1],
                [{"held": t[0].read}] * t[1],
            )
        ),
        of.map(
            lambda w: Written(
                {"type": "map", "values": _held(w.schema)},
                {"a": _padded(w.value)},
                {"a": {"held": w.read}},
            )
        ),
        of.map(lambda w: Written(["null", _held(w.schema)], None, None)),
        of.map(lambda w: Written(["null", _held(w.schema)], _padded(w.value), {"held": w.read})),
        st.dictionaries(NAMES, of, max_size=3).map(_record),
    )


def _held(schema: Json) -> Json:
    """Return a record with bytes enough for all that it holds."""
    padding = {"type": "fixed", "name": "padding", "size": PADDING}
    fields = [{"name": "held", "type": schema}, {"name": "padding", "type": padding}]
    return {"type": "record", "name": "held", "fields": fields}


def _padded(value: object) -> Json:
    return {"held": value, "padding": bytes(PADDING)}


def _record(fields: dict[str, Written]) -> Written:
    return Written(
        {
            "type": "record",
            "name": "record",
            "fields": [{"name": name, "type": each.schema} for name, each in fields.items()],
        },
        {name: each.value for name, each in fields.items()},
        {name: each.read for name, each in fields.items()},
    )


def named(schema: Json, numbers: Iterator[int] | None = None) -> Json:
    """Return a schema whose types have names of their own."""
    numbers = numbers or count()
    if isinstance(schema, list):
        return [named(each, numbers) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: named(each, numbers) for name, each in schema.items()}
    has_name = inner.get("type") in ("record", "fixed")
    return inner | {"name": f"r{next(numbers)}"} if has_name else inner


def without_padding(value: object) -> object:
    if isinstance(value, list):
        return [without_padding(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: without_padding(each) for name, each in value.items() if name != "padding"}


@given(st.recursive(LEAVES, several, max_leaves=6))
def test_what_was_written_is_read(written: Written) -> None:
    schema = named(written.schema)

    read = avro(json.dumps(schema))(in_avro(schema, written.value))

    assert without_padding(read) == written.read
    json.dumps(read)


def test_a_click_is_read_in_the_ways_that_events_are_read_in() -> None:
    click = {
        "event_id": "e-1",
        "type": "CART",
        "user_id": "ann",
        "item_id": 7,
        "price": Decimal("12.90"),
        "occurred_at": datetime(2026, 7, 1, tzinfo=UTC),
    }

    read = avro(json.dumps(CLICK))(in_avro(CLICK, click))

    assert read == click | {"price": 12.9, "occurred_at": to_ms(datetime(2026, 7, 1, tzinfo=UTC))}


@pytest.mark.parametrize(
    ("schema", "value", "read"),
    [
        ({"type": "int", "logicalType": "date"}, date(2026, 7, 1), "2026-07-01"),
        ({"type": "int", "connect.name": "io.debezium.time.Date"}, 20_635, "2026-07-01"),
        ({"type": "int", "logicalType": "date"}, 2**31 - 1, 2**31 - 1),
        (
            {"type": "long", "logicalType": "local-timestamp-millis"},
            datetime(2026, 7, 1, 7, 31),  # noqa: DTZ001 - it has no zone
            "2026-07-01T07:31:00",
        ),
        ({"type": "long", "logicalType": "local-timestamp-micros"}, 2**62, 2**62),
        ({"type": "long", "logicalType": "timestamp-millis"}, 2**63 - 1, 2**63 - 1),
        ({"type": "long", "logicalType": "timestamp-micros"}, 1_782_891_060_000_000, None),
        ({"type": "string", "logicalType": "uuid"}, "no UUID", "no UUID"),
        ({"type": "string", "logicalType": "ours"}, "milk", "milk"),
        ({"type": "fixed", "name": "f", "size": 2}, b"\0\1", "AAE="),
        ({"type": "enum", "name": "e", "symbols": ["A", "B"]}, "B", "B"),
    ],
)
def test_logical_types_are_read_and_an_odd_value_spoils_nothing(
    schema: Json, value: object, read: object
) -> None:
    assert avro(json.dumps(schema))(in_avro(schema, value)) == (value if read is None else read)


@pytest.mark.parametrize("scale", [0, 2, 64])
def test_a_decimal_is_a_number_by_its_scale(scale: int) -> None:
    schema = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": scale}

    assert avro(json.dumps(schema))(in_avro("bytes", b"\xfe\xd4")) == -300 / 10**scale


@pytest.mark.parametrize(
    ("written", "scale"),
    [(b"\x7f" * 60_000, 2), (b"\1", 2**31), (b"\1", "2"), (b"\1", None)],
    ids=["of 60,000 bytes", "of a large scale", "of a text", "of nothing"],
)
def test_a_decimal_beyond_bounds_stays_bytes(written: bytes, scale: Json) -> None:
    schema = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": scale}

    read = avro(json.dumps(schema))(in_avro("bytes", written))

    assert read == base64.b64encode(written).decode()


def test_what_is_referred_to_is_known_also_in_a_union_at_the_top() -> None:
    brand = {"type": "enum", "name": "shop.Brand", "symbols": ["OOLONG"]}
    product = {
        "type": "record",
        "name": "shop.Product",
        "fields": [{"name": "brand", "type": "shop.Brand"}],
    }

    read = avro('["null", "shop.Product"]', [json.dumps(brand), json.dumps(product)])

    assert read(b"\2\0") == {"brand": "OOLONG"}


# What could do harm


def record(name: str, *types: Json) -> Json:
    fields = [{"name": f"f{n}", "type": each} for n, each in enumerate(types)]
    return {"type": "record", "name": name, "fields": fields}


def doubling(levels: int) -> Json:
    """Return a schema of a few hundred bytes, by which no byte means 2 ** levels values."""
    schema: Json = record("r0", "null")
    for level in range(1, levels):
        schema = record(f"r{level}", schema, f"r{level - 1}")
    return schema


def chain(levels: int) -> list[str]:
    """Return schemas that each hold the one before."""
    first = record("r0", "int")
    return [
        json.dumps(each)
        for each in (first, *(record(f"r{n}", f"r{n - 1}") for n in range(1, levels)))
    ]


TREE = record("Tree", "string", {"type": "array", "items": "Tree"})
BOMBS: dict[str, Json] = {
    "itself": record("N", ["null", "N"]),
    "itself at once": record("N", "N"),
    "a tree": TREE,
    "nulls": {"type": "array", "items": "null"},
    "empty records": {"type": "array", "items": record("E")},
    "no bytes": {"type": "array", "items": {"type": "fixed", "name": "f", "size": 0}},
    "records of nulls": {"type": "map", "values": record("E", *["null"] * 9)},
    "a byte and nulls": {"type": "array", "items": record("E", "int", *["null"] * 9)},
    "doubled": doubling(40),
    "nulls in a row": record("E", *["null"] * MOST_WITHOUT_BYTES),
}


@pytest.mark.parametrize("schema", BOMBS.values(), ids=BOMBS)
def test_a_schema_whose_messages_could_do_harm_is_refused(schema: Json) -> None:
    with pytest.raises(SchemaInvalidError, match=r"^(holds itself|is for messages that say more)"):
        avro(json.dumps(schema))


@pytest.mark.parametrize("levels", [DEEPEST, 5_000])
def test_a_schema_that_is_too_deep_is_refused(levels: int) -> None:
    *references, last = chain(levels)

    with pytest.raises(SchemaInvalidError):
        avro(last, references)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": ["null", record("P", *["string"] * 40)]},
        {"type": "array", "items": record("P", *[["null", "string"]] * 40)},
        {"type": "map", "values": "null"},
        record("P", *["null"] * 100),
        doubling(12),
        *(json.loads(each) for each in chain(1)),
    ],
)
def test_what_shops_have_is_not_refused(schema: Json) -> None:
    avro(json.dumps(schema))


@pytest.mark.parametrize(
    "schema",
    [
        *("", "{", "7", "{}", "[]", '"nothing"', '{"type": {"type": "string"}}', "[[]]"),
        *('{"type": "record"}', '{"type": "record", "name": 5, "fields": 3}'),
        *('{"type": "fixed", "name": "f", "size": "x"}', "[" * 5_000, '{"type": ["null"]}'),
        '{"type": "enum", "name": "e"}',
        '{"type": "array"}',
    ],
)
def test_what_is_no_schema_is_refused(schema: str) -> None:
    with pytest.raises(SchemaInvalidError, match="is no Avro schema"):
        avro(schema)


WORDS = st.sampled_from(
    [
        *("null", "int", "string", "bytes", "record", "array", "map", "enum", "fixed", "error"),
        *("R", "a.R", "decimal", "date", "", "uuid", "name", "x y", "io.debezium.time.Date"),
    ]
)
KEYS = st.sampled_from(
    [
        *("type", "name", "namespace", "fields", "items", "values", "symbols", "size", "scale"),
        *("logicalType", "precision", "default", "aliases", "doc", "connect.name"),
    ]
)
SCHEMAS = st.recursive(
    WORDS | st.sampled_from([None, True, 7, -1, 10**400, 0.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)
ALMOST = st.builds(
    lambda changes: json.dumps({**CLICK, **changes}), st.dictionaries(KEYS, SCHEMAS, max_size=2)
)


@settings(max_examples=300)
@given(SCHEMAS.map(json.dumps) | ALMOST, st.binary(max_size=20))
def test_no_schema_does_more_than_be_refused(schema: str, message: bytes) -> None:
    try:
        json.dumps(avro(schema, [schema])(message))
    except (SchemaInvalidError, ValueError):
        return


READERS = {
    name: avro(json.dumps(schema))
    for name, schema in {
        "click": CLICK,
        "list": {"type": "array", "items": CLICK},
        "map": {
            "type": "map",
            "values": ["null", "bytes", "double", {"type": "array", "items": "int"}],
        },
        "date": {"type": "int", "logicalType": "date"},
        "fixed": {"type": "fixed", "name": "f", "size": 10**12},
        "string": "string",
    }.items()
}


@pytest.mark.parametrize("reader", READERS)
@given(message=st.binary(max_size=60) | st.binary(max_size=9).map(lambda b: b + b"\x80" * 9_000))
def test_no_message_does_more_than_not_to_fit(reader: str, message: bytes) -> None:
    try:
        json.dumps(READERS[reader](message))
    except ValueError:
        return


@given(st.integers(0, 40), st.binary(min_size=1, max_size=3))
def test_a_message_that_is_cut_off_or_goes_on_does_not_fit(end: int, more: bytes) -> None:
    sent = {"event_id": "e-1", "type": "CLICK", "user_id": "ann", "item_id": "tea"}
    whole = in_avro(CLICK, sent | {"price": None, "occurred_at": 1_782_891_060_000})

    for broken in (whole[: min(end, len(whole) - 1)], whole + more):
        with pytest.raises(ValueError, match=r"^$"):
            READERS["click"](broken)
