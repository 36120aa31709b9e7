"""Examination: how much less is touched further down a list, of the same items.

touched[i, p] ~ Poisson(shown[i, p] x relevance[i] x examination[p])

An item tells of places only as far as it stood in several: what was always first says nothing. So a
list that puts what everybody wants on top does not bend the curve, but one that puts there what
this person wants does: see `MOST` and decision 0073.

Source: the position-based model: Chuklin, Markov and de Rijke, Click Models for Web Search, 2015,
chapter 3. Relevance of items as fixed effects: Hausman, Hall and Griliches, Econometrica 1984.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Doubles, Floats

PLACES = 20  # further down is as the last: nobody has enough touches there
LEAST_TOUCHES = 1_000  # below, places count alike: a curve of fewer is off by a tenth and more
KNOWN = 10  # touches that speak for places being alike, at each: where less is known, it is so
ROUNDS, STILL = 200, 1e-3  # of the alternation, which ends when nothing moves by more
MOST = 3.0  # times what was touched first: further down it is the ranking that shows, not the place


@dataclass(frozen=True, slots=True)
class Counts:
    """Of I items: how often each was shown, and touched, at each of PLACES places."""

    shown: Doubles  # (I, P)
    touched: Doubles  # (I, P)

    @property
    def touches(self) -> int:
        """How many touches there are."""
        return int(self.touched.sum())


NOTHING = Counts(np.zeros((0, PLACES)), np.zeros((0, PLACES)))


def examination(counts: Counts) -> Doubles:
    """Estimate how likely a place is looked at, beside the first: (P,), 1 first, never rising."""
    curve = np.ones(PLACES)
    if counts.touches < LEAST_TOUCHES:
        return curve
    by_place, by_item = counts.touched.sum(axis=0), counts.touched.sum(axis=1)
    for _ in range(ROUNDS):
        exposed = counts.shown @ curve
        relevance = np.divide(by_item, exposed, out=np.zeros_like(by_item), where=exposed > 0)
        expected = relevance @ counts.shown  # touches, if every place were as good as the first
        found = falling((by_place + KNOWN) / (expected + KNOWN), expected + KNOWN)
        before, curve = curve, found / found[0]
        if np.abs(curve - before).max() < STILL:
            break
    return curve


def falling(values: Doubles, weights: Doubles) -> Doubles:
    """Return the nearest values that never rise, by weighted squares: (P,).

    Source: pool adjacent violators: Barlow et al., Statistical Inference under Order Restrictions,
    1972.
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] < pool[0]:
            mean, heavy, many = pools.pop()
            both = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / both, both, many + pool[2])
        pools.append(pool)
    return np.repeat([mean for mean, _, _ in pools], [many for _, _, many in pools])


def counts_of(curve: Doubles, place: NDArray[np.uint8]) -> Floats:
    """Return what each label counts by its place in a list, (E,); without a list it counts once.

    Inverse to how likely the place was looked at, MOST at most; on average a label of a list
    counts once as well, so that lists together count what they did.

    Args:
        curve: (P,), see `examination`.
        place: (E,), from 1; 0 = it came of no list.

    Source: Joachims, Swaminathan and Schnabel, Unbiased Learning-to-Rank with Biased Feedback, WSDM
    2017, section 4; clipped: Strehl et al., Learning from Logged Implicit Exploration Data, NIPS
    2010.
    """
    counts = np.ones(len(place), np.float32)
    listed = place > 0
    if listed.any():
        inverse = np.minimum(1 / curve, MOST)[np.minimum(place[listed], len(curve)) - 1]
        counts[listed] = inverse / inverse.mean()
    return counts
