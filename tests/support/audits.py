"""Audits: features that saw past their anchor, labels that saw past their window.

The check is the definition: cut the log at the moment and compute again. What changes has looked
past it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from portrait.dataset.history import Anchors
from portrait.dataset.interactions import Interactions
from portrait.dataset.labels import Labels
from portrait.dataset.leaks import LeakError

SAMPLE = 24  # anchors whose log is cut; a systematic leak shows in a few
SEED = 0

MakeFeatures = Callable[[Interactions, Anchors], NDArray[np.floating]]  # (A, F)
MakeLabels = Callable[[Interactions, Anchors, int], Labels]


def audit_features(make: MakeFeatures, interactions: Interactions, anchors: Anchors) -> None:
    """Refuse features that change when the log is cut at their anchor.

    Raises:
        LeakError: Some do.
    """
    chosen = _sample(len(anchors))
    full = make(interactions, anchors.where(chosen))
    for row, place in enumerate(chosen):
        alone = anchors.where(np.array([place]))
        (cut,) = make(interactions.before(int(alone.at[0])), alone)
        same = np.allclose(cut, full[row], rtol=1e-4, atol=1e-5, equal_nan=True)
        if not same:
            msg = "features change when the log is cut at their anchor"
            raise LeakError(msg)


def audit_labels(
    make: MakeLabels,
    interactions: Interactions,
    anchors: Anchors,
    until: int,
) -> None:
    """Refuse labels that are not known when they say, or that differ once their window closes.

    Raises:
        LeakError: A window closes after `until`, opens before its anchor, or the label changes when
            the log is cut where the window closes.
    """
    labels = make(interactions, anchors, until)
    if (labels.closes > until).any():
        msg = f"{labels.name}: windows close after the log ends"
        raise LeakError(msg)
    if (labels.closes <= labels.anchors.at).any():
        msg = f"{labels.name}: windows close before they open"
        raise LeakError(msg)
    for place in _sample(len(labels)):
        one = labels.where(np.array([place]))
        closes = int(one.closes[0])
        cut = make(interactions.before(closes), one.anchors, closes)
        same = len(cut) == 1 and np.array_equal(cut.values, one.values)
        if not same:
            msg = f"{labels.name}: labels look past the close of their window"
            raise LeakError(msg)


def _sample(size: int) -> NDArray[np.int64]:
    return np.random.default_rng(SEED).permutation(size)[:SAMPLE]
