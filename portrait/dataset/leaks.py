"""Leaks: refuses features that saw past their anchor and labels that saw past their window.

The check is the definition: cut the log at the moment and compute again. What changes has looked
past it. Declared times are checked too, but a leak seldom declares itself.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from portrait.dataset.history import Anchors
from portrait.dataset.interactions import Interactions
from portrait.dataset.labels import Labels
from portrait.errors import PortraitError
from portrait.profiles.facts import Facts

SAMPLE = 24  # anchors whose log is cut; a systematic leak shows in a few
SEED = 0

MakeFeatures = Callable[[Interactions, Anchors], NDArray[np.floating]]  # (A, F)
MakeLabels = Callable[[Interactions, Anchors, int], Labels]


class LeakError(PortraitError):
    """A feature or a label has looked into the future: train nothing on it."""


def audit_facts(facts: Facts, anchors: Anchors) -> None:
    """Refuse facts that hold an event from their anchor or after it.

    Raises:
        LeakError: Some do.
    """
    newest = np.maximum(facts.ring["at"].max(axis=1, initial=0), facts.head["last_at"])
    _refuse(newest >= anchors.at, "facts hold events from their anchor on")


def audit_features(
    make: MakeFeatures, interactions: Interactions, anchors: Anchors, *, sample: int = SAMPLE
) -> None:
    """Refuse features that change when the log is cut at their anchor.

    Raises:
        LeakError: Some do.
    """
    chosen = _sample(len(anchors), sample)
    full = make(interactions, anchors.where(chosen))
    for row, place in enumerate(chosen):
        alone = anchors.where(np.array([place]))
        (cut,) = make(interactions.before(int(alone.at[0])), alone)
        same = np.allclose(cut, full[row], rtol=1e-4, atol=1e-5, equal_nan=True)
        _refuse(np.array([not same]), "features change when the log is cut at their anchor")


def audit_labels(
    make: MakeLabels,
    interactions: Interactions,
    anchors: Anchors,
    until: int,
    *,
    sample: int = SAMPLE,
) -> None:
    """Refuse labels that are not known when they say, or that differ once their window closes.

    Raises:
        LeakError: A window closes after `until`, opens before its anchor, or the label changes when
            the log is cut where the window closes.
    """
    labels = make(interactions, anchors, until)
    _refuse(labels.closes > until, f"{labels.name}: windows close after the log ends")
    _refuse(labels.closes <= labels.anchors.at, f"{labels.name}: windows close before they open")
    for place in _sample(len(labels), sample):
        one = labels.where(np.array([place]))
        closes = int(one.closes[0])
        cut = make(interactions.before(closes), one.anchors, closes)
        same = len(cut) == 1 and np.array_equal(cut.values, one.values)
        _refuse(np.array([not same]), f"{labels.name}: labels look past the close of their window")


def audit_split(earlier: Labels, later: Labels) -> None:
    """Refuse training labels that were not yet known when the first later question was asked.

    Raises:
        LeakError: A window of `earlier` closes after the first anchor of `later`.
    """
    if len(later):
        first = later.anchors.at.min()
        _refuse(earlier.closes > first, f"{earlier.name}: training windows reach into the test")


def _sample(size: int, most: int) -> NDArray[np.int64]:
    return np.random.default_rng(SEED).permutation(size)[:most]


def _refuse(bad: NDArray[np.bool_], reason: str) -> None:
    if bad.any():
        msg = f"{reason} ({int(bad.sum())} of {bad.size})"
        raise LeakError(msg)
