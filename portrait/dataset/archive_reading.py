"""Reading the archive back as interactions: out of core, whatever the size of the log.

The log is passed over a few columns at a time, so memory is bounded by what is asked for and not
by what is there. What is read is the same however often the files were merged in between.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from portrait.archive.archive import SCHEMA, Archive, ArchiveChangedError, Span, numbers, scan
from portrait.archive.segment import Segment, covered
from portrait.arrays import Codes, Refs, positions
from portrait.dataset.interactions import NO_ITEM, NO_QUERY, Interactions, from_columns
from portrait.dataset.joining import COLUMNS as JOINING
from portrait.dataset.joining import Logins, logins_of, unasked
from portrait.dataset.lists import COLUMNS as LISTED
from portrait.dataset.lists import SHOWS, Touches, placed, shown_for
from portrait.dataset.sampling import ACTIONS, choose_stratified, choose_uniformly, measure
from portrait.events.columns import PURCHASE
from portrait.events.consent import Consents, Purpose
from portrait.events.erasure import Erasures
from portrait.events.event import Action
from portrait.events.impression import DRAWN, SHOWN
from portrait.events.price import FREE, NOT_KNOWN
from portrait.events.tone import READ, READ_STARS, stars_of
from portrait.events.topics import IMPRESSIONS
from portrait.ref import order_ref, search_ref
from portrait.times import to_moment, to_ms

OF_LISTS = frozenset({DRAWN, SHOWN})  # actions of rows that say what somebody was shown
ATTEMPTS = 3  # when files are merged meanwhile
COLUMNS = [
    "event_id",
    "user_ref",
    "item_ref",
    "action",
    "text",
    "price",
    "quantity",
    "rating",
    "order_id",
    "recommendation_id",
    "occurred_at",
    "received_at",
    "topic",
    "partition",
    "offset",
]
T = TypeVar("T")
Passing = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]  # columns -> rows, by parts
KNOWN_FROM = pa.field("known_from", pa.int64())  # see `Logins.joined`
ROWS = pa.schema([*(SCHEMA.field(name) for name in COLUMNS), KNOWN_FROM])


class Sample(StrEnum):
    """Whose events to read if not all fit."""

    UNIFORM = "uniform"  # every user alike: the new window
    STRATIFIED = "stratified"  # half over time, half by action: the replay


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, and what a manifest says of it: counts and windows, no names."""

    interactions: Interactions
    user_refs: Refs  # (U,), user_ref of each user of the interactions
    searched: Mapping[int, str]  # the texts of the queries, by search_ref
    rows: int  # in the window; those of erased users are in no count
    repeated: int  # events that were published more than once
    first_at: datetime | None  # of the earliest and of the latest event in the window
    last_at: datetime | None
    offsets: dict[str, tuple[int, int]]  # archived, by `topic/partition`: first, next
    erased_users: int  # who asked to be forgotten
    erased_since: datetime | None  # when the first and the last of them did
    erased_until: datetime | None


def read_interactions(  # noqa: PLR0913 - each narrows what is read
    archive: Archive,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    most_events: int,
    sample: Sample = Sample.UNIFORM,
    users: Refs | None = None,
) -> Reading:
    """Read the events that occurred in a window, its end excluded.

    Args:
        archive: Where to read.
        since: The first moment of the window; None: from the beginning.
        until: The first moment after it; None: to the end.
        most_events: How many fit. If there are more, users are left out, whole.
        sample: Whom to prefer then.
        users: Only these, (U,) sorted user_refs: the history of users already chosen.

    Raises:
        ArchiveUnavailableError: The files cannot be read.
    """
    window = _ms(since), _ms(until)
    return steadily(lambda: _read(archive, window, most_events, sample, users))


