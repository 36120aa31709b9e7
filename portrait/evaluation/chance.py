"""Chance: how far what is counted lies beside what was said although it was said rightly."""

import math

from portrait.arrays import Doubles


def gap_by_chance(spread: Doubles, deviations: float) -> float:
    """Return how large a sum of gaps becomes by chance, if each is a normal around 0.

    The absolute value of a normal has the mean s sqrt(2/pi) and the variance s^2 (1 - 2/pi).

    Args:
        spread: Standard deviation of each gap, (K,).
        deviations: How far above its mean.
    """
    mean = float(spread.sum()) * math.sqrt(2 / math.pi)
    return mean + deviations * math.sqrt(float((spread**2).sum()) * (1 - 2 / math.pi))
