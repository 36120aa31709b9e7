"""Envelopes: what messages are wrapped in, whatever lies inside.

CloudEvents 1.0 (structured, binary, batch), Kafka Connect's schema and payload, Debezium's changes,
and lists of messages in one. Opening one gives the messages inside, each an object.

Sources: https://github.com/cloudevents/spec (v1.0.2, Kafka and HTTP bindings),
https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-events.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import unquote

from pydantic_core import from_json

from portrait.errors import RecordInvalidError
from portrait.events.stream import Headers
from portrait.reading.acts import part_id
from portrait.reading.values import (
    Fields,
    as_id,
    first,
    is_said,
    lenient,
    objects,
    parsed,
    said,
    scaled,
)
from portrait.reading.vocabularies import personalize, plain, snowplow

_CE_NAMES = {"event_id": "id", "user_id": "subject", "occurred_at": "time"}
_CE_ATTRIBUTES = (*_CE_NAMES.values(), "type")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SHARED = ("sentAt", "receivedAt", "context")
DELETES = frozenset({"d"})  # Debezium's name for it
MOST_IN_ONE = 1_000  # messages in a message
DEEPEST = 4  # envelopes in each other


@dataclass(frozen=True, slots=True)
class Opened:
    """The messages that lay in envelopes."""

    messages: list[Fields]
    refusals: list[str]  # of what lay beside them and is no message: why


def enveloped(body: object, headers: Headers) -> object:
    """Put what the headers of a binary CloudEvent say around its data.

    Raises:
        RecordInvalidError: The data is none that a message can be made out in.
    """
    attributes = {name[3:]: _said(name, value) for name, value in headers if _is_ours(name, value)}
    return _cloud_event(attributes, body) if "specversion" in attributes else body


def _is_ours(name: str, value: bytes | None) -> bool:
    return bool(value) and name[:3] in {"ce_", "ce-"}


def _said(name: str, value: bytes | None) -> str:
    """Return what a header says: over HTTP its letters are percent-encoded, over Kafka not."""
    text = (value or b"").decode(errors="replace")
    return unquote(text) if name.startswith("ce-") else text


def messages_in(body: object) -> Opened:
    """Return the messages in what was sent, without their envelopes."""
    opened = Opened([], [])
    opened.messages.extend(islice(_unwrapped(body, DEEPEST, opened.refusals), MOST_IN_ONE + 1))
    if len(opened.messages) > MOST_IN_ONE:
        opened.messages.pop()
        opened.refusals.append(f"payload: more than {MOST_IN_ONE} messages in one")
    return opened


def value_of(payload: bytes) -> Any:  # noqa: ANN401 - as it was sent
    """Read JSON, with or without a byte order mark; or one enriched line of Snowplow.

    Raises:
        RecordInvalidError: It is neither.
    """
    payload = payload.removeprefix(BYTE_ORDER_MARK)
    try:
        if payload[:2] in UTF_16_MARKS:
            payload = payload.decode("utf-16").encode()
        return from_json(payload)
    except ValueError:  # also what is half a character, which harms nobody where nobody reads it
        pass
    try:
        text = payload.decode("utf-8", "surrogatepass")
        line = snowplow.line(text)
        return line if line is not None else lenient(text)
    except ValueError:
        msg = "payload: not UTF-8 JSON"
        raise RecordInvalidError(msg) from None  # the error repeats what was sent


def _unwrapped(body: object, deep: int, refusals: list[str]) -> Iterator[Fields]:
    """Yield what lies in envelopes in envelopes, and note what is no message."""
    inner: object
    if deep < 0 or not isinstance(body, dict | list):
        refusals.append("payload: not a JSON object")
        return
    if isinstance(body, list):
        inner = body
    elif "specversion" in body:
        try:
            inner = _cloud_event(body, _data_of(body))
        except RecordInvalidError as error:
            refusals.append(str(error))
            return
    elif _is_connects(body):
        inner = _payload_of(body)
    elif _is_change(body):
        yield from _change(body)
        return
    else:
        inner = messages_of(body)
    if inner is None and isinstance(body, dict):
        yield body
        return
    if isinstance(inner, dict) and "specversion" in inner:
        inner = {name: value for name, value in inner.items() if name != "specversion"}
    for each in inner if isinstance(inner, list) else [inner]:
        yield from _unwrapped(each, deep - 1, refusals)


def messages_of(body: Fields) -> list[object] | None:
    """Return the messages of a list that is all that a message is for; None if it is none."""
    if isinstance(body.get("batch"), list):  # Segment's
        shared = {name: body[name] for name in _SHARED if name in body}
        return [shared | each if isinstance(each, dict) else each for each in body["batch"]]
    if isinstance(body.get("events"), list):
        return list(body["events"])
    data = body.get("data")
    if isinstance(data, list) and any(isinstance(e, dict) and "event_name" in e for e in data):
        return list(data)  # Meta's
    if "eventList" in body:
        return [*personalize.requests(body)]
    if "datasetArn" in body and isinstance(body.get("items"), list):  # PutItems of Personalize
        return [_put_item(each) for each in objects(body["items"])]
    return None


def _put_item(item: Fields) -> Fields:
    properties = item.get("properties")
    more = parsed(properties) if isinstance(properties, str) else properties
    return (more if isinstance(more, dict) else {}) | {"id": item.get("itemId")}


def _data_of(event: Fields) -> object:
    """Return the data of a structured CloudEvent: JSON, the text of JSON, or base64 of it."""
    if isinstance(event.get("data_base64"), str):
        try:
            return value_of(base64.b64decode(event["data_base64"], validate=True))
        except (binascii.Error, ValueError):
            msg = "data_base64: not base64"
            raise RecordInvalidError(msg) from None
    data = event.get("data")
    return parsed(data) if isinstance(data, str) else data


def _cloud_event(attributes: Mapping[str, Any], data: object) -> object:
    """Put the attributes under the data: what the data says itself wins."""
    attributes = {name: attributes[name] for name in _CE_ATTRIBUTES if name in attributes}
    if isinstance(data, list):
        id = attributes.get("id")
        return [
            _cloud_event({**attributes, "id": part_id(id, place)}, each)
            for place, each in enumerate(data[: MOST_IN_ONE + 1])
        ]
    data = _inside(data)
    if not isinstance(data, dict):
        msg = "data: not a JSON object"
        raise RecordInvalidError(msg)
    outer = {
        ours: attributes[name]
        for ours, name in _CE_NAMES.items()
        if name in attributes and first(data, plain.ALIASES[ours]) is None
    }
    if "eventType" in data and "sentAt" in data:  # Personalize's, which says by it when it happened
        outer.pop("occurred_at", None)
    if "type" in attributes and not plain.says_what(data):
        outer["type"] = attributes["type"]
    return said(data) | said(outer)


def _inside(data: object) -> object:
    """Open the envelopes of Connect and of a change that lie in a CloudEvent."""
    for _ in range(DEEPEST):
        if not isinstance(data, dict):
            return data
        if _is_connects(data):
            data = _payload_of(data)
        elif _is_change(data):
            return next(_change(data), None)
        else:
            return data
    return data


def _is_connects(body: Fields) -> bool:
    return set(body) == {"schema", "payload"}


def _is_change(body: Fields) -> bool:
    return "op" in body and ("after" in body or "before" in body)


def _payload_of(body: Fields) -> object:
    """Return what lies in Connect's envelope; an outbox writes it as the text of JSON."""
    payload = body["payload"]
    inside = parsed(payload) if isinstance(payload, str) else None
    return inside if isinstance(inside, dict) else _decoded(payload, body["schema"])


