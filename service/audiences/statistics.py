"""Routes: what all people of a shop do, by day and week, and which categories rise."""

from collections.abc import Iterator, Mapping
from time import time
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query
from pydantic import Field

from portrait.arrays import Doubles
from portrait.audiences.behaviour import DAYS_KEPT, ERROR, Span, Stage
from portrait.catalogue.popularity import popularity_of
from portrait.times import DAY_MS, to_moment
from service.audiences.retention import Cohort, Retained, retention_at
from service.audiences.visits import VisitsAnswer, visits_at
from service.dependencies import LiveDep, PartsDep
from service.fields import Category, Moment, ResponseBody
from service.http.problems import declared
from service.routing import ExactRoute
from service.view import View

WEEK_DAYS = 7
FORTNIGHT = 14  # days with events, of which a category's share is compared with the same before
SHOWN = 10  # categories that rise, and that fall
DECIMALS = 4

router = APIRouter(route_class=ExactRoute, tags=["audiences"])

Days = Annotated[int, Query(ge=1, le=DAYS_KEPT, description="How many, up to today, by UTC.")]
People = Annotated[int, Field(ge=0, description="Different people, about.", examples=[1_204])]


class DayAnswer(ResponseBody):
    """How many people there were on one day."""

    begins: Moment
    active: People
    seen: People
    cart: People
    bought: People


class WeekAnswer(ResponseBody):
    """How many people there were in seven days."""

    begins: Moment
    active: People


class Funnel(ResponseBody):
    """How many people came how far, on any of the days; not all in this order."""

    active: People
    seen: People
    cart: People
    bought: People


class Moved(ResponseBody):
    """A category whose share of what is wanted has changed."""

    category: Category
    share: float = Field(
        description="Of what everybody wants, over the newest 14 days with events.",
        examples=[0.0412],
    )
    before: float = Field(description="The same over the 14 before.", examples=[0.0251])


class BehaviourAnswer(ResponseBody):
    """What everybody does."""

    since: Moment
    standard_error: float = Field(
        description="Of each count, as a share of it: people are counted without being named.",
        examples=[ERROR],
    )
    funnel: Funnel
    days: tuple[DayAnswer, ...] = Field(description="The newest first.")
    weeks: tuple[WeekAnswer, ...] = Field(description="Whole ones up to today, the newest first.")
    rising: tuple[Moved, ...]
    falling: tuple[Moved, ...]
    cohorts: tuple[Cohort, ...] = Field(
        description="By the week, Monday to Sunday by UTC, in which people first came; at most 12 "
        "weeks that are over, the newest first, whatever `days` says."
    )
    retention: tuple[Retained, ...] = Field(description="Of all these cohorts together.")
    visits: VisitsAnswer


@router.get("/stats/behaviour", responses=declared(422))
async def get_behaviour(parts: PartsDep, live: LiveDep, days: Days = 28) -> BehaviourAnswer:
    """Return how many people came how far and came back, what rises, and which way they went.

    Only who lets what they do count in what is said of everybody is counted; events of before are
    not, where this was not counted yet.
    """
    today = int(time() * 1_000) // DAY_MS
    span = range(today - days + 1, today + 1)
    each = [*span][::-1]
    weeks = [range(end - WEEK_DAYS, end) for end in range(today + 1, span.start + 6, -WEEK_DAYS)]
    asked = [Span(stage, span) for stage in Stage]
    asked += [Span(stage, range(day, day + 1)) for day in each for stage in Stage]
    asked += [Span(Stage.ACTIVE, week) for week in weeks]
    counts = iter(await parts.behaviour.count(asked))
    funnel = Funnel(**_stages(counts))
    by_day = tuple(DayAnswer(begins=to_moment(day * DAY_MS), **_stages(counts)) for day in each)
    by_week = tuple(
        WeekAnswer(begins=to_moment(week.start * DAY_MS), active=next(counts)) for week in weeks
    )
    newest = await parts.popularity.newest(FORTNIGHT)
    both = await parts.popularity.newest(2 * FORTNIGHT)
    rising, falling = _moved(live.require(), newest, both)
    cohorts, retention = await retention_at(today, parts.cohorts)
    interests = live.require().source.mirror.catalogue.interests
    visits = await visits_at(today, parts.paths, interests)
    return BehaviourAnswer(
        since=to_moment(span.start * DAY_MS),
        standard_error=ERROR,
        funnel=funnel,
        days=by_day,
        weeks=by_week,
        rising=rising,
        falling=falling,
        cohorts=cohorts,
        retention=retention,
        visits=visits,
    )


def _stages(counts: Iterator[int]) -> dict[str, int]:
    """Take the next count of each stage."""
    return {stage.value: next(counts) for stage in Stage}


def _moved(
    view: View, newest: Mapping[str, int], both: Mapping[str, int]
) -> tuple[tuple[Moved, ...], tuple[Moved, ...]]:
    """Return the categories that have won most of what is wanted, and those that have lost most."""
    before = {id: max(0, weight - newest.get(id, 0)) for id, weight in both.items()}
    now, then = _shares(view, newest), _shares(view, before)
    change = now - then
    order = np.argsort(-change, kind="stable")
    names = [*view.source.mirror.catalogue.interests][: len(change)]

    def told(codes: list[int]) -> tuple[Moved, ...]:
        return tuple(
            Moved(
                category=names[code],
                share=round(float(now[code]), DECIMALS),
                before=round(float(then[code]), DECIMALS),
            )
            for code in codes[:SHOWN]
        )

    if not then.any():  # nothing to compare with yet
        return (), ()
    rising = [code for code in order.tolist() if change[code] > 0]
    falling = [code for code in order[::-1].tolist() if change[code] < 0]
    return told(rising), told(falling)


def _shares(view: View, weights: Mapping[str, int]) -> Doubles:
    """Return each interest category's share of what is wanted."""
    shelf, interests = view.shelf, len(view.source.mirror.catalogue.interests)
    wanted = popularity_of(view.source.mirror.catalogue, weights).weights[: len(shelf)]
    known = shelf.interest >= 0
    sums = np.bincount(shelf.interest[known], wanted[: len(known)][known], minlength=interests)
    return sums / (sums.sum() or 1.0)
