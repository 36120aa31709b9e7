"""Trend: whither an interest goes, told of planted rings."""

import pytest

from portrait.arrays import Ring
from portrait.events.event import Action
from portrait.inference.paint import paint
from portrait.ref import name_ref
from service.profiles.describe import direction_of
from tests.support.catalogues import catalogue
from tests.unit.test_paint import ring_of

Event = tuple[Action, str, float]
CATEGORIES = {"milk": "Grocery > Dairy", "tuna": "Pets > Cat", "beef": "Pets > Dog"}


def visit(item: str, age: float, events: int = 1) -> list[Event]:
    """Click on an item some times, five minutes apart."""
    return [(Action.CLICK, item, age + event / 288) for event in range(events)]


def every(days: float, *items: str, since: float = 0, until: float = 60) -> list[Event]:
    """Come every so many days, about each of these items in turn."""
    count = int((until - since) / days)
    return [
        event
        for place in range(count)
        for event in visit(items[place % len(items)], since + place * days, 1 + place % 3)
    ]


def told(*events: Event) -> dict[str, str]:
    """Tell the directions of a portrait by item, the newest event first."""
    return directions(ring_of(*events))


def directions(ring: Ring) -> dict[str, str]:
    (portrait,) = paint(ring, catalogue())
    trends = {int(one["category"]): float(one["trend"]) for one in portrait["interests"]}
    return {
        item: direction_of(trends[name_ref(category)])
        for item, category in CATEGORIES.items()
        if name_ref(category) in trends
    }


def test_tastes_that_stay_are_steady_whatever_the_last_visit_was_about() -> None:
    for last in ("milk", "tuna"):
        visits = [*visit(last, 0, 3), *every(2, "milk", "tuna", since=1)]

        assert told(*visits) == {"milk": "steady", "tuna": "steady"}


def test_a_taste_that_begins_rises_and_the_others_fall() -> None:
    visits = [*every(2, "beef", "beef", "milk", until=14), *every(2, "milk", "tuna", since=14)]

    assert told(*visits) == {"milk": "steady", "tuna": "falling", "beef": "rising"}


def test_a_taste_that_ends_falls_and_what_takes_its_place_rises() -> None:
    visits = [*every(2, "milk", until=16), *every(2, "tuna", since=16)]

    assert told(*visits) == {"milk": "rising", "tuna": "falling"}


@pytest.mark.parametrize("events", [1, 5, 20])
def test_one_visit_tells_nothing_however_much_was_looked_at(events: int) -> None:
    visits = [*visit("tuna", 0, events), *every(3, "milk", since=10, until=40)]

    assert told(*visits) == {"milk": "steady", "tuna": "steady"}


def test_few_visits_are_steady() -> None:
    assert told(*visit("milk", 0)) == {"milk": "steady"}
    assert told(*visit("milk", 0, 4), *visit("tuna", 30, 4)) == {"milk": "steady", "tuna": "steady"}


def test_of_a_short_history_the_halves_are_compared() -> None:
    visits = [*every(0.25, "milk", until=3), *every(0.25, "tuna", since=3, until=6)]

    assert told(*visits) == {"milk": "rising", "tuna": "falling"}


def test_times_decide_and_not_how_many_events_there_are() -> None:
    """Five late visits in twenty days among as many early ones, each with a crowd of events."""
    late = [event for age in (0, 4, 8, 12, 15) for event in visit("tuna", age, 1)]
    early = [event for age in (20, 24, 28, 32, 36) for event in visit("milk", age, 10)]

    assert told(*late, *early) == {"milk": "falling", "tuna": "rising"}


def test_what_was_sent_back_is_no_visit() -> None:
    bought = [(Action.PURCHASE, ("milk", "tuna")[day % 2], float(day)) for day in range(1, 60, 3)]
    returned = [(Action.RETURN, "tuna", place / 10) for place in range(4)]

    assert told(*returned, *bought) == {"milk": "steady", "tuna": "steady"}


def test_what_nobody_knows_does_not_count() -> None:
    known = [*every(2, "milk", until=16), *every(2, "tuna", since=16)]
    unknown = [(action, "ghost", age) for action, _, age in every(4, "milk")]
    mixed = sorted([*known, *unknown], key=lambda event: event[2])[:64]

    assert told(*mixed) == {"milk": "rising", "tuna": "falling"}
