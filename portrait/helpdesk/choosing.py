"""Choosing: which messages a person should label next, because most is learned from them.

messages, vectors ─▶ how unsure of each ─▶ the least sure ─▶ as many groups as are wanted ─▶ of each
group the message in its middle

To choose the least sure alone picks one hard question again and again, in other words; to choose
what lies far from everything picks what nobody asks. The middle of a group stands for many.
"""

import numpy as np

from portrait.arrays import Codes, Floats, Rows
from portrait.model.space import Vectors

CANDIDATES = 10  # of the least sure, for each that is chosen
ROUNDS = 10  # of the grouping: it hardly changes after
SMALLEST_DISTANCE = 1e-6  # of what is the same, up to rounding
LEAST_WEIGHT = 1e-3  # of what is quite sure


def uncertainty(probabilities: Floats) -> Floats:
    """Return how unsure each of (B, C) is: 1 less the lead of the first before the second, (B,).

    Source: Scheffer, Decomain and Wrobel, Active Hidden Markov Models for Information Extraction,
    IDA 2001 (the margin).
    """
    two = np.partition(probabilities, -2, axis=1)[:, -2:]
    unsure: Floats = 1 - (two[:, 1] - two[:, 0])
    return unsure


def next_to_label(vectors: Vectors, unsure: Floats, count: int) -> Rows:
    """Return the rows of what to label next, those first that stand for most that is unsure.

    Args:
        vectors: (B, D), unit rows, of what could be labelled.
        unsure: (B,).
        count: How many are wanted; fewer come where there are fewer that differ.

    Source: Zhdanov, Diverse Mini-Batch Active Learning, 2019: k-means, weighted by uncertainty.
    """
    candidates = np.argsort(-unsure, kind="stable")[: CANDIDATES * count]
    if len(candidates) <= count:
        few: Rows = candidates
        return few
    among, weights = vectors[candidates], unsure[candidates] + np.float32(LEAST_WEIGHT)
    centres = _centres(among, weights, count)
    for _ in range(ROUNDS):
        groups = _nearest(among, centres)
        centres = _middles(among, weights, groups, centres)
    groups, near = _nearest(among, centres), among @ centres.T
    worth = np.bincount(groups, weights, count)
    order = np.argsort(-worth, kind="stable")
    middles = [
        rows[np.argmax(near[rows, group])]
        for group in order.tolist()
        if len(rows := np.flatnonzero(groups == group))
    ]
    chosen: Rows = candidates[np.array(middles)]
    return chosen


def _centres(vectors: Vectors, weights: Floats, count: int) -> Vectors:
    """Draw where to begin, by weight and by how far each lies from those before.

    Source: Arthur and Vassilvitskii, k-means++, SODA 2007. The farthest would be what nobody asks.
    """
    drawn = np.random.default_rng(0)
    chance, chosen = weights.astype(np.float64), list[int]()
    far = np.full(len(vectors), np.inf)
    for _ in range(count):
        chosen.append(int(drawn.choice(len(vectors), p=chance / chance.sum())))
        far = np.minimum(far, 1 - vectors @ vectors[chosen[-1]])
        chance = weights * np.maximum(far, SMALLEST_DISTANCE)
    return vectors[chosen]


def _nearest(vectors: Vectors, centres: Vectors) -> Codes:
    """Return which centre is nearest to each, (B,)."""
    product = 2 * vectors @ centres.T - np.square(centres).sum(axis=1)
    nearest: Codes = product.argmax(axis=1)
    return nearest


def _middles(vectors: Vectors, weights: Floats, groups: Codes, before: Vectors) -> Vectors:
    """Return the weighted mean of each group, (K, D); of an empty one what it was before."""
    total = np.bincount(groups, weights, len(before)).astype(np.float32)[:, None]
    summed = np.zeros_like(before)
    np.add.at(summed, groups, vectors * weights[:, None])
    middles: Vectors = np.divide(summed, total, out=before.copy(), where=total > 0)
    return middles
