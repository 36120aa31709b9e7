"""Retention: who first came in which week, and how many of them came back in the weeks after."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from portrait.audiences.behaviour import FEWEST_TOLD
from portrait.audiences.cohorts import CohortStore, Week, first_day, whole_weeks
from portrait.times import DAY_MS, to_moment
from service.fields import Moment, ResponseBody

DECIMALS = 4

Share = Annotated[
    float | None,
    Field(
        ge=0,
        le=1,
        description=f"Of them; null: fewer than {FEWEST_TOLD} people came back.",
        examples=[0.214],
    ),
]


class Returned(ResponseBody):
    """How many of some people came back in a week."""

    week: int = Field(ge=1, description="After that in which they first came.", examples=[1])
    people: int | None = Field(
        description=f"Different people, about; null: fewer than {FEWEST_TOLD}.", examples=[258]
    )
    share: Share


class Cohort(ResponseBody):
    """The people who first came in one week, of those who are counted."""

    begins: Moment
    people: int = Field(
        ge=FEWEST_TOLD,
        description="Different people, about. Of a week with fewer than "
        f"{FEWEST_TOLD} nothing is told.",
        examples=[1_204],
    )
    returned: tuple[Returned, ...]


class Retained(ResponseBody):
    """Of all cohorts that have had so many weeks since, how many came back in that one."""

    week: int = Field(ge=1, examples=[1])
    of: int = Field(description="People of these cohorts.", examples=[8_411])
    share: float = Field(
        description="Of them. What is told of a cohort counts; what is not, as nobody.",
        examples=[0.223],
    )


async def retention_at(
    today: int, store: CohortStore
) -> tuple[tuple[Cohort, ...], tuple[Retained, ...]]:
    """Return the cohorts, the newest first, and the curve over all; of weeks that are over.

    Args:
        today: Day from 1970.
        store: Of the shop.
    """
    weeks = whole_weeks(today)
    asked = [Week(first, then) for first in weeks for then in range(first, weeks.stop)]
    counts = dict(zip(asked, await store.came(asked), strict=True))
    cohorts = {first: _cohort(first, weeks.stop, counts) for first in reversed(weeks)}
    told = {first: cohort for first, cohort in cohorts.items() if cohort is not None}
    return tuple(told.values()), _curve([*told.values()])


def _cohort(first: int, until: int, counts: Mapping[Week, int]) -> Cohort | None:
    """Return a cohort; None: so few that nothing is told of them."""
    people = counts[Week(first, first)]
    if people < FEWEST_TOLD:
        return None
    return Cohort(
        begins=to_moment(first_day(first) * DAY_MS),
        people=people,
        returned=tuple(
            _returned(then - first, min(counts[Week(first, then)], people), people)
            for then in range(first + 1, until)
        ),
    )


def _returned(week: int, back: int, people: int) -> Returned:
    if back < FEWEST_TOLD:
        return Returned(week=week, people=None, share=None)
    return Returned(week=week, people=back, share=round(back / people, DECIMALS))


def _curve(cohorts: list[Cohort]) -> tuple[Retained, ...]:
    """Add the cohorts up by the number of weeks since; the newest have had the fewest."""
    longest = max((len(each.returned) for each in cohorts), default=0)
    curve = []
    for place in range(longest):
        reached = [each for each in cohorts if len(each.returned) > place]
        people = sum(each.people for each in reached)
        back = sum(each.returned[place].people or 0 for each in reached)
        curve.append(Retained(week=place + 1, of=people, share=round(back / people, DECIMALS)))
    return tuple(curve)
