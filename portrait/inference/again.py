"""Again: what somebody has bought that is due to be bought once more, the most due first.

    due = how often * how far into its usual interval, at most once through it

Of what was bought once no interval is known: it counts for as much as half of one that is through.
What was sent back, or blamed in a review, is not due. All of one day is bought once.
"""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import Codes, Floats, Refs, Ring
from portrait.events.columns import PURCHASE
from portrait.model.kinds import is_complaint, kinds_of
from portrait.model.learned import Learned
from portrait.times import DAY_MS

ONCE = 0.5  # how far into its interval what was bought once is taken to be


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How somebody buys one thing, in whole days."""

    times: int
    every: int | None  # from one time to the next; None: not known
    last: int  # ago


@dataclass(frozen=True, slots=True)
class Due:
    """Things due, n of them, the most due first."""

    refs: Refs  # (n,), item_ref
    scores: Floats  # (n,)
    reasons: tuple[Rhythm, ...]
    by_repeats: bool  # whether the model decided, and scores are log-odds; else they are above 0


def due(ring: Ring, at: int, learned: Learned | None, lately: Floats | None = None) -> Due:
    """Say what is due to be bought again by one user.

    Args:
        ring: Their newest events, (S,) of EVENT.
        at: The moment asked about, ms; nothing that happened at it or later is looked at.
        learned: Of the model that serves.
        lately: (S,), purchases by everybody in the newest four weeks of each event's item.
    """
    del learned, lately  # until a model has learned who buys what again
    past = ring[(ring["at"] > 0) & (ring["at"] < at)]
    blamed = past["ref"][is_complaint(kinds_of(past["action"], past["rating"]))]
    bought = past[(past["action"] == PURCHASE) & ~np.isin(past["ref"], blamed)]
    refs = np.unique(bought["ref"])
    rhythms = [_rhythm(bought["at"][bought["ref"] == ref], at) for ref in refs]
    scores = np.array([_worth(each) for each in rhythms], np.float32)
    order = np.argsort(-scores, kind="stable")
    reasons = tuple(rhythms[place] for place in order.tolist())
    return Due(refs[order], scores[order], reasons, by_repeats=False)


def _rhythm(moments: Codes, at: int) -> Rhythm:
    """Read how one thing is bought from the moments of its purchases, (n,)."""
    days = np.unique(moments // DAY_MS)
    times, last = len(days), (at - int(moments.max())) // DAY_MS
    every = None if times == 1 else max(1, round(int(days[-1] - days[0]) / (times - 1)))
    return Rhythm(times, every, last)


def _worth(rhythm: Rhythm) -> float:
    through = ONCE if rhythm.every is None else min((rhythm.last + 1) / (rhythm.every + 1), 1.0)
    return rhythm.times * through