def steadily(read: Callable[[], T]) -> T:
    """Read, and again where files were merged meanwhile.

    Raises:
        ArchiveUnavailableError: The files cannot be read.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(ArchiveChangedError):
            return read()
    return read()


def merged(*readings: Reading) -> tuple[Interactions, Refs]:
    """Return the interactions of readings whose windows do not overlap: replay and new, say.

    Returns:
        The interactions of all, and the user_ref of each user, (U,).
    """
    parts = [reading.interactions for reading in readings]
    refs = np.unique(np.concatenate([reading.user_refs for reading in readings]))
    items = np.unique(np.concatenate([part.items for part in parts]))
    queries = np.unique(np.concatenate([part.queries for part in parts]))
    user = [np.searchsorted(refs, each.user_refs)[each.interactions.user] for each in readings]
    # Behind its items each part gets one more row, NO_ITEM, which is what NO_ITEM itself points to.
    item = [np.r_[np.searchsorted(items, part.items), NO_ITEM][part.item] for part in parts]
    query = [np.r_[np.searchsorted(queries, part.queries), NO_QUERY][part.query] for part in parts]
    return from_columns(
        user=np.concatenate(user),
        item=np.concatenate(item),
        query=np.concatenate(query),
        queries=queries,
        action=np.concatenate([part.action for part in parts]),
        at=np.concatenate([part.at for part in parts]),
        price=np.concatenate([part.price for part in parts]),
        quantity=np.concatenate([part.quantity for part in parts]),
        rating=np.concatenate([part.rating for part in parts]),
        order=np.concatenate([part.order for part in parts]),
        asked=np.concatenate([part.asked for part in parts]),
        place=np.concatenate([part.place for part in parts]),
        items=items,
        users=len(refs),
    ), refs


def _read(
    archive: Archive,
    window: Span,
    most_events: int,
    sample: Sample,
    users: Refs | None,
) -> Reading:
    segments, erasures = archive.segments(), archive.erasures()
    learnable = Learnable.of(archive, segments, erasures)
    taught = learnable.rows(window)

    def passing(columns: list[str]) -> Iterator[pa.RecordBatch]:
        return _of_users(taught(columns), users)

    extent = measure(passing)
    chosen = None
    if extent.rows > most_events:
        if sample is Sample.STRATIFIED:
            chosen = choose_stratified(passing, most_events, extent)
        else:
            chosen = choose_uniformly(passing, most_events)
    found, repeated = _first_of_each_event(_with_stars(_of_users(passing(COLUMNS), chosen)))
    interactions, refs, searched = _interactions(found, _places(found, learnable, window))
    return Reading(
        interactions=interactions,
        user_refs=refs,
        searched=searched,
        rows=extent.rows,
        repeated=repeated,
        first_at=to_moment(extent.first_ms) if extent.rows else None,
        last_at=to_moment(extent.last_ms) if extent.rows else None,
        offsets=covered(segments),
        erased_users=len(erasures),
        erased_since=to_moment(int(erasures.until.min())) if len(erasures) else None,
        erased_until=to_moment(int(erasures.until.max())) if len(erasures) else None,
    )


@dataclass(frozen=True, slots=True)
class Learnable:
    """The rows of an archive that may be learned from, whenever they are passed over.

    They are their users' own, and those who do not let models learn from what they do have none,
    neither as a visitor nor as who they turned out to be.
    """

    archive: Archive
    segments: Sequence[Segment]
    erasures: Erasures
    consents: Consents
    logins: Logins

    @classmethod
    def of(cls, archive: Archive, segments: Sequence[Segment], erasures: Erasures) -> "Learnable":
        """Read who was who, and what they let be done."""
        rows = scan(archive, _of_topic(segments, ACTIONS), JOINING, erasures=erasures)
        return cls(archive, segments, erasures, archive.consents(), logins_of(rows))

    def rows(self, window: Span, *, actions: pa.Array = ACTIONS) -> Passing:
        """Return what passes over the rows of some actions, of people or of lists."""
        segments = _of_topic(self.segments, actions)

        def passing(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
            asked = list(dict.fromkeys([*columns, "user_ref", "action", "occurred_at"]))
            rows = scan(self.archive, segments, asked, erasures=self.erasures, within=window)
            taught = _taught(rows, self.consents)
            return _taught(_joined(taught, self.logins, self.erasures, actions), self.consents)

        return passing


def _of_topic(segments: Sequence[Segment], actions: pa.Array) -> list[Segment]:
    """Return the files that hold such actions: those of lists lie apart from what people did."""
    are_lists = any(each in OF_LISTS for each in actions.to_pylist())
    return [each for each in segments if (each.topic == IMPRESSIONS) == are_lists]


def _taught(rows: Iterable[pa.RecordBatch], consents: Consents) -> Iterator[pa.RecordBatch]:
    """Yield the rows of those who let models learn from what they do."""
    for batch in rows:
        allowed = consents.allow(Purpose.TRAINING, numbers(batch["user_ref"]))
        yield batch if allowed.all() else batch.filter(pa.array(allowed))


def _joined(
    rows: Iterable[pa.RecordBatch], logins: Logins, erasures: Erasures, actions: pa.Array
) -> Iterator[pa.RecordBatch]:
    """Yield rows of some actions, as their users' own."""
    for batch in rows:
        done = batch.filter(pc.is_in(batch["action"], actions))  # others say nothing here
        own, at = numbers(done["user_ref"]), numbers(done["occurred_at"])
        user, known = logins.joined(own, at)
        forgotten = erasures.cover(user, at)  # it was somebody's who has been forgotten since
        user, known = np.where(forgotten, own, user), np.where(forgotten, 0, known)
        columns = {name: done[name] for name in done.schema.names}
        columns |= {"user_ref": pa.array(user), KNOWN_FROM.name: pa.array(known)}
        schema = done.schema.append(KNOWN_FROM)
        yield pa.RecordBatch.from_arrays([*columns.values()], schema=schema)


def _of_users(rows: Iterable[pa.RecordBatch], users: Refs | None) -> Iterator[pa.RecordBatch]:
    """Yield the rows of these users, (U,) sorted; of all if None."""
    for batch in rows:
        if users is None:
            yield batch
        else:
            yield batch.filter(pa.array(positions(users, numbers(batch["user_ref"])) >= 0))


