"""Abstention: from which probability on something is said, so that it is right often enough."""

import numpy as np

from portrait.arrays import Flags, Floats

NEVER = 2.0  # no probability is as high
LEAST_SAID = 50  # examples, for a share of them to mean anything


def threshold_for(right: Flags, sure: Floats, precision: float) -> float:
    """Return the lowest probability from which on so large a share is right; NEVER if none is.

    Args:
        right: (V,), whether what would be said holds; of held-out examples.
        sure: (V,), how sure it is.
        precision: The share.

    Source: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017.
    """
    order = np.argsort(-sure, kind="stable")
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(shares >= precision)
    if not len(enough) or enough[-1] + 1 < LEAST_SAID:
        return NEVER
    return float(sure[order][enough[-1]])
