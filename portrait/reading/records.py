"""Records: the one place that decides how a record ends.

It ends in events, an erasure, items or withdrawals, which its reader takes in; it is passed over,
because nothing in it is of interest; or it becomes a dead letter. Nothing else, whatever it holds.
All readers of the log go through `put_aside`: update, whose columns the counts of hits are asked
of, archive, index and replay. By the same rules they are told what a record says, and when it was
received (docs/decisions/0011).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self, TypeVar

from portrait.errors import EventInvalidError, ItemInvalidError, RecordInvalidError
from portrait.events.erasure import Erasure, stance_of
from portrait.events.event import ANONYMOUS, Event
from portrait.events.letter import dead_letter
from portrait.events.login import Identification, Login
from portrait.events.receipt import first_received
from portrait.events.stream import Message, Record, Unreadable
from portrait.events.topics import action_of
from portrait.field_errors import MOST_REASONS
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.events import Reading, read_events
from portrait.reading.frames import key_behind
from portrait.reading.items import ItemReading, read_items
from portrait.reading.straight import plain_event
from portrait.times import DAY_MS, MILLISECOND, to_ms

LARGEST_EVENT = 65_536  # bytes
LARGEST_ITEM = 1_048_576  # bytes: what its topic takes uncompressed
LONGEST_ITEM_KEY = 128  # characters; `Id` has as many
LONGEST_KEY = len(ANONYMOUS) + 128  # of a profile
UNTIL = "portrait-until"  # a header: an erasure goes no further than to that moment, ms
LONGEST_MOMENT = 16  # digits of a number that none is as late as
EXACT = ("portrait-key", b"exact")  # a header: the key is a name as it stands
LIVE_MS = 5_000  # who was at the end of every log so short a time ago keeps up
FETCH_MS = 1_000  # how much older than its receipt an answer of the log may be

Logs = Mapping[tuple[str, int], int]  # which log of its name each (topic, partition) is
FIRST: Logs = {}  # every log is the first of its name
Row = TypeVar("Row")
Table = TypeVar("Table")
What = TypeVar("What")


@dataclass(frozen=True, slots=True)
class Clock:
    """What a reader knows of time while it reads a batch, in milliseconds.

    A record's timestamp is its producer's word. An event counts as received when it says, but not
    later than it can have been; an erasure goes as far as it can mean: so what may have come
    before an erasure is forgotten with it.
    """

    now: int
    tolerance: int  # how far ahead the clocks of others may be
    since: int = 0  # every log was read to its end then, before this batch; 0: not known

    @classmethod
    def of_system(cls, tolerance: int, since: int = 0) -> Self:
        """Read the system's clock."""
        return cls(round(time.time() * 1_000), tolerance, since)

    def received(self, record: Record) -> int:
        """Return when an event was received. One from ahead of us: as early as it can have been.

        Raises:
            RecordInvalidError: Its timestamp says nothing.
        """
        stamp = record.timestamp
        if 0 < stamp <= self.now:
            return stamp
        _require_stamp(stamp, self.now + self.tolerance)
        return min(max(self.now - self.tolerance, self.since - FETCH_MS), self.now)

    def erased_until(self, record: Record) -> int:
        """Return up to which moment of receipt an erasure goes: never beyond now for who keeps up.

        Who keeps up has read all that came before it, or takes it for no later than now. To who
        does not, events are still to come that came before it, and their stamps may be ahead.

        Raises:
            RecordInvalidError: Its timestamp says nothing.
        """
        _require_stamp(record.timestamp, self.now + DAY_MS)  # from beyond, it would forget for ever
        is_late = record.timestamp < self.since  # by a slow clock: it is in the log since then
        latest = self.now if is_late else min(record.timestamp + self.tolerance, self.now)
        is_live = self.now - self.since <= LIVE_MS
        return latest if is_live else latest + self.tolerance


