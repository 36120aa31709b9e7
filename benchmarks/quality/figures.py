"""Figures: a result as plain numbers, and two results compared user by user."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.quality.measure import PROTOCOLS, Result
from benchmarks.quality.sets import RankingSet
from benchmarks.quality.tune import CUTOFF
from portrait.arrays import Codes
from portrait.evaluation.ranking import (
    FREQUENCY_EDGES,
    LENGTH_EDGES,
    Comparison,
    PerUser,
    coverage,
    gains,
    gini,
    hits,
    mean_popularity,
    paired_bootstrap,
    ranking_figures,
    slices,
)

Figures = dict[str, Any]  # ready for JSON


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean over seeds, and how far the seeds are apart."""

    mean: float
    sd: float  # of the sample; 0 with one seed


def figures_of(result: Result, ranking_set: RankingSet) -> Figures:
    """Return every figure of one peer on one set."""
    counts = ranking_set.train.counts(len(ranking_set.ids))
    targets = ranking_set.test.targets
    return {
        **{protocol: _quality(result, protocol) for protocol in PROTOCOLS},
        "by_item_frequency": _sliced(result, counts[targets], FREQUENCY_EDGES),
        "by_user_length": _sliced(result, ranking_set.test.histories.lengths, LENGTH_EDGES),
        **_spread(result, counts),
        "fit_seconds": round(result.cost.seconds, 2),
        "peak_megabytes": round(result.cost.megabytes),
        "tuning_seconds": round(result.tuning_seconds, 1),
        "settings": {**result.choice.fit, **result.choice.serve},
        "valid_ndcg@10": result.choice.ndcg,
        "seeds": len(result.rankings),
    }


def set_figures(ranking_set: RankingSet) -> Figures:
    """Return the figures of the data themselves, to hold the peers' against."""
    counts = ranking_set.train.counts(len(ranking_set.ids))
    test = ranking_set.test
    rows, items = test.histories.pairs
    return {
        "users": len(test.targets),
        "items": len(ranking_set.ids),
        "events": len(ranking_set.sequences.flat),
        "test_targets_that_are_repeats": int((items == test.targets[rows]).sum()),
        "popularity": mean_popularity(test.targets, counts),
        "gini": gini(counts),
    }


def compare(ours: Result, theirs: Result) -> Figures:
    """Return ours - theirs, paired by user; the seeds of each are averaged first."""
    return {
        f"{protocol} {name}": asdict(_compared(ours, theirs, protocol, metric))
        for protocol in ("masked", "unmasked")
        for name, metric in (("hr@10", hits), ("ndcg@10", gains))
    }


def per_user(result: Result, protocol: str, metric: Callable[[PerUser, int], PerUser]) -> PerUser:
    """Return each user's figure at 10, averaged over the seeds, (U,)."""
    each = [metric(ranking.place[protocol], CUTOFF) for ranking in result.rankings]
    averaged: PerUser = np.mean(each, axis=0)
    return averaged


def over_seeds(values: Sequence[Mapping[str, float]]) -> Figures:
    """Return the mean and the standard deviation of each figure."""
    return {name: asdict(_figure([value[name] for value in values])) for name in values[0]}


def _quality(result: Result, protocol: str) -> Figures:
    return over_seeds([ranking_figures(ranking.place[protocol]) for ranking in result.rankings])


def _spread(result: Result, counts: Codes) -> Figures:
    """Return how much of the catalogue is shown, and how popular what is shown is."""
    items = len(counts)
    return over_seeds(
        [
            {
                "coverage@10": coverage(ranking.shown, items),
                "popularity@10": mean_popularity(ranking.shown, counts),
                "gini@10": gini(np.bincount(ranking.shown.ravel(), minlength=items)),
            }
            for ranking in result.rankings
        ]
    )


def _sliced(result: Result, by: Codes, edges: Sequence[int]) -> Figures:
    hit, gain = per_user(result, "masked", hits), per_user(result, "masked", gains)
    of_hit, of_gain = slices(hit, by, edges), slices(gain, by, edges)
    return {
        name: {"users": part.users, "hr@10": part.mean, "ndcg@10": of_gain[name].mean}
        for name, part in of_hit.items()
    }


def _compared(
    ours: Result, theirs: Result, protocol: str, metric: Callable[[PerUser, int], PerUser]
) -> Comparison:
    return paired_bootstrap(per_user(ours, protocol, metric), per_user(theirs, protocol, metric))


def _figure(values: Sequence[float]) -> Figure:
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return Figure(float(np.mean(values)), sd)
