"""Events: what a message says was done, as events. One reader for Kafka and HTTP alike.

plain event? ──────────────────────────────────────────────────────────────▶ event
     └─ no ─▶ open its envelopes ─▶ the vocabulary that it speaks ─▶ values ─▶ events
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import ValidationError

from portrait.errors import EventInvalidError, RecordInvalidError
from portrait.events.event import Action, Event
from portrait.events.login import UNLINK, Identification, Login
from portrait.events.stream import Headers
from portrait.reading.acts import Acts
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.envelopes import Opened
from portrait.reading.fields import LeftOut, fitted, readable
from portrait.reading.frames import opened
from portrait.reading.snapshots import snapshot
from portrait.reading.straight import plain_event
from portrait.reading.values import Fields, is_said, said
from portrait.reading.vocabularies import (
    ga4,
    logs,
    meta,
    personalize,
    plain,
    segment,
    shopify,
    snowplow,
)

Vocabulary = Callable[[Fields], Acts | None]
VOCABULARIES: dict[str, Vocabulary] = {
    "Segment, RudderStack": segment.read,
    "Snowplow": snowplow.read,
    "Google Analytics 4": ga4.read,
    "Meta": meta.read,
    "Shopify": shopify.read,
    "Amazon Personalize": personalize.read,
    "REES46, Taobao": logs.read,
}
_REQUIRED = frozenset(
    {"event_id", "type", "user_id", "anonymous_id", "item_id", "text", "occurred_at"}
    | {"schema_version"}
)
DELETED = "deleted"  # how a row that was deleted is counted: nobody did anything


What = TypeVar("What")


@dataclass(slots=True)
class Reading(Generic[What]):
    """What became of a message: events, what was passed over, and what is wrong with the rest."""

    events: list[What] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)  # by name
    left_out: list[LeftOut] = field(default_factory=list)  # of each event
    refusals: list[str] = field(default_factory=list)  # of what could be no event: why
    who: list[Identification] = field(default_factory=list)  # who was said to be whom, else
    logins: list[Login] = field(default_factory=list)  # the same, once it is known when


def read_events(
    payload: bytes | None,
    headers: Headers = (),
    *,
    topic: Action | None = None,
    dialect: Dialect = AS_SENT,
) -> Reading[Event]:
    """Read one message: a Kafka message's value, or a body sent over HTTP.

    Args:
        payload: The value; None is a tombstone, which no event topic has a meaning for.
        headers: The message's; those of CloudEvents say what is not in the value.
        topic: What was done, by the topic, for producers that do not say it.
        dialect: What the shop's messages leave unsaid.

    Raises:
        EventInvalidError: No message at all can be made out in it.
    """
    if payload is None:
        msg = "payload: empty"
        raise EventInvalidError(msg)
    plainly = plain_event(payload, dialect)
    if plainly is not None:
        return Reading([plainly], left_out=[{}])
    try:
        found = opened(payload, headers, dialect.schemas)
    except RecordInvalidError as error:
        raise EventInvalidError(str(error)) from None
    return read_messages(found, topic=topic, dialect=dialect)


def read_messages(
    found: Opened,
    *,
    topic: Action | None = None,
    dialect: Dialect = AS_SENT,
    complete: Callable[[Fields], None] = lambda _: None,
) -> Reading[Event]:
    """Read messages that lie in no envelope any more.

    Args:
        found: What they say.
        topic: What was done, by the topic.
        dialect: How the shop writes.
        complete: Adds what must be there and may be left unsaid.
    """
    reading: Reading[Event] = Reading(refusals=[*found.refusals])
    for message in found.messages:
        try:
            acts = _acts(said(message), topic, dialect)
        except EventInvalidError as error:
            reading.refusals.append(str(error))
            continue
        reading.passed_over += acts.passed_over
        reading.who += _who(acts, dialect)
        reading.refusals += acts.refusals
        for fields in acts.fields:
            try:
                event, left_out = event_of(fields, dialect, complete)
            except EventInvalidError as error:
                reading.refusals.append(str(error))
            else:
                reading.events.append(event)
                reading.left_out.append(left_out)
    if not (reading.events or reading.passed_over or reading.refusals):
        reading.refusals.append("payload: no event in it")
    return reading


def event_of(
    fields: Fields, dialect: Dialect, complete: Callable[[Fields], None] = lambda _: None
) -> tuple[Event, LeftOut]:
    """Make an event of fields by our names.

    Raises:
        EventInvalidError: Something that is required is missing or cannot be read.
    """
    read, left_out = readable(fields, dialect)
    complete(read)
    _correct_clock(read)
    if isinstance(item := read.get("item"), dict):
        read["item"], missing = snapshot(item, dialect)
        left_out |= {f"item.{name}": why for name, why in missing.items()}
    is_search = read.get("type") is Action.SEARCH
    optional = {"item_id"} if is_search else {"text"}
    if "user_id" in read:
        optional.add("anonymous_id")
    event = fitted(Event, read, _REQUIRED - optional, EventInvalidError, left_out)
    require_subject(event)
    return event, left_out


def _who(acts: Acts, dialect: Dialect) -> Iterator[Identification]:
    """Yield who was said to be whom in a message that is passed over: it need say no such thing."""
    if acts.who is None or not is_said(acts.who.get("anonymous_id")):
        return
    read, _ = readable(acts.who, dialect)
    if UNLINK in acts.passed_over and "user_id" not in read:
        read["user_id"] = None
    elif "user_id" not in read or UNLINK in acts.passed_over:
        return  # nobody is named; or it is a shop's own word for something else
    _correct_clock(read)
    with suppress(ValidationError):
        yield Identification.model_validate(read)


def require_subject(event: Event) -> None:
    """Raise EventInvalidError unless it is known who acted, and on what."""
    if not (event.user_id or event.anonymous_id):
        msg = "user_id: missing"
        raise EventInvalidError(msg)
    if event.type is Action.SEARCH:
        if not (event.text and event.text.strip()):
            msg = "text: missing"
            raise EventInvalidError(msg)
    elif not event.item_id:
        msg = "item_id: missing"
        raise EventInvalidError(msg)


def _acts(message: Fields, topic: Action | None, dialect: Dialect) -> Acts:
    """Read a message in the vocabulary that it speaks: first what the shop says of its own."""
    mapped = dialect.mapped.event(message, topic)
    if mapped is not None:
        return mapped
    if str(message.get("__deleted", "")).lower() == "true":
        return Acts(passed_over=[DELETED])
    for read in VOCABULARIES.values():
        acts = read(message)
        if acts is not None:
            return acts
    return plain.read(message, topic)


def _correct_clock(read: Fields) -> None:
    """Correct a time by when somebody else received the message, where that is said.

    Source: Segment's `timestamp = receivedAt - (sentAt - originalTimestamp)`.
    """
    received = read.pop("received_at", None)
    occurred, sent = read.get("occurred_at"), read.get("sent_at")
    if isinstance(received, datetime) and isinstance(occurred, datetime):
        if isinstance(sent, datetime):
            with suppress(OverflowError):  # years that nobody lived in
                read["occurred_at"] = received - (sent - occurred)
        read.pop("sent_at", None)
