"""Facts: any order, repetition and batching of the same events gives the same bytes."""

from random import Random

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.events.columns import ACTION_CODE, COLUMNS, RING
from portrait.events.event import Action
from portrait.profiles.facts import (
    DEAREST,
    MONEY,
    MOST,
    PERIOD_MS,
    PERIODS,
    SPEND_PART,
    Facts,
    fold,
    spend_of,
)
from tests.support.strategies import START, Happening, happenings, log_of

USERS = 3
RANDOM = Random(1)  # noqa: S311 - a test


def facts_of(*logs: NDArray[np.void]) -> Facts:
    facts = Facts.empty(USERS)
    for log in logs:
        fold(facts, log)
    return facts


def what_is_known(facts: Facts) -> bytes:
    """Everything but the Kafka positions, which depend on where the events came to lie."""
    head = facts.head.copy()
    head["offset"] = 0
    head["partition"] = 0
    head["last_id"] = 0
    return head.tobytes() + facts.ring.tobytes()


def whole(facts: Facts) -> bytes:
    return facts.head.tobytes() + facts.ring.tobytes()


def purchase(at: int, id: int, **changes: object) -> Happening:
    values: dict[str, object] = {
        "user": 0,
        "at": at,
        "id": id,
        "ref": 1,
        "price": 2.5,
        "quantity": 1,
        "action": Action.PURCHASE,
        "rating": 0,
    }
    return Happening(**(values | changes))  # type: ignore[arg-type] # by name, for tests


@given(happenings(USERS), st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(events: list[Happening], random: Random) -> None:
    shuffled = random.sample(events, len(events))

    assert what_is_known(facts_of(log_of(shuffled))) == what_is_known(facts_of(log_of(events)))


@given(happenings(1, most=150), st.randoms(use_true_random=False))
def test_order_does_not_matter_beyond_a_full_ring(events: list[Happening], random: Random) -> None:
    shuffled = random.sample(events, len(events))

    assert what_is_known(facts_of(log_of(shuffled))) == what_is_known(facts_of(log_of(events)))


@given(happenings(USERS), st.data())
def test_batching_does_not_matter(events: list[Happening], data: st.DataObject) -> None:
    log = log_of(events)
    cut = data.draw(st.integers(0, len(log)))

    assert whole(facts_of(log[:cut], log[cut:])) == whole(facts_of(log))


@given(happenings(1, most=150), st.data())
def test_reading_a_stretch_of_the_log_again_changes_nothing(
    events: list[Happening], data: st.DataObject
) -> None:
    log = log_of(events)
    start = data.draw(st.integers(0, len(log)))
    end = data.draw(st.integers(start, len(log)))

    again = facts_of(log, log[start:end])

    assert whole(again) == whole(facts_of(log))


@given(happenings(USERS), st.data())
def test_an_event_published_twice_counts_once(events: list[Happening], data: st.DataObject) -> None:
    twice = (
        data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events)))))
        if (events)
        else []
    )

    facts = facts_of(log_of(twice))

    assert facts.head["totals"].sum() == len(events)
    assert facts.ring.tobytes() == facts_of(log_of(events)).ring.tobytes()


@given(happenings(1, most=150))
def test_the_ring_holds_the_newest_events_newest_first(events: list[Happening]) -> None:
    facts = facts_of(log_of(events))

    newest = sorted(((e.at, e.id) for e in events), reverse=True)[:RING]
    count = int(facts.head["count"][0])
    ring = facts.ring[0, :count]
    assert list(zip(ring["at"].tolist(), ring["id"].tolist(), strict=True)) == newest
    assert not facts.ring[0, count:]["at"].any()


@given(happenings(USERS))
def test_revision_counts_every_record_taken_in(events: list[Happening]) -> None:
    facts = facts_of(log_of(events))

    of_user = np.bincount([e.user for e in events], minlength=USERS)
    assert facts.head["revision"].tolist() == of_user.tolist()


