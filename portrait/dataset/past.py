"""The past: what users had done before a moment, as models are told it."""

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes, positions
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.events.columns import ACTION_CODE, RING
from portrait.events.event import Action
from portrait.model.kinds import as_seen, leave_out
from portrait.model.recency import Events


def newest(events: Interactions, users: Codes, ends: Codes | None = None) -> tuple[Codes, Events]:
    """Return the newest events of users, newest first: what they are about, and events.

    The first are rows of the N items, N + rows of the queries, or MISSING: see `Ranker`.

    Args:
        events: Of everybody.
        users: (Q,), one may be there several times.
        ends: (Q,), the place of each one's first event that is not told; None: all are.

    Returns:
        (Q, S) each; S is the longest history, and RING at most.
    """
    begins, ends = _bounds(events, users, ends)
    widest = min(RING, int((ends - begins).max(initial=1)))
    place = ends[:, None] - 1 - np.arange(widest)  # (Q, S)
    inside = place >= begins[:, None]
    place = np.where(inside, place, 0)
    about = np.where(inside, events.about(place), MISSING)
    at, action = np.where(inside, events.at[place], 0), np.where(inside, events.action[place], 0)
    kind, is_seen = as_seen(action, np.where(inside, events.rating[place], 0), about, at)
    about = np.where(is_seen, about, MISSING)
    return about, Events(kind=kind, at=at, present=about != MISSING)


def located(ring: NDArray[np.void], events: Interactions) -> Codes:
    """Find what the events of rings, (U, S) of EVENT, are about: as `newest` says it.

    Args:
        ring: Of anybody.
        events: Whose items, ascending, and queries it is looked for among.
    """
    refs = np.ascontiguousarray(ring["ref"])
    items, queries = positions(events.items, refs), positions(events.queries, refs)
    searched = np.where(queries == MISSING, MISSING, len(events.items) + queries)
    return np.where(ring["action"] == ACTION_CODE[Action.SEARCH], searched, items)


def seen(events: Interactions, users: Codes, ends: Codes | None = None) -> tuple[Codes, Codes]:
    """Return the items that users had, as pairs of place in `users` and item, none twice.

    Without those that may be offered again: see `leave_out`.

    Args:
        events: Of everybody.
        users: (Q,).
        ends: (Q,), as for `newest`.
    """
    begins, ends = _bounds(events, users, ends)
    count = ends - begins
    row = np.repeat(np.arange(len(users)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count - begins, count)
    item = events.item[place]
    width = len(events.items)
    pair = row * width + item
    kept = leave_out(pair, events.action[place], events.at[place])
    pairs = np.unique(pair[kept & (item != NO_ITEM)])
    return pairs // width, pairs % width


def _bounds(events: Interactions, users: Codes, ends: Codes | None) -> tuple[Codes, Codes]:
    starts = events.starts
    return starts[users], starts[users + 1] if ends is None else ends
