"""Choosing: which messages a person should label next, because most is learned from them.

messages, vectors ─▶ how unsure of each ─▶ the least sure, as far from each other and from what is
labelled as can be

The first choice alone picks one hard question again and again in other words; the second alone
picks what nobody asks.
"""

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Floats, Rows
from portrait.model.space import Vectors

CANDIDATES = 8  # of the least sure, for each that is chosen


def uncertainty(probabilities: Floats) -> Floats:
    """Return how unsure each of (B, C) is: 1 less the lead of the first before the second, (B,).

    Source: Scheffer, Decomain and Wrobel, Active Hidden Markov Models for Information Extraction,
    IDA 2001 (the margin).
    """
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    lead: Floats = 1 - (two[:, 1] - two[:, 0])
    return lead


def next_to_label(vectors: Vectors, unsure: Floats, known: Vectors, count: int) -> Rows:
    """Return the rows of what to label next, in the order in which they were chosen.

    Args:
        vectors: (B, D), unit rows, of what could be labelled.
        unsure: (B,).
        known: (L, D), unit rows, of what is labelled.
        count: How many are wanted.

    Source: Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set
    Approach, ICLR 2018 (the greedy choice); here among the least sure, and by both.
    """
    candidates = np.argsort(-unsure, kind="stable")[: CANDIDATES * count]
    if not len(candidates):
        return candidates
    among = vectors[candidates]
    far = _distance_to_nearest(among, known)
    chosen: list[int] = []
    for _ in range(min(count, len(candidates))):
        worth = far * unsure[candidates]
        worth[chosen] = -1
        best = int(np.argmax(worth))
        chosen.append(best)
        far = np.minimum(far, 1 - among @ among[best])
    return candidates[np.array(chosen, np.int64)]


def _distance_to_nearest(vectors: Vectors, known: Vectors) -> NDArray[np.float32]:
    if not len(known):
        return np.ones(len(vectors), np.float32)
    nearest: NDArray[np.float32] = 1 - (vectors @ known.T).max(axis=1)
    return np.maximum(nearest, 0)
