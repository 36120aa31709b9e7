"""Evaluate rankings: what a user took next, and how high it stood in the list.

scores (U, N) ─ ranks ─▶ (U,) ─ hits, gains, reciprocals ─▶ (U,) ─ means, slices, bootstrap

Every item is ranked: sampled metrics order models differently (Krichene and Rendle, On Sampled
Metrics for Item Recommendation, KDD 2020). Figures stay per user as long as possible, because
comparisons are paired by user.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes

Scores = NDArray[np.float32]
PerUser = NDArray[np.float64]  # one figure of each user, (U,)
Pairs = tuple[Codes, Codes]  # rows and columns of a (U, N) matrix, no pair twice

FREQUENCY_EDGES = (0, 1, 5, 20)  # events of an item in training: new, rare, known, frequent
DRAWN = 100_000  # users at once: a megabyte, which fits the L2 cache
LENGTH_EDGES = (0, 5, 10, 20)  # events of a user before the one that is predicted


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much better one model is than another, over the same users."""

    difference: float  # mean of ours - theirs
    low: float  # 2.5 % of the bootstrap
    high: float  # 97.5 %
    p_value: float  # two-sided, of no difference
    not_better: float  # one-sided: share of the bootstrap at or below 0


@dataclass(frozen=True, slots=True)
class Slice:
    """The mean figure of some of the users."""

    users: int
    mean: float  # 0 where there are no users


def ranks(scores: Scores, targets: Codes, seen: Pairs | None = None) -> PerUser:
    """Return the rank of each user's target, (U,); 1 is the best.

    Items with the target's own score share their ranks: a model that gives all items one score
    ranks each in the middle, not first.

    Args:
        scores: (U, N), higher is better, all finite.
        targets: (U,), columns of `scores`.
        seen: Items that leave the ranking, because the user has them. A target among them
            can no longer be recommended: its rank is infinite.
    """
    score = np.take_along_axis(scores, targets[:, None], axis=1)  # (U, 1)
    above = (scores > score).sum(axis=1, dtype=np.float64)
    equal = (scores == score).sum(axis=1, dtype=np.float64) - 1  # but itself
    if seen is None:
        middle: PerUser = 1 + above + equal / 2
        return middle
    rows, columns = seen
    shown, is_target = scores[rows, columns], columns == targets[rows]
    own = score[rows, 0]
    above -= np.bincount(rows[shown > own], minlength=len(targets))
    equal -= np.bincount(rows[shown == own], minlength=len(targets))
    place: PerUser = 1 + above + equal / 2
    place[rows[is_target]] = np.inf
    return place


def hits(place: PerUser, k: int) -> PerUser:
    """Return 1 for each target among the first k, else 0: the mean is HR@k, (U,)."""
    return (place <= k).astype(np.float64)


def gains(place: PerUser, k: int) -> PerUser:
    """Return each target's discounted gain: the mean is NDCG@k with one relevant item, (U,).

    Source: Järvelin and Kekäläinen, Cumulated Gain-based Evaluation of IR Techniques, 2002.
    """
    gain: PerUser = np.where(place <= k, 1 / np.log2(1 + place), 0.0)
    return gain


def reciprocals(place: PerUser, k: int) -> PerUser:
    """Return 1 / rank of each target among the first k, else 0: the mean is MRR@k, (U,)."""
    reciprocal: PerUser = np.where(place <= k, 1 / place, 0.0)
    return reciprocal


def ranking_figures(place: PerUser, cutoffs: Sequence[int] = (10, 50)) -> dict[str, float]:
    """Return the means of all metrics by name, such as `hr@10`."""
    metrics = {"hr": hits, "ndcg": gains, "mrr": reciprocals}
    return {
        f"{name}@{k}": float(metric(place, k).mean())
        for k in cutoffs
        for name, metric in metrics.items()
    }


def paired_bootstrap(
    ours: PerUser, theirs: PerUser, *, samples: int = 2_000, seed: int = 0
) -> Comparison:
    """Compare two models over the same users, drawn again and again with replacement.

    What is drawn depends on the seed and the number of users alone.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 13.3 and 15.4.
    """
    differences = ours - theirs
    random = np.random.default_rng(seed)
    many = max(1, DRAWN // len(differences))  # samples at once
    means = np.concatenate(
        [
            random.choice(differences, (min(many, samples - start), len(differences))).mean(axis=1)
            for start in range(0, samples, many)
        ]
    )
    low, high = np.quantile(means, (0.025, 0.975))
    below, above = int((means <= 0).sum()), int((means >= 0).sum())
    p_value = min(1.0, 2 * (min(below, above) + 1) / (samples + 1))
    mean = float(differences.mean())
    return Comparison(mean, float(low), float(high), p_value, below / samples)


def holm(p_values: Sequence[float], level: float) -> list[bool]:
    """Return which hypotheses to reject, so that any true one is with at most that chance.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure, 1979.
    """
    rejected = [False] * len(p_values)
    for done, place in enumerate(np.argsort(p_values, kind="stable").tolist()):
        if p_values[place] >= level / (len(p_values) - done):
            break
        rejected[place] = True
    return rejected


def slices(figure: PerUser, by: Codes, edges: Sequence[int]) -> dict[str, Slice]:
    """Return the mean figure of the users in each range of a number.

    Args:
        figure: (U,).
        by: What the users are told apart by, (U,), at least edges[0].
        edges: Where each range begins, ascending; the last has no end.
    """
    places = np.searchsorted(np.asarray(edges), by, side="right") - 1
    return {
        name: Slice(int((places == n).sum()), _mean(figure[places == n]))
        for n, name in enumerate(_range_names(edges))
    }


def top_items(scores: Scores, k: int, seen: Pairs | None = None) -> Codes:
    """Return the k best items of each user, (U, k), best first; without what the user has.

    All N items when there are fewer than k; what the user has comes last when too little is left.
    """
    k = min(k, scores.shape[1])
    if seen is not None:
        scores = scores.copy()
        scores[seen] = -np.inf
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    ordered: Codes = np.take_along_axis(best, order, axis=1)
    return ordered


def coverage(shown: Codes, items: int) -> float:
    """Return the share of the catalogue that somebody was shown; shown (U, k)."""
    return len(np.unique(shown)) / items


def mean_popularity(shown: Codes, counts: Codes) -> float:
    """Return the mean count of what was shown or taken, (U, k) or (U,); counts (N,).

    Source: Yin et al., Challenging the Long Tail Recommendation, VLDB 2012 (ARP).
    """
    return float(counts[shown].mean())


def gini(counts: Codes) -> float:
    """Return how unequally the counts (N,) are spread: 0 all alike, near 1 all on one item."""
    ascending = np.sort(counts).astype(np.float64)
    items, total = len(ascending), ascending.sum()
    if total == 0:
        return 0.0
    places = np.arange(1, items + 1)
    return float((2 * places - items - 1) @ ascending / (items * total))


def _range_names(edges: Sequence[int]) -> list[str]:
    closed = [str(low) if high - low == 1 else f"{low}-{high - 1}" for low, high in pairwise(edges)]
    return [*closed, f"{edges[-1]}+"]


def _mean(values: PerUser) -> float:
    return float(values.mean()) if len(values) else 0.0
