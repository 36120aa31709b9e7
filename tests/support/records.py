"""Records and event payloads for tests."""

import json
from dataclasses import dataclass

from portrait.events.event import Action, Event
from portrait.events.item import Item
from portrait.events.stream import Headers
from portrait.reading.events import read_events
from portrait.reading.items import read_items
from portrait.reading.records import require_whole

RECEIVED = 1_790_000_000_000  # ms


@dataclass(frozen=True)
class FakeRecord:
    """A `Record`."""

    topic: str
    value: bytes | None
    offset: int = 0
    partition: int = 0
    timestamp: int = RECEIVED
    key: bytes | None = b"ann"
    headers: Headers = ()


def payload(**changes: object) -> dict[str, object]:
    """Return the fields of a valid click of Ann's; None removes one."""
    fields: dict[str, object] = {
        "event_id": "e1",
        "type": "click",
        "user_id": "ann",
        "item_id": "milk",
        "occurred_at": "2026-09-21T14:13:20+00:00",
    }
    merged = fields | changes
    return {name: value for name, value in merged.items() if value is not None}


def encoded(**changes: object) -> bytes:
    return json.dumps(payload(**changes)).encode()


def event_record(offset: int = 0, **changes: object) -> FakeRecord:
    """Return a record of an event, on the topic of its action."""
    fields = payload(event_id=f"e{offset}") | changes
    topic = f"events.{fields.get('type', 'click')}"
    return FakeRecord(topic, encoded(**fields), offset, key=str(fields.get("user_id")).encode())


def one_event(
    payload: bytes | None, headers: Headers = (), *, action: Action | None = None
) -> Event:
    """Return the only event of a message. Raises RecordInvalidError if it is none."""
    said = read_events(payload, headers, topic=action)
    require_whole(said)
    (event,) = said.events
    return event


def one_item(payload: bytes) -> Item:
    """Return the only item of a message. Raises RecordInvalidError if it is none."""
    said = read_items(payload)
    require_whole(said)
    (item,) = said.items
    return item
