"""Lift: how many of an audience buy in the weeks that follow, beside others of the same size.

    look-alikes  of those who are known to have bought it, without them: what the service gathers
    busiest      the same people by their pace alone
    random       the same people, all of them: what a draw has on average
    buyers       of everybody, whoever bought it last: no new customers

An interval is of a bootstrap over subjects and people at once: who is drawn twice counts twice in
every audience that they are in, for the busiest are in many.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.audiences.moments import Moment
from portrait.arrays import Codes, Doubles, Flags
from portrait.audiences.gather import FEWEST
from portrait.audiences.likeness import SHARE, SHRUNK, likeness_of

SIZE = 200
LEAST_BUYERS = 10  # among those who may be chosen; with fewer a rate says nothing
DRAWS = 500
SHARES, SHRUNKEN = (0.0, 0.25, 0.5, 1.0), (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the audiences about one subject, of U people."""

    chosen: dict[str, Codes]  # (SIZE,) people each, by audience
    will: Flags  # (U,), who buys it
    base: float  # share of buyers among all who might have been chosen

    def rate(self, audience: str, counts: Doubles | None = None) -> float:
        """Return the share of buyers of an audience, each counted so often, (U,); else once."""
        people = self.chosen[audience]
        if counts is None:
            return float(self.will[people].mean())
        counted = counts[people]
        return float(counted @ self.will[people] / max(counted.sum(), 1))


def outcomes(
    moment: Moment, subjects: Sequence[Codes], share: float = SHARE, shrunk: float = SHRUNK
) -> list[Outcome]:
    """Choose audiences about each subject, some items, and look whether they buy.

    Args:
        moment: Of a shop.
        subjects: Items each.
        share: How much likeness counts beside the pace.
        shrunk: How much of the covariance is taken to be the same in all directions.
    """
    found = (_outcome(moment, items, share, shrunk) for items in subjects)
    return [each for each in found if each is not None]


def _outcome(moment: Moment, items: Codes, share: float, shrunk: float) -> Outcome | None:
    known = moment.likes.any(axis=1)
    leads = moment.leaders(items) & known
    others, will = np.flatnonzero(known & ~leads), moment.buyers(items)
    if leads.sum() < FEWEST or len(others) < 2 * SIZE or will[others].sum() < LEAST_BUYERS:
        return None
    likes, pace = moment.likes[others], moment.pace[others]
    likeness = likeness_of(moment.likes[leads], likes, pace, share=share, shrunk=shrunk)
    last = moment.last_bought(items)
    return Outcome(
        {
            "look-alikes": others[_best(likeness.scores(likes, pace, share))],
            "busiest": others[_best(pace)],
            "buyers": _best(last.astype(np.float64)),
        },
        will,
        float(will[others].mean()),
    )


def _best(scores: NDArray[np.floating]) -> Codes:
    return np.argsort(-scores, kind="stable")[:SIZE]


def rate(found: Sequence[Outcome], audience: str = "look-alikes") -> float:
    """Return the share of buyers, each subject alike."""
    return float(np.mean([each.rate(audience) for each in found]))


def chosen_settings(found: dict[tuple[float, float], list[Outcome]]) -> tuple[float, float]:
    """Return the settings of the highest rate; on an earlier period than what is reported."""
    return max(found, key=lambda settings: rate(found[settings]))


def told(found: Sequence[Outcome], seed: int = 0) -> dict[str, object]:
    """Return rates, lifts over random, and how far the look-alikes lead, with 95 % intervals."""
    draw = np.random.default_rng(seed)
    names, base = [*found[0].chosen], np.array([each.base for each in found])
    real = np.array([rate(found, name) for name in names])
    drawn = np.empty((DRAWS, len(names)))
    usual = np.empty(DRAWS)
    people = len(found[0].will)
    for one in range(DRAWS):
        rows = draw.integers(0, len(found), len(found))
        counts = np.bincount(draw.integers(0, people, people), minlength=people).astype(np.float64)
        usual[one] = base[rows].mean()
        drawn[one] = [np.mean([found[row].rate(name, counts) for row in rows]) for name in names]
    ours, busiest = names.index("look-alikes"), names.index("busiest")
    lead = real[ours] - real[busiest]
    return {
        "subjects": len(found),
        "random": round(float(base.mean()), 4),
        "lead_over_busiest": _interval(lead, drawn[:, ours] - drawn[:, busiest], 4),
        **{
            name: {
                "rate": _interval(real[place], drawn[:, place], 4),
                "lift": _interval(real[place] / base.mean(), drawn[:, place] / usual, 2),
            }
            for place, name in enumerate(names)
        },
    }


def _interval(value: float, drawn: Doubles, decimals: int) -> list[float]:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return [round(float(each), decimals) for each in (value, low, high)]
