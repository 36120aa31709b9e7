"""The continual-learning benchmark: fair periods, and figures that mean what they say."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from benchmarks.continual import BEGINS, Row, compare, periods_of, summary
from benchmarks.heads.shops import Shop
from portrait.dataset.interactions import Interactions, from_columns
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.space import unit

ITEMS, USERS, LENGTH = 40, 500, 24
HOUR = 3_600_000


def walks() -> Interactions:
    """Return users who go through the catalogue, each from somewhere and at a time of their own."""
    draw = np.random.default_rng(0)
    user = np.repeat(np.arange(USERS), LENGTH)
    step = np.tile(np.arange(LENGTH), USERS)
    begin = np.repeat(draw.integers(0, 2_000, USERS), LENGTH)
    return from_columns(
        user=user,
        item=(np.repeat(draw.integers(0, ITEMS, USERS), LENGTH) + step) % ITEMS,
        action=np.full(len(user), ACTION_CODE[Action.PURCHASE], np.uint8),
        at=(begin + step * 12) * HOUR,
        items=np.arange(1, ITEMS + 1, dtype=np.uint64),
        users=USERS,
    )


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)  # two on a busy machine wait for each other


@pytest.fixture(scope="module")
def shop() -> Shop:
    events = walks()
    nothing = [""] * ITEMS
    return Shop("walks", events, nothing, nothing, int(events.at.max()) + 1, {})


def test_each_period_begins_where_the_one_before_was_learned_to(shop: Shop) -> None:
    periods = periods_of(shop, 0.5)

    assert len(periods) == len(BEGINS) - 2
    for former, later in pairwise(periods):
        assert later.new_from == former.test_from
        assert later.test_from == pytest.approx(former.until, abs=12 * HOUR)
    for period in periods:
        assert period.learned_again.at.max() < period.test_from < period.events.at.max()
        assert not period.held[period.counted_again.user].any()
        assert period.held.mean() == pytest.approx(0.5, abs=0.1)


def test_the_replay_is_as_large_as_what_is_new(shop: Shop) -> None:
    later = periods_of(shop, 0.5)[-1]
    again = later.replayed[later.learned.user] & (later.learned.at < later.new_from)

    new = int((later.learned.at >= later.new_from).sum())

    assert new / 2 < again.sum() <= new


def test_every_way_is_measured_in_every_period_and_learning_is_seen(shop: Shop) -> None:
    texts = unit(np.random.default_rng(0).normal(size=(ITEMS, 16)).astype(np.float32))

    rows = compare(periods_of(shop, 0.5), texts)

    rounds = len(BEGINS) - 3
    assert [row.way for row in rows] == ["kept", "new only", "refreshed", "joint"] * rounds
    assert [row.period for row in rows] == [n for n in range(1, rounds + 1) for _ in range(4)]
    assert all(
        row.new.mean() > 0.2 and row.old.mean() > 0.2 for row in rows if row.way != "new only"
    )
    assert all((row.seconds < 0.01) == (row.way == "kept") for row in rows)


def test_the_summary_compares_with_the_right_rows() -> None:
    ways = {"kept": (1, 4, 0), "new only": (3, 1, 1), "refreshed": (2, 3, 2), "joint": (4, 5, 8)}
    rows = [
        Row(1, way, np.full(9, new, float), np.full(9, old, float), seconds)
        for way, (new, old, seconds) in ways.items()
    ]

    figures = summary(rows)

    assert figures["new_vs_joint"] == 2 / 4 - 1
    assert figures["old_vs_champion"] == 3 / 4 - 1
    assert figures["new_vs_champion"] == 2 / 1 - 1
    assert figures["joint_old_vs_champion"] == 5 / 4 - 1
    assert figures["new_only_old_vs_champion"] == 1 / 4 - 1
    assert figures["time_vs_joint"] == 2 / 8
    assert figures["new_vs_joint_low"] == figures["new_vs_joint_high"] == figures["new_vs_joint"]
