"""When to train, and why."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portrait.lifecycle.schedule import Due, Schedule, Waiting, due

NIGHTLY = Schedule(cron="0 3 * * *", events=1_000, pause=timedelta(hours=1))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_nothing_is_due_before_anything_has_happened() -> None:
    assert due(NIGHTLY, Waiting(NOON, events=999), NOON + timedelta(hours=2)) is None


@pytest.mark.parametrize(
    ("hours", "is_due"), [(14.99, False), (15, True), (15.01, True), (24 * 9, True)]
)
def test_the_hour_comes_once_even_if_it_was_slept_through(hours: float, *, is_due: bool) -> None:
    reason = due(NIGHTLY, Waiting(NOON), NOON + timedelta(hours=hours))

    assert reason == (Due("schedule", "0 3 * * * (UTC)") if is_due else None)


def test_after_a_training_the_next_hour_counts() -> None:
    started = datetime(2026, 11, 25, 3, 0, 1, tzinfo=UTC)

    assert due(NIGHTLY, Waiting(started), started + timedelta(hours=23)) is None
    assert due(NIGHTLY, Waiting(started), started + timedelta(hours=24)) is not None


def test_the_hour_is_that_of_utc() -> None:
    here = timezone(timedelta(hours=8))
    since = NOON.astimezone(here)  # eight in the evening there; three at night comes first there

    assert due(NIGHTLY, Waiting(since), (NOON + timedelta(hours=8)).astimezone(here)) is None


def test_enough_events_are_a_reason() -> None:
    reason = due(NIGHTLY, Waiting(NOON, events=1_234), NOON + timedelta(hours=1))

    assert reason == Due("events", "1,234 new labelled events, 1,000 suffice.")


def test_drift_is_a_weightier_one_and_a_request_the_weightiest() -> None:
    later = NOON + timedelta(hours=24)
    waiting = Waiting(NOON, events=5_000, drift="PSI 0.4")

    assert due(NIGHTLY, waiting, later) == Due("drift", "PSI 0.4")
    assert due(NIGHTLY, waiting._replace(asked="sale"), later) == Due("request", "sale")


def test_only_a_request_does_not_wait_for_the_pause() -> None:
    soon = NOON + timedelta(minutes=59)
    waiting = Waiting(NOON, events=5_000, drift="PSI 0.4")

    assert due(Schedule("* * * * *", 1_000), waiting, soon) is None
    assert due(NIGHTLY, waiting._replace(asked="sale"), soon) == Due("request", "sale")


@given(st.integers(0, 10**9), st.timedeltas(timedelta(0), timedelta(days=999)))
def test_a_schedule_of_nothing_is_never_due(events: int, later: timedelta) -> None:
    never = Schedule(cron=None, events=None)

    assert due(never, Waiting(NOON, events=events), NOON + later) is None


@given(st.timedeltas(timedelta(0), timedelta(days=30)), st.timedeltas(timedelta(0), timedelta(30)))
def test_what_is_due_stays_due(first: timedelta, more: timedelta) -> None:
    waiting = Waiting(NOON)

    if due(NIGHTLY, waiting, NOON + first) is not None:
        assert due(NIGHTLY, waiting, NOON + first + more) is not None


def test_a_clock_that_was_set_back_triggers_nothing() -> None:
    assert due(NIGHTLY, Waiting(NOON, events=9_999), NOON - timedelta(days=3)) is None
