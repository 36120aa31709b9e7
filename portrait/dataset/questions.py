"""Questions: the moments that heads are trained and judged at, and what was known at them.

    asked_from ── training ── valid_from ── choices, calibration ── test_from ── test ── until

Time goes forward only: a training label has matured before the first validation question is asked,
and a validation label before the first test question. The test is looked at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes, Floats, Refs, positions
from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import Interactions
from portrait.dataset.labels import Labels
from portrait.dataset.leaks import audit_facts, audit_split
from portrait.model.heads import features, touches
from portrait.times import DAY_MS

EVERY_MS = 7 * DAY_MS  # from one question of the calendar to the next
REMEMBERED_MS = 90 * DAY_MS  # nobody asks about who was not seen for longer
TEST_SHARE, VALID_SHARE = 0.25, 0.2  # of the time
WARM_UP_SHARE = 0.16  # nobody is asked about so early: their history is cut off by the log's begin
LEAST_DELAY_MS, MOST_DELAY_MS = 1_000, 7 * DAY_MS  # from an event to the question
PART = 8_192  # anchors whose facts are in memory at once: 16 MB

StateOf = Callable[[NDArray[np.void]], Floats]  # ring (A, RING) -> states (A, D)
Label = Callable[[Anchors, int], Labels]  # anchors, until


@dataclass(frozen=True, slots=True)
class Periods:
    """Where time is cut, ms."""

    asked_from: int
    valid_from: int
    test_from: int
    until: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the service would know: how facts become features."""

    history: History
    state_of: StateOf
    category_refs: Refs  # (N,), name_ref of each item's interest category; 0 = none
    categories: Refs  # (C,), those asked about, ascending


@dataclass(frozen=True, slots=True)
class Examples:
    """A answered questions."""

    features: Floats  # (A, X)
    touches: Floats | None  # (A, T, C), for interests
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, chosen: NDArray[np.bool_]) -> "Examples":
        """Return these examples alone."""
        touched = None if self.touches is None else self.touches[chosen]
        return Examples(self.features[chosen], touched, self.labels.where(chosen))


@dataclass(frozen=True, slots=True)
class Sets:
    """Examples in order of time."""

    train: Examples
    valid: Examples
    test: Examples


def cut(interactions: Interactions, until: int) -> Periods:
    """Cut time into training, validation and test."""
    begin = int(interactions.at.min())
    span = until - begin
    test_from = until - round(span * TEST_SHARE)
    valid_from = test_from - round(span * VALID_SHARE)
    return Periods(begin + round(span * WARM_UP_SHARE), valid_from, test_from, until)


def calendar_anchors(
    interactions: Interactions, first: int, last: int, every: int, seed: int = 0
) -> Anchors:
    """Ask about everybody seen lately, once in each stretch of time, at a moment drawn by chance.

    Args:
        interactions: Of U users.
        first: The first stretch begins here, ms.
        last: No moment lies here or later, ms.
        every: Length of a stretch, ms.
        seed: Of the moments.
    """
    history = History(interactions)
    random = np.random.default_rng(seed)
    users = np.arange(interactions.users)
    parts = []
    for tick in range(first, last, every):
        at = tick + random.integers(0, every, len(users))
        place = history.positions.find(users, at)
        recent = place > history.positions.find(users, at - REMEMBERED_MS)
        chosen = recent & (at < last)
        chosen[chosen] = interactions.asked[place[chosen] - 1]
        parts.append((users[chosen], at[chosen]))
    return Anchors(
        *(np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True))
    )


def anchors_after_events(interactions: Interactions, seed: int = 0) -> Anchors:
    """Ask a while after each event, before the next one: as a page does that the user has opened.

    The delay is drawn evenly in its logarithm; where the next event came sooner there is no
    question.
    """
    at, user = interactions.at, interactions.user
    exponents = np.random.default_rng(seed).uniform(
        np.log(LEAST_DELAY_MS), np.log(MOST_DELAY_MS), len(at)
    )
    asked = at + np.exp(exponents).astype(np.int64)
    same_user = np.append(user[1:] == user[:-1], values=False)
    next_at = np.append(at[1:], 0)
    chosen = (~same_user | (next_at >= asked)) & interactions.asked
    return Anchors(user[chosen], asked[chosen])


def answer(known: Known, anchors: Anchors, label: Label, periods: Periods, most: int) -> Sets:
    """Label the questions of each period and describe them.

    Args:
        known: What features are made of.
        anchors: Of all periods.
        label: What is asked.
        periods: Where time is cut.
        most: Examples to keep of each set, drawn by chance.

    Raises:
        LeakError: A label or a fact looks into the future.
    """
    at = anchors.at
    early = anchors.where((at >= periods.asked_from) & (at < periods.valid_from))
    train = draw(label(early, periods.valid_from), most)
    between = anchors.where((at >= periods.valid_from) & (at < periods.test_from))
    valid = draw(label(between, periods.test_from), most)
    test = draw(label(anchors.where(at >= periods.test_from), periods.until), most)
    audit_split(train, valid)
    audit_split(valid, test)
    return Sets(*(_described(known, labels) for labels in (train, valid, test)))


def draw(labels: Labels, most: int) -> Labels:
    """Keep at most as many, drawn by chance, always the same."""
    if len(labels) <= most:
        return labels
    drawn = np.random.default_rng(0).choice(len(labels), most, replace=False)
    return labels.where(np.sort(drawn))


def _described(known: Known, labels: Labels) -> Examples:
    """Make features a part at a time: the facts of all at once would not fit."""
    described: list[Floats] = []
    touched: list[Floats] = []
    for start in range(0, max(1, len(labels)), PART):
        anchors = labels.anchors.where(np.arange(start, min(start + PART, len(labels))))
        facts = known.history.facts(anchors)
        audit_facts(facts, anchors)
        state = known.state_of(facts.ring)
        described.append(features(facts.head, facts.ring, state, anchors.at))
        if labels.values.ndim > 1:
            category = _categories_of(known, facts.ring["ref"])
            touched.append(touches(facts.ring["at"], category, known.categories, anchors.at))
    counted = np.concatenate(touched) if touched else None
    return Examples(np.concatenate(described), counted, labels)


def _categories_of(known: Known, refs: Refs) -> Refs:
    """Return the category of each event's item, (A, RING), or 0."""
    items = known.history.interactions.items
    order = np.argsort(items)
    place = order[np.minimum(np.searchsorted(items[order], refs), len(order) - 1)]
    return np.where(items[place] == refs, known.category_refs[place], np.uint64(0))


def category_codes(category_refs: Refs, categories: Refs) -> Codes:
    """Return the place of each item's category among those asked about, or -1, (N,)."""
    return positions(categories, category_refs)
