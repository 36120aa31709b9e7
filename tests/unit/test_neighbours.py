"""Neighbours: scores from a sparse item-item matrix."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import MISSING
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.kinds import KINDS
from portrait.model.neighbours import Neighbours
from portrait.model.recency import Events
from tests.support.learned import ITEMS, histories, neighbours

CLICK, SEARCH = ACTION_CODE[Action.CLICK], ACTION_CODE[Action.SEARCH]

seeds = st.integers(0, 1_000)


def test_scores_are_a_weighted_mean_of_the_rows_of_the_events() -> None:
    model = Neighbours(
        refs=np.array([5, 7, 9], np.uint64),
        starts=np.array([0, 2, 3, 3]),
        others=np.array([1, 2, 2], np.int32),
        strengths=np.array([[0.5], [0.25], [1]], np.float32),
        action_gates=np.ones(KINDS, np.float32),
        decay=np.array([np.log(2)], np.float32),
        gap_decay=np.zeros(1, np.float32),
        kinds=np.ones(1, np.float32),
    )
    rows = model.find(np.array([[7, 5, 8]], np.uint64))
    events = Events(np.zeros((1, 3), np.uint8), np.ones((1, 3), np.int64), np.ones((1, 3), bool))

    scores = model.scores(rows, events)

    assert rows.tolist() == [[1, 0, MISSING]]
    # Weights 1 and 1/2; the item that is not known weighs nothing.
    np.testing.assert_allclose(scores, [[0, 0.25 / 1.5, (1 + 0.125) / 1.5]], atol=1e-6)


@given(seeds)
def test_the_shares_of_an_item_add_up_to_its_score(seed: int) -> None:
    model = neighbours(seed=seed)
    rows, events = histories(1, 12, seed=seed)

    shares = model.shares(rows[0], events, np.arange(ITEMS))

    np.testing.assert_allclose(shares.sum(axis=1), model.scores(rows, events)[0], atol=1e-5)


@given(seeds)
def test_the_first_kinds_say_the_same_without_the_others(seed: int) -> None:
    model = neighbours(seed=seed)
    silent = np.random.default_rng(seed).random(len(model.others)) < 0.5
    model.strengths[silent, 0] = 0
    rows, events = histories(3, 12, seed=seed)

    first = model.first(1)

    np.testing.assert_array_equal(first.scores(rows, events), model.kind(0).scores(rows, events))
    assert len(first.others) == (~silent).sum()


@given(seeds)
def test_a_share_is_found_whatever_else_is_asked(seed: int) -> None:
    model = neighbours(seed=seed)
    rows, events = histories(1, 12, seed=seed)
    wanted = np.array([4, MISSING, 2])

    shares = model.shares(rows[0], events, wanted)

    every = model.shares(rows[0], events, np.arange(ITEMS))
    np.testing.assert_array_equal(shares[[0, 2]], every[[4, 2]])
    assert not shares[1].any()


def test_users_score_alike_alone_and_together() -> None:
    model = neighbours()
    rows, events = histories(9, 12)

    together = model.scores(rows, events)

    np.testing.assert_array_equal(together[4:5], model.scores(rows[4:5], events[4:5]))


def test_a_user_without_known_items_scores_nothing() -> None:
    model = neighbours()
    rows, events = histories(1, 4)

    assert not model.scores(np.full_like(rows, MISSING), events).any()


def test_arrays_bring_it_back() -> None:
    model = neighbours()

    again = Neighbours.from_arrays(model.to_arrays())

    for name, array in model.to_arrays().items():
        np.testing.assert_array_equal(array, again.to_arrays()[name])


@given(seeds)
def test_what_events_add_to_each_item_adds_up_to_its_score(seed: int) -> None:
    model = neighbours(seed=seed)
    rows, events = histories(1, 12, seed=seed)

    others, values = model.spread(rows[0], events)

    summed = np.bincount(others, values, ITEMS)
    np.testing.assert_allclose(summed, model.scores(rows, events)[0], atol=1e-5)


def test_after_a_search_what_was_done_before_says_less() -> None:
    model = neighbours()
    rows, before = histories(1, 6)
    clicks = replace(before, kind=before.kind * 0 + CLICK)
    searched = Events(
        np.concatenate([np.array([[SEARCH]], np.uint8), clicks.kind], axis=1),
        np.concatenate([clicks.at[:, :1], clicks.at], axis=1),
        np.concatenate([np.ones((1, 1), np.bool_), clicks.present], axis=1),
    )
    after = np.concatenate([[[MISSING]], rows], axis=1)

    (plain,), (less,) = model.scores(rows, clicks), model.scores(after, searched)

    said = plain > 0
    assert said.any()
    assert (less[said] < plain[said]).all()
    np.testing.assert_array_equal(less > 0, said)
