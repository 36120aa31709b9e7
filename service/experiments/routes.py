"""Routes: experiments, what came of them, and what lists brought by place and source."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from portrait.experiments.definition import Experiment, ExperimentId, said_of
from portrait.experiments.store import FIGURE_DAYS, ExperimentNotFoundError
from portrait.times import DAY_MS, to_moment
from service.dependencies import PartsDep
from service.experiments.describe import answer_of, brought_of, summary_of
from service.experiments.schemas import (
    AttributionAnswer,
    ExperimentAnswer,
    ExperimentBody,
    ExperimentsAnswer,
)
from service.http.problems import (
    TYPES,
    WRITING,
    ExperimentQuarrelsError,
    Problem,
    declared,
)
from service.recommendations.surfaces import Surface
from service.routing import ExactRoute

QUARRELS = Problem(
    type=f"{TYPES}experiment-quarrels",
    title="Another experiment asks for something else of the same lists.",
    status=409,
    detail="`calm-home` changes the same of lists that the same people see: end it first, or give "
    "both a stretch of one layer.",
    request_id="5f0c8a",
)

router = APIRouter(route_class=ExactRoute, tags=["experiments"])

IdPath = Annotated[
    ExperimentId, Path(description="Chosen by whoever puts it.", examples=["diverse-home"])
]
By = Annotated[
    Literal["all", "position", "source", "model", "variant", "explored"],
    Query(
        description="What lists are told apart by, beside the surface. `explored`: of places that "
        "were given to a draw alone, by what proposed the item."
    ),
]
SurfaceQuery = Annotated[Surface | None, Query(description="One surface alone.")]
Days = Annotated[int, Query(ge=1, le=FIGURE_DAYS, description="How many, up to today, by UTC.")]


@router.get("/experiments", responses=declared())
async def get_experiments(parts: PartsDep) -> ExperimentsAnswer:
    """Return every experiment, and what can be said of it so far."""
    now, experiments = datetime.now(UTC), await parts.experiments.all()
    return ExperimentsAnswer(
        experiments=tuple(
            [summary_of(each, await parts.experiments.counts(each), now) for each in experiments]
        )
    )


@router.get("/experiments/{experiment_id}", responses=declared(422))
async def get_experiment(experiment_id: IdPath, parts: PartsDep) -> ExperimentAnswer:
    """Return an experiment, each variant's figures beside the first's, and a verdict.

    Intervals hold at all moments together, so it may be looked at at any time, and be ended as soon
    as it says enough. People count from when they first saw a list of it.
    """
    for each in await parts.experiments.all():
        if each.id == experiment_id:
            return answer_of(each, await parts.experiments.counts(each), datetime.now(UTC))
    raise ExperimentNotFoundError


@router.put(
    "/experiments/{experiment_id}",
    responses=declared(409, *WRITING, examples={409: QUARRELS}),
)
async def put_experiment(
    experiment_id: IdPath, body: ExperimentBody, parts: PartsDep
) -> ExperimentAnswer:
    """Begin an experiment, or change it; every process of the service follows within a second.

    It is ended by `ends_at`. A ramp that grows, an end, a goal and a note change nothing of what
    was counted; whatever else is changed makes it a new revision, with figures of its own.
    """
    now = datetime.now(UTC)

    def changed(known: Sequence[Experiment]) -> Experiment:
        before = next((each for each in known if each.id == experiment_id), None)
        said = said_of(experiment_id, body, before, now)
        _check_peace(said, known, now)
        return said

    kept = await parts.experiments.change(experiment_id, changed)
    return answer_of(kept, await parts.experiments.counts(kept), now)


def _check_peace(said: Experiment, known: Sequence[Experiment], now: datetime) -> None:
    """Raise ExperimentQuarrelsError if another one that is not over asks for something else."""
    for other in known:
        is_over = other.definition.ends_at is not None and other.definition.ends_at <= now
        if other.id != said.id and not is_over and said.quarrels_with(other):
            msg = (
                f"`{other.id}` changes the same of lists that the same people see: end it first, "
                "or give both a stretch of one layer."
            )
            raise ExperimentQuarrelsError(msg)


@router.get("/attribution", responses=declared(422))
async def get_attribution(
    parts: PartsDep, by: By = "all", surface: SurfaceQuery = None, days: Days = 7
) -> AttributionAnswer:
    """Return what lists of recommendations brought.

    A click is an item touched within a day of its list; a cart or a purchase counts for the newest
    list that its item was touched in by the same person, within a week before; each once.
    """
    today = round(time.time() * 1_000) // DAY_MS
    first = today - days + 1
    figures = await parts.experiments.figures(range(first, today + 1))
    return AttributionAnswer(
        since=to_moment(first * DAY_MS).date(), brought=brought_of(figures, by, surface)
    )
