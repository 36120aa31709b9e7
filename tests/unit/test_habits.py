"""Habits: what facts say at a moment; silence is a fact too."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.events.event import Action
from portrait.model.habits import HABITS, habits
from portrait.profiles.facts import PERIOD_MS, Facts, fold
from tests.support.strategies import START, Happening, happenings, log_of

MINUTE, DAY = 60_000, 86_400_000
USERS = 3


def happening(at: int, id: int, action: Action = Action.CLICK, ref: int = 1) -> Happening:
    return Happening(0, at, id, ref, 10.0, 2, action, 0)


def facts_of(events: Sequence[Happening], users: int = 1) -> Facts:
    facts = Facts.empty(users)
    fold(facts, log_of(list(events)))
    return facts


def said(facts: Facts, at: int, *names: str) -> list[float]:
    """The named habits of the first user, amounts turned back from their logarithms."""
    (row,) = habits(facts.head[:1], facts.ring[:1], np.array([at]))
    values = [float(row[HABITS.index(name)]) for name in names]
    return [round(float(np.expm1(value)), 3) for value in values]


def test_silence_grows_while_nothing_happens() -> None:
    facts = facts_of([happening(START, 1)])

    assert said(facts, START + DAY, "silence_days") == [1]
    assert said(facts, START + 30 * DAY, "silence_days") == [30]


def test_visits_end_after_half_an_hour_of_silence() -> None:
    events = [happening(START + minute * MINUTE, minute + 1) for minute in (0, 10, 50, 55)]

    facts = facts_of(events)

    now = START + 56 * MINUTE
    assert said(facts, now, "visits_remembered", "events_remembered") == [2, 4]
    assert said(facts, now, "visit_events", "visit_minutes", "visit_value") == [2, 5, 40]


def test_events_are_counted_by_window() -> None:
    facts = facts_of([happening(START + day * DAY, day + 1) for day in (0, 40, 65, 70)])

    counted = said(facts, START + 70 * DAY + 1, "events_day", "events_week", "events_month")

    assert counted == [1, 2, 2]
    assert said(facts, START + 70 * DAY + 1, "events_quarter", "visits_quarter") == [4, 4]


def test_periods_move_on_without_events() -> None:
    facts = facts_of([happening(START, 1), happening(START + 1, 2)])
    names = [f"events_{age}_periods_ago" for age in range(4)]

    assert said(facts, START + 2, *names) == [2, 0, 0, 0]
    assert said(facts, START + 2 * PERIOD_MS, *names) == [0, 0, 2, 0]
    assert said(facts, START + 9 * PERIOD_MS, *names) == [0, 0, 0, 0]


def test_who_is_as_silent_as_usual_is_not_overdue() -> None:
    facts = facts_of([happening(START + 7 * DAY * week, week + 1) for week in range(5)])
    last = START + 28 * DAY

    (usual, late) = (
        habits(facts.head, facts.ring, np.array([last + days * DAY]))[0, HABITS.index("overdue")]
        for days in (7, 28)
    )

    assert usual == pytest.approx(0, abs=1e-6)
    assert late > 1


def test_who_came_once_has_no_rhythm_to_be_behind() -> None:
    facts = facts_of([happening(START, 1)])

    (row,) = habits(facts.head, facts.ring, np.array([START + 20 * DAY]))

    assert row[HABITS.index("overdue")] == pytest.approx(0, abs=1e-6)


def test_the_newest_item_is_remembered_with_its_carts() -> None:
    events = [
        happening(START, 1, Action.CART, ref=5),
        happening(START + 1, 2, Action.CART, ref=6),
        happening(START + 2, 3, Action.CLICK, ref=5),
    ]

    facts = facts_of(events)

    assert said(facts, START + 3, "newest_item_events", "newest_item_carts") == [2, 1]


def test_searches_are_of_no_item() -> None:
    facts = facts_of([happening(START + n, n + 1, Action.SEARCH, ref=9) for n in range(3)])

    assert said(facts, START + 3, "newest_item_events", "events_hour") == [0, 3]


def test_of_who_is_not_known_nothing_is_said_but_the_time() -> None:
    facts = Facts.empty(1)

    (row,) = habits(facts.head, facts.ring, np.array([START]))

    assert not row[: HABITS.index("hour_sine")].any()


@given(happenings(USERS), st.integers(0, 300))
def test_many_users_at_once_are_as_each_alone(events: list[Happening], day: int) -> None:
    facts = facts_of(events, USERS)
    at = np.full(USERS, START + day * DAY)

    together = habits(facts.head, facts.ring, at)

    for row in range(USERS):
        one = slice(row, row + 1)
        alone = habits(facts.head[one], facts.ring[one], at[one])
        np.testing.assert_allclose(alone, together[one], atol=1e-5)
    assert np.isfinite(together).all()
