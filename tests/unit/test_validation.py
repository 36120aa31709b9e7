"""Validation: what is ranked, for whom, and whose mean counts how much."""

import numpy as np
import pytest

from portrait.arrays import Floats
from portrait.dataset.interactions import from_columns
from portrait.evaluation.validation import Validation, validation_of
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action

ITEMS = 30
BUSY, QUIET = 0, 1


def asked() -> Validation:
    """Ask the busy user for three items and the quiet one for one; both have item 0."""
    events = from_columns(
        user=np.array([BUSY, QUIET]),
        item=np.array([0, 0]),
        action=np.full(2, ACTION_CODE[Action.CLICK], np.uint8),
        at=np.array([0, 0]),
        items=np.arange(1, ITEMS + 1, dtype=np.uint64),
        users=2,
    )
    return validation_of(events, np.array([BUSY] * 3 + [QUIET]), np.array([1, 25, 26, 2]))


def by_number(users: slice) -> Floats:
    """Rank items in their order."""
    asked_here = len(range(*users.indices(4)))
    return np.tile(-np.arange(ITEMS, dtype=np.float32), (asked_here, 1))


def test_a_users_mean_counts_once() -> None:
    figures = asked().figures(by_number)

    second = 1 / np.log2(3)
    assert figures["ndcg@10"] == pytest.approx((1 / 3 + second) / 2)
    assert figures["hr@10"] == pytest.approx((1 / 3 + 1) / 2)


def test_mixes_are_measured_by_user() -> None:
    mixes = np.array([[1, 0], [0, 1]], np.float32)

    gained = asked().mixed(lambda users: [by_number(users), -by_number(users)], mixes)

    np.testing.assert_allclose(gained, [[1 / 3, 1 / np.log2(3)], [gained[1, 0], 0]])
    assert gained[1, 0] > 0  # backwards, 26 and 25 are high


def test_what_a_user_has_is_not_in_the_way() -> None:
    validation = asked()

    assert validation.seen[1].tolist() == [0, 0, 0, 0]
    assert (validation.rows[:, 0] == 0).all()


def test_the_texts_of_cold_items_count_so_much_that_these_are_found_as_by_texts_alone() -> None:
    draw = np.random.default_rng(0)
    users, items = 300, 100
    target = draw.integers(0, items, users)
    events = from_columns(
        user=np.arange(users),
        item=(target + 1) % items,
        action=np.full(users, ACTION_CODE[Action.CLICK], np.uint8),
        at=np.zeros(users, np.int64),
        items=np.arange(1, items + 1, dtype=np.uint64),
        users=users,
    )
    validation = validation_of(events, np.arange(users), target)
    texts = draw.normal(size=(users, items)).astype(np.float32)
    texts[np.arange(users), target] += 1.5
    scores = 5 * texts  # another scale, and the same order

    count, too_little = (
        validation.fair_to_cold(
            lambda users: (scores[users], texts[users], np.zeros_like(texts[users])),
            np.array(counts),
            np.zeros(items, np.bool_),
        )
        for counts in ((0, 1, 2, 4, 5, 6, 20), (1, 2))
    )

    assert count == 5
    assert too_little == 2  # the most that may be

    known = np.zeros((users, items), np.float32)
    known[np.arange(users), target] = 100  # categories and prices alone tell which it is
    beside = validation.fair_to_cold(
        lambda users: (scores[users], texts[users], known[users]),
        np.array((0, 5)),
        np.zeros(items, np.bool_),
    )
    assert beside == 0
