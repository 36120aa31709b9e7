"""Influence: nobody is heard louder by saying it more often, or under more names."""

from dataclasses import replace
from itertools import product
from operator import itemgetter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from portrait.catalogue.popularity import diminished
from portrait.events.columns import ACTION_CODE, COLUMNS
from portrait.events.event import Action
from portrait.events.receipt import RECEIVED as SAID
from portrait.model.influence import (
    _WEIGHTS,
    ACQUAINTED,
    AWAY_MS,
    DAILY,
    WANTED,
    Regulars,
    wanted,
)
from portrait.profiles.facts import Facts, fold
from portrait.reading.decode import decode
from portrait.reading.records import Clock
from portrait.times import DAY_MS
from tests.support.records import RECEIVED, FakeRecord, event_record

TODAY = 20_700 * DAY_MS
PURCHASE = 4_000

Event = tuple[int, int, Action, int]  # user, item, action, ms


def columns_of(*events: Event) -> NDArray[np.void]:
    columns = np.zeros(len(events), COLUMNS)
    for place, (user, item, action, at) in enumerate(events):
        columns["user"][place], columns["offset"][place] = user, at
        columns["received"][place] = columns["logged"][place] = at
        event = (at, hash((user, at, place)) % 2**63, item, 0.0, 1, ACTION_CODE[action], 0)
        columns["event"][place] = event
    return columns


def knowing(*events: Event, users: int = 1) -> Facts:
    facts = Facts.empty(users)
    fold(facts, columns_of(*events))
    return facts


def heard(facts: Facts, *events: Event, regular: bool = True) -> list[int]:
    columns = columns_of(*events)
    weights: list[int] = wanted(facts, columns, np.full(len(columns), regular))["weight"].tolist()
    return weights


def at_once(number: int, user: str = "ann", *, since: int | None = None) -> FakeRecord:
    """Return a purchase that the log takes in now, and that says it was taken in before."""
    record = event_record(
        number,
        event_id=f"{user}{number}",
        user_id=user,
        type="purchase",
        occurred_at="2026-09-20T14:13:20+00:00",
    )
    headers = () if since is None else ((SAID, b"%d" % since),)
    return replace(record, timestamp=RECEIVED + number, headers=headers)


def test_the_same_thing_done_again_on_the_same_day_is_not_heard_again() -> None:
    bought = (0, 7, Action.PURCHASE, TODAY)
    again = [(0, 7, Action.PURCHASE, TODAY + n) for n in (1, 2)]

    assert heard(Facts.empty(1), bought, *again) == [PURCHASE, 0, 0]
    assert heard(knowing(bought), *again) == [0, 0]


def test_a_wish_is_heard_and_a_removal_is_not() -> None:
    done = [(0, 7, action, TODAY) for action in (Action.WISH, Action.REMOVE)]

    assert heard(Facts.empty(1), *done) == [1_500, 0]


def test_another_item_another_action_another_user_and_another_day_are_heard() -> None:
    facts = knowing((0, 7, Action.PURCHASE, TODAY), users=2)

    assert heard(
        facts,
        (0, 8, Action.PURCHASE, TODAY + 1),
        (0, 7, Action.CART, TODAY + 2),
        (1, 7, Action.PURCHASE, TODAY + 3),
        (0, 7, Action.PURCHASE, TODAY + DAY_MS),
    ) == [PURCHASE, 2_000, PURCHASE, PURCHASE]


def test_one_user_is_heard_so_often_a_day_in_one_batch_or_in_many() -> None:
    many = [(0, 1 + n, Action.PURCHASE, TODAY + n) for n in range(3 * DAILY)]
    facts, total = Facts.empty(1), 0
    for start in range(0, len(many), 5):
        total += sum(heard(facts, *many[start : start + 5]))
        fold(facts, columns_of(*many[start : start + 5]))

    assert sum(heard(Facts.empty(1), *many)) == total == DAILY * PURCHASE


