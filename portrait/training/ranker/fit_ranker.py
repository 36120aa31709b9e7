"""Fit the ranker: train the behaviour encoder, count co-occurrence, choose what each part counts.

interactions ─▶ sequences ─▶ encoder, early stopping on validation ─▶ Behaviour
             ─▶ who touched what, and what after what ─▶ Neighbours
validation ─▶ how far what comes after what is looked for ─▶ blend (`choose_blend.py`)

Every choice is made on the validation; nothing here sees a test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from portrait.arrays import Doubles, Floats
from portrait.catalogue.traits import Traits
from portrait.dataset.examination import counts_of
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.dataset.sequences import sequences_of
from portrait.evaluation.validation import Validation
from portrait.inference.ranker import Ranker
from portrait.model.behaviour import Behaviour
from portrait.model.learned import Learned, untaught
from portrait.model.neighbours import Neighbours
from portrait.model.space import Vectors
from portrait.tracker import Tracker
from portrait.training.loop.train import Course, Outcome, train
from portrait.training.ranker.behaviour_encoder import BehaviourEncoder, EncoderShape
from portrait.training.ranker.choose_blend import EVEN, choose_blend
from portrait.training.ranker.co_occurrence import (
    GATES,
    SOLVABLE,
    Kind,
    Window,
    co_occurrences,
    followed,
    neighbours_of,
    regressed,
    touches,
)
from portrait.training.ranker.next_item import NextItem, NextItemLesson

NEWER = 0.7  # share of the new weights in the average with the champion's: it forgets little
WINDOWS = (Window(10, 0, 1), Window(3, 1, 8))  # where order says something, and where not


@dataclass(frozen=True, slots=True)
class RankerCourse:
    """How to fit a ranker."""

    shape: EncoderShape = field(default_factory=EncoderShape)
    course: Course = field(default_factory=lambda: Course(epochs=8, patience=3))
    temperature: float = 0.1
    examples: int = 1_536  # a batch
    decay: float = 0.22  # per event, of what was touched by the same people: .8 is left
    follow_decay: float = 0.5  # per event, of what came after: .6 is left


@dataclass(frozen=True, slots=True)
class Kinds:
    """Which kinds of neighbours there are, beside the counts of pairs."""

    regressed: bool
    window: Window | None = None  # of what comes after what; None: without that


@dataclass(frozen=True, slots=True)
class FittedRanker:
    """What came out."""

    learned: Learned
    figures: Mapping[str, float]  # on validation, of the blend and of each part
    outcome: Outcome  # of the encoder's training
    kinds: Kinds


def fit_ranker(  # noqa: PLR0913 - what it learns from, and what it may be given
    events: Interactions,
    validation: Validation,
    text_vectors: Vectors,
    course: RankerCourse | None = None,
    *,
    counted: Interactions | None = None,
    traits: Traits | None = None,
    examined: Doubles | None = None,
    champion: Learned | None = None,
    tracker: Tracker | None = None,
    checkpoint: Path | None = None,
) -> FittedRanker:
    """Fit behaviour, neighbours and their blend.

    Args:
        events: Of U users, before what is asked: what the encoder learns from.
        validation: For early stopping and the blend; of the same items.
        text_vectors: (N + Q, K), unit rows of the space, in order of `events.items` and then of
            `events.queries`.
        course: How.
        counted: The whole past, where that is more than `events`: co-occurrence is counted on it,
            which is cheap. Of the same users and items.
        traits: Of the items, (N,); None: categories and prices count nothing.
        examined: (P,), how likely places of lists are looked at: what came of one that is seldom
            counts more to the encoder. None: each event counts once.
        champion: Of the same space and shape: training goes on from it, the result is averaged
            with it, and its blend stands unless another is better by more than chance.
        tracker: Where the curves go.
        checkpoint: A file; a fit that was killed goes on from it.
    """
    course = course or RankerCourse()
    past = counted or events
    behaviour, outcome = _behaviour(
        events, validation, text_vectors, course, examined, champion, tracker, checkpoint
    )
    window = choose_window(past, validation, text_vectors, course)
    kinds = Kinds(is_solvable(past), window)
    neighbours = fit_neighbours(past, text_vectors, kinds, course)
    learned, figures = choose_blend(
        Learned(behaviour, neighbours, EVEN),
        validation,
        past.items,
        text_vectors,
        champion,
        traits=traits,
        knows_order=True,
    )
    is_left_out = len(learned.neighbours.kinds) < len(neighbours.kinds)
    return FittedRanker(
        learned, figures, outcome, replace(kinds, window=None) if is_left_out else kinds
    )


def refit_ranker(  # noqa: PLR0913 - as `fit_ranker`
    fitted: FittedRanker,
    events: Interactions,
    text_vectors: Vectors,
    course: RankerCourse | None = None,
    *,
    counted: Interactions | None = None,
    examined: Doubles | None = None,
    champion: Learned | None = None,
    tracker: Tracker | None = None,
    checkpoint: Path | None = None,
) -> Learned:
    """Fit once more with nothing held out, by the choices of a fit that held something out.

    The newest events are those that say most of what comes next; held out for validation they would
    be missing from the model in service. Epochs and blend stay as they were chosen.

    Args:
        fitted: What `fit_ranker` chose.
        events: Of its interactions and its validation together.
        text_vectors: (N + Q, K), as then.
        course: The same as then, as all below.
        counted: The whole past, where that is more than `events`.
        examined: As then.
        champion: Whom the fit began from.
        tracker: Where the curve goes.
        checkpoint: A file of its own.
    """
    course = course or RankerCourse()
    known = replace(course.course, stop_after=fitted.outcome.epoch)
    course_again = replace(course, course=known)
    behaviour, _ = _behaviour(
        events, None, text_vectors, course_again, examined, champion, tracker, checkpoint
    )
    neighbours = replace(
        fit_neighbours(counted or events, text_vectors, fitted.kinds, course),
        kinds=fitted.learned.neighbours.kinds,
    )
    return replace(fitted.learned, behaviour=behaviour, neighbours=neighbours)


def choose_window(
    events: Interactions, validation: Validation, text_vectors: Vectors, course: RankerCourse
) -> Window:
    """Choose how what is touched after what is counted: by what it finds on validation alone."""

    def found(window: Window) -> float:
        kind = Kind(followed(events, window), course.follow_decay)
        alone = replace(
            untaught(text_vectors.shape[1]),
            neighbours=neighbours_of([kind], events.items, GATES),
        )
        ranker = Ranker.over(alone, events.items, text_vectors)
        rows, happened = ranker.heard(validation.rows, validation.events)

        def scores(users: slice) -> Floats:
            return ranker.neighbour_scores(rows[users], happened[users])

        return validation.figures(scores)["ndcg@10"]

    return max(WINDOWS, key=found)


def is_solvable(events: Interactions) -> bool:
    """Say whether so few items were touched that they can be regressed on each other."""
    return bool(np.count_nonzero(touches(events).sum(axis=0)) <= SOLVABLE)


def fit_neighbours(
    events: Interactions,
    text_vectors: Vectors,
    kinds: Kinds | None = None,
    course: RankerCourse | None = None,
) -> Neighbours:
    """Count pairs, solve the regression, count what comes after what.

    Of items that somebody touched: that the others are not there makes them cold.

    Args:
        events: Of U users.
        text_vectors: (N + Q, K), unit rows.
        kinds: Which there are to be. None: pairs, and the regression where it can be solved.
        course: How fast each is forgotten.
    """
    kinds, course = kinds or Kinds(is_solvable(events)), course or RankerCourse()
    touched = touches(events)
    warm = np.flatnonzero(touched.sum(axis=0))
    touched = touched[:, warm]
    made = [Kind(co_occurrences(touched), course.decay)]
    if kinds.regressed:
        made.append(Kind(regressed(touched, text_vectors[warm]), course.decay))
    if kinds.window is not None:
        made.append(Kind(followed(events, kinds.window)[warm][:, warm], course.follow_decay))
    return neighbours_of(made, events.items[warm], GATES)


def _behaviour(  # noqa: PLR0913, PLR0917 - see `fit_ranker`
    events: Interactions,
    validation: Validation | None,
    text_vectors: Vectors,
    course: RankerCourse,
    examined: Doubles | None,
    champion: Learned | None,
    tracker: Tracker | None,
    checkpoint: Path | None,
) -> tuple[Behaviour, Outcome]:
    """Train the encoder, from a champion if there is one."""
    counts = np.bincount(events.item[events.item != NO_ITEM], minlength=len(events.items))
    torch.manual_seed(course.course.seed)
    encoder = BehaviourEncoder(text_vectors, counts.astype(np.float32), course.shape)
    if champion is not None:
        encoder.warm_start(champion.behaviour, events.items)
    lesson = NextItemLesson(
        NextItem(encoder, temperature=course.temperature),
        sequences_of(events, None if examined is None else counts_of(examined, events.place)),
        validation,
        course.examples,
        course.course.seed,
    )
    outcome = train(lesson, course.course, tracker=tracker, checkpoint=checkpoint)
    learned = encoder.exported(events.items)
    if champion is not None:
        learned = champion.behaviour.average(learned, NEWER)
    return learned, outcome
