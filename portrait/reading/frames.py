"""Frames: what Confluent's serialisers put before a message, and what lies behind it.

zero byte ─ number of a schema (4 bytes, big-endian) ─ JSON, Avro or Protobuf

Source: https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/
index.html#wire-format.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from portrait.errors import RecordInvalidError, SchemaInvalidError
from portrait.events.stream import Headers, Record
from portrait.events.topics import CONSENTS, ERASURES, ITEMS, UNWANTED
from portrait.reading.envelopes import Opened, enveloped, key_of, messages_in, name_in, value_of
from portrait.reading.schemas import NO_REGISTRY, Schemas

LARGEST_FRAMED = 262_144  # bytes; in Avro each may be several values, of a hundred bytes each
KEYED = frozenset({ITEMS, ERASURES, CONSENTS, UNWANTED})  # topics whose keys are read
_MAGIC = b"\0"
_FRAME_BYTES = 5


def schema_of(message: bytes | None) -> int | None:
    """Return the number of the schema that a message is framed with; None if it is not."""
    if not message or message[:1] != _MAGIC or len(message) < _FRAME_BYTES:
        return None
    return int.from_bytes(message[1:_FRAME_BYTES], "big")


def schemas_named(records: Sequence[Record]) -> list[int]:
    """Return the schemas that records are framed with, the commonest first."""
    named = Counter(map(schema_of, (record.value for record in records)))
    named.update(schema_of(record.key) for record in records if record.topic in KEYED)
    return [id for id, _ in named.most_common() if id is not None]


def opened(payload: bytes, headers: Headers = (), schemas: Schemas = NO_REGISTRY) -> Opened:
    """Return the messages in a payload, each without its frame and its envelopes.

    Raises:
        RecordInvalidError: It is no JSON, no Snowplow line, and nothing that a schema reads; or no
            object is in it.
    """
    value = value_of(payload) if schema_of(payload) is None else _framed(payload, schemas)
    return messages_in(enveloped(value, headers))


def key_behind(key: bytes | None, schemas: Schemas) -> bytes | None:
    """Return the name in a key, framed or not.

    Raises:
        RecordInvalidError: What lies behind its frame cannot be read.
    """
    if key is None or schema_of(key) is None:
        return key_of(key)
    return name_in(_framed(key, schemas, "key"))


def _framed(message: bytes, schemas: Schemas, part: str = "payload") -> Any:  # noqa: ANN401 - as it was sent
    """Return what lies behind a frame. What is a JSON object needs no schema."""
    schema, content = schema_of(message) or 0, message[_FRAME_BYTES:]
    try:
        if content[:1] in {b"{", b"["}:
            return value_of(content)
    except RecordInvalidError:
        pass  # another form may begin so
    if len(content) > LARGEST_FRAMED:
        msg = f"{part}: larger than {LARGEST_FRAMED} bytes, and not JSON"
        raise RecordInvalidError(msg)
    try:
        return schemas.find(schema)(content)
    except SchemaInvalidError as error:
        msg = f"{part}: {error}"
        raise RecordInvalidError(msg) from None
    except ValueError:
        msg = f"{part}: does not fit schema {schema}"
        raise RecordInvalidError(msg) from None  # the error may hold what was sent
