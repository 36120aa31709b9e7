"""Protobuf: what was written is read, by the schema's names, and nothing harms who reads it."""

import base64
import json
import math
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import Default
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.errors import SchemaInvalidError
from portrait.reading.protobuf import MOST_WITHOUT_BYTES, protobuf
from tests.support.registries import (
    BOOL,
    BYTES,
    DOUBLE,
    ENUM,
    INT64,
    MESSAGE,
    STRING,
    in_protobuf,
    message,
    proto,
    serialised,
)

REPEATED = FieldDescriptorProto.LABEL_REPEATED
OPTIONAL = FieldDescriptorProto.LABEL_OPTIONAL
FIRST = b"\0"  # says that the first message of the file follows
EVERY = proto(
    "Every",
    {"event_id": STRING, "count": INT64, "price": DOUBLE, "is_gift": BOOL, "raw": BYTES},
)
WELL_KNOWN = {
    "at": "google.protobuf.Timestamp",
    "took": "google.protobuf.Duration",
    "note": "google.protobuf.StringValue",
    "more": "google.protobuf.Struct",
    "any": "google.protobuf.Any",
    "cost": "google.type.Money",
    "weight": "confluent.type.Decimal",
}
IMPORTS = [
    *(f"google/protobuf/{name}.proto" for name in ("timestamp", "duration", "wrappers")),
    *("google/protobuf/struct.proto", "google/protobuf/any.proto", "google/type/money.proto"),
    *("confluent/type/decimal.proto", "confluent/meta.proto"),
]


def typed(
    file: FileDescriptorProto, name: str, kind: int, type: str, label: int = OPTIONAL
) -> None:
    """Give the first message of a file one more field."""
    fields = file.message_type[0].field
    number = len(fields) + 1
    fields.add(name=name, number=number, type=kind, type_name=f".{type}", label=label)


def enumeration(file: FileDescriptorProto, name: str, *words: str) -> None:
    kind = file.enum_type.add(name=name)
    for number, word in enumerate(words):
        kind.value.add(name=word, number=number)


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.text(max_size=9),
        "count": st.integers(-(2**63), 2**63 - 1),
        "price": st.floats(allow_nan=False),
        "is_gift": st.booleans(),
        "raw": st.binary(max_size=9),
    },
)


@given(VALUES)
def test_what_was_written_is_read(values: dict[str, Any]) -> None:
    read = protobuf(serialised(EVERY))(in_protobuf(EVERY, **values))

    raw = {"raw": base64.b64encode(values["raw"]).decode()} if values.get("raw") else {}
    written = {name: value for name, value in values.items() if value or _is_minus_zero(value)}
    assert read == {"is_gift": False} | written | raw
    json.dumps(read)


def _is_minus_zero(value: object) -> bool:
    return isinstance(value, float) and math.copysign(1, value) < 0


def test_what_is_written_by_nothing_is_said_if_it_is_a_word_or_a_no() -> None:
    file = proto("Item", {"in_stock": BOOL, "price": DOUBLE, "title": STRING})
    enumeration(file, "ItemState", "ITEM_STATE_DRAFT", "ITEM_STATE_ACTIVE")
    enumeration(file, "Kind", "KIND_UNSPECIFIED", "TEA")
    typed(file, "state", ENUM, "shop.ItemState")
    typed(file, "kind", ENUM, "shop.Kind")

    read = protobuf(serialised(file))

    assert read(in_protobuf(file)) == {"in_stock": False, "state": "DRAFT"}
    assert read(in_protobuf(file, state=1, kind=1)) == {
        "in_stock": False,
        "state": "ACTIVE",
        "kind": "TEA",
    }
    assert read(in_protobuf(file, kind=9))["kind"] == 9


def test_what_was_said_to_be_nothing_is_said() -> None:
    file = proto("Item", {})
    field = file.message_type[0].field.add(name="stock", number=1, type=INT64, label=OPTIONAL)
    field.proto3_optional = True
    field.oneof_index = 0
    file.message_type[0].oneof_decl.add(name="_stock")

    assert protobuf(serialised(file))(in_protobuf(file, stock=0)) == {"stock": 0}
    assert protobuf(serialised(file))(in_protobuf(file)) == {}


