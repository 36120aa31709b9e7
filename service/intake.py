"""Intake: a request body of events as messages, one by one, so that one mistake costs one event.

Events are read by the same function as those on Kafka. One that is plain goes there as it came; of
any other goes what was understood of it, so that the workers understand the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from portrait import metrics
from portrait.errors import EventInvalidError, RecordInvalidError
from portrait.events.event import Event
from portrait.events.item import Id
from portrait.events.stream import Headers, Message
from portrait.events.topics import event_topic
from portrait.privacy.redact import is_redacted
from portrait.privacy.redact_id import is_redacted_id
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.envelopes import enveloped, messages_in, messages_of, value_of
from portrait.reading.events import Reading, read_messages
from portrait.reading.records import LARGEST_EVENT, Clock, refusal
from portrait.reading.report import End, canonical, report_of
from portrait.reading.short import complete
from portrait.reading.straight import plain_event
from portrait.reading.values import as_json
from portrait.times import MILLISECOND
from service.http.bodies import MOST_VALUES, is_crowded
from service.http.problems import MOST_BYTES, EventsInvalidError, FieldError, cut
from service.schemas import MOST_EVENTS, EventResult

MOST_EVENT_VALUES = 50_000  # of one request: a hundred for each event
NOT_TOLD = "Too many others were wrong."  # after so many bytes of reasons: mend those first

_ID: TypeAdapter[str] = TypeAdapter(Id)


@dataclass(frozen=True, slots=True)
class Intake:
    """What became of each event, in order, and the messages of the good ones."""

    results: tuple[EventResult, ...]
    messages: tuple[Message, ...]


def read_events(
    body: bytes,
    future_tolerance: timedelta,
    *,
    headers: Headers = (),
    dialect: Dialect = AS_SENT,
    dry_run: bool = False,
) -> Intake:
    """Read a body: one event, a list, or `{"events": [...]}`. Blocks: 500 events take some 20 ms.

    Args:
        body: JSON, in UTF-8.
        future_tolerance: How far ahead of now an event may lie.
        headers: Those of a CloudEvent whose data alone is the body.
        dialect: How the shop's messages are read.
        dry_run: Whether it is only asked what would be read; then there are no messages.

    Raises:
        EventsInvalidError: There is nothing in it that can be read.
    """
    reader = _Reader(Clock.of_system(future_tolerance // MILLISECOND), dialect, dry_run)
    results: list[EventResult] = []
    room = MOST_BYTES  # for reasons
    for index, (sent, payload) in enumerate(_events_of(body, headers)):
        result = reader.read(index, sent, payload)
        if result.reason is not None:
            reason = cut(result.reason)
            room -= len(to_json(reason))
            result = result.model_copy(update={"reason": reason if room > 0 else NOT_TOLD})
        results.append(result)
    if all(result.status == "rejected" for result in results):
        msg = "None of the events is valid."
        raise EventsInvalidError(msg, errors=[_field_error(result) for result in results])
    return Intake(tuple(results), tuple(reader.messages))


def _events_of(body: bytes, headers: Headers) -> list[tuple[Any, bytes | None]]:
    """Split a body into what was sent as one event; one that came alone has its bytes, too."""
    if is_crowded(body, MOST_EVENT_VALUES):
        msg = f"There are more than {MOST_EVENT_VALUES} values in it."
        raise EventsInvalidError(msg)
    try:
        sent = enveloped(value_of(body), headers)
    except RecordInvalidError as error:
        msg = "The body is not UTF-8 JSON."
        raise EventsInvalidError(msg) from error
    if isinstance(sent, dict) and "specversion" not in sent:  # a CloudEvent is around its data
        several = messages_of(sent)
        sent = sent if several is None else several
    if not isinstance(sent, list):
        return [(sent, body)]
    if len(sent) > MOST_EVENTS:
        msg = f"There are {len(sent)} events, more than {MOST_EVENTS}."
        raise EventsInvalidError(msg)
    return [(event, None) for event in sent]


@dataclass(slots=True)
class _Reader:
    """Reads events one by one, and collects their messages."""

    clock: Clock
    dialect: Dialect
    dry_run: bool
    messages: list[Message] = field(default_factory=list)

    def read(self, index: int, sent: Any, payload: bytes | None) -> EventResult:  # noqa: ANN401
        """Read what was sent as one event."""
        read: list[tuple[Reading[Event], bytes | None]] = []
        reason = refusal(lambda what: read.append(self._said(what, payload)), sent)
        if reason is not None:
            return _result(index, sent, "rejected", reason)
        ((said, payload),) = read
        report = report_of(said, self.clock)
        if report.end is End.DEAD:  # all of it or nothing, so that it can be sent again when mended
            return _result(index, sent, "rejected", report.reason)
        if not self.dry_run:
            self._take(said, payload)
        if report.end is End.PASSED_OVER:
            return _result(index, sent, "passed_over", report.reason)
        return EventResult(
            index=index,
            event_id=report.events[0].event_id,
            status="accepted",
            events=len(report.events),
            left_out=dict(report.left_out),
            read=tuple(map(canonical, report.events)) if self.dry_run else None,
        )

    def _take(self, said: Reading[Event], payload: bytes | None) -> None:
        """Count what is passed over, and make messages of the rest."""
        for name in said.passed_over:
            metrics.messages_passed_over.labels(name).inc()
        for event in said.events:
            as_it_came = None if _holds_redacted(event) else payload
            value = as_it_came or event.model_dump_json(exclude_none=True).encode()
            message = Message(event_topic(event.type), event.user_key.encode(), value)
            self.messages.append(message)
        self.messages += [who.message for who in said.who]

    def _said(
        self,
        sent: Any,  # noqa: ANN401 - any JSON
        payload: bytes | None,
    ) -> tuple[Reading[Event], bytes | None]:
        """Return what was said, and the bytes of what is plain and goes on as it came.

        Raises:
            RecordInvalidError: There is no event in it.
        """
        payload = as_json(sent) if payload is None else payload
        if len(payload) > LARGEST_EVENT:
            msg = f"payload: larger than {LARGEST_EVENT} bytes"
            raise EventInvalidError(msg)
        if is_crowded(payload):
            msg = f"payload: more than {MOST_VALUES} values"
            raise EventInvalidError(msg)
        event = plain_event(payload, self.dialect)
        if event is not None:
            return Reading([event], left_out=[{}]), payload
        messages = messages_in(sent)
        return read_messages(messages, dialect=self.dialect, complete=complete), None


def _result(index: int, sent: object, status: Any, reason: str | None) -> EventResult:  # noqa: ANN401
    given = sent.get("event_id") if isinstance(sent, dict) else None
    event_id = given if _is_id(given) else None
    return EventResult(index=index, event_id=event_id, status=status, reason=reason)


def _is_id(given: object) -> bool:
    """Say whether it can be an id: what cannot is not repeated, and may be six times as long."""
    try:
        _ID.validate_python(given)
    except ValidationError:
        return False
    return True


def _field_error(result: EventResult) -> FieldError:
    return FieldError(detail=result.reason or "", pointer=f"#/events/{result.index}")


def cloud_event_headers(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the attributes of a CloudEvent whose data is the body, from HTTP headers."""
    return tuple((name.decode("latin-1"), value) for name, value in raw if name[:3] == b"ce-")


def _holds_redacted(event: Event) -> bool:
    """Say whether something was taken out of what an event says: then it does not go on as sent."""
    item = event.item
    ids = [event.event_id, event.session_id, event.order_id, event.recommendation_id]
    texts = [event.text]
    if item is not None:
        ids += [item.group_id]
        texts += [item.title, item.category, item.brand]
        texts += [*item.attributes, *item.attributes.values()]
    return any(map(is_redacted, filter(None, texts))) or any(map(is_redacted_id, filter(None, ids)))
