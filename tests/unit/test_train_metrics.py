"""What the trainer exports: how trainings have gone of late, also after a restart."""

from datetime import UTC, datetime, timedelta

import pytest

from portrait import metrics
from portrait.lifecycle.jobs import Job, State, new_job
from workers.train.worker import export

STARTED = datetime(2026, 11, 24, 12, tzinfo=UTC)


def ended(state: State, hours: int) -> Job:
    asked = new_job("schedule", "it was time", STARTED)
    return asked.ended(state, "because", STARTED + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("newest_first", "refused"),
    [
        ((), 0),
        (("refused", "refused", "promoted", "refused"), 2),
        (("refused", "failed", "refused"), 2),
        (("promoted", "refused"), 0),
        (("running", "refused"), 1),
    ],
)
def test_refusals_are_counted_back_to_the_last_promotion(
    newest_first: tuple[State, ...], refused: int
) -> None:
    export([ended(state, -place) for place, state in enumerate(newest_first)], STARTED)

    assert metrics.refused_in_a_row._value.get() == refused  # noqa: SLF001 - its only reader


def test_the_newest_verdict_has_a_time_and_a_failure_is_none() -> None:
    export([ended("failed", 3), ended("refused", 2), ended("promoted", 1)], STARTED)

    hours = (metrics.trained_at._value.get() - STARTED.timestamp()) / 3_600  # noqa: SLF001
    assert hours == 2


def test_before_the_first_verdict_the_time_is_that_of_the_start() -> None:
    export([ended("failed", 3)], STARTED)

    assert metrics.trained_at._value.get() == STARTED.timestamp()  # noqa: SLF001
