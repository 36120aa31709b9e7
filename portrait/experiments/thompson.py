"""Thompson sampling: what may be best is tried as often as it may be, with a chance that is known.

Of every arm the trials and successes leave a Beta distribution of its rate. Some joint draws say
how often each arm is the best; that, and a floor for each, is the chance by which one is chosen.
So the propensity that is logged is the very chance of the choice, and no estimate of it.

Source: Chapelle and Li, An empirical evaluation of Thompson sampling, NIPS 2011.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DRAWS = 256  # joint ones: 20 microseconds for ten arms
FLOOR = 0.05  # least chance of an arm, so that what it would do can be told: weights to 20
PRIOR = (1.0, 20.0)  # successes and failures before anything is known: one in twenty


class Choice(NamedTuple):
    """An arm, and with which chance it was taken."""

    arm: int
    propensity: float


def chances(
    trials: NDArray[np.int64], successes: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.float64]:
    """Return the chance of each of K arms, (K,), by what it has done, (K,) both."""
    arms = len(trials)
    rates = random.beta(
        PRIOR[0] + successes, PRIOR[1] + np.maximum(trials - successes, 0), (DRAWS, arms)
    )
    best = np.bincount(rates.argmax(axis=1), minlength=arms) / DRAWS
    floor = min(FLOOR, 1 / arms)
    mixed: NDArray[np.float64] = floor + (1 - arms * floor) * best
    return mixed


def choose(
    trials: NDArray[np.int64], successes: NDArray[np.int64], random: np.random.Generator
) -> Choice:
    """Choose one of K arms."""
    by = chances(trials, successes, random)
    arm = int(random.choice(len(by), p=by))
    return Choice(arm, float(by[arm]))