def test_what_is_older_than_all_that_is_remembered_is_not_heard() -> None:
    facts = knowing(*[(0, 1 + n, Action.CLICK, TODAY + n) for n in range(64)])

    assert heard(facts, (0, 99, Action.PURCHASE, TODAY - DAY_MS)) == [0]


def test_searches_and_returns_make_nothing_popular() -> None:
    assert heard(
        Facts.empty(1), (0, 7, Action.SEARCH, TODAY), (0, 8, Action.RETURN, TODAY + 1)
    ) == [0, 0]


def test_a_stranger_is_heard_the_more_the_longer_they_are_here() -> None:
    first = [(0, 1 + n, Action.PURCHASE, TODAY + n) for n in range(ACQUAINTED + 2)]

    weights = heard(Facts.empty(1), *first, regular=False)

    assert weights == [min(n, ACQUAINTED) * PURCHASE // ACQUAINTED for n in range(len(first))]


def test_five_hundred_made_up_users_weigh_less_than_a_dozen_regulars() -> None:
    made_up = [(user, 7, Action.PURCHASE, TODAY) for user in range(500)]
    at_it = [(user, 6, Action.PURCHASE, TODAY - 1) for user in range(500)]

    assert sum(heard(Facts.empty(500), *made_up, regular=False)) == 0
    at_once = sum(heard(knowing(*at_it, users=500), *made_up, regular=False))
    assert diminished(at_once) < 12 * PURCHASE


def test_who_comes_back_after_a_while_is_a_regular_from_then_on() -> None:
    facts, regulars = knowing((0, 7, Action.CLICK, TODAY), users=2), Regulars()
    soon = columns_of((0, 7, Action.CLICK, TODAY + 1), (1, 7, Action.CLICK, TODAY + AWAY_MS))
    back = columns_of((0, 7, Action.CLICK, TODAY + AWAY_MS))

    assert regulars.among(["ann", "new"], facts.head, soon).tolist() == [False, False]
    assert regulars.among(["ann", "new"], facts.head, back).tolist() == [True]
    assert regulars.among(["ann", "new"], facts.head, soon).tolist() == [True, False]


@pytest.mark.parametrize("forged", list(product([False, True], repeat=3)))
def test_a_forged_header_makes_nobody_a_regular(forged: tuple[bool, ...]) -> None:
    """Whichever of somebody's first events say that they were received before."""
    facts, regulars = Facts.empty(1), Regulars()
    for number, is_forged in enumerate(forged):
        record = at_once(number, since=RECEIVED - (number + 1) * AWAY_MS if is_forged else None)

        (batch,) = decode([record], clock=Clock.of_system(60_000), most_tokens=10_000)

        assert not regulars.among(batch.users, facts.head, batch.columns).any()
        fold(facts, batch.columns)


def test_a_made_up_past_does_not_make_up_for_being_new() -> None:
    """An attack: an old event of each made-up user, then a purchase, all within a second."""
    users = [f"u{n}" for n in range(40)]
    facts, regulars = Facts.empty(len(users)), Regulars()
    for number, since in enumerate((RECEIVED - 2 * AWAY_MS, None)):
        records = [at_once(number, user, since=since) for user in users]
        (batch,) = decode(records, clock=Clock.of_system(60_000), most_tokens=10_000)
        voices = wanted(facts, batch.columns, regulars.among(users, facts.head, batch.columns))
        fold(facts, batch.columns)

    assert not voices["regular"].any()
    assert voices["weight"].max() <= PURCHASE // ACQUAINTED


def test_who_comes_back_with_a_replayed_letter_comes_back_all_the_same() -> None:
    facts = knowing((0, 7, Action.CLICK, TODAY))
    back = columns_of((0, 8, Action.CLICK, TODAY + AWAY_MS))
    back["received"] = TODAY  # as its header says: it lay among the dead letters

    assert Regulars().among(["ann"], facts.head, back).all()


def test_no_more_regulars_are_remembered_than_there_is_room_for() -> None:
    facts, regulars = (
        knowing(*[(n, 7, Action.CLICK, TODAY) for n in range(5)], users=5),
        Regulars(2),
    )
    back = columns_of(*[(n, 7, Action.CLICK, TODAY + AWAY_MS) for n in range(5)])
    soon = columns_of(*[(n, 7, Action.CLICK, TODAY + 1) for n in range(5)])

    regulars.among(list("abcde"), facts.head, back)

    assert regulars.among(list("abcde"), facts.head, soon).tolist() == [False] * 3 + [True] * 2


def test_the_order_of_what_honest_people_want_stays_nearly_what_it_is() -> None:
    """Four weeks of a small shop, sold by Zipf's law, to people of whom most come once."""
    random, items = np.random.default_rng(4), 40
    share = 1 / np.arange(1, items + 1)
    log = sorted(
        (TODAY + day * DAY_MS + int(at), user, int(item), Action(str(action)))
        for user in range(300)
        for day in random.choice(28, 1 if user % 10 < 7 else 8, replace=False).tolist()
        for at, item, action in zip(
            random.integers(0, 3_600_000, 6),
            random.choice(items, 6, p=share / share.sum()) + 1,
            random.choice(["browse", "click", "cart", "purchase"], 6, p=[0.4, 0.4, 0.1, 0.1]),
            strict=True,
        )
    )
    facts, regulars = Facts.empty(300), Regulars()
    plain, known, strangers = (np.zeros(items + 1) for _ in range(3))
    for start in range(0, len(log), 50):
        columns = columns_of(*[(u, i, a, at) for at, u, i, a in log[start : start + 50]])
        regular = regulars.among([str(n) for n in range(300)], facts.head, columns)
        voices = wanted(facts, columns, regular)
        fold(facts, columns)
        np.add.at(plain, columns["event"]["ref"].astype(int), 1)
        for sums, theirs in ((known, regular), (strangers, ~regular)):
            np.add.at(sums, voices["ref"][theirs].astype(int), voices["weight"][theirs])
    heard = known + [diminished(int(weight)) for weight in strangers]

    before, after = (np.argsort(np.argsort(each[1:])) for each in (plain, heard))
    assert (
        np.corrcoef(before, after)[0, 1] > 0.8
    )  # against counts: what actions weigh moves some, too


EACH_ONCE = int(_WEIGHTS.sum())  # thousandths: all that may be done with an item


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.sampled_from(list(Action)), st.integers(0, 2 * DAY_MS - 1)),
        max_size=80,
        unique_by=itemgetter(2),  # a moment is a place in the log here
    ),
    st.integers(1, 20),
)
def test_one_account_adds_no_more_than_is_stated_whatever_it_sends(
    sent: list[tuple[int, Action, int]], batch: int
) -> None:
    begin = TODAY // DAY_MS * DAY_MS
    log = sorted(((begin + at, item, action) for item, action, at in sent), key=itemgetter(0))
    facts, told = Facts.empty(1), [np.zeros(0, WANTED)]
    for start in range(0, len(log), batch):
        columns = columns_of(*[(0, i, a, at) for at, i, a in log[start : start + batch]])
        told.append(wanted(facts, columns, np.ones(len(columns), np.bool_)))
        fold(facts, columns)

    voices = np.concatenate(told)
    for day in np.unique(voices["day"]):
        that_day = voices[voices["day"] == day]
        items = np.bincount(that_day["ref"].astype(int), that_day["weight"])
        assert items.max() <= EACH_ONCE
        assert np.count_nonzero(that_day["weight"]) <= DAILY
        assert that_day["weight"].sum() <= DAILY * _WEIGHTS.max()


def test_nothing_is_no_trouble() -> None:
    assert len(wanted(Facts.empty(0), columns_of(), np.zeros(0, np.bool_))) == 0
    assert len(Regulars().among([], Facts.empty(0).head, columns_of())) == 0
