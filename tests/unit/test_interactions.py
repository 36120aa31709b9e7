"""Interactions: sorted columns, cut in time."""

import numpy as np

from portrait.interactions import Interactions, from_columns


def three_users() -> Interactions:
    return from_columns(
        user=np.array([2, 0, 2, 0]),
        item=np.array([0, 1, 1, 0]),
        action=np.array([4, 4, 1, 1], np.uint8),
        at=np.array([30, 20, 10, 20]),
        items=np.array([7, 8], np.uint64),
        users=3,
    )


def test_events_are_sorted_by_user_and_time_and_equal_times_keep_their_order() -> None:
    events = three_users()

    assert events.user.tolist() == [0, 0, 2, 2]
    assert events.item.tolist() == [1, 0, 1, 0]
    assert events.at.tolist() == [20, 20, 10, 30]


def test_a_user_without_events_has_an_empty_stretch() -> None:
    assert three_users().starts.tolist() == [0, 2, 2, 4]


def test_what_happens_at_a_moment_is_not_before_it() -> None:
    past = three_users().before(20)

    assert past.at.tolist() == [10]
    assert past.users == 3
    assert len(past.items) == 2
