"""Records and event payloads for tests."""

import json
from dataclasses import dataclass

from portrait.events.stream import Headers

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