def test_lists_maps_and_messages_within_are_read() -> None:
    file = proto("Order", {})
    product = file.message_type.add(name="Product")
    product.field.add(name="sku", number=1, type=STRING, label=OPTIONAL)
    entry = file.message_type[0].nested_type.add(name="StockEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=INT64, label=OPTIONAL)
    entry.field.add(name="value", number=2, type=MESSAGE, type_name=".shop.Product", label=OPTIONAL)
    typed(file, "products", MESSAGE, "shop.Product", REPEATED)
    typed(file, "stock", MESSAGE, "shop.Order.StockEntry", REPEATED)
    order: Any = message(file, "Order")
    order.products.add(sku="a")
    order.products.add()
    order.stock[7].sku = "b"

    read = protobuf(serialised(file))(FIRST + order.SerializeToString())

    assert read == {"products": [{"sku": "a"}, {}], "stock": {"7": {"sku": "b"}}}


def known() -> FileDescriptorProto:
    """Return a file that imports what registries take for known."""
    file = proto("Known", {}, dependency=IMPORTS)
    for name, type in WELL_KNOWN.items():
        typed(file, name, MESSAGE, type)
    return file


def part(number: int, content: bytes) -> bytes:
    """Return a field of bytes as it is written: its number, its length, and they."""
    left, length = len(content), bytearray()
    while left > 0x7F:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([number << 3 | 2, *length, left]) + content


READERS = {
    "every": protobuf(serialised(EVERY)),
    "known": protobuf(serialised(known())),
}


def test_types_that_everybody_knows_are_read_as_json_has_them() -> None:
    written = [
        part(1, b"\x08\x80\xf2\xd6\xca\x06"),  # 1767225600 s
        part(2, b"\x08\x05"),  # 5 s
        part(3, part(1, b"n")),
        part(6, part(1, b"EUR") + b"\x10\x0c\x18\x80\xd2\x93\xad\x03"),  # 12, and 900,000,000 nanos
        part(7, part(1, b"\x05\x0a") + b"\x18\x02"),  # 0x50a, of which two places
    ]

    read = READERS["known"](FIRST + b"".join(written))

    assert read == {
        "at": "2026-01-01T00:00:00Z",
        "took": "5s",
        "note": "n",
        "cost": {"currency_code": "EUR", "units": 12, "nanos": 900_000_000},
        "weight": 12.9,
    }


@pytest.mark.parametrize(
    ("indexes", "read"),
    [(b"\0", "Click"), (b"\2\2", "Cart"), (b"\4\2\0", "Inner"), (b"\2\0", "Click")],
)
def test_the_numbers_before_a_message_say_which_it_is(indexes: bytes, read: str) -> None:
    file = proto("Click", {"Click": STRING})
    cart = file.message_type.add(name="Cart")
    cart.field.add(name="Cart", number=1, type=STRING, label=OPTIONAL)
    inner = cart.nested_type.add(name="Inner")
    inner.field.add(name="Inner", number=1, type=STRING, label=OPTIONAL)

    assert protobuf(serialised(file))(indexes + b"\x0a\x01x") == {read: "x"}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\x80", b"\xff" * 9, b"\x01", b"\x80\x01", b"\2", b"\2\6", b"\2\1", b"\4\0\0"),
        *(b"\0\xff", b"\0\x0a\x09x", b"\0\x0a\x01\xff"),
    ],
)
def test_what_is_cut_off_or_points_nowhere_does_not_fit(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^$|UTF-8"):
        protobuf(serialised(EVERY))(content)


@pytest.mark.parametrize("reader", READERS)
@given(content=st.binary(max_size=60), is_first=st.booleans())
def test_no_message_does_more_than_not_to_fit(reader: str, content: bytes, is_first: bool) -> None:  # noqa: FBT001
    try:
        json.dumps(READERS[reader](FIRST + content if is_first else content))
    except ValueError:
        return


def test_messages_in_each_other_end() -> None:
    """An Any may hold an Any, as deep as its bytes go."""
    inner = b""
    for _ in range(2_000):
        inner = part(1, b"/google.protobuf.Any") + part(2, inner)

    with pytest.raises(ValueError, match=r"^$"):
        READERS["known"](FIRST + part(5, inner))


def test_a_schema_that_makes_much_of_few_bytes_ends() -> None:
    file = proto("Many", {})
    inner = file.message_type.add(name="Inner")
    for number in range(2_000):
        inner.field.add(name=f"no_{number}", number=number + 1, type=BOOL, label=OPTIONAL)
    typed(file, "inner", MESSAGE, "shop.Inner", REPEATED)
    read = protobuf(serialised(file))
    few = MOST_WITHOUT_BYTES // 2_001

    assert len(read(FIRST + b"\x0a\0" * (few - 1))["inner"]) == few - 1
    with pytest.raises(ValueError, match=r"^$"):
        read(FIRST + b"\x0a\0" * 10 * few)


def test_a_decimal_of_a_large_scale_is_none() -> None:
    weight = part(7, part(1, b"\x05") + b"\x18\xff\xff\xff\xff\x07")

    assert READERS["known"](FIRST + weight) == {"weight": None}


@pytest.mark.parametrize(
    "schema",
    ["syntax", "????", base64.b64encode(b"\xff").decode(), 'syntax = "proto3";'],
)
def test_what_is_no_schema_is_refused(schema: str) -> None:
    with pytest.raises(SchemaInvalidError, match="is no Protobuf schema"):
        protobuf(schema)


@settings(max_examples=300)
@given(st.integers(0, 999), st.binary(min_size=1, max_size=3), st.integers(0, 9), st.binary())
def test_no_schema_does_more_than_be_refused(at: int, bytes_: bytes, end: int, sent: bytes) -> None:
    whole = known().SerializeToString()
    at %= len(whole)
    spoiled = whole[:at] + bytes_ + whole[at + len(bytes_) : len(whole) - end]
    try:
        json.dumps(protobuf(base64.b64encode(spoiled).decode())(FIRST + sent))
    except (SchemaInvalidError, ValueError):
        return


def test_a_schema_without_what_it_imports_is_refused() -> None:
    file = proto("Click", {}, dependency=["shop/item.proto"])

    with pytest.raises(SchemaInvalidError, match="lacks what it imports"):
        protobuf(serialised(file))


def test_schemas_of_one_name_do_not_meet() -> None:
    first, second = proto("Click", {"a": STRING}), proto("Click", {"b": STRING})

    assert protobuf(serialised(first))(b"\0\x0a\x01x") == {"a": "x"}
    assert protobuf(serialised(second))(b"\0\x0a\x01x") == {"b": "x"}
    with pytest.raises(KeyError):
        Default().FindMessageTypeByName("shop.Click")
