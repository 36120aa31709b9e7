"""Shown: how often each item was shown, and touched, at each place of the lists of a window.

touches that name a list ─▶ the newest ─▶ one pass over the lists ─▶ counts by item and place

A touch of an item counts once in a list. What nobody touched tells nothing of places, so memory is
bounded by touches, however many lists there are.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portrait.archive.archive import SCHEMA, Archive, numbers
from portrait.arrays import MISSING, Codes, Doubles, Flags, Refs, positions
from portrait.dataset.archive_reading import Learnable, steadily
from portrait.dataset.examination import NOTHING, PLACES, Counts
from portrait.dataset.lists import COLUMNS, NAMING, SHOWS, TOUCHES, Slots, Touches, placed
from portrait.events.topics import IMPRESSIONS
from portrait.experiments.joining import CLOCKS, TOUCHED_WITHIN

MOST_TOUCHES = 300_000  # the newest: 30 MB while they are read, and 100 MB of counts at most
HELD = pa.schema([SCHEMA.field(name) for name in NAMING])
TRIMMED_AT = 2  # times as many are held before the oldest are dropped


def read_counts(
    archive: Archive, since: int, until: int, are_held: Callable[[Refs], Flags]
) -> Counts:
    """Count the lists of a window, ms, of which it is known what came of them.

    Of those who let models learn from what they do, as everything that trainings read.

    Args:
        archive: Where to read.
        since: The first moment.
        until: Nothing later is looked at; lists of the day before it are not counted yet.
        are_held: Says of users, (U,), who is held out of all learning.

    Raises:
        ArchiveUnavailableError: The files cannot be read.
    """
    return steadily(lambda: _read(archive, since, until, are_held))


def _read(archive: Archive, since: int, until: int, are_held: Callable[[Refs], Flags]) -> Counts:
    segments = archive.segments()
    if not any(segment.topic == IMPRESSIONS for segment in segments):
        return NOTHING
    learnable = Learnable.of(archive, segments, archive.erasures())
    done = learnable.rows((since - CLOCKS, until), actions=TOUCHES)(NAMING)
    touches = Touches.of(_newest(_taught(done, are_held)))
    window = since, max(since, until - TOUCHED_WITHIN)
    lists = learnable.rows(window, actions=SHOWS)(COLUMNS)
    return _counted(touches, _taught(lists, are_held))


def _taught(
    rows: Iterator[pa.RecordBatch], are_held: Callable[[Refs], Flags]
) -> Iterator[pa.RecordBatch]:
    """Yield rows without those of who is held out."""
    for batch in rows:
        yield batch.filter(pa.array(~are_held(numbers(batch["user_ref"]))))


def _newest(rows: Iterator[pa.RecordBatch]) -> pa.Table:
    """Return the newest rows that name a list, with NAMING."""
    held = [pa.Table.from_batches([], HELD)]
    for batch in rows:
        named = batch.filter(pc.is_valid(batch["recommendation_id"])).select(NAMING)
        held.append(pa.Table.from_batches([named], HELD))
        if sum(map(len, held)) > TRIMMED_AT * MOST_TOUCHES:
            held = [_last(pa.concat_tables(held))]
    return _last(pa.concat_tables(held))


def _last(rows: pa.Table) -> pa.Table:
    if len(rows) <= MOST_TOUCHES:
        return rows
    newest = rows.sort_by([("occurred_at", "descending")])
    return newest.slice(0, MOST_TOUCHES).combine_chunks()


def _counted(touches: Touches, lists: Iterator[pa.RecordBatch]) -> Counts:
    """Count what was shown and, of that, touched."""
    shown = np.zeros((len(touches.items), PLACES))
    place = placed(touches, _noted(lists, touches.items, shown))
    events = np.flatnonzero(place)
    _, first = np.unique(
        touches.list[events] * max(1, len(touches.items)) + touches.item[events],
        return_index=True,
    )
    events = events[first]
    touched = np.zeros_like(shown)
    np.add.at(touched, (touches.item[events], _column(place[events].astype(np.int64))), 1)
    return Counts(shown, touched)


def _noted(
    lists: Iterator[pa.RecordBatch], items: Refs, shown: Doubles
) -> Iterator[pa.RecordBatch]:
    """Yield lists, adding to `shown`, (I, P), what they showed."""
    for batch in lists:
        slots = Slots.of(batch["shown"])
        row = positions(items, slots.item)
        kept = row != MISSING
        np.add.at(shown, (row[kept], _column(slots.place[kept])), 1)
        yield batch


def _column(place: Codes) -> Codes:
    return np.minimum(place, PLACES) - 1
