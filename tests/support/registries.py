"""A schema registry of a test's own, and messages framed as its producers would frame them."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from fastavro import parse_schema, schemaless_writer
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from sandbox.listening import listening
from sandbox.processes import python

CLICK = {
    "type": "record",
    "name": "shop.Click",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "type", "type": {"type": "enum", "name": "Type", "symbols": ["CLICK", "CART"]}},
        {"name": "user_id", "type": ["null", "string"]},
        {"name": "item_id", "type": ["null", "string", "long"]},
        {
            "name": "price",
            "type": [
                "null",
                {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
            ],
        },
        {"name": "occurred_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}
STRING, INT64, DOUBLE, BOOL, BYTES, ENUM, MESSAGE = (
    FieldDescriptorProto.TYPE_STRING,
    FieldDescriptorProto.TYPE_INT64,
    FieldDescriptorProto.TYPE_DOUBLE,
    FieldDescriptorProto.TYPE_BOOL,
    FieldDescriptorProto.TYPE_BYTES,
    FieldDescriptorProto.TYPE_ENUM,
    FieldDescriptorProto.TYPE_MESSAGE,
)


class Registry:
    """What a registry holds, in the file that its process reads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: dict[str, Any] = {"schemas": {}, "subjects": {}}
        self._write()

    def put(self, id: int, schema: str, kind: str | None = None, **references: str) -> None:
        """Hold a schema, by its number; it refers to subjects by names."""
        self._held["schemas"][str(id)] = _stored(schema, kind, references)
        self._write()

    def put_subject(
        self, subject: str, schema: str, kind: str | None = None, **references: str
    ) -> None:
        """Hold the first version of a subject."""
        self._held["subjects"][f"{subject}/1"] = _stored(schema, kind, references)
        self._write()

    def admit(self, user: str) -> None:
        """Answer nobody but this user, `name:password`."""
        self._held["user"] = user
        self._write()

    def answer(self, status: int, body: str) -> None:
        """Answer this, whatever is asked."""
        self._held["answer"] = {"status": status, "body": body}
        self._write()

    def recover(self) -> None:
        """Answer as a registry does again."""
        del self._held["answer"]
        self._write()

    def _write(self) -> None:
        aside = self._file.with_suffix(".new")
        aside.write_text(json.dumps(self._held))
        aside.replace(self._file)


def _stored(schema: str, kind: str | None, references: Mapping[str, str]) -> dict[str, Any]:
    named = [
        {"name": name, "subject": subject, "version": 1} for name, subject in references.items()
    ]
    return (
        {"schema": schema}
        | ({"schemaType": kind} if kind else {})
        | ({"references": named} if named else {})
    )


@contextmanager
def start_registry(file: Path, port: int | None = None) -> Iterator[int]:
    """Run a registry over a file. Yields its port."""

    def command(port: int) -> list[str]:
        return python("tests.support.registry_process", str(port), str(file))

    with listening(command, file.with_suffix(".log"), port) as taken:
        yield taken


def framed(id: int, content: bytes) -> bytes:
    """Put the frame of a schema before a message."""
    return b"\0" + id.to_bytes(4, "big") + content


def in_avro(schema: Any, value: object) -> bytes:  # noqa: ANN401 - JSON
    """Write a value by an Avro schema."""
    written = BytesIO()
    schemaless_writer(written, parse_schema(schema), value)
    return written.getvalue()


def proto(name: str, fields: Mapping[str, int], **more: Any) -> FileDescriptorProto:  # noqa: ANN401 - of protobuf
    """Describe a file with one message in proto3."""
    file = FileDescriptorProto(name="test.proto", package="shop", syntax="proto3", **more)
    message = file.message_type.add(name=name)
    for number, (field, kind) in enumerate(fields.items(), 1):
        message.field.add(name=field, number=number, type=kind, label=1)
    return file


def in_protobuf(file: FileDescriptorProto, **fields: Any) -> bytes:  # noqa: ANN401 - of protobuf
    """Write the first message of a file, and before it that it is the first."""
    written = message(file, file.message_type[0].name)
    for name, value in fields.items():
        setattr(written, name, value)
    return b"\0" + bytes(written.SerializeToString())


def serialised(file: FileDescriptorProto) -> str:
    """Return a file as registries hand it out."""
    return base64.b64encode(file.SerializeToString()).decode()


def message(file: FileDescriptorProto, name: str, *others: FileDescriptorProto) -> Message:
    """Return an empty message of a file."""
    pool = DescriptorPool()
    for each in (*others, file):
        pool.Add(each)
    found: Message = GetMessageClass(pool.FindMessageTypeByName(f"shop.{name}"))()
    return found
