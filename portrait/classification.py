"""Figures of classifiers: how right, how well ordered, how well calibrated; and by whom.

Numbers are counted, not sampled. Comparisons draw whole users, because the examples of one user
resemble each other.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]
Probabilities = NDArray[np.floating]

BINS = 15  # of equal mass
THRESHOLD = 0.5
DRAWS = 300


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
    right = float((outcomes & said).sum())
    precision = right / max(1.0, float(said.sum()))
    recall = right / max(1.0, float(outcomes.sum()))
    f1 = 2 * precision * recall / (precision + recall) if right else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def macro_f1(outcomes: Codes, said: Codes) -> float:
    """Return the mean F1 of the classes that occur."""
    classes = np.unique(outcomes)
    each = [precision_recall_f1(outcomes == code, said == code)["f1"] for code in classes]
    return float(np.mean(each))


def average_precision(
    outcomes: Flags, scores: Probabilities, weights: Numbers | None = None
) -> float:
    """Return the area under the precision-recall steps; equal scores are one step.

    Source: Manning, Raghavan and Schütze, Introduction to Information Retrieval, 2008, 8.4.
    """
    return _Ordered(outcomes, scores).average_precision(weights)


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
    owner = codes if outcomes.ndim == 1 else np.repeat(codes, outcomes.shape[1])
    mine, other = _Ordered(outcomes, ours), _Ordered(outcomes, theirs)
    users = int(codes.max()) + 1
    random = np.random.default_rng(seed)
    differences = []
    for _ in range(DRAWS):
        times = np.bincount(random.integers(0, users, users), minlength=users)
        weights = times[owner].astype(np.float64)
        differences.append(mine.average_precision(weights) - other.average_precision(weights))
    low, high = np.quantile(differences, (0.025, 0.975))
    return Lead(mine.average_precision() - other.average_precision(), float(low), float(high))


def lead_in_loss(ours: Numbers, theirs: Numbers, user: Codes, *, seed: int = 0) -> Lead:
    """Compare losses of each example (A,), drawing users: positive where ours is the smaller."""
    codes = np.unique(user, return_inverse=True)[1]
    users = int(codes.max()) + 1
    gain = np.bincount(codes, theirs - ours, users)
    count = np.bincount(codes, minlength=users)
    drawn = np.random.default_rng(seed).integers(0, users, (DRAWS, users))
    means = gain[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Lead(float((theirs - ours).mean()), float(low), float(high))


class _Ordered:
    """Examples in order of score, so that weighing them anew needs no new sort."""

    def __init__(self, outcomes: Flags, scores: Probabilities) -> None:
        score = np.ravel(scores)
        self.order = np.argsort(-score, kind="stable")
        self.outcome = np.ravel(outcomes)[self.order].astype(np.float64)
        ordered = score[self.order]
        self.last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], values=True))

    def average_precision(self, weights: Numbers | None = None) -> float:
        weight = np.ones(len(self.order)) if weights is None else weights[self.order]
        found = np.cumsum(weight * self.outcome)[self.last]
        looked_at = np.cumsum(weight)[self.last]
        if found[-1] == 0:
            return 0.0
        precision = found / np.maximum(looked_at, 1e-12)
        return float((np.diff(found, prepend=0.0) * precision).sum() / found[-1])
