"""Abstention: from which probability on something is said, so that it is right often enough."""

import numpy as np

from portrait.arrays import Codes, Flags, Floats

NEVER = 2.0  # no probability is as high
LIKELIER = 0.5  # than not
FEW_SAID = 10  # the same of one label of several, of which a rare one may be said seldom
LEAST_SAID = 50  # examples, for a share of them to mean anything


def threshold_for(right: Flags, sure: Floats, precision: float, least: int = LEAST_SAID) -> float:
    """Return the lowest probability from which on so large a share is right; NEVER if none is.

    Args:
        right: (V,), whether what would be said holds; of held-out examples.
        sure: (V,), how sure it is.
        precision: The share.
        least: Of how many examples something has to be said.

    Source: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks, NeurIPS 2017.
    """
    order = np.argsort(-sure, kind="stable")
    shares = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(shares >= precision)
    if not len(enough) or enough[-1] + 1 < least:
        return NEVER
    return float(sure[order][enough[-1]])


def thresholds_for(targets: Codes, likely: Floats, precision: float) -> Floats:
    """Return from which probability on each label is said, (C,), so that it holds often enough.

    What is likelier not to hold is never said, however right the surer ones are.

    Args:
        targets: (V,), of held-out examples.
        likely: (V, C), of the same.
        precision: How often.
    """
    return np.array(
        [
            max(LIKELIER, threshold_for(targets == label, likely[:, label], precision, FEW_SAID))
            for label in range(likely.shape[1])
        ],
        np.float32,
    )
