"""Protobuf: what a message says by its schema, as JSON would have it, by the schema's own names.

In proto3 a false, and the first word of an enumeration, are written by writing nothing. They are
said here all the same; a zero and an empty text are not, for most often they stand for nothing.

Source: https://protobuf.dev/programming-guides/encoding/, and for the numbers before a message
the wire format that `frames.py` names.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from portrait.errors import SchemaInvalidError
from portrait.reading.schemas import Decode
from portrait.reading.values import Fields, scaled

VALUES_A_BYTE = 4  # of a message, at most
MOST_WITHOUT_BYTES = 10_000  # values of a message beside those
MOST_LEVELS = 16  # of messages declared in each other

_LONGEST_NUMBER, _MORE = 5, 0x80  # bytes; the bit that says that another one follows
_MAIN = "portrait/message.proto"  # what the schema is called while others import nothing of it
_OWN = "google.protobuf."  # types that JSON has forms of its own for
_WELL_KNOWN = (
    *(any_pb2, descriptor_pb2, duration_pb2, empty_pb2, field_mask_pb2),
    *(struct_pb2, timestamp_pb2, wrappers_pb2),
)
_INTEGER, _TEXT, _BYTES = (
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_STRING,
    FieldDescriptor.TYPE_BYTES,
)
# What registries take for known besides: file, package, message, and its fields in their order.
_BUILT_IN: tuple[tuple[str, str, str, dict[str, int]], ...] = (
    ("confluent/meta.proto", "confluent", "", {}),  # only options are of it
    (
        "confluent/type/decimal.proto",
        "confluent.type",
        "Decimal",
        {"value": _BYTES, "precision": _INTEGER, "scale": _INTEGER},
    ),
    (
        "google/type/money.proto",
        "google.type",
        "Money",
        {"currency_code": _TEXT, "units": _INTEGER, "nanos": _INTEGER},
    ),
)
_KNOWN = {each.DESCRIPTOR.name for each in _WELL_KNOWN} | {each[0] for each in _BUILT_IN}
_NOTHING = re.compile(r"(?:.*_)?(?:UNSPECIFIED|UNKNOWN|UNDEFINED|NONE)", re.IGNORECASE)
_BEFORE_CAPITALS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def protobuf(schema: str, imports: Mapping[str, str] | None = None) -> Decode:
    """Return what reads the messages of a schema.

    Args:
        schema: A serialised FileDescriptorProto, in base64.
        imports: Those that it imports, by their paths; each after those that it imports itself.

    Raises:
        SchemaInvalidError: It is none, or lacks what it imports.
    """
    pool = DescriptorPool()
    try:
        for known in _WELL_KNOWN:
            pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        for file in _built_in():
            pool.Add(file)
        for path, imported in (imports or {}).items():
            if path not in _KNOWN:
                pool.Add(_file(path, imported))
        main = _file(_MAIN, schema)
        pool.Add(main)
    except (DecodeError, TypeError, ValueError):
        msg = "is no Protobuf schema, or lacks what it imports"
        raise SchemaInvalidError(msg) from None

    def decode(content: bytes) -> Any:  # noqa: ANN401 - as it was sent
        indexes, start = _indexes(content)
        try:
            kind = GetMessageClass(pool.FindMessageTypeByName(_name(main, indexes)))
            return _Reading(len(content), pool).fields(kind.FromString(content[start:]))
        except (DecodeError, LookupError, TypeError, RecursionError) as error:
            raise ValueError from error

    return decode


def _built_in() -> Iterator[FileDescriptorProto]:
    for path, package, name, fields in _BUILT_IN:
        file = FileDescriptorProto(name=path, package=package, syntax="proto3")
        if name:
            message = file.message_type.add(name=name)
            for number, (field, kind) in enumerate(fields.items(), 1):
                message.field.add(name=field, number=number, type=kind, label=1)
        yield file


def _file(path: str, serialised: str) -> FileDescriptorProto:
    file = FileDescriptorProto.FromString(base64.b64decode(serialised, validate=True))
    file.name = path
    return file


def _indexes(content: bytes) -> tuple[list[int], int]:
    """Return which message of a file lies in what follows, by its place at each level; and where.

    Raises:
        ValueError: That is not said.
    """
    count, at = _number(content, 0)
    if not 0 <= count <= MOST_LEVELS:
        raise ValueError
    indexes: list[int] = []
    for _ in range(count):
        index, at = _number(content, at)
        indexes.append(index)
    return indexes or [0], at


def _number(content: bytes, at: int) -> tuple[int, int]:
    """Read a whole number in zigzag. Returns it, and where the next byte is."""
    number = 0
    for place, byte in enumerate(content[at : at + _LONGEST_NUMBER]):
        number |= (byte & ~_MORE) << (7 * place)
        if not byte & _MORE:
            return (number >> 1) ^ -(number & 1), at + place + 1
    raise ValueError


def _name(file: FileDescriptorProto, indexes: Sequence[int]) -> str:
    """Return the full name of a message by its place.

    Raises:
        ValueError: There is none.
    """
    names = [file.package] if file.package else []
    messages = file.message_type
    for index in indexes:
        if not 0 <= index < len(messages):
            raise ValueError
        names.append(messages[index].name)
        messages = messages[index].nested_type
    return ".".join(names)


class _Reading:
    """Reads one message, and no more of it than its bytes can mean."""

    def __init__(self, size: int, pool: DescriptorPool) -> None:
        self._left = VALUES_A_BYTE * size + MOST_WITHOUT_BYTES
        self._pool = pool

    def fields(self, message: Message) -> Fields:
        """Return the fields of a message.

        Raises:
            ValueError: There are too many, or they have no form in JSON.
        """
        kind = message.DESCRIPTOR
        said = {field.name: self._field(field, value) for field, value in message.ListFields()}
        for field in kind.fields:
            if field.name not in said and (unwritten := _unwritten(field)) is not None:
                said[field.name] = unwritten
        self._take(1 + len(said))
        return said

    def _field(self, field: FieldDescriptor, value: Any) -> Any:  # noqa: ANN401 - of any type
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            of = field.message_type.fields_by_name["value"]
            self._take(len(value))
            return {str(key): self._one(of, value[key]) for key in value}
        if field.is_repeated:
            self._take(len(value))
            return [self._one(field, each) for each in value]
        return self._one(field, value)

    def _one(self, field: FieldDescriptor, value: Any) -> Any:  # noqa: ANN401 - of any type
        if field.type == field.TYPE_BYTES:
            return base64.b64encode(value).decode()
        if field.type == field.TYPE_ENUM:
            return _word(field, value)
        if field.message_type is None:
            return value
        name = field.message_type.full_name
        if name.startswith(_OWN):
            return MessageToDict(
                value, preserving_proto_field_name=True, descriptor_pool=self._pool
            )
        if name == "confluent.type.Decimal":
            return scaled(value.value, value.scale)
        return self.fields(value)

    def _take(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise ValueError


def _unwritten(field: FieldDescriptor) -> bool | str | None:
    """Return what a field says by not being written; None if that is nothing."""
    if field.has_presence or field.is_repeated:
        return None
    if field.type == field.TYPE_BOOL:
        return False
    if field.type != field.TYPE_ENUM:
        return None
    word = str(_word(field, 0))
    return None if _NOTHING.fullmatch(word) else word


def _word(field: FieldDescriptor, number: int) -> str | int:
    """Return what a number of an enumeration is called, without the name of the enumeration.

    Source: https://protobuf.dev/programming-guides/style/#enums.
    """
    kind = field.enum_type
    value = kind.values_by_number.get(number)
    if value is None:
        return number
    prefix = _BEFORE_CAPITALS.sub("_", kind.name).upper() + "_"
    return str(value.name.removeprefix(prefix)) or str(value.name)
