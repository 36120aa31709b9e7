"""Experiments and figures in the words of the API."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite

from portrait.experiments.counts import Lift
from portrait.experiments.definition import Experiment
from portrait.experiments.store import Counts, DayFigure
from portrait.experiments.tally import METRICS, THOUSANDTH
from portrait.experiments.verdict import Compared as Told
from portrait.experiments.verdict import Verdict, verdict_of
from service.experiments.schemas import (
    Brought,
    Compared,
    ExperimentAnswer,
    ExperimentSummary,
    State,
    VariantAnswer,
)

DECIMALS = 4


def summary_of(experiment: Experiment, counts: Counts, now: datetime) -> ExperimentSummary:
    """Return an experiment without its figures."""
    return ExperimentSummary(**_common(experiment, verdict_of(experiment.definition, counts), now))


def answer_of(experiment: Experiment, counts: Counts, now: datetime) -> ExperimentAnswer:
    """Return an experiment with its figures."""
    verdict = verdict_of(experiment.definition, counts)
    return ExperimentAnswer(
        **_common(experiment, verdict, now),
        ratio_p=verdict.ratio_p,
        variants=tuple(
            VariantAnswer(
                variant=name,
                share=round(share, DECIMALS),
                people=verdict.people[name],
                compared=tuple(_compared(e) for e in verdict.compared if e.variant == name),
            )
            for name, share in experiment.definition.shares.items()
        ),
    )


def _common(experiment: Experiment, verdict: Verdict, now: datetime) -> Mapping[str, object]:
    return {
        "experiment_id": experiment.id,
        "revision": experiment.revision,
        "state": _state(experiment, now),
        "definition": experiment.definition,
        "changed_at": experiment.changed_at,
        "end": verdict.end,
        "verdict": verdict.sentence,
    }


def _state(experiment: Experiment, now: datetime) -> State:
    if experiment.runs(now):
        return "running"
    begins = experiment.definition.begins_at
    return "planned" if begins is not None and now < begins else "ended"


def _compared(told: Told) -> Compared:
    lift = told.lift or Lift(None, float("nan"), float("nan"), float("nan"))
    return Compared(
        goal=told.goal,
        value=round(told.value, DECIMALS),
        lift=_finite(lift.lift),
        low=_finite(lift.low),
        high=_finite(lift.high),
        p=_finite(lift.p),
    )


def _finite(number: float | None) -> float | None:
    return None if number is None or not isfinite(number) else round(number, DECIMALS)


def brought_of(figures: Sequence[DayFigure], by: str, surface: str | None) -> tuple[Brought, ...]:
    """Add up days, by what lists are told apart by."""
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for _, figure, amount in figures:
        if figure.by == by and surface in {None, figure.surface} and figure.metric in METRICS:
            of = sums.setdefault((figure.surface, figure.value), dict.fromkeys(METRICS, 0))
            of[figure.metric] += amount
    return tuple(
        Brought(
            surface=surface,
            value=value,
            **{metric: n for metric, n in of.items() if metric != "revenue"},
            revenue=of["revenue"] / THOUSANDTH,
        )
        for (surface, value), of in sorted(sums.items(), key=lambda each: -each[1]["items"])
    )
