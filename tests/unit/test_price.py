"""Prices: nothing to pay is a price, and an unknown one is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.arrays import Floats
from portrait.events.columns import ACTION_CODE, PURCHASE, RETURN
from portrait.events.event import Action
from portrait.events.price import FREE, NOT_KNOWN, Deals, held

CLICK = ACTION_CODE[Action.CLICK]
PRICES = st.sampled_from([NOT_KNOWN, FREE, 2.0, 3.0])
EVENTS = st.lists(
    st.tuples(
        st.integers(0, 1),  # user
        st.integers(0, 1),  # item
        st.integers(1, 6),  # at
        st.sampled_from([PURCHASE, RETURN, CLICK]),
        PRICES,
        PRICES,  # listed
    ),
    max_size=12,
)
Drawn = list[tuple[int, int, int, int, float, float]]


def deals_of(events: Drawn) -> tuple[Deals, Floats]:
    columns = [np.array([event[place] for event in events]) for place in range(6)]
    user, item, at, action, price, listed = columns
    deals = Deals(
        user.astype(np.int64),
        item.astype(np.int64),
        at.astype(np.int64),
        action.astype(np.uint8),
        price.astype(np.float32),
    )
    return deals, listed.astype(np.float32)


def naive(events: Drawn, place: int) -> set[float]:
    """Say it as docs/event-schema.md does; of purchases at one moment any may be meant."""
    user, item, at, action, price, listed = events[place]
    if price or action == CLICK:
        return {price}
    if action == PURCHASE:
        return {listed}
    before = [
        (other[2], other[4] or other[5])
        for other in events
        if other[:2] == (user, item) and other[2] <= at and other[3] == PURCHASE
    ]
    known = [(when, paid) for when, paid in before if paid]
    newest = max((when for when, _ in known), default=0)
    return {paid for when, paid in known if when == newest} or {listed}


@given(EVENTS)
def test_a_purchase_takes_the_catalogue_s_price_and_a_return_its_purchase_s(events: Drawn) -> None:
    deals, listed = deals_of(events)

    prices = deals.prices(listed).tolist()

    assert all(price in naive(events, place) for place, price in enumerate(prices))


@given(EVENTS)
def test_the_order_of_events_changes_no_price(events: Drawn) -> None:
    once = {(*event[:4],): event for event in events}  # at one moment, one purchase of a thing
    some = [*once.values()]

    (deals, listed), (turned, back) = deals_of(some), deals_of(some[::-1])

    assert deals.prices(listed).tolist() == turned.prices(back).tolist()[::-1]


@pytest.mark.parametrize(
    ("price", "expected"),
    [(None, NOT_KNOWN), (0.0, FREE), (-0.0, FREE), (2.5, 2.5), (1e-300, FREE)],
)
def test_nothing_to_pay_is_held_as_a_price_and_an_unknown_one_as_none(
    price: float | None, expected: float
) -> None:
    array = np.array([held(price)], np.float32)

    assert array.tolist() == [expected]
    assert bool(array[0] > 0) is (price is not None)
