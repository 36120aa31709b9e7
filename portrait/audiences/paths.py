"""Paths: in which order people do things in one visit, and from which category to which they go.

    search, seen, seen, cart, bought   ─▶   search > seen, search > seen > cart, … > bought

A visit ends with half an hour of nothing. A path is what was done since its beginning, but no more
than the last MOST_STEPS, each step once as long as it is repeated; a move is two categories, one
after the other. Each has a HyperLogLog for each week, as in `behaviour`, so it is told of people,
and a repeat changes nothing.

Where a week has more than MOST_KEPT of a kind, those with the fewest people are dropped, and how
many the largest of them had is added to what may be missing of any: lossy counting, after Manku and
Motwani, Approximate Frequency Counts over Data Streams, 2002.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np

from portrait.arrays import MISSING, Refs
from portrait.audiences.behaviour import Deeds
from portrait.audiences.cohorts import WEEK_DAYS, week_of
from portrait.events.columns import ERASURE
from portrait.events.event import Action
from portrait.model.habits import VISIT_GAP_MS
from portrait.times import DAY_MS

WEEKS_KEPT = 5  # with the running one
MOST_KEPT, LEFT = 500, 400  # of a kind and week, and when some are dropped: 6 MB at the very most
MOST_STEPS = 4
MOST_HERE = 100_000  # people whose visits are remembered while they are here; 20 MB
THEN = ">"  # between what follows each other, in a name


class Step(StrEnum):
    """What somebody does in a visit."""

    SEARCH = "search"
    SEEN = "seen"  # looked at an item
    WISH = "wish"
    CART = "cart"
    REMOVED = "removed"  # taken out of the cart
    BOUGHT = "bought"


class Kind(StrEnum):
    """What follows each other."""

    STEPS = "steps"
    CATEGORIES = "categories"


_STEP_OF = {
    Action.SEARCH: Step.SEARCH,
    Action.BROWSE: Step.SEEN,
    Action.CLICK: Step.SEEN,
    Action.WISH: Step.WISH,
    Action.CART: Step.CART,
    Action.REMOVE: Step.REMOVED,
    Action.PURCHASE: Step.BOUGHT,
}
_STEPS = [*Step]
_STEP = np.array(
    [_STEPS.index(_STEP_OF[action]) if action in _STEP_OF else MISSING for action in Action]
)  # of an action; a review is no part of a visit


class Week(NamedTuple):
    """The paths of one kind in one week."""

    kind: Kind
    week: int  # from 1970


class Path(NamedTuple):
    """What follows each other, and how many different people did so, about."""

    name: str
    people: int


class Commonest(NamedTuple):
    """The paths with most people, and how many more any may have: of whom it was dropped."""

    paths: Sequence[Path]
    missing: int


Walked = Mapping[Week, Mapping[str, set[str]]]  # who did so, by the path's name


class PathStore(Protocol):
    """How many people took which path, by week."""

    async def walk(self, walked: Walked) -> None:
        """Note who did; weeks that are over for longer than is kept are passed over."""
        ...

    async def commonest(self, kind: Kind, weeks: range, most: int) -> Commonest:
        """Return the paths with most people over some weeks, the first first."""
        ...


class _Here(NamedTuple):
    """Somebody in a visit."""

    at: int  # of their newest event
    steps: tuple[int, ...] = ()  # codes
    category: int = 0  # name_ref; 0: none so far


_NOWHERE = _Here(-VISIT_GAP_MS)
_Went = tuple[Kind, tuple[int, ...]]  # steps, or categories


class Visits:
    """Who is here, and what they did last. Lives as long as the worker.

    It is in memory alone: after a restart visits begin in the middle, and of what is read out of
    order a path has only what came in order.
    """

    def __init__(self, most: int = MOST_HERE) -> None:
        self._most = most
        self._here: dict[str, _Here] = {}

    def walk(self, deeds: Iterable[tuple[Deeds, Refs]]) -> Walked:
        """Go on with the visits, and return who went which way.

        Args:
            deeds: Of some users, each with the category of every event, (E,) name_ref; 0: none.
        """
        found: defaultdict[int, defaultdict[_Went, set[str]]] = defaultdict(
            lambda: defaultdict(set)
        )
        for (users, columns, counted, _), categories in deeds:
            for row in columns["user"][columns["topic"] == ERASURE].tolist():
                self._here.pop(users[row], None)
            event, step = columns["event"], _STEP[columns["event"]["action"]]
            recent = columns["logged"] - event["at"] < WEEKS_KEPT * WEEK_DAYS * DAY_MS
            places = np.flatnonzero(counted & recent & (step != MISSING))
            places = places[np.argsort(event["at"][places], kind="stable")]
            rows = columns["user"], event["at"], step, categories
            for row, at, *did in zip(*(each[places].tolist() for each in rows), strict=True):
                for went in self._go(users[row], at, *did):
                    found[week_of(at // DAY_MS)][went].add(users[row])
        while len(self._here) > self._most:
            del self._here[next(iter(self._here))]
        return _named(found)

    def _go(self, user: str, at: int, step: int, category: int) -> Sequence[_Went]:
        """Take one event of somebody in, and return which way it went."""
        before = self._here.get(user, _NOWHERE)
        if at < before.at:
            return ()
        if at - before.at >= VISIT_GAP_MS:
            before = _NOWHERE
            self._here.pop(user, None)  # whoever came first is forgotten first
        steps, went = before.steps, list[_Went]()
        if steps[-1:] != (step,):
            steps = (*steps, step)[-MOST_STEPS:]
            if len(steps) > 1:
                went.append((Kind.STEPS, steps))
        if category and before.category and category != before.category:
            went.append((Kind.CATEGORIES, (before.category, category)))
        self._here[user] = _Here(at, steps, category or before.category)
        return went


def _named(found: Mapping[int, Mapping[_Went, set[str]]]) -> Walked:
    """Name what was found by week."""
    walked: dict[Week, dict[str, set[str]]] = {}
    for week, ways in found.items():
        for (kind, way), users in ways.items():
            is_move = kind is Kind.CATEGORIES
            name = THEN.join(f"{each:016x}" if is_move else _STEPS[each] for each in way)
            walked.setdefault(Week(kind, week), {})[name] = users
    return walked


def steps_of(name: str) -> tuple[Step, ...]:
    """Return the steps of a path."""
    return tuple(map(Step, name.split(THEN)))


def move_of(name: str) -> tuple[int, int]:
    """Return the name_refs of the categories of a move."""
    before, after = name.split(THEN)
    return int(before, 16), int(after, 16)
