"""Fitting heads: a planted pattern is found, calibrated, and beats its baseline; noise does not."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import Interactions, from_columns
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.heads import CHURN_RISK, INTERESTS, NEXT_ACTION, PURCHASE_INTENT, Heads
from portrait.times import DAY_MS
from portrait.training.heads.fit_heads import fit_heads
from portrait.training.heads.judge_heads import HeadReport, by_groups

START = 1_700_000_000_000
DAYS, USERS, ITEMS = 240, 200, 6
END = START + DAYS * DAY_MS
CATEGORY_REFS = np.array([10, 10, 20, 20, 30, 30], np.uint64)
BROWSE, CART, PURCHASE, RETURN = (
    ACTION_CODE[action] for action in (Action.BROWSE, Action.CART, Action.PURCHASE, Action.RETURN)
)


def no_state(ring: NDArray[np.void]) -> NDArray[np.float32]:
    return np.zeros((len(ring), 1), np.float32)


def newest_category(ring: NDArray[np.void]) -> NDArray[np.float32]:
    """A state that holds what a user touched last, (A, 3)."""
    item = np.maximum(ring["ref"][:, 0].astype(np.int64) - 1, 0)
    one_hot: NDArray[np.float32] = np.eye(3, dtype=np.float32)[item // 2] * (ring["at"][:, :1] > 0)
    return one_hot


def planted() -> Interactions:
    """Each visit is of the next category in turn; who returns something seldom comes back.

    Recency, frequency and value know nothing of returns, and counts nothing of whose turn it is.
    """
    random = np.random.default_rng(7)
    rows = []
    for user in range(USERS):
        day, category = random.uniform(0, 160) if user % 2 else 0.0, user % 3
        while day < DAYS:
            bought = random.random() < 0.5
            returned = random.random() < 0.08
            lost = random.random() < (0.6 if returned else 0.02)
            steps = [BROWSE] + ([CART, PURCHASE] if bought else [BROWSE]) + [RETURN] * returned
            item = 2 * category + random.integers(2)
            rows += [(user, item, step, day + 0.001 * n) for n, step in enumerate(steps)]
            day, category = DAYS if lost else day + random.uniform(4, 8), (category + 1) % 3
    user, item, action, day = np.array(rows).T
    return from_columns(
        user=user.astype(np.int64),
        item=item.astype(np.int64),
        action=action.astype(np.uint8),
        at=START + np.rint(day * DAY_MS).astype(np.int64),
        items=np.arange(1, ITEMS + 1, dtype=np.uint64),
        users=USERS,
    )


Fitted = tuple[Heads, dict[str, HeadReport], Interactions]


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    log = planted()
    asked = (CHURN_RISK, NEXT_ACTION, INTERESTS)
    heads, reports = fit_heads(log, CATEGORY_REFS, newest_category, until=END, questions=asked)
    return heads, {report.name: report for report in reports}, log


def test_a_planted_sign_of_loss_is_learned_better_than_recency_alone(fitted: Fitted) -> None:
    _heads, reports, _log = fitted

    churn = reports[CHURN_RISK]

    assert churn.served
    assert churn.calibrated["average_precision"] > churn.baseline["average_precision"]
    assert churn.calibrated["ece"] < 0.1


def test_a_cart_announces_a_purchase(fitted: Fitted) -> None:
    heads, reports, log = fitted
    carts = log.where(log.action == CART)
    asked = Anchors(carts.user[:50], carts.at[:50] + 1)
    facts = History(log).facts(asked)

    said = heads.predict(facts.head, facts.ring, newest_category(facts.ring), asked.at)

    assert reports[NEXT_ACTION].served
    assert said.next_action is not None
    assert (said.next_action.argmax(axis=1) == PURCHASE).all()


def test_what_only_the_state_knows_is_taken_from_the_state(fitted: Fitted) -> None:
    heads, reports, log = fitted
    visits = log.where(log.action == PURCHASE)
    asked = Anchors(visits.user[:200], visits.at[:200] + DAY_MS)
    facts = History(log).facts(asked)
    item = facts.ring["ref"].astype(np.int64) - 1
    touched = np.where(item >= 0, CATEGORY_REFS[item], 0)

    said = heads.predict(facts.head, facts.ring, newest_category(facts.ring), asked.at, touched)

    assert reports[INTERESTS].served
    assert reports[INTERESTS].choice["state"] == 1
    assert said.interests is not None
    following = (item[:, 0] // 2 + 1) % 3
    assert (said.interests.argmax(axis=1) == following).mean() > 0.9


def test_churn_risk_rises_while_a_user_is_silent(fitted: Fitted) -> None:
    heads, _reports, log = fitted
    at = np.full(USERS, START + 60 * DAY_MS)
    facts = History(log).facts(Anchors(np.arange(USERS), at))
    known = facts.head["count"] > 5
    head, ring = facts.head[known], facts.ring[known]

    at_once, later = (
        heads.predict(head, ring, newest_category(ring), head["last_at"] + days * DAY_MS).churn_risk
        for days in (1, 20)
    )

    assert at_once is not None
    assert later is not None
    assert (later > at_once).all()


def test_every_period_comes_after_the_one_before(fitted: Fitted) -> None:
    _heads, reports, log = fitted

    for report in reports.values():
        assert min(report.examples.values()) > 100
        assert report.test is not None
        assert report.test.labels.anchors.at.min() > np.quantile(log.at, 0.5)


def test_figures_by_group_cover_everybody_in_the_test(fitted: Fitted) -> None:
    _heads, reports, _log = fitted
    report = reports[CHURN_RISK]
    halves = {"half": (np.arange(USERS) % 2, ["even", "odd"])}

    figures = by_groups(report, halves)["half"]

    assert report.test is not None
    groups = figures["base_rate"]["groups"]  # type: ignore[index] # rows of a manifest
    asked = np.unique(report.test.labels.anchors.user)
    assert sum(group["users"] for group in groups.values()) == len(asked)
    assert by_groups(reports[NEXT_ACTION], halves) == {}


def test_what_cannot_be_foreseen_is_not_served() -> None:
    random = np.random.default_rng(3)
    events = 4_000
    noise = from_columns(
        user=random.integers(0, 100, events),
        item=random.integers(0, ITEMS, events),
        action=random.choice([BROWSE, PURCHASE], events, p=[0.8, 0.2]).astype(np.uint8),
        at=START + random.integers(0, DAYS * DAY_MS, events),
        items=np.arange(1, ITEMS + 1, dtype=np.uint64),
        users=100,
    )

    heads, (report,) = fit_heads(
        noise, CATEGORY_REFS, no_state, until=END, questions=[PURCHASE_INTENT]
    )

    assert not report.served
    assert "does not beat" in report.reason
    assert heads.heads == {}


def test_where_there_is_too_little_the_report_says_so() -> None:
    log = planted()
    few = log.where(log.user < 3)

    heads, reports = fit_heads(few, CATEGORY_REFS, no_state, until=END)

    assert heads.heads == {}
    short = {report.reason for report in reports if "examples in" in report.reason}
    assert short
    assert all(re.fullmatch(r"\d+ of 200 examples in \w+", reason) for reason in short)
