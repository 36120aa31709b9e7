"""Cohorts: of the people who first came in one week, how many came back in which week after it.

A profile says when somebody first came, so each of their events tells of which cohort they are.
Each cohort has a HyperLogLog for its own week and for each of the WEEKS_KEPT after it: as in
`behaviour`, a repeat changes nothing and nobody's name is kept.

Who is seen to have come earlier than was thought, by an event that is read late, is counted in the
cohort of then from then on, and stays in the other one's weeks until now.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from portrait.audiences.behaviour import Deeds
from portrait.times import DAY_MS

WEEK_DAYS = 7
WEEKS_KEPT = 12  # after that of the cohort: 91 counts in all
MONDAY = 3  # days from that of the week of 1970-01-01, a Thursday


class Week(NamedTuple):
    """The people of a cohort who were there in a week; both from 1970, Monday to Sunday, by UTC."""

    cohort: int  # in which they first came
    week: int


Came = Mapping[Week, Sequence[str]]  # who was there


class CohortStore(Protocol):
    """How many people of which cohort there were, by week."""

    async def come(self, came: Came) -> None:
        """Note who was there; what is over for longer than is kept is passed over."""
        ...

    async def came(self, weeks: Sequence[Week]) -> list[int]:
        """Return how many different people there were of a cohort in each week, about."""
        ...


def week_of(day: int) -> int:
    """Return the week of a day, both from 1970."""
    return (day + MONDAY) // WEEK_DAYS


def first_day(week: int) -> int:
    """Return the Monday of a week."""
    return week * WEEK_DAYS - MONDAY


def whole_weeks(today: int) -> range:
    """Return the weeks that are kept and over, the newest last: of those whole cohorts are told."""
    running = week_of(today)
    return range(running - WEEKS_KEPT, running)


def came_in(deeds: Iterable[Deeds]) -> Came:
    """Return who was there when, by the week in which they first came."""
    found: dict[Week, list[str]] = {}
    for users, columns, counted, first_at in deeds:
        user, at = columns["user"], columns["event"]["at"]
        own = (first_at // DAY_MS + MONDAY) // WEEK_DAYS
        cohort = own[user]
        week = (at // DAY_MS + MONDAY) // WEEK_DAYS
        logged = (columns["logged"] // DAY_MS + MONDAY) // WEEK_DAYS
        chosen = counted & (week >= cohort) & (logged - cohort <= WEEKS_KEPT)
        since = week - cohort  # one number for each: many are the same
        for number in np.unique((since * len(users) + user)[chosen]).tolist():
            weeks, row = divmod(number, len(users))
            first = int(own[row])
            found.setdefault(Week(first, first + weeks), []).append(users[row])
    return found
