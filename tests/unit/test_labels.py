"""Labels: what came in a window that has closed, and nothing else."""

from dataclasses import replace
from datetime import timedelta

import numpy as np

from portrait.dataset.history import Anchors
from portrait.dataset.interactions import NO_ITEM, Interactions, from_columns
from portrait.dataset.labels import (
    NO_LABEL,
    categories_touched,
    churn,
    next_action,
    purchase_within,
    sentiment,
)
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action

DAY = 86_400_000
START = 1_700_000_000_000
CLICK, PURCHASE, SEARCH, REVIEW, RETURN = (
    ACTION_CODE[action]
    for action in (Action.CLICK, Action.PURCHASE, Action.SEARCH, Action.REVIEW, Action.RETURN)
)


def history(*events: tuple[int, float, int, int], ratings: tuple[int, ...] = ()) -> Interactions:
    """Events as (user, day, action, item)."""
    user, day, action, item = np.array(events).T
    return from_columns(
        user=user.astype(np.int64),
        item=item.astype(np.int64),
        action=action.astype(np.uint8),
        at=START + np.rint(day * DAY).astype(np.int64),
        items=np.array([7, 8, 9], np.uint64),
        users=3,
        rating=np.array(ratings, np.uint8) if ratings else None,
    )


def on(*days: tuple[int, float]) -> Anchors:
    """Anchors as (user, day)."""
    user, day = np.array(days).T
    return Anchors(user.astype(np.int64), START + np.rint(day * DAY).astype(np.int64))


def until(day: float) -> int:
    return START + round(day * DAY)


def test_the_next_action_is_the_first_from_the_anchor_on() -> None:
    log = history((0, 1, CLICK, 0), (0, 2, SEARCH, NO_ITEM), (0, 3, PURCHASE, 2), (1, 9, CLICK, 1))

    labels = next_action(log, on((0, 1), (0, 1.5), (0, 4), (1, 0)), until(5))

    assert labels.values.tolist() == [CLICK, SEARCH]
    assert labels.closes.tolist() == [until(1) + 1, until(2) + 1]


def test_the_next_action_of_who_has_not_acted_yet_is_left_out() -> None:
    log = history((0, 1, CLICK, 0), (0, 2, SEARCH, NO_ITEM), (1, 3, CLICK, 0))

    labels = next_action(log, on((0, 1.5), (0, 2.5)), until(5))

    assert labels.values.tolist() == [SEARCH]
    assert labels.anchors.at.tolist() == [until(1.5)]


def test_a_purchase_counts_from_the_anchor_to_just_before_the_close() -> None:
    log = history((0, 7, PURCHASE, 0), (1, 0, CLICK, 0))

    labels = purchase_within(
        log, on((0, 0), (0, 0.5), (0, 7), (0, 7.5), (1, 0)), until(30), timedelta(days=7)
    )

    assert labels.values.tolist() == [False, True, True, False, False]


def test_windows_that_have_not_matured_are_left_out() -> None:
    log = history((0, 7, PURCHASE, 0))

    labels = purchase_within(log, on((0, 1), (0, 3), (0, 4)), until(10), timedelta(days=7))

    assert labels.anchors.at.tolist() == [until(1), until(3)]
    assert (labels.closes <= until(10)).all()


def test_only_the_active_can_be_lost_and_the_censored_are_left_out() -> None:
    visits = [(user, float(day), CLICK, 0) for user in (0, 1) for day in (1, 2, 3)]
    log = history(*visits, (1, 20, CLICK, 0), (2, 1, CLICK, 0), (2, 2, CLICK, 0))
    asked = on((0, 4), (1, 4), (2, 4), (0, 94), (0, 31))

    labels = churn(log, asked, until(60))

    assert labels.anchors.user.tolist() == [0, 1]  # 2 did too little; 0 at 94 long ago; 31 is open
    assert labels.values.tolist() == [True, False]
    assert labels.closes.tolist() == [until(34), until(34)]


def test_several_categories_are_touched_in_one_window() -> None:
    log = history(
        (0, 1, CLICK, 0),
        (0, 2, PURCHASE, 1),
        (0, 3, CLICK, 2),
        (0, 4, RETURN, 0),
        (1, 8, CLICK, 0),
    )

    labels = categories_touched(
        log,
        on((0, 0), (0, 1.5), (0, 3.5), (1, 1), (1, 2)),
        until(11),
        category=np.array([1, 0, NO_LABEL]),
        categories=2,
    )

    assert labels.values.tolist() == [[1, 1], [1, 0], [0, 0], [0, 0], [0, 1]]


def test_sentiment_comes_from_clear_ratings_of_reviews() -> None:
    log = history(
        (0, 1, REVIEW, 0),
        (0, 2, REVIEW, 0),
        (0, 3, REVIEW, 0),
        (0, 4, REVIEW, 0),
        (0, 5, CLICK, 0),
        ratings=(50, 30, 20, 0, 50),
    )

    labels = sentiment(log, until(9))

    assert labels.values.tolist() == [True, False]
    assert labels.anchors.at.tolist() == [until(1), until(3)]


def test_stars_that_were_read_from_a_text_teach_nothing() -> None:
    said = history((0, 1, REVIEW, 0), (0, 2, REVIEW, 0), ratings=(10, 10))
    log = replace(said, quantity=np.array([1, 0], np.int32))

    labels = sentiment(log, until(9))

    assert labels.anchors.at.tolist() == [until(1)]