def _decoded(value: object, schema: object) -> object:
    """Return a value of Connect as JSON would have it."""
    if not isinstance(schema, dict) or value is None:
        return value
    name = str(schema.get("name"))
    if name == "io.debezium.data.VariableScaleDecimal" and isinstance(value, dict):
        return _decimal(str(value.get("value")), value)
    if name == "org.apache.kafka.connect.data.Decimal" and isinstance(value, str):
        return _decimal(value, schema.get("parameters"))
    if name in {"io.debezium.time.Date", "org.apache.kafka.connect.data.Date"}:
        return value * 86_400 if isinstance(value, int) else value
    if isinstance(value, dict) and isinstance(schema.get("fields"), list):
        of = {str(each.get("field")): each for each in objects(schema["fields"])}
        return {key: _decoded(each, of.get(key)) for key, each in value.items()}
    return value


def _decimal(value: str, parameters: object) -> object:
    """Read big-endian bytes in base64 as the number that they are of, by its scale."""
    scale = parameters.get("scale") if isinstance(parameters, dict) else None
    try:
        number = scaled(base64.b64decode(value, validate=True), int(str(scale)))
    except (binascii.Error, ValueError):
        return value
    return value if number is None else number


def _change(body: Fields) -> Iterator[Fields]:
    """Yield the row after a change; of a row that is gone, what it was, and that it is gone.

    MongoDB's are the text of JSON. A table that was emptied, and a message in the log, are no row.
    """
    before, after = (
        parsed(row) if isinstance(row := body.get(side), str) else row
        for side in ("before", "after")
    )
    if str(body["op"]) not in DELETES and isinstance(after, dict):
        yield said(after)
    else:
        yield said(before if isinstance(before, dict) else {}) | {"__deleted": True}


def key_of(key: bytes | None) -> bytes | None:
    """Return the name in a key: as it is, or the one value of a JSON key of Connect's.

    Raises:
        RecordInvalidError: It is JSON's, and names nobody, or several.
    """
    if not key or key[:1] not in b'{"':
        return key
    try:
        value = from_json(key)
    except ValueError:
        return key
    return name_in(value)


def name_in(value: object) -> bytes:
    """Return the one name that a key's value says.

    Raises:
        RecordInvalidError: It says none, or several.
    """
    if isinstance(value, dict) and set(value) == {"schema", "payload"}:
        value = value["payload"]
    for _ in range(DEEPEST):  # Avro writes what may be null as {"string": "ann"}
        if isinstance(value, dict) and len(value) == 1:
            (value,) = value.values()
    name = as_id(value)
    if not isinstance(name, str) or not is_said(name):
        msg = "key: names nobody, or several"
        raise RecordInvalidError(msg)
    return name.encode(errors="replace")
