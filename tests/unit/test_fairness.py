"""Fairness: figures by group, and the worst beside the best."""

import numpy as np
import pytest

from portrait.evaluation.fairness import LEAST_USERS, NO_GROUP, by_activity, by_group

USERS = 3 * LEAST_USERS


def test_the_ratio_is_the_least_figure_over_the_largest() -> None:
    user = np.arange(USERS)
    group = user % 2
    hit = np.where(group == 0, 0.5, 0.4)

    spread = by_group(lambda places: float(hit[places].mean()), user, group, ["a", "b"])

    assert [group.figure for group in spread.groups] == pytest.approx([0.5, 0.4])
    assert spread.ratio == pytest.approx(0.8)
    assert spread.rows["min_max_ratio"] == 0.8


def test_groups_too_small_to_tell_are_named_but_not_compared() -> None:
    user = np.arange(USERS)
    group = np.where(user < 3, 2, user % 2)
    hit = np.where(group == 2, 0.0, 0.5)

    spread = by_group(lambda places: float(hit[places].mean()), user, group, ["a", "b", "few"])

    assert spread.groups[2].users == 3
    assert not spread.groups[2].told
    assert spread.ratio == 1


def test_users_count_once_and_those_of_no_group_nowhere() -> None:
    user = np.repeat(np.arange(USERS), 4)
    group = np.where(np.arange(USERS) % 2, NO_GROUP, 0)

    (only,) = by_group(len, user, group, ["a"]).groups

    assert only.users == USERS // 2
    assert only.examples == USERS * 2


def test_only_the_telling_are_counted_where_it_takes_a_positive() -> None:
    user = np.arange(USERS)
    held = user < 3

    (only,) = by_group(
        lambda places: float(held[places].mean()), user, np.zeros(USERS, np.int64), ["a"], held
    ).groups

    assert only.users == 3
    assert only.examples == USERS
    assert not only.told


def test_activity_parts_are_equally_large() -> None:
    parts = by_activity(np.array([5, 1, 9, 2, 7, 3]))

    assert parts.tolist() == [1, 0, 2, 0, 2, 1]
