"""Batches: the events between two commits, as columns.

Decoding is the only step that looks at one event at a time. What a record says, and whether it can
be read at all, is `reading.py`'s to decide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from portrait.events.columns import ACTION_CODE, COLUMNS, ERASURE, TOPIC_CODE
from portrait.events.event import Action, Event
from portrait.events.item import Item
from portrait.events.letter import joined
from portrait.events.reading import (
    FIRST,
    Clock,
    Logs,
    put_aside,
    read_erasure,
    read_event,
    tabulated,
)
from portrait.events.stream import Message, Record
from portrait.events.tone import READ, SAID, stars_of
from portrait.events.topics import ERASURES, event_topic
from portrait.ref import event_ref, item_ref, search_ref

TENTHS = 10  # of a star
CHARACTERS_PER_TOKEN = 3  # of wordpiece, on the safe side

_TOPIC_CODES = {event_topic(action): code for action, code in TOPIC_CODE.items()}
_Row = tuple[int, int, int, int, int, int, int, tuple[float, ...]]


@dataclass(slots=True)
class EventBatch:
    """Decoded events. `columns["user"]` is the place of the event's user in `users`."""

    users: list[str]
    columns: NDArray[np.void]  # (E,) of COLUMNS, in log order
    items: dict[int, Event] = field(default_factory=dict)  # first event that names each item_ref
    searches: dict[int, str] = field(default_factory=dict)  # search texts by search_ref
    dead: list[Message] = field(default_factory=list)  # dead letters of this batch

    def __len__(self) -> int:
        return len(self.columns)


def decode(
    records: Sequence[Record],
    *,
    future_tolerance_ms: int,
    most_tokens: int,
    since: int = 0,
    logs: Logs = FIRST,
) -> Iterator[EventBatch]:
    """Read records; split them where their text would cost the encoder more than `most_tokens`.

    What cannot be read becomes a dead letter of its batch. Order is kept. `since` and `logs` are
    the stream's `Batch.since` and `Batch.logs`.
    """
    clock = Clock.of_system(future_tolerance_ms, since)
    builder = _Builder(clock, logs)
    for record in records:
        letter = put_aside(record, builder.take, logs)
        if letter is not None:
            builder.dead.append(letter)
        if builder.tokens >= most_tokens:
            yield builder.build()
            builder = _Builder(clock, logs)
    yield builder.build()


def item_of(event: Event) -> Item:
    """Return what an event says of its item: the snapshot, or a nameless item not for sale."""
    if event.item is None:
        return Item(id=str(event.item_id), available=False)
    return Item(id=str(event.item_id), **event.item.model_dump())


class _Builder:
    """Collects decoded events until they are a batch."""

    def __init__(self, clock: Clock, logs: Logs) -> None:
        self.dead: list[Message] = []
        self.tokens = 0
        self._clock = clock
        self._logs = logs
        self._users: dict[str, int] = {}
        self._records: list[Record] = []  # of each row
        self._rows: list[_Row] = []
        self._items: dict[int, Event] = {}
        self._searches: dict[int, str] = {}

    def take(self, record: Record) -> None:
        """Take in a record.

        Raises:
            RecordInvalidError: It is neither an event nor an erasure.
        """
        if record.topic == ERASURES:
            self._erase(record, *read_erasure(record, self._clock))
        else:
            self._add(record, *read_event(record, self._clock))

    def build(self) -> EventBatch:
        """Return what was collected."""
        columns, dead = tabulated(self._records, self._rows, _columns, self._logs)
        letters = [*joined([*self.dead, *dead])]
        return EventBatch([*self._users], columns, self._items, self._searches, letters)

    def _add(self, record: Record, event: Event, at: int, received: int, logged: int) -> None:
        """Take in one event."""
        quantity, rating = _said(event)
        row = (
            at,
            event_ref(event.event_id),
            self._ref(event),
            event.price or 0.0,
            quantity,
            ACTION_CODE[event.type],
            rating,
        )
        topic = _TOPIC_CODES.get(record.topic, 0)
        self._append(record, event.user_key, topic, (received, logged), row)

    def _erase(self, record: Record, user: str, until: int) -> None:
        """Take in one erasure: a row without an event, whose id is the moment."""
        self._append(record, user, ERASURE, (until, until), (0, until, 0, 0.0, 0, 0, 0))

    def _append(
        self,
        record: Record,
        user: str,
        topic: int,
        moments: tuple[int, int],
        row: tuple[float, ...],
    ) -> None:
        place, at = self._users.setdefault(user, len(self._users)), record.partition
        log = self._logs.get((record.topic, at), 0) if self._logs else 0
        self._rows.append((place, topic, at, log, record.offset, *moments, row))
        self._records.append(record)

    def _ref(self, event: Event) -> int:
        """Name what the event is about, and remember what is needed to find its vector."""
        if event.type is Action.SEARCH:
            text = str(event.text).strip()
            ref = search_ref(text)
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


def _said(event: Event) -> tuple[int, int]:
    """Return pieces, or READ of a review whose stars its text was read for, and tenths of stars."""
    if event.type is not Action.REVIEW:
        return event.quantity or SAID, round((event.rating or 0) * TENTHS)
    stars, is_read = stars_of(event.rating, event.text)
    return READ if is_read else event.quantity or SAID, round(stars * TENTHS)


def _columns(rows: Sequence[_Row]) -> NDArray[np.void]:
    """Return rows as (E,) of COLUMNS."""
    return np.array(rows, COLUMNS)