@given(happenings(USERS))
def test_accepted_says_which_events_were_new(events: list[Happening]) -> None:
    facts = Facts.empty(USERS)
    log = log_of(events)

    assert fold(facts, log).all()
    assert not fold(facts, log).any()


def test_spend_is_purchases_less_returns() -> None:
    events = [
        purchase(START, 1, price=2.59, quantity=3),
        purchase(START, 2, price=2.59, action=Action.RETURN),
        purchase(START, 3, price=100.0, action=Action.CLICK),
    ]

    facts = facts_of(log_of(events))

    assert facts.head["spend"][0] / MONEY == 5.18


def test_events_of_a_period_are_counted_until_it_is_too_old() -> None:
    events = [purchase(START + age * PERIOD_MS, 1 + age) for age in range(PERIODS + 1)]

    early = facts_of(log_of(events[:2]))
    late = facts_of(log_of(events))

    assert early.head["by_period"][0].tolist() == [1, 1, 0, 0]
    assert late.head["by_period"][0].tolist() == [1, 1, 1, 1]


def test_a_topic_with_new_partitions_is_read_from_its_start() -> None:
    before = log_of([purchase(START, 1), purchase(START, 2)], partition=0)
    after = log_of([purchase(START, 3)], partition=5)

    facts = facts_of(before, after)

    assert facts.head["totals"][0, ACTION_CODE[Action.PURCHASE]] == 3


def test_a_basket_larger_than_the_ring_sent_with_retries_counts_once() -> None:
    basket = [purchase(START, id) for id in range(3 * RING, 0, -1)]  # each older than the last
    retried = [line for line in basket for _ in range(2)]

    facts = facts_of(log_of(retried))

    assert facts.head["totals"][0].sum() == len(basket)
    assert facts.head["spend"][0] == facts_of(log_of(basket)).head["spend"][0]


@given(st.lists(st.sampled_from([Action.PURCHASE, Action.RETURN]), max_size=150), st.randoms())
@example([Action.PURCHASE] * 400, RANDOM)  # more than 64 bits hold: chance draws none so large
@example([Action.RETURN] * 400, RANDOM)
def test_spend_is_exact_however_large_and_in_whatever_order(
    actions: list[Action], random: Random
) -> None:
    prices = [DEAREST, 1e30, 2.5]
    events = [
        purchase(START, 1 + n, action=action, price=prices[n % 3], quantity=2**16 - 1)
        for n, action in enumerate(actions)
    ]

    facts = facts_of(log_of(events))

    amounts = [round(min(event.price, DEAREST) * MONEY) * event.quantity for event in events]
    signs = [1 if event.action is Action.PURCHASE else -1 for event in events]
    exact = sum(sign * amount for sign, amount in zip(signs, amounts, strict=True))
    head = facts.head[0]
    assert int(head["spend"]) + (int(head["spend_upper"]) << SPEND_PART) == exact
    assert spend_of(facts.head)[0] == pytest.approx(exact / MONEY)
    shuffled = facts_of(log_of(random.sample(events, len(events))))
    assert what_is_known(shuffled) == what_is_known(facts)


def test_counts_stop_at_the_most_that_they_can_tell_of() -> None:
    facts = facts_of(log_of([purchase(START, 1)]))
    facts.head["totals"], facts.head["by_period"] = MOST - 1, MOST - 1

    fold(facts, log_of([purchase(START, n) for n in range(1, 4)]))

    assert facts.head["totals"][0, ACTION_CODE[Action.PURCHASE]] == MOST
    assert facts.head["by_period"][0].tolist() == [MOST, *[MOST - 1] * (PERIODS - 1)]


def test_no_events_are_no_trouble() -> None:
    facts = Facts.empty(USERS)

    assert not len(fold(facts, np.zeros(0, COLUMNS)))
    assert whole(facts) == whole(Facts.empty(USERS))