def put_aside(record: Record, take: Callable[[Record], None], logs: Logs = FIRST) -> Message | None:
    """Let a reader take a record in. Returns the dead letter that it is if that cannot be.

    Args:
        record: Of any topic, with anything in it.
        take: Raises RecordInvalidError for what is wrong with the record.
        logs: Which log of its name each partition is.
    """
    reason = record.reason if isinstance(record, Unreadable) else refusal(take, record)
    return None if reason is None else _letter(record, reason, logs)


def tabulated(
    records: Sequence[Record],
    rows: Sequence[Row],
    build: Callable[[Sequence[Row]], Table],
    logs: Logs,
) -> tuple[Table, list[Message]]:
    """Build a table of rows, one of each record. Those that fit in none are dead, and left out."""
    built: list[Table] = []
    if refusal(lambda whole: built.append(build(whole)), rows) is None:
        return built[0], []
    sound: list[Row] = []
    letters: list[Message] = []
    for record, row in zip(records, rows, strict=True):
        reason = refusal(build, [row])
        if reason is None:
            sound.append(row)
        else:
            letters.append(_letter(record, reason, logs))
    return build(sound), letters


class Heard(NamedTuple):
    """One event of a record, and when (ms) it happened, was first received, and was logged.

    The last two differ where a dead letter came back: the header that says so can be forged, so
    what it must not decide goes by when this log took the record in.
    """

    event: Event
    at: int
    received: int
    logged: int


def read_plain(record: Record, clock: Clock, dialect: Dialect = AS_SENT) -> Heard | None:
    """Return the event that a record is as it stands, as nearly all are; None if it is not.

    Raises:
        RecordInvalidError: It cannot have happened then.
    """
    value = record.value
    if value is None or len(value) > LARGEST_EVENT:
        return None
    event = plain_event(value, dialect)
    if event is None:
        return None
    received, latest, logged = _moments(record, clock)
    return Heard(event, moment_of(event, latest, clock.tolerance), received, logged)


def read_record(record: Record, clock: Clock, dialect: Dialect = AS_SENT) -> Reading[Heard]:
    """Return what a record says. What it says wrong does not keep the rest from being read.

    Raises:
        RecordInvalidError: There is no event in it, nor anything that is passed over.
    """
    if record.value is not None and len(record.value) > LARGEST_EVENT:
        msg = f"payload: larger than {LARGEST_EVENT} bytes"
        raise EventInvalidError(msg)
    topic = action_of(record.topic)
    said = read_events(record.value, record.headers, topic=topic, dialect=dialect)
    refusals = [*said.refusals]
    received, latest, logged = _moments(record, clock)
    heard = []
    for event in said.events:
        try:
            at = moment_of(event, latest, clock.tolerance)
        except EventInvalidError as error:
            refusals.append(str(error))
        else:
            heard.append(Heard(event, at, received, logged))
    logins = []
    for who in said.who:
        try:
            at = _known_at(who, received, latest, clock.tolerance)
        except EventInvalidError as error:
            refusals.append(str(error))
        else:
            logins.append(Login(who.anonymous_id, who.user_id, at))
    return Reading(heard, said.passed_over, said.left_out, refusals, logins=logins)


def _known_at(who: Identification, received: int, latest: int, tolerance: int) -> int:
    """Return when (ms) somebody was known: no later than it was received."""
    if who.occurred_at is None:
        return received
    return min(_moment_of(who.occurred_at, who.sent_at, latest, tolerance), received)


def login_of(heard: Heard) -> Login | None:
    """Return whose device it was that an event came from; None if it does not say both."""
    event = heard.event
    if event.user_id is None or event.anonymous_id is None:
        return None
    return Login(event.anonymous_id, event.user_id, min(heard.at, heard.received))


def _moments(record: Record, clock: Clock) -> tuple[int, int, int]:
    """Return when a record was first received, at the latest, and when it was logged, ms."""
    received = logged = clock.received(record)
    latest = received if received == record.timestamp else clock.now
    if record.headers:  # a dead letter that came back was received when it first was
        first = first_received(record)
        received, latest = min(received, first), min(latest, first)
    return received, latest, logged


