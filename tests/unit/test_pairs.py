"""Pairs: who belongs together by what shoppers did, on cases worked by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.dataset.interactions import NO_ITEM, Interactions, from_columns
from portrait.dataset.pairs import Pairs, behaviour_pairs, draw_batches
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action

TEXTS = ["lamp", "bulb", "sock", "shoe"]
MINUTE = 60_000
SEARCH, CLICK, RETURN = Action.SEARCH, Action.CLICK, Action.RETURN


def events(*rows: tuple[int, int, Action, int], items: int = len(TEXTS)) -> Interactions:
    """Make events of (user, item, action, minute)."""
    user, item, action, minute = zip(*rows, strict=True)
    return from_columns(
        user=np.array(user),
        item=np.array(item),
        action=np.array([ACTION_CODE[each] for each in action], np.uint8),
        at=np.array(minute) * MINUTE,
        items=np.arange(items, dtype=np.uint64),
        users=max(user) + 1,
    )


def clicked(*sequences: list[int]) -> Interactions:
    return events(
        *(
            (user, item, CLICK, minute)
            for user, sequence in enumerate(sequences)
            for minute, item in enumerate(sequence)
        )
    )


def named(pairs: Pairs) -> dict[tuple[str, str], float]:
    columns = zip(pairs.left, pairs.right, pairs.weight, strict=True)
    return {(pairs.texts[one], pairs.texts[other]): float(each) for one, other, each in columns}


def test_items_of_one_user_within_the_window_are_pairs() -> None:
    found = named(behaviour_pairs(clicked([0, 1, 2, 3], [2]), TEXTS))

    assert set(found) == {
        ("lamp", "bulb"),
        ("bulb", "sock"),
        ("sock", "shoe"),
        ("lamp", "sock"),
        ("bulb", "shoe"),
    }


def test_what_was_bought_in_one_order_belongs_together_however_many_lie_between() -> None:
    bought = clicked([0, 1, 2, 3], [0, 1, 2, 3])
    bought = replace(bought, order=np.array([8, 0, 0, 8, 8, 0, 0, 9], np.uint64))

    with_orders = named(behaviour_pairs(bought, TEXTS, window=1))
    without = named(behaviour_pairs(clicked([0, 1, 2, 3], [0, 1, 2, 3]), TEXTS, window=1))

    assert set(with_orders) - set(without) == {("lamp", "shoe")}


def test_what_was_taken_out_of_the_cart_makes_no_pairs() -> None:
    log = events((0, 0, CLICK, 0), (0, 1, Action.REMOVE, 1), (0, 2, CLICK, 2))

    assert set(named(behaviour_pairs(log, TEXTS, window=1))) == {("lamp", "sock")}


def test_the_weight_is_the_cosine_of_co_occurrence() -> None:
    found = named(behaviour_pairs(clicked([0, 1], [1, 0], [1, 2]), TEXTS, window=1))

    # lamp met 2 times, bulb 3 times, sock once
    assert found == {
        ("lamp", "bulb"): pytest.approx(2 / np.sqrt(2 * 3)),
        ("bulb", "sock"): pytest.approx(1 / np.sqrt(3 * 1)),
    }


def test_an_item_is_no_pair_with_itself_or_with_its_double() -> None:
    doubles = ["lamp", "lamp", "", "shoe"]

    assert len(behaviour_pairs(clicked([0, 0, 1], [0, 2]), doubles)) == 0


def test_searches_and_returns_are_no_neighbours() -> None:
    log = events((0, 0, CLICK, 0), (0, NO_ITEM, SEARCH, 1), (0, 3, RETURN, 2), (0, 1, CLICK, 3))

    assert set(named(behaviour_pairs(log, TEXTS, window=1))) == {("lamp", "bulb")}


def test_known_pairs_are_known_in_both_orders() -> None:
    pairs = behaviour_pairs(clicked([0, 1], [2, 3]), TEXTS)

    known = pairs.are_known(np.array([0, 3]), np.array([1, 2]))

    assert known.tolist() == [[True, False], [False, True]]


def test_without_pairs_nothing_is_known() -> None:
    none = behaviour_pairs(clicked([0]), TEXTS)

    assert not none.are_known(np.array([0]), np.array([1])).any()


sequences = st.lists(st.lists(st.integers(0, 11), max_size=12), min_size=1, max_size=8).filter(any)


@given(sequences, st.integers(1, 4), st.integers(0, 9))
def test_no_text_stands_twice_in_a_batch(log: list[list[int]], size: int, seed: int) -> None:
    texts = [f"text {number}" for number in range(12)]
    rows = [
        (user, item, CLICK, at) for user, each in enumerate(log) for at, item in enumerate(each)
    ]
    pairs = behaviour_pairs(events(*rows, items=12), texts)

    batches = draw_batches(pairs, size, 5, seed)

    for batch in batches:
        both = np.concatenate([pairs.left[batch], pairs.right[batch]])
        assert len(np.unique(both)) == 2 * size
    together = np.concatenate(batches) if batches else np.zeros(0)
    assert len(np.unique(together)) == len(together)


def test_heavier_pairs_come_sooner_and_the_seed_decides() -> None:
    texts = tuple(f"text {number}" for number in range(400))
    weight = np.where(np.arange(200) < 20, 50, 1).astype(np.float32)
    pairs = Pairs(texts, np.arange(0, 400, 2), np.arange(1, 400, 2), weight)

    (first,) = draw_batches(pairs, 20, 1, seed=1)
    (again,) = draw_batches(pairs, 20, 1, seed=1)
    (other,) = draw_batches(pairs, 20, 1, seed=2)

    assert first.tolist() == again.tolist() != other.tolist()
    assert (first < 20).sum() >= 12
