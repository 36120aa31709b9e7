"""Intake: a request body of events as messages, one by one, so that one mistake costs one event."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from portrait.errors import EventInvalidError
from portrait.events.envelope import parse_event
from portrait.events.item import Id
from portrait.events.reading import LARGEST_EVENT, Clock, moment_of
from portrait.events.stream import Message
from portrait.events.topics import event_topic
from portrait.times import MILLISECOND
from service.http.bodies import MOST_VALUES, is_crowded
from service.http.problems import MOST_BYTES, EventsInvalidError, FieldError, cut
from service.schemas import MOST_EVENTS, EventResult

MOST_EVENT_VALUES = 50_000  # of one request: a hundred for each event
NOT_TOLD = "Too many others were wrong."  # after so many bytes of reasons: mend those first

Json = dict[str, object]
_ID: TypeAdapter[str] = TypeAdapter(Id)

# Where producers may have written a field, per field that we add if nobody did.
_NAMES = {
    "event_id": {"event_id", "messageId", "eventId"},
    "occurred_at": {"occurred_at", "originalTimestamp", "derived_tstamp", "timestamp"},
}
_CLOUD_EVENT_NAMES = {"event_id": "id", "occurred_at": "time"}


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of each event, in order, and the messages of the good ones."""

    results: tuple[EventResult, ...]
    messages: tuple[Message, ...]


def read_events(body: bytes, future_tolerance: timedelta) -> Intake:
    """Read a body: one event, or `{"events": [...]}`. Blocks: 500 events take some 20 ms.

    Args:
        body: JSON, in UTF-8.
        future_tolerance: How far ahead of now an event may lie.

    Raises:
        EventsInvalidError: There is no valid event in it.
    """
    results: list[EventResult] = []
    messages: list[Message] = []
    clock = Clock.of_system(future_tolerance // MILLISECOND)
    room = MOST_BYTES  # for reasons
    for index, (fields, payload) in enumerate(_events_of(body)):
        try:
            message, event_id = _message(fields, payload, clock)
        except EventInvalidError as error:
            reason = cut(str(error))
            room -= len(to_json(reason))
            results.append(_rejected(index, fields, reason if room > 0 else NOT_TOLD))
        else:
            results.append(EventResult(index=index, event_id=event_id, status="accepted"))
            messages.append(message)
    if not messages:
        msg = "None of the events is valid."
        raise EventsInvalidError(msg, errors=[_field_error(result) for result in results])
    return Intake(tuple(results), tuple(messages))


def _events_of(body: bytes) -> list[tuple[object, bytes]]:
    """Split a body into events, each with its own JSON; one that came alone keeps its bytes."""
    if is_crowded(body, MOST_EVENT_VALUES):
        msg = f"There are more than {MOST_EVENT_VALUES} values in it."
        raise EventsInvalidError(msg)
    try:
        sent = from_json(body)
    except ValueError as error:
        msg = "The body is not UTF-8 JSON."
        raise EventsInvalidError(msg) from error
    if not (isinstance(sent, dict) and isinstance(sent.get("events"), list)):
        return [(sent, body)]
    events = sent["events"]
    if len(events) > MOST_EVENTS:
        msg = f"There are {len(events)} events, more than {MOST_EVENTS}."
        raise EventsInvalidError(msg)
    return [(event, to_json(event)) for event in events]


def _message(fields: object, payload: bytes, clock: Clock) -> tuple[Message, str]:
    """Check one event by the same rules as the worker, and say where it goes."""
    completed = _completed(fields) if isinstance(fields, dict) else fields
    if completed is not fields:
        payload = to_json(completed)
    if len(payload) > LARGEST_EVENT:
        msg = f"payload: larger than {LARGEST_EVENT} bytes"
        raise EventInvalidError(msg)
    if is_crowded(payload):
        msg = f"payload: more than {MOST_VALUES} values"
        raise EventInvalidError(msg)
    event = parse_event(payload)
    moment_of(event, clock.now, clock.tolerance)
    message = Message(event_topic(event.type), event.user_key.encode(), payload)
    return message, event.event_id


def _completed(fields: Json) -> Json:
    """Add an id and a time where the producer left them out; else return the same object."""
    lacking = [name for name in _NAMES if not _says(fields, name)]
    if not lacking:
        return fields
    new: Json = {"event_id": str(uuid4()), "occurred_at": datetime.now(UTC)}
    names = _CLOUD_EVENT_NAMES if "specversion" in fields else {name: name for name in _NAMES}
    return fields | {names[name]: new[name] for name in lacking}


def _says(fields: Json, name: str) -> bool:
    """Return whether a field is there, in any of the shapes that `envelope.py` reads."""
    if "specversion" in fields and _CLOUD_EVENT_NAMES[name] in fields:
        return True
    inner = [fields, fields.get("data"), fields.get("properties")]
    return any(not _NAMES[name].isdisjoint(part) for part in inner if isinstance(part, dict))


def _rejected(index: int, fields: object, reason: str) -> EventResult:
    given = fields.get("event_id") if isinstance(fields, dict) else None
    event_id = given if _is_id(given) else None
    return EventResult(index=index, event_id=event_id, status="rejected", reason=reason)


def _is_id(given: object) -> bool:
    """Say whether it can be an id: what cannot is not repeated, and may be six times as long."""
    try:
        _ID.validate_python(given)
    except ValidationError:
        return False
    return True


def _field_error(result: EventResult) -> FieldError:
    return FieldError(detail=result.reason or "", pointer=f"#/events/{result.index}")
