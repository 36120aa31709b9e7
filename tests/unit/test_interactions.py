"""Interactions: sorted columns, cut in time."""

import numpy as np

from portrait.dataset.interactions import NO_ITEM, NO_QUERY, Interactions, from_columns


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


def test_what_was_bought_in_one_order_was_bought_at_once() -> None:
    events = from_columns(
        user=np.array([0, 0, 0, 0, 1, 0]),
        item=np.zeros(6, np.int64),
        action=np.full(6, 4, np.uint8),
        at=np.array([13, 10, 11, 12, 20, 30]),
        order=np.array([5, 5, 0, 6, 5, 6], np.uint64),
        items=np.array([7], np.uint64),
        users=2,
    )

    assert events.at.tolist() == [10, 11, 12, 13, 30, 20]
    assert events.order.tolist() == [5, 0, 6, 5, 6, 5]
    assert events.moments.tolist() == [10, 11, 12, 10, 12, 20]


def test_without_orders_everything_has_its_moment() -> None:
    assert three_users().moments.tolist() == three_users().at.tolist()


def test_a_user_without_events_has_an_empty_stretch() -> None:
    assert three_users().starts.tolist() == [0, 2, 2, 4]


def test_what_happens_at_a_moment_is_not_before_it() -> None:
    past = three_users().before(20)

    assert past.at.tolist() == [10]
    assert past.users == 3
    assert len(past.items) == 2


def with_searches() -> Interactions:
    return from_columns(
        user=np.zeros(5, np.int64),
        item=np.array([0, NO_ITEM, NO_ITEM, 1, NO_ITEM]),
        query=np.array([NO_QUERY, 2, 0, NO_QUERY, 2]),
        action=np.array([1, 3, 3, 1, 3], np.uint8),
        at=np.arange(5),
        items=np.array([7, 8], np.uint64),
        queries=np.array([50, 60, 70], np.uint64),
        users=1,
    )


def test_an_event_is_about_an_item_or_a_search() -> None:
    assert with_searches().about(np.array([[0, 1], [3, 2]])).tolist() == [[0, 4], [1, 2]]


def test_of_too_many_queries_the_commonest_stay() -> None:
    few = with_searches().of_queries(1)

    assert few.queries.tolist() == [70]
    assert few.query.tolist() == [NO_QUERY, 0, NO_QUERY, NO_QUERY, 0]
    assert few.about(np.arange(5)).tolist() == [0, 2, NO_ITEM, 1, 2]
