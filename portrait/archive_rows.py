"""Rows of the archive: what a record becomes, and which file it goes into."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from portrait.archive import SCHEMA, numbers
from portrait.batch import EPOCH, read_event
from portrait.errors import EventInvalidError
from portrait.event import Action, Event
from portrait.receipt import received
from portrait.ref import item_ref, user_ref
from portrait.segment import Segment
from portrait.stream import Record

DAY_MS = 24 * 3_600_000


def tabulate(records: Sequence[Record], future_tolerance_ms: int) -> pa.Table:
    """Read records into rows of SCHEMA; leave out those that the update worker dead-letters."""
    rows = []
    for record in records:
        try:
            event, at = read_event(record, future_tolerance_ms)
        except EventInvalidError:
            continue
        rows.append(_row(record, event, at))
    columns = zip(*rows, strict=True) if rows else [[] for _ in SCHEMA]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _row(record: Record, event: Event, at: int) -> tuple[object, ...]:
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
        at,
        received(record),
        record.topic,
        record.partition,
        record.offset,
    )


def cut(rows: pa.Table) -> Iterator[tuple[Segment, pa.Table]]:
    """Divide rows by topic-partition and day of receipt, each offset once.

    A day ends for good where a later one begins, whatever clocks say afterwards: so the files are
    as few as the days, and none holds a row received after its day.
    """
    ordered = rows.sort_by([(name, "ascending") for name in ("topic", "partition", "offset")])
    topics = ordered["topic"].combine_chunks().dictionary_encode()
    changes = np.diff(numbers(topics.indices)) | np.diff(numbers(ordered["partition"]))
    offsets = numbers(ordered["offset"])
    days = numbers(ordered["received_at"]) // DAY_MS
    for start, end in _spans(np.flatnonzero(changes) + 1, len(ordered)):
        first_of_offset = np.r_[True, np.diff(offsets[start:end]) > 0]
        kept = start + np.flatnonzero(first_of_offset)
        day = np.maximum.accumulate(days[kept])
        for begin, stop in _spans(np.flatnonzero(np.diff(day)) + 1, len(kept)):
            part = ordered.take(pa.array(kept[begin:stop]))
            yield _segment_of(part, int(day[begin])), part


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
