"""Fit calibrations: a temperature on few examples, an isotonic curve on many."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from portrait.arrays import Doubles, Flags, Floats
from portrait.model.calibration import AS_IT_IS, Calibration, softmax

Part = tuple[Floats, NDArray[Any]]  # logits and outcomes of one period

ISOTONIC_POSITIVES = 2_000  # with fewer, a curve follows noise (docs/experiments.md)
MOST_KNOTS = 64
SMALLEST_BLOCK = 50  # examples behind each knot
SMALLEST_PROBABILITY = 1e-4  # nothing is certain
ROUNDED = 1e-12  # shares that are nearer to each other are equal
TEMPERATURES = np.exp(np.linspace(np.log(0.2), np.log(5.0), 201))


def calibrate(logits: Floats, outcomes: Flags) -> Calibration:
    """Fit on held-out examples, of any shape: a curve where there are enough positives."""
    score, outcome = np.ravel(logits).astype(np.float64), np.ravel(outcomes)
    if min(int(outcome.sum()), int((~outcome).sum())) >= ISOTONIC_POSITIVES:
        return _isotonic(score, outcome)
    losses = [_log_loss(score / warmth, outcome) for warmth in TEMPERATURES]
    return _by_temperature(float(TEMPERATURES[int(np.argmin(losses))]))


def calibrate_forward(parts: Sequence[Part]) -> Calibration:
    """Calibrate if it pays: fitted on each period, it must have helped on the one after it.

    Calibration goes stale like any fit: what mends one season spoils the next, and then the scores
    are better left as they are. What is kept is fitted on the newest half of the periods.

    Args:
        parts: (logits, outcomes) of periods in order of time. Outcomes are flags of the logits'
            shape, or codes (A,) where one of the logits' columns holds.
    """
    parts = [part for part in parts if len(part[1])]
    for earlier, later in pairwise(parts):
        if _error(_fit([earlier]), later) >= _error(AS_IT_IS, later):
            return AS_IT_IS
    return _fit(parts[len(parts) // 2 :])


def _fit(parts: Sequence[Part]) -> Calibration:
    logits = np.concatenate([part[0] for part in parts])
    outcomes = np.concatenate([part[1] for part in parts])
    if outcomes.ndim < logits.ndim:
        return calibrate_softmax(logits, outcomes)
    return calibrate(logits, outcomes.astype(np.bool_))


def _error(calibration: Calibration, part: Part) -> float:
    """Return the mean log loss: it punishes false certainty the most."""
    logits, outcomes = part
    if outcomes.ndim < logits.ndim:
        shares = softmax(logits / calibration.temperature)
        said = shares[np.arange(len(outcomes)), outcomes]
    else:
        said = calibration(logits)
        said = np.where(outcomes.astype(np.bool_), said, 1 - said)
    return float(-np.log(np.maximum(said, SMALLEST_PROBABILITY)).mean())


def calibrate_softmax(logits: Floats, chosen: NDArray[np.int64]) -> Calibration:
    """Fit the temperature of a distribution: logits (A, C), the outcome of each (A,)."""
    rows = np.arange(len(chosen))
    losses = [
        -np.log(softmax((logits / warmth).astype(np.float32))[rows, chosen] + 1e-12).mean()
        for warmth in TEMPERATURES
    ]
    return _by_temperature(float(TEMPERATURES[int(np.argmin(losses))]))


def _by_temperature(temperature: float) -> Calibration:
    nothing = np.zeros(0, np.float32)
    return Calibration(np.array([temperature], np.float32), nothing, nothing)


def _isotonic(score: Doubles, outcome: Flags) -> Calibration:
    """Fit a rising curve through the centres of pooled blocks: it keeps the ranking inside them.

    Source: Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability
    Estimates, KDD 2002; the centres: Oron and Flournoy, Centered Isotonic Regression, 2017.
    """
    order = np.argsort(score, kind="stable")
    blocks = int(np.clip(len(order) // SMALLEST_BLOCK, 2, MOST_KNOTS))
    parts = np.array_split(order, blocks)
    weight = np.array([len(part) for part in parts], np.float64)
    middle = np.array([score[part].mean() for part in parts])
    share = isotonic_regression([outcome[part].mean() for part in parts], weights=weight).x
    pooled = np.flatnonzero(np.diff(share, prepend=-1) > ROUNDED)  # where each pool begins
    middle, weight = np.add.reduceat(middle * weight, pooled), np.add.reduceat(weight, pooled)
    middle, share = middle / weight, share[pooled]
    # A block of no positives among n is not "never": the rule of succession.
    share = (share * weight + 0.5) / (weight + 1)
    share = np.clip(np.maximum.accumulate(share), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    one = np.ones(1, np.float32)
    return Calibration(one, middle.astype(np.float32), share.astype(np.float32))


def _log_loss(score: Doubles, outcome: Flags) -> float:
    return float(np.logaddexp(0, np.where(outcome, -score, score)).mean())
