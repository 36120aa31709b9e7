"""Drift of the streaming error by ADWIN: a window as long as its mean does not change."""

import numpy as np
from river.drift import ADWIN

from portrait.arrays import Doubles

FALSE_ALARM = 0.002  # delta: river's default; no alarm in 100,000 errors without drift


class AdwinDrift:
    """An `ErrorDrift`. Lives as long as the trainer waits.

    Source: Bifet and Gavaldà, Learning from Time-Changing Data with Adaptive Windowing, SDM 2007.
    """

    def __init__(self, delta: float = FALSE_ALARM) -> None:
        self._adwin = ADWIN(delta=delta)  # type: ignore[no-untyped-call] # river's own types end here

    def add(self, errors: Doubles) -> bool:
        """Take in errors (E,). A fall of their mean moves the window and is no drift."""
        has_risen = False
        for error in np.asarray(errors, np.float64).tolist():
            before = self._adwin.estimation
            self._adwin.update(error)  # type: ignore[no-untyped-call]
            if self._adwin.drift_detected and self._adwin.estimation > before:
                has_risen = True
        return has_risen

    @property
    def mean(self) -> float:
        """Mean error of the newest stretch without a change."""
        return float(self._adwin.estimation)
