"""Taste: what a learned model makes of one user's events, and how it scores items.

    score = blend.behaviour * state @ item + blend.neighbours * co-occurrence + blend.text * texts

The last term is the short-term vector that `paint` makes, as in training (`ranker.py`). All three
are sums over the events, so an item's shares add up to its score exactly.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.explain import Evidence
from portrait.hash_index import MISSING
from portrait.learned import Learned
from portrait.paint import SHORT
from portrait.recency import Events
from portrait.recommend import Codes, Floats, Shelf


@dataclass(frozen=True, slots=True)
class Taste:
    """S events as a learned model sees them."""

    learned: Learned
    evidence: Evidence
    placed: Floats  # (S, D); zeros where nothing is known
    events: Events  # (1, S)
    neighbours: Codes  # (S,), rows of the co-occurrences, or MISSING
    state: Floats  # (D,)

    @property
    def short(self) -> Floats:
        """The short-term vector of the events' texts, (K,)."""
        vector: Floats = self.evidence.portrait()[SHORT]
        return vector

    def scores(self, shelf: Shelf, rows: Codes, text_scores: Floats) -> Floats:
        """Score items, (n,) rows of the shelf, given what their texts score with `short`, (n,)."""
        blend = self.learned.blend
        scores = np.float32(blend.text) * text_scores
        scores += np.float32(blend.behaviour) * _gathered(
            shelf.placed @ self.state, shelf.place[rows]
        )
        if blend.neighbours:
            (by_row,) = self.learned.neighbours.scores(self.neighbours[None], self.events)
            scores += np.float32(blend.neighbours) * _gathered(by_row, shelf.neighbour[rows])
        return scores

    def shares(self, shelf: Shelf, rows: Codes) -> Floats:
        """Return each event's share of each item's score, (n, S), for (n,) rows of the shelf."""
        blend, learned = self.learned.blend, self.learned
        places = shelf.place[rows]
        items = shelf.placed[places]
        items[places == MISSING] = 0
        shares = np.float32(blend.behaviour) * learned.behaviour.shares(
            self.placed, self.events, items
        )
        shares += np.float32(blend.text) * self.evidence.shares(
            shelf.matrix[shelf.text[rows]], (0, 1)
        )
        if blend.neighbours:
            shares += np.float32(blend.neighbours) * learned.neighbours.shares(
                self.neighbours, self.events, shelf.neighbour[rows]
            )
        return shares


def taste_of(evidence: Evidence, learned: Learned) -> Taste:
    """Read events as a learned model does; what it has not placed stands by its text."""
    placed = evidence.placed.copy()
    by_text = np.flatnonzero(~placed.any(axis=1) & evidence.vectors.any(axis=1))
    nameless = np.zeros(len(by_text), np.uint64)
    placed[by_text] = learned.behaviour.items(nameless, evidence.vectors[by_text])
    ring = evidence.ring[None]
    known = np.asarray(placed.any(axis=1))
    events = Events(ring["action"], ring["at"], known[None])
    (state,) = learned.behaviour.state(placed[None], events)
    return Taste(
        learned, evidence, placed, events, learned.neighbours.find(evidence.ring["ref"]), state
    )


def _gathered(values: Floats, rows: NDArray[np.int64]) -> Floats:
    """Return the values at these rows; 0 where the row is MISSING."""
    if not len(values):
        return np.zeros(len(rows), np.float32)
    found: Floats = values[rows]
    found[rows == MISSING] = 0
    return found
