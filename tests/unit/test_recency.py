"""Recency: what an event weighs by its place, its time and its action."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.kinds import NOW_WEIGHTS
from portrait.model.recency import NEWCOMER, Events, Recency
from portrait.times import DAY_MS

CLICK, CART = ACTION_CODE[Action.CLICK], ACTION_CODE[Action.CART]
BROWSE, SEARCH = ACTION_CODE[Action.BROWSE], ACTION_CODE[Action.SEARCH]
GATES = np.array([2.0 if action is Action.CART else 1.0 for action in Action], np.float32)
NOW = 1_790_000_000_000


def one_user(*days_ago: float, present: list[bool] | None = None, action: int = CLICK) -> Events:
    at = np.array([[NOW - int(days * DAY_MS) for days in days_ago]])
    here = np.ones(at.shape, np.bool_) if present is None else np.array([present])
    return Events(np.full(at.shape, action, np.uint8), at, here)


def test_each_place_from_the_newest_decays_once_more() -> None:
    recency = Recency.of(GATES, decay=0.5)

    weights = recency.weights(one_user(0, 0, 0))

    np.testing.assert_allclose(weights[0, :, 0], np.exp([0, -0.5, -1]), rtol=1e-6)


def test_pauses_add_up_as_logarithms_of_days() -> None:
    recency = Recency.of(GATES, decay=0, gap_decay=1)

    weights = recency.weights(one_user(0, 1, 4))

    np.testing.assert_allclose(weights[0, :, 0], [1, 1 / 2, 1 / (2 * 4)], rtol=1e-5)


def test_the_time_since_the_newest_event_does_not_count() -> None:
    recency = Recency.of(GATES, decay=0.1, gap_decay=1)

    late, early = recency.weights(one_user(100, 101)), recency.weights(one_user(0, 1))

    np.testing.assert_allclose(late, early, rtol=1e-5)


def test_an_action_has_its_gate() -> None:
    weights = Recency.of(GATES, decay=0).weights(one_user(0, action=CART))

    assert weights[0, 0, 0] == 2


@pytest.mark.parametrize("absent", [0, 1, 2, 3])
def test_an_absent_event_weighs_nothing_and_takes_no_place(absent: int) -> None:
    recency = Recency(GATES, np.array([0.3, 0], np.float32), np.array([0.7, 0.1], np.float32))
    days = [0.0, 2.0, 5.0]
    present = [True] * 3
    present.insert(absent, False)
    with_hole = [*days[:absent], 99.0 if absent == len(days) else days[absent], *days[absent:]]

    weights = recency.weights(one_user(*with_hole, present=present))

    np.testing.assert_allclose(
        np.delete(weights, absent, axis=1), recency.weights(one_user(*days)), rtol=1e-5
    )
    assert not weights[0, absent].any()


def test_an_empty_ring_weighs_nothing() -> None:
    empty = Events(np.zeros((1, 4), np.uint8), np.zeros((1, 4), np.int64), np.zeros((1, 4), bool))

    weights = Recency.of(GATES, decay=0.5, gap_decay=0.5).weights(empty)

    assert not weights.any()


@given(st.lists(st.sampled_from([BROWSE, CLICK, CART, SEARCH]), min_size=1, max_size=20))
def test_no_event_counts_for_more_than_the_newest_of_an_endless_row(kinds: list[int]) -> None:
    recency = Recency(NOW_WEIGHTS, np.array([0.1, 0.7], np.float32), np.zeros(2, np.float32))
    days = [float(place) for place in range(len(kinds))]
    events = replace(one_user(*days), kind=np.array([kinds], np.uint8))

    plain, counted = recency.weights(events)[0], recency.counted(events)[0]

    others = plain.sum(axis=0) - plain
    most = np.maximum(np.expm1(recency.decay) * others, NOW_WEIGHTS[CLICK])
    is_free = (np.array(kinds) == SEARCH)[:, None] | (len(kinds) <= NEWCOMER)
    np.testing.assert_allclose(
        counted, np.where(is_free, plain, np.minimum(plain, most)), rtol=1e-5
    )


def test_a_long_row_of_equals_is_not_bounded_at_any_speed() -> None:
    recency = Recency(NOW_WEIGHTS, np.array([0.2, 0.9], np.float32), np.zeros(2, np.float32))
    row = one_user(*[float(day) for day in range(64)], action=CART)

    np.testing.assert_allclose(recency.counted(row), recency.weights(row), rtol=1e-4)


def test_who_is_absent_does_not_make_somebody_known() -> None:
    recency = Recency.of(NOW_WEIGHTS, decay=0.2)
    here = [True] * NEWCOMER
    few = replace(
        one_user(*map(float, range(2 * NEWCOMER)), present=[*here, *[False] * NEWCOMER]),
        kind=np.array([[CART, *[BROWSE] * (2 * NEWCOMER - 1)]], np.uint8),
    )

    np.testing.assert_array_equal(recency.counted(few), recency.weights(few))
