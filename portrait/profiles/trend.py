"""Trend: whither an interest goes, by its share of somebody's visits lately and before.

A visit counts one, however much was looked at in it: its events are no independent witnesses. The
shares are drawn towards the share of all visits, the more so the fewer visits there are, and one
visit alone tells nothing. Source of the constants: docs/experiments.md.
"""

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Doubles, Flags
from portrait.times import DAY_MS

LATE_MS = 16 * DAY_MS  # before the newest event; at most half of what is remembered
VISIT_MS = 30 * 60_000  # of silence end a visit
PRIOR_VISITS = 8.0  # late, and before, that are taken to have been like all visits together
LONE_VISIT = 1.0  # more, or fewer, than the share of all visits asks for: less tells nothing
STEADY = 0.1  # a trend within this is noise


def visits(at: NDArray[np.int64], counted: Flags) -> tuple[Doubles, Doubles]:
    """Share every visit among its events.

    Args:
        at: (U, S), ms since 1970, newest first; 0 where there is no event.
        counted: (U, S): which events speak for something.

    Returns:
        (U, S) twice: each event's share of a visit if it is a late one, and if it is an early one.
    """
    starts = np.zeros(at.shape, np.int64)
    starts[:, 1:] = at[:, :-1] - at[:, 1:] > VISIT_MS
    visit = starts.cumsum(axis=1) + np.arange(len(at))[:, None] * at.shape[1]
    events = np.bincount(visit[counted], minlength=at.size)[visit]
    share = np.where(counted, 1 / np.maximum(events, 1), 0)
    newest = at[:, :1]
    oldest = np.where(at > 0, at, newest).min(axis=1, keepdims=True)
    late = at > newest - np.minimum(LATE_MS, (newest - oldest) // 2)
    return np.where(late, share, 0), np.where(late, 0, share)


def trends(late: Doubles, early: Doubles) -> Doubles:
    """Return the late share of each group less its early one, -1 to 1.

    Args:
        late: (U, G): late visits to each group. All groups are there.
        early: (U, G): early ones.
    """
    many_late, many_early = late.sum(axis=1, keepdims=True), early.sum(axis=1, keepdims=True)
    visits_made = many_late + many_early
    share = (late + early) / np.where(visits_made > 0, visits_made, 1)
    surplus = late - many_late * share  # and as many too few early
    trend = surplus / (many_late + PRIOR_VISITS) + surplus / (many_early + PRIOR_VISITS)
    return np.where(np.abs(surplus) < LONE_VISIT, 0, trend)