def require_whole(said: Reading[What] | ItemReading) -> None:
    """Raise RecordInvalidError if a part of a record could not be read, once the rest is."""
    if said.refusals:
        raise RecordInvalidError("; ".join([*dict.fromkeys(said.refusals)][:MOST_REASONS]))


def moment_of(event: Event, latest: int, tolerance: int) -> int:
    """Return when an event happened (ms), by Kafka's clock if the producer's is known to be off.

    Args:
        event: As its producer sent it.
        latest: When it was received, ms.
        tolerance: How far ahead of that it may lie, ms.

    Raises:
        EventInvalidError: It cannot have happened then.

    Source: Segment's `timestamp = receivedAt - (sentAt - originalTimestamp)`.
    """
    return _moment_of(event.occurred_at, event.sent_at, latest, tolerance)


def _moment_of(occurred_at: datetime, sent_at: datetime | None, latest: int, tolerance: int) -> int:
    corrected = None if sent_at is None else latest - (sent_at - occurred_at) // MILLISECOND
    at = to_ms(occurred_at) if corrected is None else corrected
    if at > latest + tolerance:
        msg = "occurred_at: in the future"
        raise EventInvalidError(msg)
    if at <= 0:
        msg = "occurred_at: before 1970"
        raise EventInvalidError(msg)
    return at


def read_erasure(record: Record, clock: Clock, dialect: Dialect = AS_SENT) -> Erasure:
    """Return who is to be forgotten, up to which moment of receipt, and what comes after it.

    The profile's name is the record's key, or what lies behind the key's frame or JSON.

    Raises:
        RecordInvalidError: It names nobody, or its timestamp says nothing.
    """
    until = clock.erased_until(record)
    for name, value in record.headers:
        if name == UNTIL and value is not None and value.isdigit() and len(value) < LONGEST_MOMENT:
            until = min(until, int(value))
    is_exact = EXACT in record.headers
    key = record.key if is_exact else key_behind(record.key, dialect.schemas)
    stance = stance_of(record.value, record.headers)
    return Erasure(name_of(key, LONGEST_KEY), until, stance)


def read_item(record: Record, dialect: Dialect = AS_SENT) -> ItemReading:
    """Return what a record says of which items.

    Raises:
        RecordInvalidError: Not an item, or it names none.
    """
    if record.value is None:
        key = key_behind(record.key, dialect.schemas)
        return ItemReading(withdrawn=[name_of(key, LONGEST_ITEM_KEY)])
    if len(record.value) > LARGEST_ITEM:
        msg = f"payload: larger than {LARGEST_ITEM} bytes"
        raise ItemInvalidError(msg)
    return read_items(record.value, record.headers, dialect=dialect)


def refusal(take: Callable[[What], object], what: What) -> str | None:
    """Return why something cannot be taken; None if it was."""
    try:
        take(what)
    except RecordInvalidError as error:
        return str(error)
    # A defect of ours. Not caught here, one record would end its reader for everybody, and again
    # at every restart. Its text may repeat the record, so only its class is told.
    except Exception as error:  # noqa: BLE001
        return f"internal: {type(error).__name__}"
    return None


def _letter(record: Record, reason: str, logs: Logs) -> Message:
    return dead_letter(record, reason, log=logs.get((record.topic, record.partition), 0))


def name_of(key: bytes | None, longest: int) -> str:
    """Return a key as the name that it is."""
    try:
        name = (key or b"").decode()
    except UnicodeDecodeError:
        msg = "key: not UTF-8"
        raise RecordInvalidError(msg) from None  # the error holds the key
    if not 0 < len(name) <= longest:
        msg = "key: missing or too long"
        raise RecordInvalidError(msg)
    return name


def _require_stamp(stamp: int, latest: int) -> None:
    """Raise unless a timestamp can be one, or at the latest then."""
    if stamp <= 0:
        msg = "timestamp: missing"
        raise RecordInvalidError(msg)
    if stamp > latest:
        msg = "timestamp: in the future"
        raise RecordInvalidError(msg)
