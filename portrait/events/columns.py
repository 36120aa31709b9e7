"""Columns: events as rows of arrays, as they are read, folded and remembered."""

import numpy as np
from numpy.typing import NDArray

from portrait.events.event import Action
from portrait.times import DAY_MS

PAST_MS = DAY_MS  # what was received so long before this log took it in is no news to anybody
RING = 64  # newest events remembered; 32 bytes each keeps a record under 4 KB
FIRST_ACTIONS = 7  # those that the first records and models know; more were appended since
TOPICS = len(Action) + 1  # those of events and erasures: what a user's positions are kept for
ERASURE = FIRST_ACTIONS  # place of the erasures among them; `last_id` there is the moment, ms

EVENT = np.dtype(
    [
        ("at", "<i8"),  # milliseconds since 1970; 0 = no event here
        ("id", "<u8"),  # event_ref
        ("ref", "<u8"),  # item_ref, or search_ref of a search
        ("price", "<f4"),  # of one piece; 0 = not said, FREE = for nothing: see `price.py`
        # 0 = a review whose rating was read from its text, and not said; of an erasure its `Stance`
        ("quantity", "<u2"),
        ("action", "u1"),  # ACTION_CODE
        ("rating", "u1"),  # tenths of a star; 0 = not rated
    ]
)
COLUMNS = np.dtype(
    [
        ("user", "<i4"),  # row of the facts this event belongs to
        ("topic", "u1"),
        ("partition", "<i4"),
        ("log", "<u2"),  # which log of that name: 0 the first, one more each time it began again
        ("offset", "<i8"),
        ("received", "<i8"),  # when it first was, though it was sent back since: for erasures
        ("logged", "<i8"),  # when this log took the record in, which no header of it can change
        ("event", EVENT),
        ("part", "<u2"),  # of a record that holds several events of this user: 0 the first
        ("private", "?"),  # whether it counts for its user's own profile alone: see `private.py`
    ]
)
ACTION_CODE = {action: code for code, action in enumerate(Action)}
TOPIC_CODE = {  # the erasures have kept their place, so the topics of later actions follow them
    action: code + (code >= ERASURE) for action, code in ACTION_CODE.items()
}
PURCHASE, RETURN = ACTION_CODE[Action.PURCHASE], ACTION_CODE[Action.RETURN]


def is_past(columns: NDArray[np.void]) -> NDArray[np.bool_]:
    """Say of events, (E,) of COLUMNS, which are history: imported, or sent back after days."""
    past: NDArray[np.bool_] = columns["logged"] - columns["received"] >= PAST_MS
    return past
