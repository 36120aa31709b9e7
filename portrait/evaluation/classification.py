"""Figures of classifiers: how right, how well ordered, how well calibrated; and by whom.

Numbers are counted, not sampled. Comparisons draw whole users, because the examples of one user
resemble each other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from portrait.arrays import Codes, Doubles, Flags
from portrait.evaluation.chance import gap_by_chance

Probabilities = NDArray[np.floating]

BINS = 15  # of equal mass
ONE_IN_TWENTY = 1.645  # deviations of a normal that one in twenty exceeds
THRESHOLD = 0.5
DRAWS = 300
STEPS = 512  # of score, in which draws are counted: the difference itself is exact
SMALLEST = 1e-7  # probability, so that a surprise costs much and not everything


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram."""

    examples: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class Lead:
    """By how much one model leads another, over the same users drawn again and again."""

    difference: float
    low: float  # 2.5 % of the draws
    high: float  # 97.5 %

    @property
    def real(self) -> bool:
        """Whether it leads in at least 97.5 % of the draws."""
        return self.low > 0


def binary_figures(outcomes: Flags, probabilities: Probabilities) -> dict[str, float]:
    """Return every figure of a binary classifier, by name. Any shape; several labels are pooled."""
    outcome, probability = np.ravel(outcomes), np.ravel(probabilities)
    said = probability >= THRESHOLD
    return {
        "examples": float(len(outcome)),
        "base_rate": float(outcome.mean()),
        "accuracy": float((said == outcome).mean()),
        **precision_recall_f1(outcome, said),
        "average_precision": average_precision(outcome, probability),
        "brier": brier(outcome, probability),
        "ece": ece(outcome, probability),
    }


def precision_recall_f1(outcomes: Flags, said: Flags) -> dict[str, float]:
    """Return precision, recall and their harmonic mean; 0 where nothing was said or nothing is."""
    found = precision_recall_fscore_support(outcomes, said, average="binary", zero_division=0)
    return dict(zip(("precision", "recall", "f1"), map(float, found), strict=False))


def multiclass_figures(outcomes: Codes, probabilities: Probabilities) -> dict[str, float]:
    """Return every figure of a classifier where one of C holds: (A,) codes, (A, C)."""
    held = outcomes[:, None] == np.arange(probabilities.shape[1])  # (A, C)
    said = probabilities.argmax(axis=1)
    each = [precision_recall_f1(held[:, code], said == code) for code in np.unique(outcomes)]
    return {
        "examples": float(len(outcomes)),
        "accuracy": float((said == outcomes).mean()),
        **{name: float(np.mean([one[name] for one in each])) for name in each[0]},  # macro
        "average_precision": macro_average_precision(held, probabilities),
        "log_loss": float(cross_entropies(outcomes, probabilities).mean()),
        "brier": float(np.square(probabilities - held).sum(axis=1).mean()),
        "ece": ece(said == outcomes, probabilities.max(axis=1)),
    }


def cross_entropies(outcomes: Codes, probabilities: Probabilities) -> Doubles:
    """Return -log p of what came, of each example."""
    of_outcome = probabilities[np.arange(len(outcomes)), outcomes].astype(np.float64)
    loss: Doubles = -np.log(np.maximum(of_outcome, SMALLEST))
    return loss


def average_precision(outcomes: Flags, scores: Probabilities) -> float:
    """Return the area under the precision-recall steps; several labels are pooled.

    Equal scores are one step, and what holds nowhere has none.
    """
    if not outcomes.any():
        return 0.0
    return float(average_precision_score(np.ravel(outcomes), np.ravel(scores)))


def macro_average_precision(outcomes: Flags, scores: Probabilities) -> float:
    """Return the mean over those of C labels that hold somewhere: (A, C) each."""
    occurring = np.flatnonzero(outcomes.any(axis=0))
    return float(np.mean([average_precision(outcomes[:, k], scores[:, k]) for k in occurring]))


def brier(outcomes: Flags, probabilities: Probabilities) -> float:
    """Return the mean squared error. Source: Brier, Monthly Weather Review, 1950."""
    return float(np.square(probabilities.astype(np.float64) - outcomes).mean())


def ece(outcomes: Flags, probabilities: Probabilities, bins: int = BINS) -> float:
    """Return the expected calibration error over bins of equal mass.

    Source: Naeini, Cooper and Hauskrecht, Obtaining Well Calibrated Probabilities, AAAI 2015;
    equal mass: Nixon et al., Measuring Calibration in Deep Learning, 2019.
    """
    gaps = [
        each.examples * abs(each.predicted - each.observed)
        for each in reliability(outcomes, probabilities, bins)
    ]
    return sum(gaps) / max(1, len(outcomes))


