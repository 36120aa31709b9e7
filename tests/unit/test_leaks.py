"""Leaks: planted ones are caught, honest features and labels pass."""

from datetime import timedelta
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import Interactions, from_columns
from portrait.dataset.labels import (
    Labels,
    categories_touched,
    churn,
    next_action,
    purchase_within,
)
from portrait.dataset.leaks import LeakError, audit_facts, audit_split
from portrait.events.columns import PURCHASE
from tests.support.audits import audit_features, audit_labels

DAY = 86_400_000
START = 1_700_000_000_000
END = START + 200 * DAY
USERS = 20
random = np.random.default_rng(3)


@pytest.fixture
def log() -> Interactions:
    events = 1_500
    return from_columns(
        user=random.integers(0, USERS, events),
        item=random.integers(0, 5, events),
        action=random.integers(0, 7, events).astype(np.uint8),
        at=START + random.integers(0, 200 * DAY, events),
        items=np.arange(1, 6, dtype=np.uint64),
        users=USERS,
    )


@pytest.fixture
def asked() -> Anchors:
    return Anchors(random.integers(0, USERS, 60), START + random.integers(0, 200, 60) * DAY)


def counts(log: Interactions, asked: Anchors) -> NDArray[np.float64]:
    return History(log).facts(asked).head["totals"].astype(np.float64)


def counts_of_the_whole_log(log: Interactions, asked: Anchors) -> NDArray[np.float64]:
    """The classic leak: an aggregate computed once, over everything."""
    return np.bincount(log.user, minlength=USERS)[asked.user][:, None].astype(np.float64)


def bought_later_than_it_says(log: Interactions, asked: Anchors, until: int) -> Labels:
    """A window of two weeks that says that it closes after one."""
    honest = purchase_within(log, asked, until, timedelta(days=14))
    return Labels(honest.name, honest.anchors, honest.values, honest.anchors.at + 7 * DAY)


def bought_within_windows_still_open(log: Interactions, asked: Anchors, until: int) -> Labels:
    """What has not matured is taken for a "no"."""
    return purchase_within(log, asked, until + 7 * DAY, timedelta(days=7))


def test_honest_features_pass(log: Interactions, asked: Anchors) -> None:
    audit_features(counts, log, asked)
    audit_facts(History(log).facts(asked), asked)


@pytest.mark.parametrize(
    "make",
    [
        next_action,
        purchase_within,
        churn,
        partial(categories_touched, category=np.arange(5), categories=5),
    ],
)
def test_honest_labels_pass(make: object, log: Interactions, asked: Anchors) -> None:
    assert callable(make)

    audit_labels(make, log, asked, END)


def test_a_feature_of_the_whole_log_is_caught(log: Interactions, asked: Anchors) -> None:
    with pytest.raises(LeakError, match="features change"):
        audit_features(counts_of_the_whole_log, log, asked)


def test_facts_of_a_later_moment_are_caught(log: Interactions, asked: Anchors) -> None:
    later = History(log).facts(Anchors(asked.user, asked.at + 30 * DAY))

    with pytest.raises(LeakError, match="facts hold events"):
        audit_facts(later, asked)


def test_a_label_that_looks_past_its_window_is_caught(log: Interactions, asked: Anchors) -> None:
    rare = log.where((log.action != PURCHASE) | (log.at // DAY % 11 == 0))

    with pytest.raises(LeakError, match="past the close"):
        audit_labels(bought_later_than_it_says, rare, asked, END)


def test_a_window_that_has_not_closed_is_caught(log: Interactions, asked: Anchors) -> None:
    open_window = Anchors(np.append(asked.user, 0), np.append(asked.at, END - DAY))

    with pytest.raises(LeakError, match="after the log ends"):
        audit_labels(bought_within_windows_still_open, log, open_window, END)


def test_training_windows_that_reach_into_the_test_are_caught(
    log: Interactions, asked: Anchors
) -> None:
    early = churn(log, asked.where(asked.at < START + 90 * DAY), END)
    soon = churn(log, asked.where(asked.at >= START + 90 * DAY), END)
    much_later = churn(log, asked.where(asked.at >= START + 120 * DAY), END)

    audit_split(early, much_later)
    with pytest.raises(LeakError, match="reach into the test"):
        audit_split(early, soon)
