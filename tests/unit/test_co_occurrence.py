"""Co-occurrence: matrices worked by hand, and made into neighbours."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from portrait.arrays import Floats
from portrait.dataset.interactions import Interactions, from_columns
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.kinds import KINDS
from portrait.model.recency import Events
from portrait.training.ranker.co_occurrence import (
    MOST_NEIGHBOURS,
    Kind,
    Window,
    co_occurrences,
    evidence,
    followed,
    neighbours_of,
    regressed,
    strongest,
    touches,
)

GATES = np.ones(KINDS, np.float32)
REFS = np.array([30, 10, 20], np.uint64)


def shop(*histories: list[int]) -> Interactions:
    """Let each user click some of three items, in order."""
    user = np.array([u for u, items in enumerate(histories) for _ in items])
    return from_columns(
        user=user,
        item=np.array([item for items in histories for item in items]),
        action=np.full(len(user), ACTION_CODE[Action.CLICK], np.uint8),
        at=np.arange(len(user)),
        items=REFS,
        users=len(histories),
    )


def one_event(rows: list[list[int]]) -> Events:
    shape = np.array(rows).shape
    return Events(np.zeros(shape, np.uint8), np.ones(shape, np.int64), np.ones(shape, bool))


def test_a_touch_counts_once_and_a_return_not_at_all() -> None:
    events = shop([0, 0, 1], [2, 1])
    events.action[-1] = ACTION_CODE[Action.RETURN]

    assert touches(events).toarray().tolist() == [[1, 1, 0], [0, 0, 1]]


def test_counts_are_over_the_popularity_of_both() -> None:
    matrix = co_occurrences(touches(shop([0, 1], [0, 1], [0, 2])), own=0.5, other=0.5, shrinkage=1)

    expected = np.zeros((3, 3))
    expected[0, 1] = expected[1, 0] = 2 / (np.sqrt(3 * 2) + 1)
    expected[0, 2] = expected[2, 0] = 1 / (np.sqrt(3 * 1) + 1)
    np.testing.assert_allclose(matrix.toarray(), expected, rtol=1e-6)


def test_less_of_the_others_popularity_lets_popular_items_through() -> None:
    touched = touches(shop([0, 1], [0, 2], [1], [1], [1]))

    even, uneven = (
        co_occurrences(touched, own=own, other=other, shrinkage=0)
        for own, other in ((0.5, 0.5), (1, 0))
    )

    assert even[0, 1] < even[0, 2]
    assert uneven[0, 1] == uneven[0, 2]


def regression(touched: csr_array, texts: Floats, ridge: float, text: float) -> Floats:
    """Regress each item on the others by least squares, column by column."""
    rows = np.concatenate([touched.toarray(), np.sqrt(text) * texts.T])
    answer = np.zeros((touched.shape[1],) * 2)
    for item in range(touched.shape[1]):
        others = np.delete(np.arange(touched.shape[1]), item)
        gram = rows[:, others].T @ rows[:, others] + ridge * np.eye(len(others))
        answer[others, item] = np.linalg.solve(gram, rows[:, others].T @ rows[:, item])
    return answer


def test_the_regression_is_least_squares_of_each_item_on_the_others() -> None:
    touched = touches(shop([0, 1], [0, 1, 2], [2, 0], [1, 2]))
    texts = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)

    matrix = regressed(touched, texts, ridge=0.5, text=2).toarray()

    # By column: what the row's item says of the column's. Negative entries are not kept.
    expected = np.maximum(regression(touched, texts, 0.5, 2), 0)
    np.testing.assert_allclose(matrix, expected, atol=1e-4)


def test_evidence_counts_who_came_after_whom_and_how_far() -> None:
    user, item = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 2, 0, 1, 2])
    at = np.arange(6)

    forward = evidence(user, item, at, 3, Window(2, 0, 2)).toarray()
    both = evidence(user, item, at, 3, Window(2, 0.5, 2)).toarray()
    near = evidence(user, item, at, 3, Window(1, 0, 2)).toarray()

    expected = np.zeros((3, 3))
    expected[0, 1] = np.log1p(2 / 2)  # twice, at once
    expected[1, 2] = np.log1p(1 / 2)
    expected[0, 2] = np.log1p(2**-0.5 / 2)  # once, two steps later
    np.testing.assert_allclose(forward, expected, rtol=1e-6)
    assert both[1, 0] == pytest.approx(np.log1p(0.5 * 2 / 2))
    assert both[0, 1] == pytest.approx(forward[0, 1])
    assert near[0, 2] == 0


def test_what_follows_itself_is_no_evidence() -> None:
    again = evidence(np.array([0, 0]), np.array([1, 1]), np.arange(2), 2, Window(3, 1, 1))

    assert not again.toarray().any()


def test_touches_in_a_row_are_one_step_and_a_return_is_none() -> None:
    clicked, bought = shop([0, 1, 2]), shop([0, 0, 0, 1, 1, 2])
    returned = shop([0, 1, 0, 2])
    returned.action[2] = ACTION_CODE[Action.RETURN]

    steps = [followed(each, Window(2, 0, 1)).toarray() for each in (clicked, bought, returned)]

    np.testing.assert_array_equal(steps[1], steps[0])
    np.testing.assert_array_equal(steps[2], steps[0])


def test_what_was_bought_in_one_order_has_no_order_though_seconds_lie_between() -> None:
    bought = shop([0, 1, 2], [0, 1, 2])
    bought = replace(bought, order=np.array([7, 7, 0, 7, 8, 0], np.uint64))

    after = followed(bought, Window(1, 0, 1)).toarray()

    assert after[0, 1] == pytest.approx(np.log1p(1))  # the second user's alone
    assert after[1, 2] == pytest.approx(np.log1p(2))


def test_what_is_taken_out_of_the_cart_is_no_touch() -> None:
    put = shop([0, 1, 1, 2])
    put.action[1], put.action[2] = ACTION_CODE[Action.CART], ACTION_CODE[Action.REMOVE]

    assert touches(put).toarray().tolist() == [[1, 1, 1]]  # somebody put it in
    put.action[1] = ACTION_CODE[Action.REMOVE]
    assert touches(put).toarray().tolist() == [[1, 0, 1]]


def test_what_is_on_one_receipt_has_no_order() -> None:
    events = shop([0, 1, 2])
    events.at[1] = events.at[0]

    steps = followed(events, Window(2, 0, 1)).toarray()

    assert (steps > 0).tolist() == [[False, False, True], [False, False, True], [False] * 3]


def test_where_nothing_was_touched_nothing_followed() -> None:
    assert followed(shop([]), Window(10, 0, 1)).nnz == 0


def test_the_strongest_of_each_row_are_kept() -> None:
    matrix = np.array([[0, 3, 1], [-1, 0, 2], [0, 0, 0]], np.float32)

    assert strongest(matrix, 1).toarray().tolist() == [[0, 3, 0], [0, 0, 2], [0, 0, 0]]


def test_neighbours_are_in_order_of_their_refs_and_of_one_scale() -> None:
    counted = csr_array(np.array([[0, 4, 2], [4, 0, 0], [2, 0, 0]], np.float32))
    model = neighbours_of([Kind(counted, 0.5), Kind(counted * 10, 0.5)], REFS, GATES)

    scores = model.scores(model.find(REFS)[:1, None], one_event([[0]]))[0]

    assert model.refs.tolist() == [10, 20, 30]
    # The first neighbours of the rows are 4, 4, 2: their mean becomes 1, in both kinds.
    assert scores == pytest.approx([2 * 4 / (10 / 3), 2 * 2 / (10 / 3), 0])


def test_a_kind_alone_is_its_share_of_the_score() -> None:
    first = csr_array(np.array([[0, 4, 0], [4, 0, 0], [2, 0, 0]], np.float32))
    second = csr_array(np.array([[0, 0, 1], [0, 0, 1], [1, 0, 0]], np.float32))
    model = neighbours_of([Kind(first, 0.5), Kind(second, 0.1)], REFS, GATES)
    rows, events = np.array([[0, 1]]), one_event([[0, 1]])

    apart = [model.kind(which).scores(rows, events) for which in range(2)]
    mostly_first = replace(model, kinds=np.array([1, 0.25], np.float32))

    np.testing.assert_allclose(sum(apart), model.scores(rows, events), atol=1e-6)
    np.testing.assert_allclose(
        apart[0] + apart[1] / 4, mostly_first.scores(rows, events), atol=1e-6
    )


def test_no_row_has_more_neighbours_than_are_kept() -> None:
    items = MOST_NEIGHBOURS + 50
    full = csr_array(np.random.default_rng(0).uniform(size=(items, items)))

    model = neighbours_of([Kind(full, 0.1)], np.arange(1, items + 1, dtype=np.uint64), GATES)

    assert set(np.diff(model.starts).tolist()) == {MOST_NEIGHBOURS}