def ece_by_chance(probabilities: Probabilities, bins: int = BINS) -> float:
    """Return the error that a perfectly calibrated classifier stays below in 19 of 20 samples.

    With few examples even a perfect one shows a gap in every bin.

    Source: Bröcker and Smith, Increasing the Reliability of Reliability Diagrams, Weather and
    Forecasting, 2007 (consistency); by the normal law instead of drawing.
    """
    probability = np.sort(np.ravel(probabilities).astype(np.float64))
    parts = np.array_split(probability * (1 - probability), bins)
    spread = np.sqrt([part.sum() for part in parts]) / max(1, len(probability))
    return gap_by_chance(spread, ONE_IN_TWENTY)


def reliability(outcomes: Flags, probabilities: Probabilities, bins: int = BINS) -> list[Bin]:
    """Return what was said and what came, in bins of equal mass, lowest first."""
    order = np.argsort(probabilities, kind="stable")
    return [
        Bin(len(part), float(probabilities[part].mean()), float(outcomes[part].mean()))
        for part in np.array_split(order, bins)
        if len(part)
    ]


def lead_in_precision(
    outcomes: Flags,
    ours: Probabilities,
    theirs: Probabilities,
    user: Codes,
    *,
    seed: int = 0,
) -> Lead:
    """Compare average precision, drawing users with all their examples.

    Args:
        outcomes: (A,), or (A, C) pooled.
        ours: Scores of the outcomes' shape.
        theirs: Likewise.
        user: (A,), whose example each is.
        seed: Of the draws.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993; drawing clusters: Field
    and Welsh, Bootstrapping Clustered Data, 2007.
    """
    codes = np.unique(user, return_inverse=True)[1]
    users = int(codes.max()) + 1
    drawn = np.random.default_rng(seed).integers(0, users, (DRAWS, users))
    times = np.stack([np.bincount(each, minlength=users) for each in drawn]).astype(np.float32)
    all_once = np.ones((1, users), np.float32)
    steps = [_by_user(outcomes, scores, codes, users) for scores in (ours, theirs)]
    (mine, other), (whole, other_whole) = (
        [_stepwise(weights @ found, weights @ seen) for found, seen in steps]
        for weights in (times, all_once)
    )
    difference = average_precision(outcomes, ours) - average_precision(outcomes, theirs)
    spread = mine - other - (whole - other_whole)  # rounding to steps falls out
    low, high = np.quantile(spread, (0.025, 0.975)) + difference
    return Lead(difference, float(low), float(high))


def _by_user(
    outcomes: Flags, scores: Probabilities, owner: Codes, users: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Count each user's positives and examples by step of score, best first. (U, STEPS) twice."""
    score, outcome = np.ravel(scores), np.ravel(outcomes)
    order = np.argsort(-score, kind="stable")
    step = np.empty(len(order), np.int64)
    step[order] = np.arange(len(order)) * STEPS // len(order)
    key = np.repeat(owner, len(score) // len(owner)) * STEPS + step
    found, seen = (
        np.bincount(each, minlength=users * STEPS).reshape(users, STEPS).astype(np.float32)
        for each in (key[outcome], key)
    )
    return found, seen


def _stepwise(found: NDArray[np.float32], seen: NDArray[np.float32]) -> Doubles:
    """Return the average precision of each row of counts by step."""
    all_found = np.cumsum(found, axis=1, dtype=np.float64)
    precision = all_found / np.maximum(np.cumsum(seen, axis=1, dtype=np.float64), 1)
    summed: Doubles = (found * precision).sum(axis=1) / np.maximum(all_found[:, -1], 1)
    return summed


def lead_in_loss(ours: Doubles, theirs: Doubles, user: Codes, *, seed: int = 0) -> Lead:
    """Compare losses of each example (A,), drawing users: positive where ours is the smaller."""
    codes = np.unique(user, return_inverse=True)[1]
    users = int(codes.max()) + 1
    gain = np.bincount(codes, theirs - ours, users)
    count = np.bincount(codes, minlength=users)
    drawn = np.random.default_rng(seed).integers(0, users, (DRAWS, users))
    means = gain[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Lead(float((theirs - ours).mean()), float(low), float(high))
