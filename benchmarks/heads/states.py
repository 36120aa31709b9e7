"""Users as the decayed sum of what they touched: whitened text, no learning.

The state that the heads are given as long as no behaviour encoder is trained on these shops.
"""

import numpy as np
from numpy.typing import NDArray

from portrait.encoder import TextEncoder
from portrait.paint import SHORT, weights
from portrait.questions import StateOf
from portrait.space import fit_space, unit

DIM = 64
PART = 512  # users whose vectors are gathered at once: 8 MB


def text_states(encoder: TextEncoder, texts: list[str], refs: NDArray[np.uint64]) -> StateOf:
    """Encode the items' texts, each once, and return what makes states of rings.

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
    ascending = refs[order]
    rows = np.array([place[text] for text in texts])[order]

    def state_of(ring: NDArray[np.void]) -> NDArray[np.float32]:
        states = np.zeros((len(ring), DIM), np.float32)
        for start in range(0, len(ring), PART):
            part = ring[start : start + PART]
            at = np.minimum(np.searchsorted(ascending, part["ref"]), len(ascending) - 1)
            known = ascending[at] == part["ref"]
            weight = np.where(known, weights(part)[:, SHORT], np.float32(0))
            summed = weight[:, None] @ vectors[rows[at]]  # (u, 1, S) @ (u, S, K)
            states[start : start + PART] = summed[:, 0]
        return unit(states)

    return state_of