def _with_stars(rows: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Read reviews without stars as the stream does; leave out their texts, which are long."""
    for batch in rows:
        is_read = pa.array(_are_read(batch))
        is_search = pc.equal(batch["action"], Action.SEARCH.value)
        columns = {name: batch[name] for name in batch.schema.names} | {
            "rating": pc.if_else(is_read, pa.scalar(READ_STARS, pa.float32()), batch["rating"]),
            "quantity": pc.if_else(is_read, pa.scalar(READ, pa.int32()), batch["quantity"]),
            "text": pc.if_else(is_search, batch["text"], pa.scalar(None, pa.string())),
        }
        yield pa.RecordBatch.from_arrays([*columns.values()], schema=batch.schema)


def _are_read(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """Say of which rows the stars are read from the text, (E,)."""
    is_review = pc.equal(batch["action"], Action.REVIEW.value)
    is_bare = pc.equal(pc.fill_null(batch["rating"], 0), 0)
    places = np.flatnonzero(numbers(pc.and_(is_review, is_bare)))
    texts = batch["text"].take(pa.array(places)).to_pylist()
    read = np.zeros(len(batch), np.bool_)
    read[places] = [stars_of(None, text)[1] for text in texts]
    return read


def _first_of_each_event(rows: Iterable[pa.RecordBatch]) -> tuple[pa.Table, int]:
    """Put rows in the order of receipt, whatever file they came from; drop a user's repeats."""
    table = pa.Table.from_batches(rows, ROWS)
    received = ("received_at", "topic", "partition", "offset")
    table = table.sort_by([(name, "ascending") for name in received])
    events = numbers(table["event_id"].combine_chunks().dictionary_encode().indices)
    users = numbers(table["user_ref"])
    order = np.lexsort((events, users))  # stable: of a repeat the first received stays
    same = (np.diff(events[order]) == 0) & (np.diff(users[order]) == 0)
    kept = np.ones(len(table), np.bool_)
    kept[order[1:][same]] = False
    return table.filter(pa.array(kept)), int(len(table) - kept.sum())


def _places(table: pa.Table, learnable: Learnable, window: Span) -> NDArray[np.uint8]:
    """Return where in the list that it names each row's item stood, (E,); 0 = it came of none."""
    return placed(Touches.of(table), learnable.rows(shown_for(window), actions=SHOWS)(LISTED))


def _interactions(
    table: pa.Table, place: NDArray[np.uint8]
) -> tuple[Interactions, Refs, dict[int, str]]:
    """Return the rows as interactions, who their users are, and the texts of their queries."""
    refs, user = np.unique(numbers(table["user_ref"]), return_inverse=True)
    about = numbers(pc.fill_null(table["item_ref"], 0))
    items = np.unique(about)
    items = items[items > 0]
    item = np.searchsorted(items, about)
    query, queries, searched = _queries(table["text"])
    action = numbers(pc.index_in(table["action"], ACTIONS)).astype(np.uint8)
    at = numbers(table["occurred_at"])
    interactions = from_columns(
        user=user,
        item=np.where(about > 0, item, NO_ITEM),
        action=action,
        at=at,
        asked=~unasked(user, at, numbers(table[KNOWN_FROM.name])),
        price=_prices(table["price"]),
        quantity=numbers(pc.fill_null(table["quantity"], 1)),
        rating=_tenths(numbers(pc.fill_null(table["rating"], 0))),
        order=np.where(action == PURCHASE, _orders(table["order_id"]), np.uint64(0)),
        query=query,
        place=place,
        items=items,
        queries=queries,
        users=len(refs),
    )
    return interactions, refs, searched


def _queries(text: pa.ChunkedArray) -> tuple[Codes, NDArray[np.uint64], dict[int, str]]:
    """Name what was searched for, (E,) or null, as the stream does.

    Returns:
        The row of each query, or NO_QUERY, (E,); refs, (Q,), ascending; their texts by ref.
    """
    coded = text.combine_chunks().dictionary_encode()
    texts = [each.strip() for each in coded.dictionary.to_pylist()]
    refs = np.array([search_ref(each) if each else 0 for each in texts], np.uint64)
    queries = np.unique(refs[refs > 0])
    row = np.where(refs > 0, np.searchsorted(queries, refs), NO_QUERY)
    query = np.append(row, NO_QUERY)[numbers(pc.fill_null(coded.indices, len(row)))]
    said = {ref: each for ref, each in zip(refs.tolist(), texts, strict=True) if each}
    return query, queries, said


def _orders(order_id: pa.ChunkedArray) -> Refs:
    """Name the orders, (E,) or null. Returns (E,), 0 = none."""
    coded = order_id.combine_chunks().dictionary_encode()
    refs = [order_ref(each) for each in coded.dictionary.to_pylist()]
    place = numbers(pc.fill_null(coded.indices, len(refs)))
    named: Refs = np.array([*refs, 0], np.uint64)[place]
    return named


def _prices(price: pa.ChunkedArray) -> NDArray[np.float32]:
    """Return prices as arrays hold them, (E,)."""
    known = numbers(pc.is_valid(price))
    said = np.maximum(numbers(pc.fill_null(price, 0)).astype(np.float32), np.float32(FREE))
    return np.where(known, said, np.float32(NOT_KNOWN))


def _tenths(rating: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.rint(rating * 10).astype(np.uint8)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)
