"""Heads of a challenger, beside the champion's on the same questions.

What a head learns depends on the states of its model, so a new encoder needs new heads. The
champion answers the questions of their test again, with its own states.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from portrait.arrays import MISSING, Floats, Refs, positions
from portrait.dataset.history import Anchors, History
from portrait.dataset.questions import StateOf
from portrait.evaluation.classification import binary_figures, ece_by_chance, multiclass_figures
from portrait.evaluation.trial import HeadFigures
from portrait.inference.ranker import Ranker
from portrait.model.heads import INTERESTS, NEXT_ACTION, Heads
from portrait.model.learned import Learned
from portrait.model.space import Vectors
from portrait.monitoring.readings import state_of
from portrait.tracker import Tracker
from portrait.training.heads.fit_heads import fit_heads
from portrait.training.heads.judge_heads import HeadReport
from portrait.training.material import Material

PART = 4_096  # questions whose facts are in memory at once: 8 MB
UNNAMED = 1e-4  # what a model says of a category that it does not know

Measured = dict[str, HeadFigures]


class PlacedModel(NamedTuple):
    """A model, and the texts of items and searches in its space, (N + Q, K)."""

    learned: Learned
    vectors: Vectors


class ChallengerHeads(NamedTuple):
    """The heads that beat their baselines, and the figures of both models."""

    heads: Heads | None
    challenger: Measured
    champion: Measured
    reasons: dict[str, str]  # why each is served or not


def fit_challenger_heads(
    material: Material,
    ours: PlacedModel,
    theirs: PlacedModel | None,
    *,
    most_ece: float,
    tracker: Tracker | None = None,
) -> ChallengerHeads:
    """Fit the heads anew.

    Args:
        material: Whose events teach them.
        ours: The challenger; its heads are not looked at.
        theirs: The champion, which has to be matched, if it has learned anything.
        most_ece: Calibration error that a head may have which the champion lacks, if chance does
            not explain more.
        tracker: Is told how many heads are done.
    """
    events = material.events
    heads, reports = fit_heads(
        events,
        material.categories,
        state_of(Ranker.over(ours.learned, events.items, ours.vectors), events),
        until=material.until,
        tracker=tracker,
    )
    asked: Measured = {}
    if theirs is not None and theirs.learned.heads is not None:
        states = state_of(Ranker.over(theirs.learned, events.items, theirs.vectors), events)
        asked = _answered(material, theirs.learned.heads, heads, states, reports)
    served = {
        report.name: HeadFigures(
            report.calibrated["average_precision"],
            report.calibrated["ece"],
            ece_by_chance(report.believed),
        )
        for report in reports
        if report.served
    }
    reasons = {report.name: report.reason for report in reports}
    new = {name: figures for name, figures in served.items() if name not in asked}
    for name in [name for name, head in new.items() if head.ece > head.tolerated(most_ece)]:
        reasons[name] = f"its calibration error is {served.pop(name).ece:.3f}"
    kept = {name: head for name, head in heads.heads.items() if name in served}
    if not kept:
        return ChallengerHeads(None, {}, asked, reasons)
    return ChallengerHeads(replace(heads, heads=kept), served, asked, reasons)


def _answered(
    material: Material,
    theirs: Heads,
    ours: Heads,
    states: StateOf,
    reports: Sequence[HeadReport],
) -> Measured:
    """Let the champion answer the test of every head that it has."""
    history = History(material.events)
    figures: Measured = {}
    for report in reports:
        if report.test is None or report.name not in theirs.heads:
            continue
        labels = report.test.labels
        said = _said(material, history, theirs, ours, states, report.name, labels.anchors)
        if report.name == NEXT_ACTION:
            measured = multiclass_figures(labels.values.astype(np.int64), said)
        else:
            measured = binary_figures(labels.values.astype(np.bool_), said)
        figures[report.name] = HeadFigures(measured["average_precision"], measured["ece"])
    return figures


def _said(  # noqa: PLR0913, PLR0917 - one model, one question
    material: Material,
    history: History,
    theirs: Heads,
    ours: Heads,
    states: StateOf,
    name: str,
    anchors: Anchors,
) -> Floats:
    """Return what the champion says, (A,), or (A, C) in order of the challenger's categories."""
    parts = []
    for start in range(0, len(anchors), PART):
        some = anchors.where(np.arange(start, min(start + PART, len(anchors))))
        facts = history.facts(some)
        predicted = theirs.predict(
            facts.head,
            facts.ring,
            states(facts.ring),
            some.at,
            _touched(material, facts.ring["ref"]) if name == INTERESTS else None,
        )
        parts.append(predicted.of(name))
    said = np.concatenate(parts)
    if name != INTERESTS:
        return said
    place = positions(theirs.categories, ours.categories)
    known = said[:, place]
    known[:, place == MISSING] = UNNAMED
    return known


def _touched(material: Material, refs: Refs) -> Refs:
    """Return the category of each event's item, (A, RING), or 0."""
    place = positions(material.events.items, refs)
    return np.where(place == MISSING, np.uint64(0), material.categories[place])
