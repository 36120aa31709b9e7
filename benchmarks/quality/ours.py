"""Portrait itself, through the same door as its peers."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.quality.histories import Histories
from benchmarks.quality.peer import Lesson, Model, Settings
from portrait.arrays import MISSING, Codes
from portrait.dataset.interactions import Interactions, from_columns
from portrait.evaluation.ranking import Scores
from portrait.evaluation.validation import validation_of
from portrait.events.columns import ACTION_CODE, RING
from portrait.events.event import Action
from portrait.inference.ranker import Ranker
from portrait.model.recency import Events
from portrait.ref import item_ref
from portrait.training.ranker.fit_ranker import (
    FittedRanker,
    RankerCourse,
    fit_ranker,
    refit_ranker,
)

PURCHASE = ACTION_CODE[Action.PURCHASE]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A fitted Portrait."""

    ranker: Ranker
    fitted: FittedRanker
    course: RankerCourse

    def scores(self, histories: Histories) -> Scores:
        """Score every item from the newest events, as the service does, (U, N)."""
        return self.ranker.scores(*told(histories))

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself: training chose the blend."""
        yield {}, self


class Portrait:
    """The behaviour encoder, co-occurrence and text, blended on validation."""

    name = "Portrait"
    seeded = True

    def __init__(self, most_epochs: int | None = None) -> None:
        self._most_epochs = most_epochs

    def grid(self) -> Iterator[Settings]:
        """Yield the only setting: all were chosen once, on validation (docs/experiments.md)."""
        yield {}

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:  # noqa: ARG002 - a Peer
        """Train as the trainer does."""
        events = interactions_of(lesson.train, lesson.ids)
        course = RankerCourse()
        epochs = self._most_epochs or course.course.epochs
        course = replace(course, course=replace(course.course, seed=seed, epochs=epochs))
        validation = validation_of(events, lesson.valid.histories.users, lesson.valid.targets)
        fitted = fit_ranker(events, validation, lesson.texts, course)
        return Ranked(Ranker.over(fitted.learned, events.items, lesson.texts), fitted, course)


def refit(model: Ranked, lesson: Lesson) -> Ranked:
    """Fit again on all of a lesson's training; nothing is held out, nothing is chosen."""
    events = interactions_of(lesson.train, lesson.ids)
    learned = refit_ranker(model.fitted, events, lesson.texts, model.course)
    return replace(model, ranker=Ranker.over(learned, events.items, lesson.texts))


def told(histories: Histories) -> tuple[Codes, Events]:
    """Tell the newest events of U histories as purchases: rows or MISSING, and events, (U, S)."""
    longest = int(min(max(histories.lengths.max(initial=1), 1), RING))
    items, present = histories.newest(longest)
    at = np.where(present, histories.lengths[:, None] - np.arange(longest), 0)
    kind = np.full(items.shape, PURCHASE, np.uint8)
    return np.where(present, items, MISSING), Events(kind, at, present)


def interactions_of(histories: Histories, ids: tuple[str, ...]) -> Interactions:
    """Take sequences without times as purchases, one millisecond after the other."""
    rows = histories.rows
    return from_columns(
        user=histories.users[rows],
        item=histories.flat,
        action=np.full(len(rows), PURCHASE, np.uint8),
        at=np.arange(len(rows)) - histories.starts[rows],
        items=np.array([item_ref(id) for id in ids], np.uint64),
        users=int(histories.users.max(initial=-1)) + 1,
    )
