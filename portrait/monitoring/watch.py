"""The watch after a promotion: does the new champion keep what the judge promised?

requests ─▶ hits of the next event ─┐
heads ─▶ what then happened ────────┼─▶ Live: counters ─▶ regression: why to roll back, or None
promise of the judge ───────────────┘

The counters are looked at again and again, so an ordinary test would sooner or later condemn every
model by chance. The bound used here holds at all times at once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from portrait.arrays import Doubles, Flags
from portrait.evaluation.chance import gap_by_chance
from portrait.evaluation.verdict import Verdict

# Of predicted probabilities: finer where the rare things are, which most heads predict.
EDGES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
BINS = len(EDGES) + 1
MIXTURE = 50.0  # the bound is tightest at this variance: some 500 trials at a hit rate of 0.1
HALF = 0.5
Bin = tuple[float, float, float, float]  # count; sums of p, of what happened, of p (1 - p)
EMPTY: Bin = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Promise:
    """What was expected of a model in service."""

    hit_rate: float  # live and prequential: was the next item among the first ten?
    ece: Mapping[str, float] = field(default_factory=dict)  # by head


@dataclass(frozen=True, slots=True)
class Limits:
    """How much less is a reason to roll back."""

    hit_drop: float = 0.1  # of the promised hit rate
    ece_rise: float = 0.03
    false_alarm: float = 0.001  # chance of ever rolling back a model that keeps its promise
    deviations: float = 4.0  # of the ECE's own noise
    least_outcomes: int = 500  # of a head


DEFAULTS = Limits()


class Live(BaseModel):
    """What was counted since the promotion."""

    model_config = ConfigDict(frozen=True)

    trials: int = 0
    hits: int = 0
    bins: dict[str, tuple[Bin, ...]] = {}

    def seen(self, hits: Flags) -> Self:
        """Count predictions whose outcome is known, (E,): True for a hit."""
        return self.model_copy(
            update={"trials": self.trials + len(hits), "hits": self.hits + int(hits.sum())}
        )

    def happened(self, head: str, predicted: Doubles, outcome: Flags) -> Self:
        """Count matured predictions of a head: probabilities (E,), and what happened, (E,)."""
        places = np.searchsorted(EDGES, predicted, side="right")
        columns = (np.ones_like(predicted), predicted, outcome, predicted * (1 - predicted))
        added = np.stack(
            [np.bincount(places, column.astype(np.float64), BINS) for column in columns], axis=1
        )  # (BINS, 4)
        total = added + np.array(self.bins.get(head, (EMPTY,) * BINS))
        bins = tuple((row[0], row[1], row[2], row[3]) for row in total.tolist())
        return self.model_copy(update={"bins": {**self.bins, head: bins}})

    def as_figures(self) -> dict[str, float]:
        """Return what is shown of it: hit rate, calibration error by head."""
        figures = {"live_trials": float(self.trials)}
        if self.trials:
            figures["live_hit_rate"] = self.hits / self.trials
        figures |= {f"live_ece/{head}": _ece(np.array(bins))[0] for head, bins in self.bins.items()}
        return figures


class LiveCounts(Protocol):
    """How many hits every model had, added to by many processes."""

    async def add(self, version: str, live: Live) -> None:
        """Add the hits that one process has counted of a model since it last did."""
        ...

    async def read(self, version: str) -> Live:
        """Return what all have counted of a model."""
        ...


class Outcomes(Protocol):
    """What has come of predictions."""

    async def since(self, version: str, moment: datetime) -> Live:
        """Count matured predictions of a model's heads, made after a moment; no hits."""
        ...


def promised(former_live: float, champion: float, challenger: float) -> float:
    """Return the hit rate to expect in service: the former's, times the gain that the judge saw.

    Offline and live rates differ in level (who comes, what they are asked); their ratio is what a
    judge can promise. A gain is not held against the model: at most the former's rate is promised.
    """
    gain = challenger / champion if champion else 1.0
    return former_live * min(gain, 1.0)


def promise_of(verdict: Verdict, former: Live, least_trials: int = 500) -> Promise:
    """Return what a promoted model is expected to do in service.

    Args:
        verdict: By which it was promoted.
        former: What was counted of the model before it, while that was in service.
        least_trials: With fewer, the former's hit rate is not known, and none is promised.
    """
    checks = {check.name: check for check in verdict.checks}
    hit = checks.get("newest HR@10")
    rate = 0.0
    if hit is not None and former.trials >= least_trials:
        rate = promised(former.hits / former.trials, hit.champion or 0.0, hit.challenger or 0.0)
    ece = {
        name.removesuffix(" ECE"): check.challenger
        for name, check in checks.items()
        if name.endswith(" ECE") and check.challenger is not None
    }
    return Promise(rate, ece)


def regression(promise: Promise, live: Live, limits: Limits = DEFAULTS) -> str | None:
    """Return a sentence that says why to roll back, or None."""
    return _lost_hits(promise, live, limits) or _lost_calibration(promise, live, limits)


def _lost_hits(promise: Promise, live: Live, limits: Limits) -> str | None:
    """Test that the hit rate is at least the promised one less the drop allowed, at any time.

    Each trial's hit counts as one of probability `least`, given what came before; of at most half,
    such sums fall below their mean no more often than those of a normal with their variance.

    Source: Howard, Ramdas, McAuliffe and Sekhon, Time-uniform, nonparametric, nonasymptotic
    confidence sequences, Annals of Statistics 49(2), 2021, equation 14 (normal mixture).
    """
    least = promise.hit_rate * (1 - limits.hit_drop)
    variance = live.trials * (least * (1 - least) if least < HALF else HALF**2)
    mixed = variance + MIXTURE
    bound = math.sqrt(mixed * math.log(mixed / (MIXTURE * limits.false_alarm**2)))
    if live.hits >= live.trials * least - bound:
        return None
    return (
        f"The hit rate is {live.hits / live.trials:.4f} after {live.trials:,} predictions; "
        f"{promise.hit_rate:.4f} was promised, {least:.4f} is tolerated."
    )


def _lost_calibration(promise: Promise, live: Live, limits: Limits) -> str | None:
    for head, most in promise.ece.items():
        bins = np.array(live.bins.get(head, (EMPTY,) * BINS))
        if bins[:, 0].sum() < limits.least_outcomes:
            continue
        ece, chance = _ece(bins, limits.deviations)
        tolerated = most + limits.ece_rise + chance
        if ece > tolerated:
            return (
                f"{head} is off by {ece:.4f} on average after {int(bins[:, 0].sum()):,} "
                f"outcomes; {most:.4f} was promised, {tolerated:.4f} is tolerated."
            )
    return None


def _ece(bins: Doubles, deviations: float = 0.0) -> tuple[float, float]:
    """Return the calibration error of bins, (BINS, 4), and what chance alone may make of it."""
    filled = bins[bins[:, 0] > 0]
    total = float(filled[:, 0].sum()) or 1.0
    gaps = np.abs(filled[:, 1] - filled[:, 2]) / total
    return float(gaps.sum()), gap_by_chance(np.sqrt(filled[:, 3]) / total, deviations)
