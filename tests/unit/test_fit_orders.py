"""What is bought in one order: which purchases are one, and how its pairs are counted."""

from collections.abc import Iterable

import numpy as np
import pytest

from portrait.arrays import Codes, Refs
from portrait.dataset.interactions import Interactions, from_columns
from portrait.events.columns import ACTION_CODE, PURCHASE
from portrait.events.event import Action
from portrait.model.neighbours import Neighbours
from portrait.times import DAY_MS, HOUR_MS
from portrait.training.ranker import fit_orders as module
from portrait.training.ranker.clip import SPAN_MS
from portrait.training.ranker.fit_orders import APART_MS, fit_orders, orders_of

REFS = np.array([10, 20, 30, 40], np.uint64)
Line = tuple[int, int, int]  # user, item, ms


def bought(lines: Iterable[Line], order: Refs | None = None) -> Interactions:
    user, item, at = np.array(sorted(lines, key=lambda line: (line[0], line[2]))).T
    action = np.full(len(user), PURCHASE, np.uint8)
    return from_columns(
        user=user,
        item=item,
        action=action,
        at=at,
        order=order,
        items=REFS,
        users=int(user.max()) + 1,
    )


def fitted(events: Interactions) -> Neighbours:
    found = fit_orders(events, REFS)
    assert found is not None
    return found


def strength(orders: Neighbours, one: int, other: int, kind: int = 0) -> float:
    entries = range(orders.starts[one], orders.starts[one + 1])
    return sum(float(orders.strengths[z, kind]) for z in entries if orders.others[z] == other)


def test_purchases_less_than_half_an_hour_apart_are_one_order() -> None:
    events = bought([(0, 0, 0), (0, 1, APART_MS), (0, 2, 3 * APART_MS), (1, 3, 3 * APART_MS)])

    assert orders_of(events).tolist() == [0, 0, 1, 2]


def test_what_a_shop_says_is_one_order_is_one_however_long_it_took() -> None:
    said = np.array([7, 0, 7], np.uint64)

    found = orders_of(bought([(0, 0, 0), (0, 1, DAY_MS), (0, 2, DAY_MS + HOUR_MS)], order=said))

    assert found.tolist() == [0, 1, 0]


def test_pairs_of_one_order_go_together_and_what_one_person_bought_later_does_not() -> None:
    lines = [(user, item, user + day * DAY_MS) for user in range(9) for item, day in PAIRED]

    orders = fitted(bought(lines))

    assert strength(orders, 0, 1) > 0
    assert strength(orders, 2, 3, kind=1) > 0
    assert strength(orders, 0, 2) == strength(orders, 1, 3, kind=1) == 0


PAIRED = [(0, 0), (1, 0), (2, 5), (3, 5)]  # an item, and on which day it is bought


def test_of_one_thing_the_likelier_counts_and_of_several_the_more_special() -> None:
    together = [(user, item, 0) for user in range(200) for item in (0, 1)]  # petrol, with all
    special = [(user, 2, 0) for user in range(60)]
    elsewhere = [(user, 1, 0) for user in range(200, 5_000)]

    orders = fitted(bought([*together, *special, *elsewhere]))

    assert strength(orders, 0, 1, kind=0) > strength(orders, 0, 2, kind=0)
    assert strength(orders, 0, 1, kind=1) < strength(orders, 0, 2, kind=1)


def test_one_account_says_a_pair_once_in_four_weeks() -> None:
    others = [(user, item, 0) for user in range(1, 6) for item in (0, 1, 2)]
    once = [(0, item, 0) for item in (0, 2)]
    daily = [(0, item, day * DAY_MS) for item in (0, 2) for day in range(SPAN_MS // DAY_MS)]

    for kind in (0, 1):
        said = [strength(fitted(bought([*others, *mine])), 0, 2, kind) for mine in (once, daily)]
        assert said[0] == said[1] > 0


def test_a_pair_is_told_of_five_people_and_not_of_four_however_often_they_bought_it() -> None:
    four = [(user, item, span * SPAN_MS) for user in range(4) for item in (0, 2) for span in (0, 1)]
    five = [(user, item, 0) for user in range(5) for item in (0, 1)]

    orders = fitted(bought([*four, *five]))

    assert strength(orders, 0, 1) > 0 == strength(orders, 0, 2) == strength(orders, 2, 0)


def test_orders_are_counted_alike_however_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    orders = [(user, day * DAY_MS) for user in range(50) for day in (0, 1)]  # of one voice each
    lines = [(user, int(draw.integers(4)), at) for user, at in orders for _ in range(3)]
    whole = fitted(bought(lines))

    monkeypatch.setattr(module, "PAIRS_AT_ONCE", 3)
    parts = fitted(bought(lines))

    np.testing.assert_array_equal(whole.others, parts.others)
    np.testing.assert_allclose(whole.strengths, parts.strengths)


@pytest.mark.parametrize("lines", [[(0, 0, 0)], [(user, user % 4, 0) for user in range(50)]])
def test_where_nothing_is_bought_together_nothing_is_said(lines: list[Line]) -> None:
    assert fit_orders(bought(lines), REFS) is None


def test_clicks_are_no_orders_and_items_that_may_not_be_told_are_in_none() -> None:
    events = bought([(user, item, 0) for user in range(9) for item in (0, 1, 2)])
    clicked: Codes = events.item == 2
    events.action[clicked] = ACTION_CODE[Action.CLICK]

    orders = fit_orders(events, REFS)
    few = fit_orders(events, REFS[1:])

    assert orders is not None
    assert strength(orders, 0, 2) == 0 < strength(orders, 0, 1)
    assert few is None  # what was bought with the second one is not told
