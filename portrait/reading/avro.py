"""Avro: what a message says by its schema, as JSON would have it.

A schema can ask for more than its messages hold: nulls and empty records take no bytes, so a few
bytes may say billions of them; and one that holds itself is read by a stack as deep as a message
says, which ends the process. So every schema is weighed before anything is read by it.

Source: https://avro.apache.org/docs/1.12.0/specification/.
"""

import base64
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple

from fastavro import parse_schema, schemaless_reader
from fastavro.read import LOGICAL_READERS
from fastavro.schema import SchemaParseException, UnknownType
from fastavro.types import NamedSchemas
from pydantic_core import from_json

from portrait.errors import SchemaInvalidError
from portrait.reading.schemas import Decode
from portrait.reading.values import Fields, scaled
from portrait.times import EPOCH

VALUES_A_BYTE = 4  # of a message, at most; in usual schemas each value has a byte of its own
MOST_WITHOUT_BYTES = 10_000  # values of a message that no byte stands for
DEEPEST = 64  # types in each other

_ROOT = "PortraitMessage"  # a record around the schema, which adds no byte to a message
_NO_SCHEMA = (
    *(SchemaParseException, UnknownType, AttributeError, LookupError, TypeError, ValueError),
    RecursionError,
)
_MISFITS = (ArithmeticError, EOFError, LookupError, TypeError, ValueError)
_OURS = "portrait-"  # begins the names of logical types that are read by us
_DATE = "io.debezium.time.Date"  # days since 1970, as Debezium calls them


def avro(schema: str, references: Sequence[str] = ()) -> Decode:
    """Return what reads the messages of a schema.

    Args:
        schema: Its JSON.
        references: Those whose names it uses, each after those that it uses itself.

    Raises:
        SchemaInvalidError: It is none, or its messages could do harm.
    """
    LOGICAL_READERS.update(_LOGICAL)
    named: NamedSchemas = {}
    try:
        for each in references:
            parse_schema(_simplified(from_json(each)), named)
        field = {"name": "said", "type": _simplified(from_json(schema))}
        root = parse_schema({"type": "record", "name": _ROOT, "fields": [field]}, named)
        weight = _Scales(named).weigh(root)
    except _NO_SCHEMA:
        msg = "is no Avro schema"
        raise SchemaInvalidError(msg) from None
    if weight.without_bytes > MOST_WITHOUT_BYTES or weight.depth > DEEPEST:
        raise SchemaInvalidError(_TOO_MUCH)

    def decode(message: bytes) -> Any:  # noqa: ANN401 - as it was sent
        written = BytesIO(message)
        try:
            read: Any = schemaless_reader(written, root, None)
            said = _as_json(read)["said"]
        except _MISFITS as error:
            raise ValueError from error
        if written.tell() < len(message):
            raise ValueError
        return said

    return decode


def _simplified(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a schema with those logical types alone that we read, in our own way.

    Others stay the numbers and texts that they are written as: moments since 1970 above all.
    """
    if isinstance(schema, list):
        return [_simplified(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _simplified(value) for name, value in schema.items() if name != "logicalType"}
    logical = "date" if schema.get("connect.name") == _DATE else schema.get("logicalType")
    name = f"{schema.get('type')}-{_OURS}{logical}"
    return kept | {"logicalType": f"{_OURS}{logical}"} if name in _LOGICAL else kept


def _as_json(value: Any) -> Any:  # noqa: ANN401 - of any type
    """Return a value as JSON would have it: bytes in base64. It is changed in its place."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    for place, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(each, bytes | dict | list):
            value[place] = _as_json(each)
    return value


def _decimal(written: bytes, schema: Fields, _: object = None) -> float | bytes:
    number = scaled(written, schema.get("scale", 0))
    return written if number is None else number


def _date(days: int, _: Fields, __: object = None) -> str | int:
    day = _local(timedelta(days=1), days)
    return day.partition("T")[0] if isinstance(day, str) else day


def _local(unit: timedelta, count: int, *_: object) -> str | int:
    """Write a moment without an offset: what it means in the shop's own zone."""
    try:
        return (EPOCH + count * unit).replace(tzinfo=None).isoformat()
    except OverflowError:
        return count


_LOGICAL: dict[str, Callable[..., Any]] = {
    f"bytes-{_OURS}decimal": _decimal,
    f"fixed-{_OURS}decimal": _decimal,
    f"int-{_OURS}date": _date,
    f"long-{_OURS}local-timestamp-millis": partial(_local, timedelta(milliseconds=1)),
    f"long-{_OURS}local-timestamp-micros": partial(_local, timedelta(microseconds=1)),
}
_TOO_MUCH = "is for messages that say more than they have bytes for"
_OF_A_BYTE = 1 - VALUES_A_BYTE  # the weight of a value that has a byte of its own


class _Weight(NamedTuple):
    """What reading a message can cost: values <= VALUES_A_BYTE * its bytes + without_bytes."""

    without_bytes: int
    depth: int = 0


class _Scales:
    """Weighs the types of a schema, each record once."""

    def __init__(self, named: NamedSchemas) -> None:
        self._named = named
        self._weighed: dict[str, _Weight | None] = {}  # None: not yet to the end

    def weigh(self, schema: Any) -> _Weight:  # noqa: ANN401 - of fastavro
        """Return the weight of a type.

        Raises:
            SchemaInvalidError: It has none: there may be any number of values, or any depth.
        """
        if isinstance(schema, list):
            return self._union(schema)
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in {"record", "error"}:
            return self._record(schema)
        if kind in {"array", "map"}:
            return self._many(schema)
        if kind in self._named:
            return self.weigh(self._named[kind])
        if kind == "fixed":
            return _Weight(1 - VALUES_A_BYTE * int(schema["size"]))
        return _Weight(1 if kind == "null" else _OF_A_BYTE)

    def _union(self, schema: list[Any]) -> _Weight:
        """Take the heaviest of several types; which one it is takes a byte."""
        types = [*map(self.weigh, schema)]
        return _Weight(
            max(each.without_bytes for each in types) - VALUES_A_BYTE,
            1 + max(each.depth for each in types),
        )

    def _record(self, schema: Any) -> _Weight:  # noqa: ANN401 - of fastavro
        """Add up the fields of a record."""
        name = schema["name"]
        if name not in self._weighed:
            self._weighed[name] = None
            fields = [self.weigh(field["type"]) for field in schema["fields"]]
            self._weighed[name] = _Weight(
                1 + sum(each.without_bytes for each in fields),
                1 + max((each.depth for each in fields), default=0),
            )
        weight = self._weighed[name]
        if weight is None:
            msg = "holds itself"
            raise SchemaInvalidError(msg)
        return weight

    def _many(self, schema: Any) -> _Weight:  # noqa: ANN401 - of fastavro
        """Weigh an array or a map: however many there are, and a byte that ends them."""
        is_map = schema["type"] == "map"  # whose keys take a byte each
        each = self.weigh(schema["values"] if is_map else schema["items"])
        if each.without_bytes > (VALUES_A_BYTE if is_map else 0):
            raise SchemaInvalidError(_TOO_MUCH)
        return _Weight(_OF_A_BYTE, 1 + each.depth)
