"""Influence: how much an event adds to the popularity of its item.

Somebody's voice is heard once a day for each thing done with an item, and for few items a day; that
of somebody who has only just appeared counts the less the newer they are, the first event not at
all, and is kept apart from that of regulars: people
who came back. Made-up users are many and cost nothing, but they are all new.
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes, Flags, Records
from portrait.events.columns import ACTION_CODE, RING
from portrait.events.event import Action
from portrait.model.kinds import ACTION_WEIGHTS
from portrait.profiles.facts import MONEY, Facts
from portrait.times import DAY_MS

DAILY = 32  # events of one user that count on one day
ACQUAINTED = 8  # earlier events after which a stranger's count in full
AWAY_MS = timedelta(hours=6) // timedelta(milliseconds=1)  # who comes back after it is a regular
REGULARS = 100_000  # remembered while they are here; 12 MB

WANTED = np.dtype(
    [
        ("ref", "<u8"),  # of the item
        ("day", "<i8"),  # number, from 1970
        ("weight", "<i8"),  # thousandths; 0 = not heard
        ("regular", "?"),
    ]
)
_WEIGHTS = np.array(
    [
        0 if action is Action.SEARCH else max(0, int(ACTION_WEIGHTS[action] * MONEY))
        for action in ACTION_CODE
    ],
    np.int64,
)


class Regulars:
    """People who came back after a while. Forgets those seen back first, beyond `most`."""

    def __init__(self, most: int = REGULARS) -> None:
        self._most = most
        self._known: dict[int, None] = {}

    def among(self, users: Sequence[str], head: Records, columns: Records) -> Flags:
        """Say of each event, (E,) of COLUMNS, whether a regular sent it.

        Args:
            users: U names.
            head: (U,) of HEAD, before these events.
            columns: Their events.
        """
        user = columns["user"]
        away = columns["logged"] - head["received_at"][user] >= AWAY_MS
        for place in np.unique(user[away & (head["count"][user] > 0)]).tolist():
            self._known[hash(users[place])] = None
        while len(self._known) > self._most:
            del self._known[next(iter(self._known))]
        known = np.fromiter((hash(name) in self._known for name in users), np.bool_, len(users))
        regular: Flags = known[user]
        return regular


def wanted(facts: Facts, columns: Records, regular: Flags) -> Records:
    """Say what events, (E,) of COLUMNS, add to popularity, given the facts before them.

    Args:
        facts: Of U users.
        columns: Their events, in log order.
        regular: (E,): whether a regular sent it.

    Returns:
        (E,) of WANTED.
    """
    found = np.zeros(len(columns), WANTED)
    found["ref"], found["day"] = columns["event"]["ref"], columns["event"]["at"] // DAY_MS
    weight = _WEIGHTS[columns["event"]["action"]]
    heard, before = _heard(facts, columns, found["day"])
    heard &= (weight > 0) & _first_of_a_kind(columns, found["day"])
    heard &= before + _turns(columns["user"], found["day"], heard) < DAILY
    everything = np.ones(len(columns), np.bool_)
    earlier = facts.head["totals"].sum(axis=1, dtype=np.int64)[columns["user"]]
    seen = earlier + _turns(columns["user"], np.zeros_like(found["day"]), everything)
    less = weight * np.minimum(seen, ACQUAINTED) // ACQUAINTED
    found["weight"] = np.where(heard, np.where(regular, weight, less), 0)
    found["regular"] = regular
    return found


def _heard(facts: Facts, columns: Records, day: Codes) -> tuple[Flags, Codes]:
    """Return which events say something new on their day, and how many were there before: (E,).

    What is older than all that is remembered is not heard: nobody can tell what it repeats.
    """
    user, event = columns["user"], columns["event"]
    width = int(facts.head["count"].max(initial=0))
    ring = facts.ring[:, :width]
    at = ring["at"][user]  # (E, S)
    begin = (day * DAY_MS)[:, None]
    that_day = (at >= begin) & (at < begin + DAY_MS) & (at > 0)
    same = (ring["ref"][user] == event["ref"][:, None]) & (
        ring["action"][user] == event["action"][:, None]
    )
    heard = ~(that_day & same).any(axis=1)
    if width == RING:
        heard &= at[:, -1] <= event["at"]
    return heard, that_day.sum(axis=1)


def _first_of_a_kind(columns: Records, day: Codes) -> Flags:
    """Return which events are the first of their user, day, item and action here: (E,)."""
    keys = (columns["event"]["action"], columns["event"]["ref"], day, columns["user"])
    order = np.lexsort(keys)
    same = np.ones(max(len(order) - 1, 0), np.bool_)
    for key in keys:
        ordered = key[order]
        same &= ordered[1:] == ordered[:-1]
    first = np.empty(len(order), np.bool_)
    first[order] = np.r_[True, ~same][: len(order)]
    return first


def _turns(user: NDArray[np.int32], day: Codes, counted: Flags) -> Codes:
    """Return how many counted events of the same user and day come before each event: (E,)."""
    order = np.lexsort((day, user))
    of_user, of_day = user[order], day[order]
    begins = (of_user[1:] != of_user[:-1]) | (of_day[1:] != of_day[:-1])
    starts = np.flatnonzero(np.r_[True, begins][: len(order)])
    before: Codes = np.cumsum(counted[order]) - counted[order]
    sizes = np.diff(np.r_[starts, len(order)])
    turns = np.empty(len(order), np.int64)
    turns[order] = before - np.repeat(before[starts], sizes)
    return turns
