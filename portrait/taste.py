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
        scores += self._by_item(shelf, rows)
        return scores

    def _by_item(self, shelf: Shelf, rows: Codes) -> Floats:
        """Return what behaviour and neighbours add to the scores of items, (n,)."""
        blend = self.learned.blend
        by_item = np.zeros(len(shelf) + 1, np.float32)  # the last: all that are not here
        if len(shelf.placed):
            by_place = shelf.placed @ (np.float32(blend.behaviour) * self.state)
            np.take(by_place, shelf.place, out=by_item[:-1], mode="wrap")  # MISSING reads the last
            by_item[shelf.unplaced] = 0
        if blend.neighbours:
            others, values = self.learned.neighbours.spread(self.neighbours, self.events)
            np.add.at(by_item, shelf.nearby[others], np.float32(blend.neighbours) * values)
        return by_item[rows]

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
    placed = evidence.placed
    known = _said(placed)
    by_text = np.flatnonzero(~known & _said(evidence.vectors))
    if len(by_text):
        placed = placed.copy()
        nameless = np.zeros(len(by_text), np.uint64)
        placed[by_text] = learned.behaviour.items(nameless, evidence.vectors[by_text])
        known = _said(placed)
    ring = evidence.ring[None]
    events = Events(ring["action"], ring["at"], known[None])
    (state,) = learned.behaviour.state(placed[None], events)
    return Taste(
        learned, evidence, placed, events, learned.neighbours.find(evidence.ring["ref"]), state
    )


def _said(vectors: Floats) -> NDArray[np.bool_]:
    """Return which vectors, (S, K), say anything: all but zeros."""
    said: NDArray[np.bool_] = np.einsum("sk,sk->s", vectors, vectors) > 0
    return said
