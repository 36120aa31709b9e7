"""Measuring: one peer on one set, from tuning to its figures.

tune (validation) ─▶ fit, once a seed ─▶ rank every test target ─▶ Result

Masked: items that the user has leave the ranking, and a target among them is a miss (S3-Rec,
RecTools). Unmasked: all stay (RecBole). Target kept: masked, but for a target that is a repeat;
it looks at the answer, and stands here only because earlier figures of this project did so.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.quality.cost import Cost, measured
from benchmarks.quality.peer import Lesson, Model, Peer
from benchmarks.quality.sets import Trial
from benchmarks.quality.tune import CUTOFF, Choice, served, tune, user_chunks
from portrait.arrays import Codes
from portrait.evaluation.ranking import PerUser, ranks, top_items

PROTOCOLS = ("masked", "unmasked", "target_kept")


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one fitted model did with the test."""

    place: dict[str, PerUser]  # ranks of the targets, (U,), by protocol
    shown: Codes  # the first ten of each user, masked, (U, 10)


@dataclass(frozen=True, slots=True)
class Result:
    """One peer on one set."""

    name: str
    choice: Choice
    rankings: tuple[Ranking, ...]  # one a seed
    cost: Cost  # of one fit, mean over the seeds; the peak is the highest
    tuning_seconds: float


def measure(
    peer: Peer, lesson: Lesson, test: Trial, seeds: int, most_fits: int | None = None
) -> Result:
    """Tune a peer, fit it with every seed, rank with it."""
    started = time.perf_counter()
    choice = tune(peer, lesson, most_fits)
    tuning_seconds = time.perf_counter() - started
    rankings, costs = [rank(choice.model, test)], [choice.cost]
    for seed in range(1, seeds if peer.seeded else 1):
        model, cost = measured(partial(peer.fit, lesson, choice.fit, seed))
        rankings.append(rank(served(model, choice.serve), test))
        costs.append(cost)
    return Result(peer.name, choice, tuple(rankings), _mean_cost(costs), tuning_seconds)


def rank(model: Model, trial: Trial) -> Ranking:
    """Rank the target of every user, and keep the first ten."""
    places: dict[str, list[PerUser]] = {protocol: [] for protocol in PROTOCOLS}
    shown = []
    for rows in user_chunks(trial):
        part = trial.of(rows)
        scores = model.scores(part.histories)
        seen = users, items = part.histories.pairs
        repeats = items == part.targets[users]
        others = users[~repeats], items[~repeats]
        for protocol, hidden in zip(PROTOCOLS, (seen, None, others), strict=True):
            places[protocol].append(ranks(scores, part.targets, hidden))
        shown.append(top_items(scores, CUTOFF, seen))
    joined = {protocol: np.concatenate(parts) for protocol, parts in places.items()}
    return Ranking(joined, np.concatenate(shown))


def _mean_cost(costs: Sequence[Cost]) -> Cost:
    seconds = float(np.mean([cost.seconds for cost in costs]))
    return Cost(seconds, max(cost.megabytes for cost in costs))
