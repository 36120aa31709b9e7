"""Choose the blend: what is taken up, what is kept, and what is left."""

import numpy as np
import pytest

from portrait.arrays import Floats
from portrait.evaluation.ranking import PerUser
from portrait.model.learned import FIRST
from portrait.training.ranker.choose_blend import PRICE, Measure, climbed, with_traits

USERS = 400
EVEN = np.ones(4, np.float32)  # behaviour, text, pairs, what comes after what
ORDER = 3


def worth(gain: float, noise: float = 0.1) -> Measure:
    """Let order gain so much where it counts as much as pairs, and differently for each user."""
    luck = np.random.default_rng(0).normal(0, noise, USERS)
    luck -= luck.mean()

    def measure(mixes: Floats) -> PerUser:
        share = np.minimum(mixes[:, [ORDER]], 1)
        return 0.5 - 0.01 * np.abs(mixes[:, [2]] - 1) + share * (gain + luck)

    return measure


ERROR = 0.1 / np.sqrt(USERS)  # standard error of what order gains


@pytest.mark.parametrize(("errors", "is_kept"), [(3, True), (1, False), (-1, False)])
def test_order_is_taken_up_only_if_it_is_surely_better(errors: float, *, is_kept: bool) -> None:
    mix = climbed(worth(errors * ERROR), EVEN, None, knows_order=True)

    assert (mix.weights[ORDER] > 0) == is_kept
    assert mix.weights[2] == 1
    assert mix.gains.mean() == pytest.approx(0.5 + is_kept * errors * ERROR)


@pytest.mark.parametrize(("errors", "is_kept"), [(3, True), (-0.5, True), (-2, False)])
def test_the_order_of_a_champion_is_kept_unless_it_is_worse_by_more_than_chance(
    errors: float, *, is_kept: bool
) -> None:
    champion = np.array([1, 1, 1, 1], np.float32)

    mix = climbed(worth(errors * ERROR), EVEN, champion, knows_order=True)

    assert (mix.weights[ORDER] > 0) == is_kept


def test_a_champion_that_knows_only_order_does_not_hold_pairs_down() -> None:
    champion = np.array([1, 1, 0, 1], np.float32)

    mix = climbed(worth(-3 * ERROR), EVEN, champion, knows_order=True)

    assert mix.weights[[2, ORDER]].tolist() == [1, 0]


def test_without_order_all_parts_may_change() -> None:
    mix = climbed(worth(3 * ERROR), EVEN * 0.5, None, knows_order=False)

    assert mix.weights[ORDER] >= 1


def test_of_a_price_that_does_harm_the_most_that_does_none_is_kept() -> None:
    begin = np.array([1, 1, 0, 0, 1], np.float32)

    def measure(mixes: Floats) -> PerUser:
        return np.repeat((mixes[:, [PRICE]] <= 0.4).astype(np.float64), 10, axis=1)

    weights, figure = with_traits(measure, begin)

    assert weights.tolist() == pytest.approx([1, 1, 2 * FIRST.kin, FIRST.price, 1])
    assert figure == 1
