"""Batches: the events between two commits, as columns.

Decoding is the only step that looks at one event at a time. What a record says, and whether it can
be read at all, is `records.py`'s to decide.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portrait.events.columns import ACTION_CODE, COLUMNS, ERASURE, TOPIC_CODE
from portrait.events.consent import Consent
from portrait.events.erasure import Erasure
from portrait.events.event import Action, Event
from portrait.events.item import Item, ItemSnapshot
from portrait.events.letter import joined
from portrait.events.login import Login
from portrait.events.price import held
from portrait.events.private import is_private
from portrait.events.stream import Message, Record
from portrait.events.tone import LONGEST_READ, READ, SAID, Tone, stars_of
from portrait.events.topics import CONSENTS, ERASURES, UNWANTED, event_topic
from portrait.events.unwanted import NOTHING, Unwanted
from portrait.reading.consents import read_consent
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.records import (
    FIRST,
    Clock,
    Heard,
    Logs,
    login_of,
    put_aside,
    read_erasure,
    read_plain,
    read_record,
    require_whole,
    tabulated,
)
from portrait.reading.unwanted import read_not_interested
from portrait.ref import event_ref, item_ref, search_ref

_OF_ITEMS = {*ItemSnapshot.model_fields}  # what was said beside is nothing of an item's
TENTHS = 10  # of a star
CHARACTERS_PER_TOKEN = 3  # of wordpiece, on the safe side

_TOPIC_CODES = {event_topic(action): code for action, code in TOPIC_CODE.items()}
# The last columns: received, logged, event, part, private.
_Said = tuple[int, int, tuple[float, ...], int, bool]
_Row = tuple[int, int, int, int, int, int, int, tuple[float, ...], int, bool]


class Review(NamedTuple):
    """The text of a review, cut, and the tenths of stars that it gave; 0: none."""

    text: str
    stars: int


@dataclass(slots=True)
class EventBatch:
    """Decoded events. `columns["user"]` is the place of the event's user in `users`."""

    users: list[str]
    columns: NDArray[np.void]  # (E,) of COLUMNS, in log order
    items: dict[int, Event] = field(default_factory=dict)  # by item_ref, the one that says most
    searches: dict[int, str] = field(default_factory=dict)  # search texts by search_ref
    logins: list[Login] = field(default_factory=list)  # who was said to be whom
    dead: list[Message] = field(default_factory=list)  # dead letters of this batch
    passed_over: Counter[str] = field(default_factory=Counter)  # messages, by what they are called
    left_out: Counter[str] = field(default_factory=Counter)  # fields of events that were read
    consents: dict[str, Consent] = field(default_factory=dict)  # by user, what counts of these
    reviews: dict[int, Review] = field(default_factory=dict)  # with a text, by event_ref
    tones: dict[int, Tone | None] = field(default_factory=dict)  # what a BERT reads in them, so far
    aspects: dict[int, tuple[tuple[int, Tone], ...]] = field(default_factory=dict)  # of the same
    unwanted: dict[str, Unwanted] = field(default_factory=dict)  # by user, with erasures
    declared: dict[str, dict[str, str]] = field(default_factory=dict)  # by user, of all events

    def __len__(self) -> int:
        return len(self.columns)


def decode(
    records: Sequence[Record],
    *,
    clock: Clock,
    most_tokens: int,
    logs: Logs = FIRST,
    dialect: Dialect = AS_SENT,
) -> Iterator[EventBatch]:
    """Read records; split them where their text would cost the encoder more than `most_tokens`.

    What cannot be read becomes a dead letter of its batch. Order is kept. `logs` are those of the
    stream's batch.
    """
    builder = _Builder(clock, logs, dialect)
    for record in records:
        letter = put_aside(record, builder.take, logs)
        if letter is not None:
            builder.dead.append(letter)
        if builder.tokens >= most_tokens:
            yield builder.build()
            builder = _Builder(clock, logs, dialect)
    yield builder.build()


def item_of(event: Event) -> Item:
    """Return what an event says of its item: the snapshot, or a nameless item not for sale."""
    if event.item is None:
        return Item(id=str(event.item_id), available=False)
    return Item(id=str(event.item_id), **event.item.model_dump(include=_OF_ITEMS))


