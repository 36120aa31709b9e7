"""Activity: whether somebody still comes, told of planted histories."""

from collections.abc import Sequence

import pytest

from portrait.profiles.activity import activity_of
from portrait.profiles.record import Record, read_sound
from portrait.times import DAY_MS
from tests.support.catalogues import catalogue
from tests.support.shop import NOW_MS, record_of


def history(*days: float) -> Record:
    """Click on these days; the last of them is today."""
    events = [
        {"type": "click", "item_id": "milk", "occurred_at": after(day - days[-1])} for day in days
    ]
    record = read_sound(record_of("ann", *events, painted=catalogue()))
    assert record is not None
    return record


def after(days: float) -> float:
    """Return a moment in seconds, so many days from now."""
    return (NOW_MS + days * DAY_MS) / 1_000


@pytest.mark.parametrize(
    ("days", "silent", "state"),
    [
        (range(0, 20, 2), 29, "active"),  # a month has not gone by
        (range(0, 20, 2), 31, "gone"),
        (range(0, 200, 20), 79, "active"),  # who comes every twenty days may stay away longer
        (range(0, 200, 20), 81, "gone"),
        ([0], 119, "active"),  # who came once has no rhythm
        ([0], 121, "gone"),
        ([0, 0.01, 0.02, 0.03], 119, "active"),  # on one day, that is
        ([0, 0.01, 0.02, 20, 20.01, 40], 79, "active"),  # what is done in one visit is no rhythm
    ],
)
def test_who_is_silent_for_long_by_their_own_rhythm_is_gone(
    days: Sequence[float], silent: float, state: str
) -> None:
    told = activity_of(history(*days), after(silent) * 1_000)

    assert ("gone" if told.is_gone else "active") == state
    assert told.silent_days == silent


def test_the_usual_gap_is_between_days_with_events() -> None:
    assert activity_of(history(0, 0.1, 5, 10), NOW_MS).usual_gap_days == 5
    assert activity_of(history(0), NOW_MS).usual_gap_days is None


def test_an_event_ahead_of_the_clock_is_no_silence() -> None:
    assert activity_of(history(0, 1), NOW_MS - DAY_MS).silent_days == 0
