"""The ranker: a learned model over one catalogue, for whole histories at once.

    score[j] = behaviour * (state @ item[j])
             + neighbours * (what people who touched these items touch next)[j]
             + text * (decayed mean of the events' text vectors, unit @ text[j])

Training, judging and benchmarks rank with it, as the service does for one user at a time. An item
that training never saw has no neighbours, and is reached by its text alone.
"""

from dataclasses import dataclass

import numpy as np

from portrait.behaviour import CHUNK, Refs, Rows
from portrait.event import Action
from portrait.hash_index import MISSING
from portrait.learned import Learned
from portrait.paint import ACTION_WEIGHTS, SHORT_HALF_LIFE_EVENTS
from portrait.recency import Events, Floats, Recency
from portrait.space import Vectors, unit

_GATES = np.array([ACTION_WEIGHTS[action] for action in Action], np.float32)
TEXT_RECENCY = Recency.of(_GATES, float(np.log(2) / SHORT_HALF_LIFE_EVENTS))  # as SHORT in `paint`


@dataclass(frozen=True, slots=True)
class Ranker:
    """What was learned, over a catalogue of N items."""

    learned: Learned
    matrix: Floats  # (N, D)
    texts: Vectors  # (N, K)
    neighbour_rows: Rows  # (N,), or MISSING

    @classmethod
    def over(cls, learned: Learned, refs: Refs, text_vectors: Vectors) -> "Ranker":
        """Place a catalogue: refs (N,), text vectors (N, K), unit rows or zero."""
        return cls(
            learned=learned,
            matrix=learned.behaviour.items(refs, text_vectors),
            texts=text_vectors,
            neighbour_rows=learned.neighbours.find(refs),
        )

    def scores(self, rows: Rows, events: Events) -> Floats:
        """Score every item for U users.

        Args:
            rows: (U, S), of this catalogue, newest first; MISSING where an event is absent.
            events: (U, S).

        Returns:
            (U, N).
        """
        blend = self.learned.blend
        state = self.learned.behaviour.states(self.matrix, rows, events)
        scores: Floats = np.float32(blend.behaviour) * (state @ self.matrix.T)
        if blend.text:
            scores += np.float32(blend.text) * (self.text_states(rows, events) @ self.texts.T)
        if blend.neighbours:
            scores += np.float32(blend.neighbours) * self.neighbour_scores(rows, events)
        return scores

    def shares(self, rows: Rows, events: Events, wanted: Rows) -> Floats:
        """Return each event's share of some items' scores, for one user.

        Args:
            rows: (S,), of this catalogue.
            events: Of one user, (1, S).
            wanted: (n,), rows of this catalogue.

        Returns:
            (n, S). An item's shares add up to its score.
        """
        learned, blend = self.learned, self.learned.blend
        behaviour = learned.behaviour.shares(self.matrix[rows], events, self.matrix[wanted])
        neighbours = learned.neighbours.shares(
            self._neighbour_rows(rows), events, self.neighbour_rows[wanted]
        )
        text = self._text_shares(rows, events, wanted)
        shares: Floats = (
            np.float32(blend.behaviour) * behaviour
            + np.float32(blend.neighbours) * neighbours
            + np.float32(blend.text) * text
        )
        return shares

    def text_states(self, rows: Rows, events: Events) -> Vectors:
        """Average the text vectors of the events, recent ones most. Returns (U, K), unit rows."""
        weight = TEXT_RECENCY.weights(events)[..., 0]
        sums = np.empty((len(rows), self.texts.shape[1]), np.float32)
        for start in range(0, len(rows), CHUNK):
            part = slice(start, start + CHUNK)
            here = np.take(self.texts, rows[part], axis=0, mode="clip")
            sums[part] = np.matmul(weight[part, None, :], here)[:, 0]
        return unit(sums)

    def neighbour_scores(self, rows: Rows, events: Events) -> Floats:
        """Score every item by the neighbours of the events' items, (U, N)."""
        scored = self.learned.neighbours.scores(self._neighbour_rows(rows), events)
        beyond = np.zeros((len(scored), 1), np.float32)  # where MISSING points
        return np.concatenate([scored, beyond], axis=1)[:, self.neighbour_rows]

    def _text_shares(self, rows: Rows, events: Events, wanted: Rows) -> Floats:
        """Return each event's share of the text part, (n, S)."""
        parts = TEXT_RECENCY.weights(events)[0] * self.texts[rows]  # (S, 1) * (S, K)
        norm = np.linalg.norm(parts.sum(axis=0))
        shares: Floats = self.texts[wanted] @ parts.T / (norm if norm > 0 else np.float32(np.inf))
        return shares

    def _neighbour_rows(self, rows: Rows) -> Rows:
        return np.where(rows == MISSING, MISSING, self.neighbour_rows[rows])
