"""Users as the decayed sum of what they touched: whitened text, no learning.

The state that the heads are given as long as no behaviour encoder is trained on these shops.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Floats
from portrait.inference.paint import vector_weights
from portrait.model.encoder import TextEncoder
from portrait.model.recency import Events
from portrait.model.space import fit_space, unit
from portrait.profiles.layout import SHORT

DIM = 64
PART = 512  # users whose vectors are gathered at once: 8 MB


@dataclass(frozen=True, slots=True)
class TextStates:
    """Makes states of rings from the items' text vectors."""

    refs: NDArray[np.uint64]  # (N,), ascending: item_ref
    rows: NDArray[np.int64]  # (N,), row of each item's text
    vectors: Floats  # (texts, K), unit rows

    def __call__(self, ring: NDArray[np.void]) -> Floats:
        """Return states (A, K) of rings (A, RING), unit rows, or zero."""
        states = np.zeros((len(ring), self.vectors.shape[1]), np.float32)
        for start in range(0, len(ring), PART):
            part = ring[start : start + PART]
            place = np.minimum(np.searchsorted(self.refs, part["ref"]), len(self.refs) - 1)
            known = self.refs[place] == part["ref"]
            weight = vector_weights(Events.of_ring(part, known))[:, SHORT]
            summed = weight[:, None] @ self.vectors[self.rows[place]]  # (u, 1, S) @ (u, S, K)
            states[start : start + PART] = summed[:, 0]
        return unit(states)

    def items(self, refs: NDArray[np.uint64]) -> Floats:
        """Return the vectors of known items (n, K)."""
        return self.vectors[self.rows[np.searchsorted(self.refs, refs)]]


def text_states(encoder: TextEncoder, texts: list[str], refs: NDArray[np.uint64]) -> TextStates:
    """Encode the items' texts, each once.

    Args:
        encoder: A text encoder.
        texts: Of each item, (N,).
        refs: item_ref of each item, (N,).
    """
    unique = sorted(set(texts))
    place = {text: row for row, text in enumerate(unique)}
    embeddings = encoder.encode(unique)
    vectors = fit_space(encoder.name, embeddings, DIM).place(embeddings)
    order = np.argsort(refs)
    return TextStates(refs[order], np.array([place[text] for text in texts])[order], vectors)
