"""Bought: what somebody has bought by a moment, on which of their shopping days.

purchases ─▶ what, on which days (all of one day are one) ─▶ each thing once ─▶ Bought

Everything is counted in days of purchases, and stays as it is while nothing is bought: the clock
moves `since` alone. Of what is bought once more neither `times` nor `fading` falls: one day more
adds at least as much as it makes the others fade.
"""

from dataclasses import dataclass, fields

import numpy as np

from portrait.arrays import Codes, Doubles, Flags, Refs, Ring
from portrait.events.columns import PURCHASE
from portrait.times import DAY_MS

FADING = np.array([0.5, 0.8, 0.95])  # what a day of purchases counts after one that is newer


@dataclass(frozen=True, slots=True)
class Purchases:
    """L purchases that are known to Q questions, of one user at one moment each. In any order."""

    question: Codes  # (L,), 0 to Q - 1
    ref: Refs  # (L,), item_ref
    at: Codes  # (L,), ms


@dataclass(frozen=True, slots=True)
class Bought:
    """P things that users had bought when they were asked about: each once, by question."""

    question: Codes  # (P,), ascending
    ref: Refs  # (P,)
    times: Codes  # (P,), days on which it was bought
    chances: Codes  # (P,), days on which anything was, from its first on
    fading: Doubles  # (P, 3), days on which it was bought, each fading by newer days: see FADING
    since: Doubles  # (P,), days since the last time
    span: Doubles  # (P,), days from the first time to the last
    crowd: Doubles  # (P, 3): things a day, share of repeats, days; of the user, all of log

    def __len__(self) -> int:
        return len(self.question)

    @property
    def frequency(self) -> Doubles:
        """Score by personal top-frequency, (P,): how often, and of equals the newest first."""
        counted: Doubles = self.times + 1 / (2 + self.since)
        return counted

    def where(self, kept: Codes | Flags) -> "Bought":
        """Return these things alone, in this order."""
        return Bought(**{field.name: getattr(self, field.name)[kept] for field in fields(self)})


def of_rings(ring: Ring) -> Purchases:
    """Read the purchases in the newest events of Q users, (Q, S) of EVENT."""
    question, place = np.nonzero((ring["action"] == PURCHASE) & (ring["at"] > 0))
    event = ring[question, place]
    return Purchases(question, event["ref"].copy(), event["at"].copy())


def bought(purchases: Purchases, asked_at: Codes) -> Bought:
    """Gather purchases by what was bought.

    Args:
        purchases: Of Q questions; what was not before its moment is not looked at.
        asked_at: (Q,), the moments, ms.
    """
    question, ref, at = purchases.question, purchases.ref, purchases.at
    known = at < asked_at[question]
    question, ref, at = question[known], ref[known], at[known]
    order = np.lexsort((at, ref, question))
    question, ref, at = question[order], ref[order], at[order]
    day = at // DAY_MS
    is_new = _differs(question, ref)
    age, shopped = _ages(question, day, len(asked_at))
    lines = np.bincount(question, minlength=len(asked_at))

    begins = np.flatnonzero(is_new)
    ends = np.append(begins, len(question))[1:] - 1
    once = (is_new | _differs(day)).astype(np.float64)  # all of one day is one
    asked = question[begins]
    of_day: Doubles = np.bincount(question, once, len(asked_at)).astype(np.float64)
    things = np.bincount(asked, minlength=len(asked_at))
    return Bought(
        question=asked,
        ref=ref[begins],
        times=_added(once, begins).astype(np.int64),
        chances=age[begins] + 1,
        fading=_added(once[:, None] * FADING ** age[:, None], begins),
        since=(asked_at[asked] - at[ends]) / DAY_MS,
        span=(at[ends] - at[begins]) / DAY_MS,
        crowd=_crowd(lines, of_day, things, shopped)[asked],
    )


def _ages(question: Codes, day: Codes, questions: int) -> tuple[Codes, Codes]:
    """Count the shopping days of the same user that are newer, (L,); and all of them, (Q,)."""
    order = np.lexsort((-day, question))
    begins = _differs(question[order], day[order])
    place = np.cumsum(begins) - 1
    shopped = np.bincount(question[order][begins], minlength=questions)
    before = np.cumsum(shopped) - shopped
    age = np.empty(len(day), np.int64)
    age[order] = place - before[question[order]]
    return age, shopped


def _crowd(lines: Codes, of_day: Doubles, things: Codes, shopped: Codes) -> Doubles:
    """Say what tells users apart, and not the things of one user, (Q, 3)."""
    several = np.maximum(lines, 1)
    days = np.maximum(shopped, 1)
    repeated = 1 - things / np.maximum(of_day, 1)
    return np.stack([np.log(several / days), repeated, np.log(days)], axis=1)


def _differs(*columns: Codes | Refs) -> Flags:
    """Say where any column is not what it was at the place before; the first place differs."""
    differs: Flags = np.ones(len(columns[0]), np.bool_)
    differs[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return differs


def _added(values: Doubles, begins: Codes) -> Doubles:
    """Add up values, (L,) or (L, n), from each beginning to the next."""
    if not len(begins):
        return values[:0]
    summed: Doubles = np.add.reduceat(values, begins, axis=0)
    return summed
