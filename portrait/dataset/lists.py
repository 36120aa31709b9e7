"""Lists: at which place what somebody touched stood in the list that the event names.

rows of lists, some at a time ─▶ those that events name ─▶ the place of each event's item

A touch counts within a day of its list, as everywhere, and if the list was for whoever touched.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from portrait.archive.archive import Span, numbers
from portrait.arrays import MISSING, Codes, Refs, positions
from portrait.events.event import Action
from portrait.events.impression import SHOWN
from portrait.experiments.joining import CLOCKS, TOUCHED_WITHIN

TOUCHES = pa.array([Action.BROWSE.value, Action.CLICK.value, Action.CART.value, Action.PURCHASE])
SHOWS = pa.array([SHOWN])
COLUMNS = ["user_ref", "recommendation_id", "shown", "occurred_at"]  # of lists
NAMING = ["user_ref", "item_ref", "action", "recommendation_id", "occurred_at"]  # of events

Places = NDArray[np.uint8]  # from 1, as a list has 100 at most; 0 = none


@dataclass(frozen=True, slots=True)
class Touches:
    """E events, some of which name one of L lists."""

    list: Codes  # (E,), row of `lists`, or MISSING: it names none, or touches nothing
    lists: pa.Array  # (L,), ids of recommendations
    user: Refs  # (E,)
    item: Codes  # (E,), row of `items`
    items: Refs  # (I,), item_ref, ascending
    at: Codes  # (E,), ms

    @classmethod
    def of(cls, rows: Any) -> "Touches":  # noqa: ANN401 - pyarrow is untyped
        """Take them from rows with NAMING, (E,)."""
        is_touch = pc.is_in(rows["action"], TOUCHES)
        named = pc.if_else(is_touch, rows["recommendation_id"], pa.scalar(None, pa.string()))
        coded = _whole(named).dictionary_encode()
        items, item = np.unique(numbers(pc.fill_null(rows["item_ref"], 0)), return_inverse=True)
        return cls(
            list=numbers(pc.fill_null(coded.indices, MISSING)).astype(np.int64),
            lists=coded.dictionary,
            user=numbers(rows["user_ref"]),
            item=item.astype(np.int64),
            items=items,
            at=numbers(rows["occurred_at"]),
        )


@dataclass(frozen=True, slots=True)
class Slots:
    """S places of lists, in order: the first of a list, its second, and so on."""

    row: Codes  # (S,), of the rows that they were read from
    item: Refs  # (S,)
    place: Codes  # (S,), from 1

    @classmethod
    def of(cls, shown: Any) -> "Slots":  # noqa: ANN401 - pyarrow is untyped
        """Take them from lists of refs, (B,)."""
        row = numbers(pc.list_parent_indices(shown)).astype(np.int64)
        begins = np.searchsorted(row, np.arange(len(shown)))
        return cls(row, numbers(pc.list_flatten(shown)), np.arange(len(row)) - begins[row] + 1)


def shown_for(window: Span) -> Span:
    """Return when lists were shown that events of a window, ms, may have come of."""
    since, until = window
    return (
        None if since is None else since - TOUCHED_WITHIN,
        None if until is None else until + CLOCKS,
    )


def placed(touches: Touches, lists: Iterable[pa.RecordBatch]) -> Places:
    """Say where each event's item stood in its list, (E,); of an event that came of none 0.

    Args:
        touches: What was done.
        lists: Rows with COLUMNS; as many at once as a batch has.
    """
    place = np.zeros(len(touches.list), np.uint8)
    if not len(touches.lists):
        return place
    for batch in lists:
        number = numbers(pc.fill_null(pc.index_in(batch["recommendation_id"], touches.lists), -1))
        named = np.flatnonzero(number >= 0)
        if len(named):
            rows = batch.take(pa.array(named))
            events, found = _found(touches, rows, number[named].astype(np.int64))
            place[events] = np.where(place[events] > 0, place[events], found)
    return place


def _found(touches: Touches, rows: pa.RecordBatch, number: Codes) -> tuple[Codes, Places]:
    """Return which events came of these lists, and of which places; rows say who saw them when."""
    slots = Slots.of(rows["shown"])
    item = positions(touches.items, slots.item)
    kept = np.flatnonzero(item != MISSING)
    width = len(touches.items)
    keys, first = np.unique(number[slots.row[kept]] * width + item[kept], return_index=True)
    is_here = np.zeros(len(touches.lists) + 1, np.bool_)  # the last: what MISSING points to
    is_here[number] = True
    events = np.flatnonzero(is_here[touches.list])
    at = positions(keys, touches.list[events] * width + touches.item[events])
    events, slot = events[at != MISSING], kept[first[at[at != MISSING]]]
    row = slots.row[slot]
    after = touches.at[events] - numbers(rows["occurred_at"])[row]
    is_theirs = touches.user[events] == numbers(rows["user_ref"])[row]
    counts = is_theirs & (after >= -CLOCKS) & (after <= TOUCHED_WITHIN)
    return events[counts], slots.place[slot[counts]].astype(np.uint8)


def _whole(column: Any) -> Any:  # noqa: ANN401 - pyarrow is untyped
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
