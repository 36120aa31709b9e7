"""Replay: which users' events to read, when the log is larger than memory.

pass 1  columns user, action, time   ─▶ a few candidates of every stratum
pass 2  column user                  ─▶ how many events each candidate has
choose                               ─▶ users whose events fit the bound

Whole users are chosen, never single events: a sequence with holes would teach the wrong next item,
and a label such as "bought nothing for 30 days" would be false. Half of the room goes to actions,
the strongest first, half to equal spans of time; what one stratum leaves goes to the next.

Whom a stratum takes is decided by a hash of the user and of the stratum, lowest first (bottom-k,
Cohen and Kaplan 2007): no state, the same in every run, and the place of an erased user goes to
the next in order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from portrait.archive.archive import numbers
from portrait.arrays import Refs, positions
from portrait.events.columns import FIRST_ACTIONS
from portrait.events.event import Action

Scan = Callable[[list[str]], Iterator[pa.RecordBatch]]

SPANS = 12  # of equal time: a year in months
LATER_ACTIONS = len(Action) - FIRST_ACTIONS  # numbered last: whom others take stays the same
ACTIONS = pa.array([action.value for action in Action])

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Extent:
    """What a window holds."""

    rows: int
    first_ms: int  # of the earliest and of the latest event; 0 of none
    last_ms: int


def measure(scan: Scan) -> Extent:
    """Count the rows, and find the first and the last of them."""
    rows, first, last = 0, np.iinfo(np.int64).max, 0
    for batch in scan(["occurred_at"]):
        if len(batch):
            at = numbers(batch["occurred_at"])
            rows += len(at)
            first, last = min(first, int(at.min())), max(last, int(at.max()))
    return Extent(rows, first if rows else 0, last)


def choose_uniformly(scan: Scan, most_events: int) -> Refs:
    """Return users, (U,) sorted, with at most so many events together; each user alike."""
    everybody = Stratum(0, most_events)
    for batch in scan(["user_ref"]):
        everybody.add(numbers(batch["user_ref"]))
    return _within(scan, [([everybody], most_events)])


def choose_stratified(scan: Scan, most_events: int, extent: Extent) -> Refs:
    """Return users, (U,) sorted, with at most so many events together: half by action and time."""
    limit = max(most_events // 4, 1)
    by_time = [Stratum(FIRST_ACTIONS + number, limit) for number in range(SPANS)]
    last = FIRST_ACTIONS + SPANS
    everybody = Stratum(last, most_events)  # takes what the others leave
    places = [*range(FIRST_ACTIONS), *range(last + 1, last + 1 + LATER_ACTIONS)]
    by_action = [Stratum(number, limit) for number in places]
    span = (extent.last_ms - extent.first_ms) // SPANS + 1
    for batch in scan(["user_ref", "action", "occurred_at"]):
        users = numbers(batch["user_ref"])
        everybody.add(users)
        action = numbers(pc.index_in(batch["action"], ACTIONS))
        place = (numbers(batch["occurred_at"]) - extent.first_ms) // span
        for strata, number in ((by_action, action), (by_time, place)):
            for each in np.unique(number).tolist():
                strata[each].add(users[number == each])
    half = most_events // 2
    shares = [(by_action[::-1], half), (by_time, most_events - half), ([everybody], 0)]
    return _within(scan, shares)


class Stratum:
    """The users of a stratum that come first in its own order of all users."""

    def __init__(self, number: int, limit: int) -> None:
        self._number = np.full(1, number + 1, np.uint64)  # an array, because arrays wrap round
        self._limit = limit
        self._users: list[Refs] = []
        self._pending = 0
        self._worst = np.iinfo(np.uint64).max

    def add(self, users: Refs) -> None:
        """Take in users, (E,), again and again the same if need be."""
        users = np.unique(users)
        users = users[_order(users, self._number) <= self._worst]
        self._users.append(users)
        self._pending += len(users)
        if self._pending > 2 * self._limit:
            self.taken()

    def taken(self) -> Refs:
        """Return the first users, (U,), in order."""
        users = np.unique(np.concatenate([np.zeros(0, np.uint64), *self._users]))
        order = _order(users, self._number)
        first = np.argsort(order)[: self._limit]
        if len(users) > self._limit:
            self._worst = order[first[-1]]
        self._users, self._pending = [users[first]], len(first)
        return self._users[0]


def _order(users: Refs, number: Refs) -> Refs:
    """Give every user a place in a random order of all.

    Source: the finaliser of splitmix64, Steele, Lea and Flood, OOPSLA 2014.
    """
    mixed: Refs = users + number * _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))


def _within(scan: Scan, shares: list[tuple[list[Stratum], int]]) -> Refs:
    """Choose from strata in turn, each up to an equal part of what is left of its share."""
    taken = [[t for stratum in strata if len(t := stratum.taken())] for strata, _ in shares]
    candidates = np.unique(np.concatenate([users for strata in taken for users in strata]))
    events = _count(scan, candidates)
    chosen = np.zeros(len(candidates), np.bool_)
    left = 0
    for strata, (_, share) in zip(taken, shares, strict=True):
        left += share
        for number, users in enumerate(strata):
            quota = left // (len(strata) - number)
            place = np.searchsorted(candidates, users)
            place = place[~chosen[place] & (events[place] <= quota)]
            place = place[np.cumsum(events[place]) <= quota]
            chosen[place] = True
            left -= int(events[place].sum())
    return candidates[chosen]


def _count(scan: Scan, candidates: Refs) -> NDArray[np.int64]:
    """Count the events of each candidate, (C,) sorted."""
    events = np.zeros(len(candidates), np.int64)
    for batch in scan(["user_ref"]):
        place = positions(candidates, numbers(batch["user_ref"]))
        events += np.bincount(place[place >= 0], minlength=len(candidates))
    return events
