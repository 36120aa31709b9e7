"""The past: what users had done before a moment, as models are told it."""

import numpy as np

from portrait.facts import RING
from portrait.hash_index import MISSING
from portrait.interactions import NO_ITEM, Codes, Interactions
from portrait.kinds import kinds_of
from portrait.recency import Events


def newest(events: Interactions, users: Codes, ends: Codes | None = None) -> tuple[Codes, Events]:
    """Return the newest events of users, newest first: rows of items or MISSING, and events.

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
    item = np.where(inside, events.item[place], MISSING)
    return item, Events(
        kind=np.where(inside, kinds_of(events.action[place], events.rating[place]), np.uint8(0)),
        at=np.where(inside, events.at[place], 0),
        present=item != MISSING,
    )


def seen(events: Interactions, users: Codes, ends: Codes | None = None) -> tuple[Codes, Codes]:
    """Return the items that users had, as pairs of place in `users` and item, none twice.

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
    pairs = np.unique((row * width + item)[item != NO_ITEM])
    return pairs // width, pairs % width


def _bounds(events: Interactions, users: Codes, ends: Codes | None) -> tuple[Codes, Codes]:
    starts = events.starts
    return starts[users], starts[users + 1] if ends is None else ends
