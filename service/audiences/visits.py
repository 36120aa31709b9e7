"""Visits: in which order people do things in one, and from which category to which they go."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from portrait.audiences.behaviour import FEWEST_TOLD
from portrait.audiences.cohorts import first_day, week_of
from portrait.audiences.paths import (
    MOST_KEPT,
    WEEKS_KEPT,
    Kind,
    Path,
    PathStore,
    Step,
    move_of,
    steps_of,
)
from portrait.catalogue.names import Names
from portrait.times import DAY_MS, to_moment
from service.fields import Category, Moment, ResponseBody

SHOWN = 20  # of each

People = Annotated[
    int, Field(ge=FEWEST_TOLD, description="Different people, about.", examples=[412])
]
Missing = Annotated[
    int,
    Field(
        ge=0,
        description="So many people may be missing in each, beside the standard error: what is "
        f"rare is forgotten where a week has more than {MOST_KEPT}.",
        examples=[0],
    ),
]


class PathAnswer(ResponseBody):
    """What people did one after the other since a visit began, at most the last four steps."""

    steps: tuple[Step, ...] = Field(
        description="What is repeated at once is one step.", examples=[["search", "seen", "cart"]]
    )
    people: People


class MoveAnswer(ResponseBody):
    """Two categories that people touched one after the other in a visit."""

    before: Category
    after: Category
    people: People


class VisitsAnswer(ResponseBody):
    """The commonest paths; a visit ends with half an hour of nothing."""

    since: Moment
    paths: tuple[PathAnswer, ...] = Field(
        description=f"The commonest first; none of fewer than {FEWEST_TOLD} people."
    )
    paths_missing: Missing
    moves: tuple[MoveAnswer, ...] = Field(description="Likewise.")
    moves_missing: Missing


async def visits_at(today: int, store: PathStore, categories: Names) -> VisitsAnswer:
    """Return what is commonest in the running week and the four before it.

    Args:
        today: Day from 1970.
        store: Of the shop.
        categories: By which those of moves are named.
    """
    running = week_of(today)
    weeks = range(running - WEEKS_KEPT + 1, running + 1)
    paths = await store.commonest(Kind.STEPS, weeks, SHOWN)
    moves = await store.commonest(Kind.CATEGORIES, weeks, SHOWN)
    return VisitsAnswer(
        since=to_moment(first_day(weeks.start) * DAY_MS),
        paths=tuple(
            PathAnswer(steps=steps_of(path.name), people=path.people) for path in _told(paths.paths)
        ),
        paths_missing=paths.missing,
        moves=tuple(_moves(moves.paths, categories)),
        moves_missing=moves.missing,
    )


def _told(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield those with enough people behind them."""
    return (path for path in paths if path.people >= FEWEST_TOLD)


def _moves(paths: Sequence[Path], categories: Names) -> Iterator[MoveAnswer]:
    """Yield moves by name; one whose category is gone is not told."""
    for path in _told(paths):
        before, after = map(categories.name_of, move_of(path.name))
        if before is not None and after is not None:
            yield MoveAnswer(before=before, after=after, people=path.people)
