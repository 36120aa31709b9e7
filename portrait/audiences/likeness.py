"""Likeness: how much more is to be expected of somebody than of anybody, by those who led the way.

    score = exp(weights @ likes - middle) ** SHARE * pace          over its mean among the others

The first factor is how likely somebody's long-term vector is one of the leaders', and not one of
the others': two normal distributions of one covariance, of which the ratio is linear. Its logarithm
counts for a quarter (SHARE): what was bought is itself in the leaders' vectors, so they look less
like others than they are. The second is how much somebody does at all. So a score of 3 says: three
times as much as of the average person.

Source: Fisher, The Use of Multiple Measurements in Taxonomic Problems, 1936; the covariance is
shrunk as in Friedman, Regularized Discriminant Analysis, 1989. SHARE and SHRUNK: docs/benchmarks.md
(`make bench-audiences`), chosen on an earlier period.
"""

from dataclasses import dataclass, replace

import numpy as np

from portrait.arrays import Doubles, Floats

SHARE = 0.25  # of the logarithm of the ratio
SHRUNK = 0.5  # of the covariance, towards one that is the same in all directions
MOST_RATIO = 60.0  # of the logarithm: a number that fits


@dataclass(frozen=True, slots=True)
class Likeness:
    """Scores people by a direction in the space of long-term vectors, and by their pace."""

    weights: Doubles  # (K,)
    middle: float  # what lies as near to the leaders as to the others
    average: float = 1.0  # of the others, before it is divided by

    def scores(self, likes: Floats, pace: Floats, share: float = SHARE) -> Floats:
        """Return the scores of U people, above zero.

        Args:
            likes: (U, K), long-term vectors.
            pace: (U,), events in four weeks.
            share: How much likeness counts beside the pace.
        """
        ratio = np.clip(likes @ self.weights - self.middle, -MOST_RATIO, MOST_RATIO)
        scores: Floats = (np.exp(share * ratio) * pace / self.average).astype(np.float32)
        return scores


def likeness_of(
    leaders: Floats, others: Floats, pace: Floats, *, share: float = SHARE, shrunk: float = SHRUNK
) -> Likeness:
    """Find the direction from the others to those who lead.

    Args:
        leaders: (L, K), long-term vectors of those whom others are to be like.
        others: (P, K), of a sample of everybody else.
        pace: (P,), of the same sample.
        share: How much likeness counts beside the pace.
        shrunk: How much of the covariance is taken to be the same in all directions.
    """
    mean, usual = leaders.mean(axis=0, dtype=np.float64), others.mean(axis=0, dtype=np.float64)
    spread = _scatter(leaders, mean) + _scatter(others, usual)
    covariance = spread / (len(leaders) + len(others))
    even = np.trace(covariance) / len(covariance) or 1.0
    covariance = (1 - shrunk) * covariance + shrunk * even * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, mean - usual)
    likeness = Likeness(weights, float(weights @ (mean + usual) / 2))
    average = float(likeness.scores(others, pace, share).mean(dtype=np.float64))
    return replace(likeness, average=average)


def _scatter(vectors: Floats, mean: Doubles) -> Doubles:
    """Sum the squares about a mean: (K, K)."""
    about = vectors - mean
    return about.T @ about
