"""Reports: what a message is read as, what was left out of it, or why it is dead.

By the rules of the workers, of time too. For whoever connects a shop: `portrait try`, the dry run
of `POST /events`, and that of `portrait import`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from pydantic import BaseModel
from pydantic_core import to_json

from portrait.errors import EventInvalidError
from portrait.events.event import Action, Event
from portrait.events.item import Item
from portrait.events.login import Identification
from portrait.field_errors import MOST_REASONS
from portrait.reading.dialect import Dialect
from portrait.reading.envelopes import messages_in
from portrait.reading.events import Reading, read_messages
from portrait.reading.frames import opened
from portrait.reading.items import ItemReading, read_items
from portrait.reading.names import ALL
from portrait.reading.records import LARGEST_EVENT, LARGEST_ITEM, Clock, moment_of, refusal
from portrait.reading.straight import plain_event
from portrait.reading.values import Fields

# Where producers write what they call a message. The first of them that is a known name counts,
# else the first that is there: Segment's `type` is `track`, and Snowplow's `event` is `unstruct`.
NAMES = (
    *("event_name", "event", "event_type", "eventType", "behavior", "behavior_type"),
    *("type", "name", "action"),
)
LONGEST_NAME = 64  # characters of what a message is called


class End(StrEnum):
    """How a message ends."""

    READ = "read"
    PASSED_OVER = "passed_over"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one message. Of one that is dead in part, the events count all the same."""

    end: End
    events: Sequence[Event] = ()
    items: Sequence[Item] = ()
    withdrawn: Sequence[str] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)  # field: why
    reason: str | None = None  # why it is dead; of what is passed over, by which name
    called: str = ""  # by its producer
    who: Sequence[Identification] = ()  # who was said to be whom, in what is passed over


def report_on(
    sent: Fields | bytes,
    clock: Clock,
    dialect: Dialect,
    topic: Action | None = None,
    complete: Callable[[Fields], None] = lambda _: None,
) -> Report:
    """Read a message of events as the workers would if they received it now.

    Args:
        sent: A Kafka message's value, or the fields of a row.
        clock: Theirs.
        dialect: How the shop writes.
        topic: What was done, by the topic, for messages that do not say it.
        complete: Adds what must be there and may be left unsaid; the workers add nothing.
    """
    said: list[tuple[Reading[Event], str]] = []
    reason = refusal(lambda what: said.append(_read(what, dialect, topic, complete)), sent)
    if reason is not None:
        return Report(End.DEAD, reason=reason, called=_called_in(sent, dialect))
    ((reading, called),) = said
    return report_of(reading, clock, called)


def report_of(said: Reading[Event], clock: Clock, called: str = "") -> Report:
    """Report on what was read of a message, received now."""
    events: list[Event] = []
    refusals = said.refusals
    for event in said.events:
        try:
            moment_of(event, clock.now, clock.tolerance)
        except EventInvalidError as error:
            refusals = [*refusals, str(error)]
        else:
            events.append(event)
    left_out = {name: why for each in said.left_out for name, why in each.items()}
    if refusals:
        reason = _told(refusals)
        return Report(End.DEAD, events, left_out=left_out, reason=reason, called=called)
    if events:
        return Report(End.READ, events, left_out=left_out, called=called)
    reason = ", ".join(dict.fromkeys(said.passed_over))
    return Report(End.PASSED_OVER, reason=reason, called=called, who=said.who)


def report_on_item(sent: Fields | bytes, dialect: Dialect) -> Report:
    """Read a message of the catalogue as the index worker would."""
    said: list[ItemReading] = []
    reason = refusal(lambda what: said.append(_read_item(what, dialect)), sent)
    called = _called_in(sent, dialect)
    if reason is not None:
        return Report(End.DEAD, reason=reason, called=called)
    (reading,) = said
    left_out = {name: why for each in reading.left_out for name, why in each.items()}
    if reading.refusals:
        end, reason = End.DEAD, _told(reading.refusals)
    elif not (reading.items or reading.withdrawn):
        end, reason = End.PASSED_OVER, called
    else:
        end = End.READ
    return Report(end, (), reading.items, reading.withdrawn, left_out, reason, called)


def canonical(read: BaseModel) -> Fields:
    """Return an event or an item as its own JSON says it."""
    is_item = isinstance(read, Item)
    if isinstance(read, Event):  # and nothing that was said beside
        read = Event.model_validate(read.model_dump(), by_name=True, by_alias=False)
    return read.model_dump(mode="json", exclude_none=not is_item, exclude_unset=is_item)


def _read(
    sent: Fields | bytes,
    dialect: Dialect,
    topic: Action | None,
    complete: Callable[[Fields], None],
) -> tuple[Reading[Event], str]:
    """Read a message, and what it is called.

    Raises:
        RecordInvalidError: No message at all can be made out in it.
    """
    if isinstance(sent, bytes):
        if len(sent) > LARGEST_EVENT:
            msg = f"payload: larger than {LARGEST_EVENT} bytes"
            raise EventInvalidError(msg)
        event = plain_event(sent, dialect)
        if event is not None:
            return Reading([event], left_out=[{}]), event.type
        found = opened(sent)
    else:
        found = messages_in(sent)
    called = ", ".join(dict.fromkeys(_called(each, dialect) for each in found.messages))
    reading = read_messages(found, topic=topic, dialect=dialect, complete=complete)
    return reading, called[:LONGEST_NAME]


def _read_item(sent: Fields | bytes, dialect: Dialect) -> ItemReading:
    """Read a message of the catalogue.

    Raises:
        RecordInvalidError: No message at all can be made out in it.
    """
    payload = sent if isinstance(sent, bytes) else to_json(sent, fallback=str)
    if len(payload) > LARGEST_ITEM:
        msg = f"payload: larger than {LARGEST_ITEM} bytes"
        raise EventInvalidError(msg)
    return read_items(payload, dialect=dialect)


def _called_in(sent: Fields | bytes, dialect: Dialect) -> str:
    """Return what a message is called that nothing else is known of."""
    names: list[str] = []

    def look(what: Fields | bytes) -> None:
        found = opened(what) if isinstance(what, bytes) else messages_in(what)
        names.extend(_called(each, dialect) for each in found.messages)

    refusal(look, sent)
    return ", ".join(dict.fromkeys(names))[:LONGEST_NAME]


def _called(message: Fields, dialect: Dialect) -> str:
    """Return what a producer calls a message; of one that a mapping reads, its rule."""
    rule = dialect.mapped.rule_of(message)
    if rule is not None:
        return rule
    said = [name[:LONGEST_NAME] for at in NAMES if isinstance(name := message.get(at), str)]
    return next(filter(_is_known, said), said[0] if said else "")


@lru_cache(4_096)
def _is_known(name: str) -> bool:
    return ALL.find(name) is not None


def _told(refusals: Sequence[str]) -> str:
    """Say why, of many reasons the first few."""
    return "; ".join([*dict.fromkeys(refusals)][:MOST_REASONS])
