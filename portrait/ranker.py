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
from portrait.hash_index import MISSING
from portrait.learned import Learned
from portrait.recency import TEXT_RECENCY, Events, Floats
from portrait.space import Vectors, unit


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
        state = self.learned.behaviour.states(self.matrix, rows, events)
        text = self.text_states(rows, events)
        return self.scores_of(state, text, rows, events)

    def scores_of(self, state: Floats, text: Vectors, rows: Rows, events: Events) -> Floats:
        """Score every item, (U, N), for users whose states, (U, D) and (U, K), are known."""
        blend = self.learned.blend
        neighbours = self.neighbour_scores(rows, events) if blend.neighbours else None
        return blend.score(state @ self.matrix.T, neighbours, text @ self.texts.T)

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
        return blend.score(behaviour, neighbours, self._text_shares(rows, events, wanted))

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
