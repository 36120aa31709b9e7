"""Draws: places of lists that were given to a draw, as they were archived, and what came of them.

rows of impressions ─▶ the newest draws of a window ─▶ joined with touches that name their list

A touch counts within a day of its list, so a draw of the last day is not known yet: it is left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from portrait.archive.archive import EVER, Archive, numbers
from portrait.arrays import Codes, Doubles, Flags, Refs
from portrait.dataset.archive_reading import Learnable, steadily
from portrait.dataset.lists import TOUCHES
from portrait.events.impression import DRAWN
from portrait.events.topics import IMPRESSIONS
from portrait.experiments.joining import CLOCKS, NEW, OWN, POPULAR, TOUCHED_WITHIN
from portrait.ref import item_ref

MOST_DRAWS = 50_000  # the newest: 30 MB while they are read
FIRST_NEW = 2  # after the list's own item and what is popular
ARMS = FIRST_NEW + 8  # of one place: so many are little known
DRAWS = pa.array([DRAWN])
COLUMNS = ["user_ref", "recommendation_id", "surface", "item", "choices", "occurred_at"]

Row = dict[str, Any]  # of COLUMNS


@dataclass(frozen=True, slots=True)
class Draws:
    """D draws among at most A arms."""

    user: Refs  # (D,), user_ref
    list: Codes  # (D,), number of the list that each was in
    at: Codes  # (D,), ms
    surface: Codes  # (D,), number of it
    items: Refs  # (D, A), item_ref by arm; 0 = it had none
    chance: Doubles  # (D, A)
    drawn: Codes  # (D,), the arm
    touched: Flags  # (D,)

    def __len__(self) -> int:
        return len(self.drawn)

    def where(self, chosen: Flags | Codes) -> "Draws":
        """Return these draws alone."""
        return Draws(*(getattr(self, name)[chosen] for name in self.__slots__))


def read_draws(archive: Archive, since: int, until: int) -> Draws:
    """Read what was drawn in a window, ms, of which it is known what came of it.

    Of those who let models learn from what they do, as everything that trainings read.

    Args:
        archive: Where to read.
        since: The first moment.
        until: The log is complete up to here.

    Raises:
        ArchiveUnavailableError: The files cannot be read.
    """
    return steadily(lambda: _read(archive, since, until))


def _read(archive: Archive, since: int, until: int) -> Draws:
    segments, erasures = archive.segments(), archive.erasures()
    if not any(segment.topic == IMPRESSIONS for segment in segments):
        return _draws([], frozenset())
    window = since, max(since, until - TOUCHED_WITHIN)
    learnable = Learnable.of(archive, segments, erasures)
    rows = _newest(learnable.rows(window, actions=DRAWS)(COLUMNS))
    lists = pa.array(sorted({row["recommendation_id"] for row in rows}), pa.string())
    done = learnable.rows(EVER, actions=TOUCHES)
    given = {row["recommendation_id"]: row["occurred_at"] for row in rows}
    columns = ["recommendation_id", "item", "occurred_at"]
    touched = _touched(done(columns), lists, given) if len(lists) else frozenset()
    return _draws(rows, touched)


def _newest(batches: Iterable[pa.RecordBatch]) -> list[Row]:
    """Return the newest rows, by moment; each draw once, however often it was published."""
    kept: dict[tuple[str, str], Row] = {}
    for batch in batches:
        at = numbers(batch["occurred_at"])
        of_batch = batch.select([*COLUMNS[:-1]]).to_pylist()
        for row, moment in zip(of_batch, at.tolist(), strict=True):
            kept[row["recommendation_id"], row["item"]] = {**row, "occurred_at": moment}
        if len(kept) > 2 * MOST_DRAWS:
            kept = dict(_last(kept.items()))
    return [row for _, row in _last(kept.items())]


def _last(kept: Iterable[tuple[tuple[str, str], Row]]) -> list[tuple[tuple[str, str], Row]]:
    return sorted(kept, key=lambda each: (each[1]["occurred_at"], each[0]))[-MOST_DRAWS:]


def _touched(
    batches: Iterator[pa.RecordBatch], lists: pa.Array, given: dict[str, int]
) -> frozenset[tuple[str, str]]:
    """Return which items of which lists were touched in time."""
    found: set[tuple[str, str]] = set()
    for batch in batches:
        theirs = batch.filter(pc.is_in(batch["recommendation_id"], lists))
        at = numbers(theirs["occurred_at"]).tolist()
        ids, items = (theirs[name].to_pylist() for name in ("recommendation_id", "item"))
        found.update(
            (id, item)
            for id, item, moment in zip(ids, items, at, strict=True)
            if -CLOCKS <= moment - given[id] <= TOUCHED_WITHIN
        )
    return frozenset(found)


def _draws(rows: Sequence[Row], touched: frozenset[tuple[str, str]]) -> Draws:
    """Return rows as arrays; of a place with more arms than are counted, or none, nothing."""
    placed = [(row, arms) for row in rows if (arms := _arms(row)) is not None]
    items, chance = np.zeros((len(placed), ARMS), np.uint64), np.zeros((len(placed), ARMS))
    drawn = np.zeros(len(placed), np.int64)
    for place, (row, arms) in enumerate(placed):
        for arm, choice in arms.items():
            items[place, arm] = item_ref(choice["item"])
            chance[place, arm] = choice["propensity"]
            if choice["item"] == row["item"]:
                drawn[place] = arm
    kept = [row for row, _ in placed]
    return Draws(
        user=np.array([row["user_ref"] for row in kept], np.uint64),
        list=_codes([row["recommendation_id"] for row in kept]),
        at=np.array([row["occurred_at"] for row in kept], np.int64),
        surface=_codes([row["surface"] or "" for row in kept]),
        items=items,
        chance=chance,
        drawn=drawn,
        touched=np.array([(r["recommendation_id"], r["item"]) in touched for r in kept], np.bool_),
    )


def _arms(row: Row) -> dict[int, Row] | None:
    """Return what a place was drawn among, by arm; None: that is not known as it must be."""
    found: dict[int, Row] = {}
    for choice in row["choices"] or ():
        arm = {OWN: 0, POPULAR: 1, NEW: max([FIRST_NEW - 1, *found]) + 1}.get(choice["arm"], ARMS)
        if arm >= ARMS or arm in found:
            return None
        found[arm] = choice
    is_among = any(choice["item"] == row["item"] for choice in found.values())
    return found if 0 in found and is_among else None


def _codes(names: Sequence[str]) -> NDArray[np.int64]:
    if not names:
        return np.zeros(0, np.int64)
    _, codes = np.unique(np.array(names), return_inverse=True)
    return codes.astype(np.int64)