class _Builder:
    """Collects decoded events until they are a batch."""

    def __init__(self, clock: Clock, logs: Logs, dialect: Dialect) -> None:
        self.dead: list[Message] = []
        self.tokens = 0
        self._clock = clock
        self._logs = logs
        self._dialect = dialect
        self._passed_over: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._users: dict[str, int] = {}
        self._records: list[Record] = []  # of each row
        self._rows: list[_Row] = []
        self._items: dict[int, Event] = {}
        self._searches: dict[int, str] = {}
        self._logins: set[Login] = set()
        self._consents: dict[str, Consent] = {}
        self._reviews: dict[int, Review] = {}
        self._unwanted: dict[str, Unwanted] = {}
        self._declared: dict[str, dict[str, str]] = {}

    def take(self, record: Record) -> None:
        """Take in a record.

        Raises:
            RecordInvalidError: It, or a part of it, is no event, erasure or consent.
        """
        if record.topic == ERASURES:
            self._erase(record, read_erasure(record, self._clock, self._dialect))
            return
        if record.topic == CONSENTS:
            self._agree(*read_consent(record, self._clock, self._dialect))
            return
        if record.topic == UNWANTED:
            self._refuse(*read_not_interested(record, self._clock, self._dialect))
            return
        plain = read_plain(record, self._clock, self._dialect)
        if plain is not None:
            self._add(record, plain, 0)
            return
        said = read_record(record, self._clock, self._dialect)
        parts: Counter[str] = Counter()  # events of each user so far
        for heard in said.events:
            self._add(record, heard, parts[heard.event.user_key])
            parts[heard.event.user_key] += 1
        self._logins.update(said.logins)
        self._passed_over.update(said.passed_over)
        for fields in said.left_out:
            self._left_out.update(fields.keys())
        require_whole(said)

    def build(self) -> EventBatch:
        """Return what was collected."""
        columns, dead = tabulated(self._records, self._rows, _columns, self._logs)
        letters = [*joined([*self.dead, *dead])]
        return EventBatch(
            [*self._users],
            columns,
            self._items,
            self._searches,
            [*self._logins],
            letters,
            self._passed_over,
            self._left_out,
            self._consents,
            self._reviews,
            unwanted=self._unwanted,
            declared=self._declared,
        )

    def _add(self, record: Record, heard: Heard, part: int) -> None:
        """Take in one event, so manieth of its user in this record."""
        event = heard.event
        login = login_of(heard)
        if login is not None:
            self._logins.add(login)
        if event.declared and not is_private(record.headers):
            self._declared[event.user_key] = self._declared.get(event.user_key, {}) | event.declared
        quantity, rating = _said(event)
        id = event_ref(event.event_id)
        if event.type is Action.REVIEW and event.text:
            text = event.text[:LONGEST_READ]
            self._reviews[id] = Review(text, round((event.rating or 0) * TENTHS))
            self.tokens += len(text) // CHARACTERS_PER_TOKEN + 2
        row = (
            heard.at,
            id,
            self._ref(event),
            held(event.price),
            quantity,
            ACTION_CODE[event.type],
            rating,
        )
        topic = _TOPIC_CODES.get(record.topic, 0)
        said = heard.received, heard.logged, row, part, is_private(record.headers)
        self._append(record, event.user_key, topic, said)

    def _erase(self, record: Record, erasure: Erasure) -> None:
        """Take in one erasure: a row without an event, whose id is the moment."""
        user, at, stance = erasure
        self._refuse(user, Unwanted(erased=at))
        self._append(record, user, ERASURE, (at, at, (0, at, 0, 0.0, int(stance), 0, 0), 0, False))

    def _agree(self, user: str, consent: Consent) -> None:
        """Note what somebody lets be done; of several the largest counts, as in the store."""
        known = self._consents.get(user, consent)
        self._consents[user] = max(known, consent, key=lambda each: each.number)

    def _refuse(self, user: str, unwanted: Unwanted) -> None:
        """Note what somebody does not want, or up to when that is forgotten."""
        self._unwanted[user] = self._unwanted.get(user, NOTHING).joined(unwanted)

    def _append(self, record: Record, user: str, topic: int, said: _Said) -> None:
        """Add a row: of whom, where it lies, and what it says."""
        place, at = self._users.setdefault(user, len(self._users)), record.partition
        log = self._logs.get((record.topic, at), 0) if self._logs else 0
        self._rows.append((place, topic, at, log, record.offset, *said))
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
        if known is None or _says_as_much(event.item, known.item):
            self._items[ref] = event
            if event.item is not None and (known is None or known.item is None):
                self.tokens += len(event.item.text) // CHARACTERS_PER_TOKEN + 2
        return ref


def _says_as_much(one: ItemSnapshot | None, known: ItemSnapshot | None) -> bool:
    """Say whether a snapshot says as much of an item as one before it: then it is the better."""
    return one is not None and (known is None or one.said >= known.said)


def _said(event: Event) -> tuple[int, int]:
    """Return pieces, or READ of a review whose stars its text was read for, and tenths of stars."""
    if event.type is not Action.REVIEW:
        return event.quantity or SAID, round((event.rating or 0) * TENTHS)
    stars, is_read = stars_of(event.rating, event.text)
    return READ if is_read else event.quantity or SAID, round(stars * TENTHS)


def _columns(rows: Sequence[_Row]) -> NDArray[np.void]:
    """Return rows as (E,) of COLUMNS."""
    return np.array(rows, COLUMNS)
