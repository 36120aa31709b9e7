"""Questions: asked in time order, answered from what was known."""

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import Interactions, from_columns
from portrait.dataset.labels import Labels, categories_touched, churn
from portrait.dataset.leaks import LeakError
from portrait.dataset.questions import (
    Known,
    anchors_after_events,
    answer,
    calendar_anchors,
    category_codes,
    cut,
)
from portrait.model.habits import HABITS, RECENCY
from portrait.model.heads import features
from portrait.times import DAY_MS
from tests.support.audits import audit_features

START = 1_700_000_000_000
DAYS = 200
END = START + DAYS * DAY_MS
USERS = 30
CATEGORY_REFS = np.array([20, 10, 0, 10, 20], np.uint64)
CATEGORIES = np.array([10, 20], np.uint64)


def no_state(ring: NDArray[np.void]) -> NDArray[np.float32]:
    return np.zeros((len(ring), 1), np.float32)


@pytest.fixture(scope="module")
def log() -> Interactions:
    random = np.random.default_rng(1)
    events = 3_000
    return from_columns(
        user=random.integers(0, USERS, events),
        item=random.integers(0, 5, events),
        action=random.integers(0, 7, events).astype(np.uint8),
        at=START + random.integers(0, DAYS * DAY_MS, events),
        items=np.array([9, 7, 5, 3, 1], np.uint64),
        users=USERS,
    )


@pytest.fixture(scope="module")
def known(log: Interactions) -> Known:
    return Known(History(log), no_state, CATEGORY_REFS, CATEGORIES)


def test_periods_follow_each_other_after_a_warm_up(log: Interactions) -> None:
    periods = cut(log, END)

    in_order = (log.at.min(), periods.asked_from, periods.valid_from, periods.test_from, END)
    assert list(in_order) == sorted(in_order)
    assert periods.until == END


def test_each_user_is_asked_about_once_a_stretch(log: Interactions) -> None:
    asked = calendar_anchors(log, START + 30 * DAY_MS, END, 10 * DAY_MS)

    stretch = (asked.at - START) // (10 * DAY_MS)
    pairs = np.stack([asked.user, stretch])
    assert pairs.shape == np.unique(pairs, axis=1).shape
    assert len(asked) == USERS * 17
    assert (asked.at < END).all()


def test_who_was_not_seen_lately_is_not_asked_about() -> None:
    once = from_columns(
        user=np.zeros(1, np.int64),
        item=np.zeros(1, np.int64),
        action=np.zeros(1, np.uint8),
        at=np.array([START]),
        items=np.array([1], np.uint64),
        users=2,
    )

    asked = calendar_anchors(once, START + 1, END, 20 * DAY_MS)

    assert set(asked.user.tolist()) == {0}
    assert asked.at.max() <= START + 90 * DAY_MS


def test_questions_after_events_come_before_the_next_event(log: Interactions) -> None:
    asked = anchors_after_events(log)

    history = History(log)
    newest = history.facts(asked).ring["at"][:, 0]
    assert len(asked) > USERS
    assert (asked.at > newest).all()
    # Each question is about its own event: no two are asked after the same one.
    assert len(np.unique(np.stack([asked.user, newest]), axis=1).T) == len(asked)


def test_no_answer_is_used_before_it_was_known(log: Interactions, known: Known) -> None:
    periods = cut(log, END)
    asked = calendar_anchors(log, START, END, 5 * DAY_MS)

    sets = answer(known, asked, partial(churn, log), periods, 10_000)

    assert sets.train.labels.closes.max() <= periods.valid_from
    assert sets.valid.labels.anchors.at.min() >= periods.valid_from
    assert sets.valid.labels.closes.max() <= periods.test_from
    assert sets.test.labels.anchors.at.min() >= periods.test_from
    assert sets.test.labels.closes.max() <= END


@pytest.mark.parametrize("cheated", ["valid_from", "test_from"])
def test_a_label_that_ignores_where_time_is_cut_is_refused(
    log: Interactions, known: Known, cheated: str
) -> None:
    periods = cut(log, END)

    def label(anchors: Anchors, until: int) -> Labels:
        return churn(log, anchors, END if until == getattr(periods, cheated) else until)

    with pytest.raises(LeakError):
        answer(known, calendar_anchors(log, START, END, 5 * DAY_MS), label, periods, 99)


def test_features_of_the_heads_see_nothing_of_the_future(log: Interactions) -> None:
    def described(events: Interactions, asked: Anchors) -> NDArray[np.float32]:
        facts = History(events).facts(asked)
        return features(facts.head, facts.ring, no_state(facts.ring), asked.at)

    audit_features(described, log, calendar_anchors(log, START, END, 30 * DAY_MS))


def test_touches_are_of_the_items_categories(log: Interactions, known: Known) -> None:
    label = partial(
        categories_touched,
        log,
        category=category_codes(CATEGORY_REFS, CATEGORIES),
        categories=len(CATEGORIES),
    )

    train = answer(
        known, calendar_anchors(log, START, END, 5 * DAY_MS), label, cut(log, END), 50
    ).train

    assert train.touches is not None
    asked = train.labels.anchors
    for row in range(3):
        mine = (log.user == asked.user[row]) & (log.at < asked.at[row])
        newest = CATEGORY_REFS[log.item[mine]][-64:]
        expected = [np.log1p((newest == ref).sum()) for ref in CATEGORIES]
        np.testing.assert_allclose(train.touches[row, 2], expected, atol=1e-5)


def test_a_category_not_asked_about_has_no_code() -> None:
    codes = category_codes(np.array([20, 15, 10], np.uint64), CATEGORIES)

    assert codes.tolist() == [1, -1, 0]
    assert category_codes(np.array([20], np.uint64), CATEGORIES[:0]).tolist() == [-1]


def test_examples_are_drawn_when_there_are_too_many(log: Interactions, known: Known) -> None:
    asked = calendar_anchors(log, START, END, 5 * DAY_MS)

    sets = answer(known, asked, partial(churn, log), cut(log, END), 40)

    assert len(sets.train) == 40
    assert sets.train.features.shape == (40, 1 + len(HABITS))
    assert (sets.train.features[:, 1 + RECENCY] >= 0).all()
