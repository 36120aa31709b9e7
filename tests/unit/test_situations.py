"""Situations: searches, visits and complaints are found, and models told what a service is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.arrays import MISSING, Codes
from portrait.dataset.interactions import NO_ITEM, NO_QUERY, Interactions, from_columns
from portrait.evaluation import situations as module
from portrait.evaluation.ranking import Scores
from portrait.evaluation.situations import (
    COMPLAINT,
    KNOWN,
    NEW,
    SEARCH,
    Told,
    answered,
    situations_of,
)
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.kinds import KIND_WEIGHTS
from portrait.model.recency import Events

HOUR = 3_600_000
MINUTE = HOUR // 60
ITEMS, QUERIES = 24, 3
CATEGORIES = np.arange(ITEMS, dtype=np.uint64) // np.uint64(4) + np.uint64(1)  # four items each
UNREAD = ITEMS + QUERIES  # what a search is about whose text is not known

Happening = tuple[int, Action, int, int]  # user, action, item or ITEMS + query, minute


def interactions(*happened: Happening, stars: int = 10) -> Interactions:
    """Return events; a review has the stars."""
    user, actions, about, minute = zip(*happened, strict=True)
    rows, is_review = np.array(about), [action is Action.REVIEW for action in actions]
    return from_columns(
        user=np.array(user),
        item=np.where(rows < ITEMS, rows, NO_ITEM),
        query=np.where((rows >= ITEMS) & (rows < UNREAD), rows - ITEMS, NO_QUERY),
        action=np.array([ACTION_CODE[action] for action in actions], np.uint8),
        at=np.array(minute) * MINUTE,
        rating=np.where(is_review, stars, 0).astype(np.uint8),
        items=np.arange(1, ITEMS + 1, dtype=np.uint64),
        queries=np.arange(100, 100 + QUERIES, dtype=np.uint64),
        users=max(user) + 1,
    )


def click(user: int, item: int, minute: int) -> Happening:
    return user, Action.CLICK, item, minute


def search(user: int, query: int, minute: int) -> Happening:
    return user, Action.SEARCH, ITEMS + query, minute


def asked(events: Interactions, since: int = 0) -> module.Situations:
    return situations_of(events, since * MINUTE, CATEGORIES)


class Summing:
    """A `Companion`: the sum of the weights of an item's events, and of its category's.

    It writes down what it is told. Searches speak for the first items.
    """

    def __init__(self, complaint: float = -1.0) -> None:
        self.told: list[list[int]] = []
        self.visits: list[tuple[list[int], list[int]]] = []
        self._weights = np.where(KIND_WEIGHTS < 0, complaint, KIND_WEIGHTS)

    def scores(self, rows: Codes, events: Events) -> Scores:
        """Score what was touched, and what is like it."""
        self.told += [row[row != MISSING].tolist() for row in rows]
        return self._scores(rows, events)

    def visit_scores(self, past: Told, visit: Told) -> Scores:
        """Score a visit, and less so what was before."""
        for before, now in zip(past[0], visit[0], strict=True):
            self.visits.append((before[before != MISSING].tolist(), now.tolist()))
        scores: Scores = self._scores(*past) * np.float32(0.1) + self._scores(*visit)
        return scores

    def _scores(self, rows: Codes, events: Events) -> Scores:
        scores = np.zeros((len(rows), ITEMS), np.float32)
        for user, place in zip(*np.nonzero(events.present), strict=True):
            row = int(rows[user, place]) % ITEMS
            weight = self._weights[events.kind[user, place]]
            scores[user] += weight * (CATEGORIES[row] == CATEGORIES)
            scores[user, row] += weight
        return scores


def test_after_a_search_what_was_taken_first_in_the_same_visit_is_asked_for() -> None:
    events = interactions(
        click(0, 5, 0), search(0, 0, 100), click(0, 6, 102), click(0, 7, 103),
        click(1, 5, 0), search(1, 0, 100), search(1, 1, 101), click(1, 6, 102),  # the last search
        click(2, 5, 0), search(2, 0, 100), click(2, 6, 140),  # another visit
        click(3, 5, 0), search(3, QUERIES, 100), click(3, 6, 101),  # nobody knows its text
        click(4, 5, 0), search(4, 0, 50), click(4, 6, 51),  # before the hold-out
        search(5, 0, 100), click(5, 6, 101), search(5, 0, 200),
    )  # fmt: skip
    model = Summing()

    found = asked(events, since=90)
    answered(found, model)

    searches, targets = found.searched
    assert [(int(events.user[place]), int(events.at[place] // MINUTE)) for place in searches] == [
        (0, 100),
        (1, 101),
        (5, 100),
    ]
    assert events.item[targets].tolist() == [6, 6, 6]
    assert model.told[:3] == [[ITEMS, 5], [ITEMS + 1, ITEMS, 5], [ITEMS]]


def test_of_a_visit_two_events_are_told_and_the_next_other_thing_is_asked_for() -> None:
    events = interactions(
        click(0, 1, 0), click(0, 2, 1000), search(0, 1, 1001), click(0, 2, 1002), click(0, 1, 1003),
        click(1, 4, 1000), click(1, 5, 1001), click(1, 6, 1002), click(1, 7, 1003),
        click(1, 8, 2000), click(1, 9, 2001),  # nothing follows: the visit before is asked about
        (2, Action.RETURN, 4, 1000), click(2, 5, 1001), click(2, 6, 1002),  # no session
    )  # fmt: skip
    model = Summing()

    found = asked(events, since=900)
    answered(found, model)

    first, targets = found.visited
    assert events.item[targets].tolist() == [1, 6]  # seen before, but not in this visit
    assert (events.at[first] // MINUTE).tolist() == [1000, 1000]
    assert model.visits == [
        ([1], [ITEMS + 1, 2]),  # known: of a search and a click the search counts as the newest
        ([], [ITEMS + 1, 2]),  # the same as a stranger
        ([], [5, 4]),
    ]


def test_a_complaint_is_heeded_if_its_item_and_its_like_fall() -> None:
    events = interactions(
        click(0, 5, 0), (0, Action.REVIEW, 9, 2),
        click(1, 5, 0), (1, Action.RETURN, 9, 2),
        click(2, 5, 0), (2, Action.PURCHASE, 9, 1), (2, Action.RETURN, 9, 2),  # taken back, by all
        (3, Action.RETURN, 9, 2),  # nothing is known that they like
    )  # fmt: skip
    found = asked(events, since=900)  # however long ago they were

    assert events.user[found.complaints].tolist() == [0, 1, 2]
    assert answered(found, Summing())[COMPLAINT].tolist() == [1, 1, 1]
    assert answered(found, Summing(complaint=0))[COMPLAINT].tolist() == [0, 0, 1]
    assert answered(found, Summing(complaint=1))[COMPLAINT].tolist() == [0, 0, 1]


def test_praise_is_no_complaint() -> None:
    events = interactions(click(0, 5, 0), (0, Action.REVIEW, 9, 2), stars=50)

    assert len(asked(events).complaints) == 0


def test_a_persons_questions_count_once_together() -> None:
    right = [(click(0, 0, 100 * n), search(0, 0, 100 * n + 1)) for n in range(4)]
    new = [click(0, item, 100 * n + 2) for n, item in enumerate((1, 2, 3, 20))]
    events = interactions(*(each for pair in right for each in pair), *new)

    share = answered(asked(events), Summing())[SEARCH]

    assert share.tolist() == [0.75]  # the search speaks for the first four items


def test_where_nothing_of_it_happened_nobody_is_asked() -> None:
    found = answered(asked(interactions(click(0, 1, 0))), Summing())

    assert {name: len(people) for name, people in found.items()} == {
        SEARCH: 0,
        KNOWN: 0,
        NEW: 0,
        COMPLAINT: 0,
    }


@st.composite
def logs(draw: st.DrawFn) -> Interactions:
    event = st.tuples(
        st.integers(0, 3),
        st.sampled_from([*Action]),
        st.integers(0, ITEMS - 1),
        st.integers(0, 300),
    )
    happened = draw(st.lists(event, min_size=1, max_size=60))
    return interactions(
        *(
            (user, action, ITEMS + item % (QUERIES + 1) if action is Action.SEARCH else item, at)
            for user, action, item, at in happened
        )
    )


@settings(max_examples=60)
@given(logs(), st.integers(0, 300))
def test_what_is_asked_for_follows_in_the_same_visit_and_batches_do_not_matter(
    events: Interactions, since: int
) -> None:
    found = asked(events, since)
    at_once = answered(found, Summing())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_SCORES", 1)
        one_by_one = answered(found, Summing())

    for name, people in at_once.items():
        np.testing.assert_array_equal(people, one_by_one[name])
        assert ((people >= 0) & (people <= 1)).all()
    for moments, targets in (found.searched, found.visited):
        assert (events.user[moments] == events.user[targets]).all()
        assert (moments < targets).all()
        for moment, target in zip(moments, targets, strict=True):
            assert np.diff(events.at[moment : target + 1]).max() <= 30 * MINUTE
    first, targets = found.visited
    assert (targets >= first + 2).all()
    assert (events.item[targets] != events.item[first]).all()
    assert (events.item[targets] != events.item[first + 1]).all()
