"""Leaks: refuses facts that saw past their anchor, and labels used before they were known.

A leak seldom declares itself by its times. So the tests audit features and labels by the definition
besides: what changes when the log is cut at the moment has looked past it.
"""

import numpy as np
from numpy.typing import NDArray

from portrait.dataset.history import Anchors
from portrait.dataset.labels import Labels
from portrait.errors import PortraitError
from portrait.profiles.facts import Facts


class LeakError(PortraitError):
    """A feature or a label has looked into the future: train nothing on it."""


def audit_facts(facts: Facts, anchors: Anchors) -> None:
    """Refuse facts that hold an event from their anchor or after it.

    Raises:
        LeakError: Some do.
    """
    newest = np.maximum(facts.ring["at"].max(axis=1, initial=0), facts.head["last_at"])
    _refuse(newest >= anchors.at, "facts hold events from their anchor on")


def audit_split(earlier: Labels, later: Labels) -> None:
    """Refuse training labels that were not yet known when the first later question was asked.

    Raises:
        LeakError: A window of `earlier` closes after the first anchor of `later`.
    """
    if len(later):
        first = later.anchors.at.min()
        _refuse(earlier.closes > first, f"{earlier.name}: training windows reach into the test")


def _refuse(bad: NDArray[np.bool_], reason: str) -> None:
    if bad.any():
        msg = f"{reason} ({int(bad.sum())} of {bad.size})"
        raise LeakError(msg)
