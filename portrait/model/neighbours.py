"""Neighbours: what people who touched this item touch next.

    score[j] = sum over kinds h of the mean over events e, weighted by weight[e, h],
               of kinds[h] * matrix[h][item of e, j]

Searches are among the events and say nothing here: after one, what was done before says less.

The item-item matrix is sparse: the strongest neighbours of each item, of H kinds with one pattern
(counted, or solved for), each kind forgetting at its own speed. An item that is not in it is cold:
nobody had taken it when it was made. It is linear in the events, so each event's share of a score
is exact. `training/ranker/co_occurrence.py` makes it.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Floats, Refs, Rows, positions
from portrait.events.columns import PURCHASE
from portrait.model.kinds import gates_of_kinds
from portrait.model.recency import SEARCH, Events, Recency

MOST_SCORES = 4_000_000  # in flight at once: 32 MB of doubles


@dataclass(frozen=True, slots=True)
class Neighbours:
    """A sparse item-item matrix over N items. Immutable."""

    refs: Refs  # (N,), ascending: item_ref
    starts: NDArray[np.int64]  # (N + 1,): the neighbours of item n are starts[n]:starts[n + 1]
    others: NDArray[np.int32]  # (Z,), rows of `refs`
    strengths: Floats  # (Z, H)
    action_gates: Floats  # (KINDS,), 0 or above; of models that knew actions alone, one each
    decay: Floats  # (H,)
    gap_decay: Floats  # (H,)
    kinds: Floats  # (H,): how much each counts, the most 1

    def __len__(self) -> int:
        return len(self.refs)

    @property
    def recency(self) -> Recency:
        """How its events are weighed; a search, of which nothing is known here, takes its share."""
        gates = np.maximum(gates_of_kinds(self.action_gates), np.float32(0))
        gates[SEARCH] = gates[PURCHASE]
        return Recency(gates, self.decay, self.gap_decay)

    def find(self, refs: Refs) -> Rows:
        """Return the row of each ref, or MISSING; the shape of `refs`."""
        return positions(self.refs, refs)

    def knows(self, rows: Rows) -> bool:
        """Say whether any of these items, (n,) rows that are not MISSING, has a neighbour."""
        return bool((self.starts[rows + 1] > self.starts[rows]).any())

    def scores(self, rows: Rows, events: Events) -> Floats:
        """Score every item for U users.

        Args:
            rows: (U, S), from `find`; an event whose row is MISSING says nothing.
            events: Of U users, (U, S).

        Returns:
            (U, N), in order of `refs`.
        """
        scores = np.zeros((len(rows), len(self)), np.float32)
        step = max(1, MOST_SCORES // max(1, len(self)))
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            scores[part] = self._scores(rows[part], events[part])
        return scores

    def spread(self, rows: Rows, events: Events) -> tuple[NDArray[np.int32], Floats]:
        """Say what one user's events add to which items, as often as they do.

        Args:
            rows: (S,), of the events' items.
            events: Of one user, (1, S).

        Returns:
            (E,) rows of items, some of them more than once, and what is added to their scores:
            the same as `scores`, without those of all the others.
        """
        (weight,) = self._weights(rows[None], events)  # (S, H)
        event, entry = self._entries(rows)
        return self.others[entry], self._values(weight, event, entry)

    def shares(self, rows: Rows, events: Events, wanted: Rows) -> Floats:
        """Return each event's share of each wanted item's score, for one user.

        Args:
            rows: (S,), of the events' items.
            events: Of one user, (1, S).
            wanted: (n,), rows of items.

        Returns:
            (n, S). An item's shares add up to its score.
        """
        weight = self._weights(rows[None], events)[0]  # (S, H)
        place_of = np.full(len(self) + 1, MISSING)  # the last stands for items that are not here
        place_of[wanted[wanted != MISSING]] = np.flatnonzero(wanted != MISSING)
        event, entry = self._entries(rows)
        place = place_of[self.others[entry]]
        event, entry, place = event[place >= 0], entry[place >= 0], place[place >= 0]
        shares = np.zeros((len(wanted), len(rows)), np.float32)
        shares[place, event] = self._values(weight, event, entry)
        return shares

    def kind(self, which: int) -> "Neighbours":
        """Return one of the H kinds alone."""
        one = slice(which, which + 1)
        return replace(
            self,
            strengths=self.strengths[:, one],
            decay=self.decay[one],
            gap_decay=self.gap_decay[one],
            kinds=self.kinds[one],
        )

    def counting(self, kinds: Floats) -> "Neighbours":
        """Return the same, with kinds, (H,), that count so much."""
        return replace(self, kinds=kinds)

    def first(self, count: int) -> "Neighbours":
        """Return the first of the H kinds, without the neighbours that only the others know."""
        kept = self.strengths[:, :count].any(axis=1)
        return replace(
            self,
            starts=np.concatenate([[0], np.cumsum(kept)])[self.starts],
            others=self.others[kept],
            strengths=self.strengths[kept, :count],
            decay=self.decay[:count],
            gap_decay=self.gap_decay[:count],
            kinds=self.kinds[:count],
        )

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it is made of, by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "Neighbours":
        """Read what `to_arrays` wrote. Other names are left alone.

        Raises:
            KeyError: An array is not there.
        """
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def _scores(self, rows: Rows, events: Events) -> Floats:
        """Score every item for a few users."""
        users, places = rows.shape
        weight = self._weights(rows, events).reshape(users * places, len(self.decay))
        event, entry = self._entries(rows.ravel())
        value = self._values(weight, event, entry)
        key = event // places * len(self) + self.others[entry]
        summed = np.bincount(key, value, users * len(self))
        return summed.reshape(users, len(self)).astype(np.float32)

    def _values(self, weight: Floats, event: Rows, entry: Rows) -> Floats:
        """Weigh entries, (E,), by their events' weights, (S, H)."""
        parts = np.take(weight, event, axis=0)
        parts *= np.take(self.strengths, entry, axis=0)
        values = np.zeros(len(parts), np.float32)
        for part in parts.T:  # a column at a time: numpy adds up so short rows five times slower
            values += part
        return values

    def _weights(self, rows: Rows, events: Events) -> Floats:
        """Weigh events: a user's weights of a kind add up to what it counts. Returns (U, S, H)."""
        weight = events.factored(self.recency.weights(events))
        weight *= ((rows != MISSING) | (events.kind == SEARCH))[..., None]
        whole = np.abs(weight).sum(axis=1, keepdims=True)
        weight *= self.kinds / np.where(whole > 0, whole, 1)
        return weight

    def _entries(self, rows: Rows) -> tuple[Rows, Rows]:
        """List the neighbours of each item (E,): which of `rows` it is, and its entry."""
        first = np.where(rows == MISSING, 0, self.starts[rows])
        count = np.where(rows == MISSING, 0, self.starts[rows + 1] - first)
        event = np.repeat(np.arange(len(rows)), count)
        before = np.cumsum(count) - count
        return event, np.arange(len(event)) - before[event] + first[event]
