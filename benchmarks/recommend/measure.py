"""Measuring: a peer's settings chosen on validation, its lists for the test, figures by user.

choose (validation) ─▶ fit on all before the test ─▶ ten items for each user ─▶ PerUser
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from tqdm import tqdm

from benchmarks.recommend.baskets import Trial
from benchmarks.recommend.peer import Model, Peer, Settings
from portrait.arrays import Codes, Flags
from portrait.evaluation.ranking import PerUser, top_items

SHOWN = 10
USERS_AT_ONCE = 128  # 35 MB of scores with 70,000 items
CHOOSING_USERS = 600  # drawn once; more cost minutes and change choices little
DISCOUNTS = 1 / np.log2(np.arange(2, SHOWN + 2))


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a model's lists: one figure of each user, (A,)."""

    recall: PerUser  # share of the basket that is in the list
    ndcg: PerUser
    recall_of_repeats: PerUser  # of what the user had bought before; NaN where nothing was
    recall_of_new: PerUser
    shown_again: PerUser  # share of the list that the user had bought before
    settings: Settings


def choose(peer: Peer, trial: Trial) -> Settings:
    """Fit and try every setting of a peer on some users of the validation, by NDCG@10."""
    drawn = np.random.default_rng(0).permutation(len(trial.user))[:CHOOSING_USERS]
    some = of_users(trial, np.sort(drawn))
    best, reached = {}, -1.0
    for settings in tqdm(list(peer.grid()), f"choosing {peer.name}", leave=False, disable=None):
        for serving, model in peer.fit(trial.before, settings).variants():
            found = float(gains(hits(lists(model, some), some.truth), some.truth).mean())
            if found > reached:
                best, reached = {**settings, **serving}, found
    return best


def measure(peer: Peer, valid: Trial, test: Trial) -> Told:
    """Choose a peer's settings, fit it on all before the test, look at the test once."""
    settings = choose(peer, valid)
    fitted = peer.fit(test.before, settings)
    model = next(each for serving, each in fitted.variants() if serving.items() <= settings.items())
    return told(lists(model, test), test, settings)


def lists(model: Model, trial: Trial) -> Codes:
    """Return the ten best items of each user, (A, SHOWN)."""
    parts = [
        top_items(model.scores(trial.user[part], trial.at[part]), SHOWN)
        for start in range(0, len(trial.user), USERS_AT_ONCE)
        for part in [slice(start, start + USERS_AT_ONCE)]
    ]
    return np.concatenate(parts)


def told(shown: Codes, trial: Trial, settings: Settings) -> Told:
    """Hold lists, (A, SHOWN), against the baskets."""
    had = bought_before(trial)
    again = trial.truth.multiply(had).tocsr()
    hit = hits(shown, trial.truth)
    is_again = hits(shown, had)
    return Told(
        recall=_share(hit.sum(axis=1), trial.truth),
        ndcg=gains(hit, trial.truth),
        recall_of_repeats=_share((hit & is_again).sum(axis=1), again),
        recall_of_new=_share((hit & ~is_again).sum(axis=1), trial.truth - again),
        shown_again=is_again.mean(axis=1),
        settings=settings,
    )


def bought_before(trial: Trial) -> csr_array:
    """Return 1 where a user had bought an item before, ever, (A, N)."""
    had = trial.before.weighed(np.ones(len(trial.before), np.float32))[trial.user]
    had.data[:] = 1
    return had


def repeats_of(trial: Trial) -> PerUser:
    """Return the share of each basket that the user had bought before, (A,)."""
    return _share(trial.truth.multiply(bought_before(trial)).sum(axis=1), trial.truth)


def hits(shown: Codes, wanted: csr_array) -> Flags:
    """Say which of the items shown, (A, n), are wanted, (A, N)."""
    rows = np.repeat(np.arange(len(shown)), shown.shape[1])
    found: Flags = (wanted[rows, shown.ravel()] > 0).reshape(shown.shape)
    return found


def gains(hit: Flags, truth: csr_array) -> PerUser:
    """Return NDCG@10 with every item of a basket as relevant as the others, (A,).

    Source: Järvelin and Kekäläinen, Cumulated Gain-based Evaluation of IR Techniques, 2002.
    """
    best = np.concatenate([[0.0], np.cumsum(DISCOUNTS)])[np.minimum(_sizes(truth), SHOWN)]
    gained: PerUser = (hit * DISCOUNTS[: hit.shape[1]]).sum(axis=1) / best
    return gained


def of_users(trial: Trial, rows: Codes) -> Trial:
    """Ask some of the users."""
    return Trial(trial.before, trial.user[rows], trial.at[rows], trial.truth[rows])


def _sizes(truth: csr_array) -> Codes:
    return np.asarray((truth > 0).sum(axis=1)).astype(np.int64).ravel()


def _share(found: PerUser, of: csr_array) -> PerUser:
    sizes = _sizes(of)
    shares: PerUser = np.where(sizes > 0, np.ravel(found) / np.maximum(sizes, 1), np.nan)
    return shares
