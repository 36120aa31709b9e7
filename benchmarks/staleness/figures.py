"""Figures of a replay: by delay, for the first line of a basket and for those inside one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.staleness.replay import DELAYS, Replayed
from benchmarks.staleness.retail import Purchases
from portrait.arrays import Codes
from portrait.evaluation.ranking import PerUser, gains, hits

CUTOFF = 10
FIRST, INSIDE = "first of a basket", "inside a basket"
SHUFFLED = "inside a basket, shuffled"  # the lines of the log in random order
SAMPLES = 500  # of the bootstrap


@dataclass(frozen=True, slots=True)
class Delayed:
    """How good a state of one delay is, and how much worse than a fresh one."""

    hr: float
    ndcg: float
    lost: float  # share of the fresh state's NDCG
    low: float  # 2.5 % of that share, bootstrap over users
    high: float  # 97.5 %


Curve = Mapping[str, Delayed]  # by delay


def curves(purchases: Purchases, replayed: Replayed, after: int) -> dict[str, Curve]:
    """Return both curves, over the predicted purchases from number `after` on."""
    return {
        INSIDE: inside_curve(purchases, replayed, after),
        FIRST: _curve(purchases, replayed, _asked(purchases, replayed, after, first=True)),
    }


def inside_curve(purchases: Purchases, replayed: Replayed, after: int) -> Curve:
    """Return the curve of purchases that are not the first of their basket."""
    return _curve(purchases, replayed, _asked(purchases, replayed, after, first=False))


def as_numbers(curve: Curve) -> dict[str, Any]:
    """Return a curve for JSON."""
    return {
        delay: {"hr@10": at.hr, "ndcg@10": at.ndcg, "lost": [at.lost, at.low, at.high]}
        for delay, at in curve.items()
    }


def _asked(
    purchases: Purchases, replayed: Replayed, after: int, *, first: bool
) -> NDArray[np.bool_]:
    is_first = purchases.place[replayed.event] == 0
    asked: NDArray[np.bool_] = (replayed.event >= after) & (is_first == first)
    return asked


def _curve(purchases: Purchases, replayed: Replayed, chosen: NDArray[np.bool_]) -> Curve:
    place = replayed.place[chosen]  # (P, DELAYS)
    gain, hit = gains(place, CUTOFF), hits(place, CUTOFF)
    lost = _lost(gain, purchases.user[replayed.event[chosen]])  # (3, DELAYS)
    return {
        delay: Delayed(float(hit[:, n].mean()), float(gain[:, n].mean()), *lost[:, n].tolist())
        for n, delay in enumerate(DELAYS)
    }


def _lost(gain: PerUser, users: Codes) -> PerUser:
    """Return the share of the first column's gain that each lacks: itself, low and high.

    Users are drawn, with all their purchases: purchases of one user are not independent.
    """
    whole, who = int(users.max(initial=0)) + 1, np.random.default_rng(0)
    sums = np.stack([np.bincount(users, column, whole) for column in gain.T])  # (DELAYS, U)
    drawn = np.stack(
        [np.bincount(who.integers(0, whole, whole), minlength=whole) for _ in range(SAMPLES)]
    )
    resampled = drawn @ sums.T  # (SAMPLES, DELAYS)
    shares = 1 - resampled / np.maximum(resampled[:, :1], 1e-9)
    mean = 1 - sums.sum(axis=1) / max(sums[0].sum(), 1e-9)
    return np.stack([mean, *np.quantile(shares, (0.025, 0.975), axis=0)])
