"""Off policy: what another way of choosing would have brought, from what was chosen and logged.

A model of the reward says what each choice would bring; where the logged choice is one that the
other way would make, too, what it truly brought corrects the model, weighted by how much likelier
the other way makes it. The estimate is right if the model is or if the logged chances are, and
these are ours, exact; a good model makes it narrow.

Source: Dudík, Langford and Li, Doubly robust policy evaluation and learning, ICML 2011.
"""

from math import cbrt, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
SURE = 1.959_964  # quantile of the normal distribution: intervals hold 95 times in 100
SYMMETRIC = 1e-6  # skewness of a mean below which there is nothing to remove


class Value(NamedTuple):
    """What a choice brings on average, and between which that lies 95 times in 100."""

    mean: float
    low: float
    high: float


def doubly_robust(
    actions: NDArray[np.int64],
    rewards: Numbers,
    propensities: Numbers,
    wanted: Numbers,
    foreseen: Numbers,
) -> Value:
    """Estimate what another way of choosing would have brought.

    Args:
        actions: What was chosen in each of N cases, (N,), among K.
        rewards: What that brought, (N,).
        propensities: With which chance it was chosen, (N,), above nothing.
        wanted: With which chance the other way chooses each, (N, K).
        foreseen: What a model says that each brings, (N, K). It has not seen these rewards: fit it
            on other cases, as `cross_fitted` does.
    """
    return interval(values(actions, rewards, propensities, wanted, foreseen))


def values(
    actions: NDArray[np.int64],
    rewards: Numbers,
    propensities: Numbers,
    wanted: Numbers,
    foreseen: Numbers,
) -> Numbers:
    """Estimate the same in each case alone, (N,): their mean is the estimate."""
    cases = np.arange(len(actions))
    weights = wanted[cases, actions] / propensities
    by_model: Numbers = (wanted * foreseen).sum(axis=1)
    return by_model + weights * (rewards - foreseen[cases, actions])


def interval(values: Numbers) -> Value:
    """Return the mean of N values that know nothing of each other, (N,), two at least."""
    mean, error, skew = _moments(values)
    return Value(mean, mean - error * _unskewed(SURE, skew), mean - error * _unskewed(-SURE, skew))


def _moments(values: Numbers) -> tuple[float, float, float]:
    """Return the mean, its standard error, and its skewness."""
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    if spread == 0:
        return mean, 0.0, 0.0
    skew = float(((values - mean) ** 3).mean()) / spread**3
    return mean, spread / sqrt(len(values)), skew / sqrt(len(values))


def _unskewed(quantile: float, skew: float) -> float:
    """Return the quantile of a mean that leans to one side, as few large weights let it.

    Source: Hall, On the removal of skewness by transformation, JRSS B 54(1), 1992, section 2.
    """
    if abs(skew) < SYMMETRIC:
        return quantile
    return 3 / skew * (cbrt(1 + skew * (quantile - skew / 6)) - 1)


def cross_fitted(
    actions: NDArray[np.int64], rewards: Numbers, groups: NDArray[np.int64], arms: int
) -> Numbers:
    """Foresee the reward of each of K arms in N cases by the mean of the other half, (N, K).

    Args:
        actions: What was chosen, (N,).
        rewards: What it brought, (N,).
        groups: Kind of each case, (N,), from 0: what rewards depend on besides.
        arms: K.
    """
    halves = np.arange(len(actions)) % 2
    foreseen = np.empty((len(actions), arms))
    for half in (0, 1):
        others = halves != half
        cells = groups[others] * arms + actions[others]
        size = (int(groups.max(initial=0)) + 1) * arms
        total = np.bincount(cells, rewards[others], size)
        seen = np.bincount(cells, minlength=size)
        overall = float(rewards[others].mean()) if others.any() else 0.0
        means = ((total + overall) / (seen + 1)).reshape(-1, arms)  # one case of the usual added
        foreseen[halves == half] = means[groups[halves == half]]
    return foreseen
