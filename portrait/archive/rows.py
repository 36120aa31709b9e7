"""Rows of the archive: what a record becomes, and which file it goes into."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from portrait.archive.archive import SCHEMA, numbers
from portrait.archive.segment import Segment
from portrait.events.consent import Consent
from portrait.events.erasure import Erasure, Moments
from portrait.events.event import ANONYMOUS, Action
from portrait.events.impression import DRAWN, SHOWN, Answer, Impression
from portrait.events.login import IDENTIFY, UNLINK, Login
from portrait.events.private import is_private
from portrait.events.stream import Message, Record
from portrait.events.topics import CONSENTS, ERASURES, IMPRESSIONS
from portrait.reading.consents import read_consent
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.impressions import heard_impression
from portrait.reading.records import (
    FIRST,
    Clock,
    Heard,
    login_of,
    put_aside,
    read_erasure,
    read_plain,
    read_record,
    require_whole,
    tabulated,
)
from portrait.ref import item_ref, user_ref
from portrait.times import DAY_MS, EPOCH, to_ms

MOST_FILES = 256  # of one flush, but one of each topic-partition: 3 s where each takes 10 ms
LOGGED = pa.field("logged_at", pa.timestamp("ms", "UTC"), nullable=False)  # see `Heard`
PART = pa.field("part", pa.int32(), nullable=False)  # of a record that holds several events
HELD = SCHEMA.append(LOGGED).append(PART)  # rows until they are in a file: LOGGED says in which

ORDER = ("topic", "partition", "offset", PART.name)


@dataclass(frozen=True, slots=True)
class Tabulated:
    """What a batch says to the archive."""

    rows: pa.Table  # of HELD, erased or not
    erased: dict[int, Moments]  # by user_ref
    consents: dict[int, int]  # user_ref: what they let be done, as a number
    dead: list[Message]  # the update worker publishes them


def tabulate(
    records: Sequence[Record],
    future_tolerance_ms: int,
    since: int = 0,
    dialect: Dialect = AS_SENT,
) -> Tabulated:
    """Read records; leave out those that the update worker dead-letters.

    `since` is the stream's `Batch.since`.
    """
    builder = _Builder(Clock.of_system(future_tolerance_ms, since), dialect)
    letters = [put_aside(record, builder.take) for record in records]
    rows, dead = tabulated(builder.records, builder.rows, _table, FIRST)
    return Tabulated(rows, builder.erased, builder.consents, [*filter(None, letters), *dead])


class _Builder:
    """Collects what records say."""

    def __init__(self, clock: Clock, dialect: Dialect) -> None:
        self.records: list[Record] = []  # of each row
        self.rows: list[tuple[object, ...]] = []
        self.erased: dict[int, Moments] = {}
        self.consents: dict[int, int] = {}
        self._clock = clock
        self._dialect = dialect

    def take(self, record: Record) -> None:
        """Take in a record.

        Raises:
            RecordInvalidError: It, or a part of it, is no event, erasure or consent.
        """
        if record.topic == ERASURES:
            self._erase(read_erasure(record, self._clock, self._dialect))
            return
        if record.topic == CONSENTS:
            self._agree(*read_consent(record, self._clock, self._dialect))
            return
        if record.topic == IMPRESSIONS:
            seen = _seen(record, *heard_impression(record, self._clock))
            self.rows += seen
            self.records += [record] * len(seen)
            return
        if is_private(record.headers):
            return  # what is wrong with it, the update worker says
        plain = read_plain(record, self._clock, self._dialect)
        if plain is not None:
            self.rows.append(_row(record, plain, 0))
            self.records.append(record)
            return
        said = read_record(record, self._clock, self._dialect)
        for part, heard in enumerate(said.events):
            self.rows.append(_row(record, heard, part))
            self.records.append(record)
        for part, login in enumerate(said.logins, len(said.events)):
            self.rows.append(_who(record, self._clock, login, part))
            self.records.append(record)
        require_whole(said)

    def _erase(self, erasure: Erasure) -> None:
        """Note an erasure, beside those of the same user."""
        ref, said = user_ref(erasure.user), Moments.of(erasure)
        self.erased[ref] = said.with_(self.erased.get(ref, said))

    def _agree(self, user: str, consent: Consent) -> None:
        """Note what somebody lets be done; of one user the largest number counts."""
        ref = user_ref(user)
        self.consents[ref] = max(consent.number, self.consents.get(ref, 0))


def _table(rows: Sequence[tuple[object, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [[] for _ in HELD]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, HELD, strict=True)]
    return pa.Table.from_arrays(arrays, schema=HELD)


def _row(record: Record, heard: Heard, part: int) -> tuple[object, ...]:
    event, login = heard.event, login_of(heard)
    about = None if event.type is Action.SEARCH else item_ref(str(event.item_id))
    return (
        event.event_id,
        event.user_key,
        user_ref(event.user_key),
        event.session_id,
        event.item_id,
        about,
        event.type.value,
        event.price,
        event.quantity,
        event.text,
        event.rating,
        event.recommendation_id,
        heard.at,
        heard.received,
        record.topic,
        record.partition,
        record.offset,
        event.order_id,
        None if login is None else user_ref(f"{ANONYMOUS}{login.anonymous_id}"),
        None,
        None,
        None,
        heard.logged,
        part,
    )


def _who(record: Record, clock: Clock, login: Login, part: int) -> tuple[object, ...]:
    """Return a row of a message in which nothing was done, but somebody said who is who."""
    visitor = f"{ANONYMOUS}{login.anonymous_id}"
    user = login.user_id or visitor
    fields = {
        "event_id": "",
        "user": user,
        "user_ref": user_ref(user),
        "action": UNLINK if login.user_id is None else IDENTIFY,
        "occurred_at": login.at,
        "received_at": clock.received(record),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "anonymous_ref": user_ref(visitor),
        LOGGED.name: clock.received(record),
        PART.name: part,
    }
    return tuple(fields.get(name) for name in HELD.names)


def _seen(record: Record, said: Impression, received: int) -> list[tuple[object, ...]]:
    """Return the rows of a list that somebody saw: of each place that was drawn, and its own."""
    if not isinstance(said, Answer) or said.user_key is None or not said.is_seen or not said.items:
        return []
    common = {
        "user": said.user_key,
        "user_ref": user_ref(said.user_key),
        "recommendation_id": said.recommendation_id,
        "surface": said.surface,
        "occurred_at": min(to_ms(said.occurred_at), received),
        "received_at": received,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        LOGGED.name: received,
    }
    rows = [*_draws(said), _list(said)]  # the list last: before there were any, draws had parts
    return [
        tuple((common | row | {PART.name: part}).get(name) for name in HELD.names)
        for part, row in enumerate(rows)
    ]


def _draws(said: Answer) -> Iterator[dict[str, object]]:
    """Yield what is said of each place that was given to a draw."""
    for slot in said.items:
        if slot.choices:
            yield {
                "event_id": f"{said.recommendation_id} {slot.item_id}",
                "action": DRAWN,
                "item": slot.item_id,
                "item_ref": item_ref(slot.item_id),
                "choices": [
                    {"item": each.item_id, "arm": each.arm, "propensity": each.propensity}
                    for each in slot.choices
                ],
            }


def _list(said: Answer) -> dict[str, object]:
    """Return what is said of the list."""
    return {
        "event_id": said.recommendation_id,
        "action": SHOWN,
        "shown": [item_ref(slot.item_id) for slot in said.items],
    }


def cut(rows: pa.Table) -> Iterator[tuple[Segment, pa.Table]]:
    """Divide rows, of HELD, by topic-partition and day, into rows of SCHEMA, each once.

    The day is when the log took them in, so headers have no say in it. It ends for good where a
    later one begins, whatever clocks say afterwards; of too many days the oldest share the file of
    the next. So files are few, and none holds a row received after its day.
    """
    ordered = rows.sort_by([(name, "ascending") for name in ORDER])
    topics = ordered["topic"].combine_chunks().dictionary_encode()
    changes = np.diff(numbers(topics.indices)) | np.diff(numbers(ordered["partition"]))
    offsets, parts = numbers(ordered["offset"]), numbers(ordered[PART.name])
    days = numbers(ordered[LOGGED.name]) // DAY_MS
    ordered = ordered.select(SCHEMA.names)
    logs = [*_spans(np.flatnonzero(changes) + 1, len(ordered))]
    for start, end in logs:
        is_another = (np.diff(offsets[start:end]) > 0) | (np.diff(parts[start:end]) > 0)
        kept = start + np.flatnonzero(np.r_[True, is_another])
        day = _fewer(np.maximum.accumulate(days[kept]), max(1, MOST_FILES // len(logs)))
        for begin, stop in _spans(np.flatnonzero(np.diff(day)) + 1, len(kept)):
            part = ordered.take(pa.array(kept[begin:stop]))
            yield _segment_of(part, int(day[begin])), part


def _fewer(day: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return days, (E,) ascending, of which there are no more than so many: the newest."""
    distinct = np.unique(day)
    kept: NDArray[np.int64] = np.maximum(day, distinct[-min(most, len(distinct))])
    return kept


def _spans(edges: NDArray[np.int64], end: int) -> Iterator[tuple[int, int]]:
    """Yield where each stretch between edges begins and ends; none of nothing."""
    bounds = [0, *edges.tolist(), end]
    return ((a, b) for a, b in itertools.pairwise(bounds) if a < b)


def _segment_of(rows: pa.Table, day: int) -> Segment:
    return Segment(
        day=(EPOCH + timedelta(days=day)).date(),
        topic=rows["topic"][0].as_py(),
        partition=rows["partition"][0].as_py(),
        first=rows["offset"][0].as_py(),
        end=rows["offset"][-1].as_py() + 1,
    )
