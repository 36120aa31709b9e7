"""Tuning: the settings with the best NDCG@10 on validation, seen items masked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
from tqdm import tqdm

from benchmarks.quality.cost import Cost, measured
from benchmarks.quality.peer import Lesson, Model, Peer, Settings
from benchmarks.quality.sets import Trial
from portrait.arrays import Codes
from portrait.evaluation.ranking import PerUser, gains, ranks

USERS_AT_ONCE = 1_024  # 50 MB of scores with 12,000 items
TUNING_USERS = 3_000  # drawn once; more cost minutes and change choices little
CUTOFF = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings that tuning chose: those of the fit, and those of serving."""

    fit: Settings
    serve: Settings
    ndcg: float  # NDCG@10 on validation, masked
    model: Model  # fitted so, with seed 0
    cost: Cost  # of that fit


def combinations(values: Mapping[str, Sequence[float]]) -> Iterator[Settings]:
    """Yield every combination of one value each."""
    for chosen in product(*values.values()):
        yield dict(zip(values, chosen, strict=True))


def tune(peer: Peer, lesson: Lesson, most_fits: int | None = None) -> Choice:
    """Fit and try every setting of a peer on some of the validation users."""
    trial = tuning_trial(lesson)
    best: Choice | None = None
    for settings in tqdm(list(peer.grid())[:most_fits], f"tuning {peer.name}", leave=False):
        fitted, cost = measured(partial(peer.fit, lesson, settings, 0))
        for serving, model in fitted.variants():
            found = float(gains(masked_ranks(model, trial), CUTOFF).mean())
            if best is None or found > best.ndcg:
                best = Choice(settings, serving, found, model, cost)
    if best is None:
        msg = f"{peer.name} has an empty grid"
        raise ValueError(msg)
    return best


def tuning_trial(lesson: Lesson) -> Trial:
    """Draw the validation users by whom choices are made."""
    users = np.random.default_rng(0).permutation(len(lesson.valid.targets))[:TUNING_USERS]
    return lesson.valid.of(np.sort(users))


def served(model: Model, serving: Settings) -> Model:
    """Return the variant of a model with these settings."""
    return next(variant for settings, variant in model.variants() if settings == serving)


def masked_ranks(model: Model, trial: Trial) -> PerUser:
    """Rank each user's target among the items that the user does not have, (U,)."""
    parts = (trial.of(rows) for rows in user_chunks(trial))
    return np.concatenate(
        [ranks(model.scores(p.histories), p.targets, p.histories.pairs) for p in parts]
    )


def user_chunks(trial: Trial) -> list[Codes]:
    """Cut the users of a trial into rows that are scored at once."""
    users = len(trial.targets)
    return [
        np.arange(start, min(start + USERS_AT_ONCE, users))
        for start in range(0, users, USERS_AT_ONCE)
    ]
