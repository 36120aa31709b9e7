"""Batches: the events between two commits, as columns.

Decoding is the only step that looks at one event at a time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from portrait.envelope import parse_event
from portrait.errors import EventInvalidError
from portrait.event import ANONYMOUS, Action, Event
from portrait.facts import ACTION_CODE, COLUMNS, ERASURE
from portrait.item import Item
from portrait.receipt import received
from portrait.ref import event_ref, item_ref, text_ref
from portrait.stream import Message, Record
from portrait.topics import DEAD, ERASURES, EVENT_TOPICS, action_of

LARGEST_EVENT = 65_536  # bytes
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
CHARACTERS_PER_TOKEN = 3  # of wordpiece, on the safe side
LONGEST_KEY = len(ANONYMOUS) + 128  # of a profile; `Id` has 128

_TOPIC_CODES = {topic: code for code, topic in enumerate(EVENT_TOPICS)}


@dataclass(slots=True)
class EventBatch:
    """Decoded events. `columns["user"]` is the place of the event's user in `users`."""

    users: list[str]
    columns: NDArray[np.void]  # (E,) of COLUMNS, in log order
    items: dict[int, Event] = field(default_factory=dict)  # first event that names each item_ref
    searches: dict[int, str] = field(default_factory=dict)  # search texts by text_ref
    dead: list[Message] = field(default_factory=list)  # dead letters of this batch

    def __len__(self) -> int:
        return len(self.columns)


def decode(
    records: Sequence[Record], *, future_tolerance_ms: int, most_tokens: int
) -> Iterator[EventBatch]:
    """Read records; split them where their text would cost the encoder more than `most_tokens`.

    What cannot be read becomes a dead letter of its batch. Order is kept.
    """
    builder = _Builder()
    for record in records:
        try:
            if record.topic == ERASURES:
                builder.erase(record, read_erasure(record))
            else:
                builder.add(record, *read_event(record, future_tolerance_ms))
        except EventInvalidError as error:
            builder.dead.append(dead_letter(record, str(error)))
        if builder.tokens >= most_tokens:
            yield builder.build()
            builder = _Builder()
    yield builder.build()


def item_of(event: Event) -> Item:
    """Return what an event says of its item: the snapshot, or a nameless item not for sale."""
    if event.item is None:
        return Item(id=str(event.item_id), available=False)
    return Item(id=str(event.item_id), **event.item.model_dump())


def dead_letter(record: Record, reason: str) -> Message:
    """Wrap the original bytes with where they lay and why they could not be read."""
    place = (
        ("topic", record.topic.encode()),
        ("partition", str(record.partition).encode()),
        ("offset", str(record.offset).encode()),
        ("timestamp", str(record.timestamp).encode()),
        ("reason", reason.encode()),
    )
    return Message(DEAD, record.key or b"", record.value, (*place, *record.headers))


def read_event(record: Record, future_tolerance_ms: int) -> tuple[Event, int]:
    """Return what a record says, and when it happened (ms). Whoever reads the log, reads it so.

    Raises:
        EventInvalidError: Not an event, or one that cannot have happened then.
    """
    if record.value is not None and len(record.value) > LARGEST_EVENT:
        msg = f"payload: larger than {LARGEST_EVENT} bytes"
        raise EventInvalidError(msg)
    event = parse_event(record.value, record.headers, action=action_of(record.topic))
    at = _moment(event, received(record))
    if at > received(record) + future_tolerance_ms:
        msg = "occurred_at: in the future"
        raise EventInvalidError(msg)
    if at <= 0:
        msg = "occurred_at: before 1970"
        raise EventInvalidError(msg)
    return event, at


def read_erasure(record: Record) -> str:
    """Return who is to be forgotten: the profile's name is the record's key.

    Raises:
        EventInvalidError: It names nobody.
    """
    try:
        user = (record.key or b"").decode()
    except UnicodeDecodeError as error:
        msg = "key: not UTF-8"
        raise EventInvalidError(msg) from error
    if not 0 < len(user) <= LONGEST_KEY:
        msg = "key: missing or too long"
        raise EventInvalidError(msg)
    return user


class _Builder:
    """Collects decoded events until they are a batch."""

    def __init__(self) -> None:
        self.dead: list[Message] = []
        self.tokens = 0
        self._users: dict[str, int] = {}
        self._rows: list[tuple[int, int, int, int, int, tuple[float, ...]]] = []
        self._items: dict[int, Event] = {}
        self._searches: dict[int, str] = {}

    def add(self, record: Record, event: Event, at: int) -> None:
        """Take in one event, and when it happened (ms)."""
        row = (
            at,
            event_ref(event.event_id),
            self._ref(event),
            event.price or 0.0,
            event.quantity or 1,
            ACTION_CODE[event.type],
            round((event.rating or 0) * 10),
        )
        user = self._users.setdefault(event.user_key, len(self._users))
        topic = _TOPIC_CODES.get(record.topic, 0)
        self._rows.append((user, topic, record.partition, record.offset, received(record), row))

    def erase(self, record: Record, user: str) -> None:
        """Take in one erasure: a row without an event, whose id is the moment."""
        row = (0, record.timestamp, 0, 0.0, 0, 0, 0)
        place, at = self._users.setdefault(user, len(self._users)), record.timestamp
        self._rows.append((place, ERASURE, record.partition, record.offset, at, row))

    def build(self) -> EventBatch:
        """Return what was collected."""
        columns = np.array(self._rows, COLUMNS)
        return EventBatch([*self._users], columns, self._items, self._searches, self.dead)

    def _ref(self, event: Event) -> int:
        """Name what the event is about, and remember what is needed to find its vector."""
        if event.type is Action.SEARCH:
            text = str(event.text).strip()
            ref = text_ref(text)
            if ref not in self._searches:
                self._searches[ref] = text
                self.tokens += len(text) // CHARACTERS_PER_TOKEN + 2
            return ref
        ref = item_ref(str(event.item_id))
        known = self._items.get(ref)
        if known is None or (known.item is None and event.item is not None):
            self._items[ref] = event
            if event.item is not None:
                self.tokens += len(event.item.text) // CHARACTERS_PER_TOKEN + 2
        return ref


def _moment(event: Event, received_at: int) -> int:
    """Return when the event happened (ms), by Kafka's clock if the producer's is known to be off.

    Source: Segment's `timestamp = receivedAt - (sentAt - originalTimestamp)`.
    """
    if event.sent_at is None:
        return (event.occurred_at - EPOCH) // MILLISECOND
    return received_at - (event.sent_at - event.occurred_at) // MILLISECOND
