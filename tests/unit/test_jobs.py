"""Jobs: how long a training has gone on, and how long it will."""

from datetime import UTC, datetime, timedelta

import pytest

from portrait.lifecycle.jobs import Job, new_job, usual_seconds

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OUTLINE = ("reading", "training", "measuring")
LAST_TIME = {"reading": 10.0, "training": 100.0, "measuring": 20.0}


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def running(stage: str, *, spent: float = 0.0, share: float | None = None) -> Job:
    """Return a job that was heard of at noon, so many seconds into a stage."""
    job = new_job("request", "new season", NOON).begun(NOON, OUTLINE, LAST_TIME)
    return job.at(stage, share=share, now=NOON).after(spent)


def test_a_stage_that_says_how_far_it_is_goes_by_its_own_pace() -> None:
    job = running("training", spent=30, share=0.75)

    assert job.seconds_left(NOON) == pytest.approx(10 + 20)
    assert job.seconds_left(after(4)) == pytest.approx(6 + 20)
    assert job.seconds_left(after(400)) is None  # it is late: nobody knows how long


def test_a_stage_that_does_not_goes_by_the_last_training() -> None:
    assert running("training", spent=30).seconds_left(NOON) == pytest.approx(70 + 20)
    assert running("training", spent=1, share=0.001).seconds_left(NOON) == pytest.approx(99 + 20)
    assert running("measuring", spent=500).seconds_left(NOON) is None


def test_a_stage_that_was_never_gone_through_counts_nothing() -> None:
    job = new_job("request", "x", NOON).begun(NOON, (*OUTLINE, "new"), LAST_TIME)

    assert job.at("measuring", now=NOON).seconds_left(NOON) == pytest.approx(20)
    assert job.at("new", now=NOON).seconds_left(NOON) == 0


@pytest.mark.parametrize(
    "job",
    [
        new_job("request", "x", NOON),
        new_job("request", "x", NOON).begun(NOON, OUTLINE).at("training", share=0.5, now=NOON),
        running("a stage that nobody announced"),
        running("training").ended("refused", "no better", NOON),
    ],
    ids=["queued", "the first training ever", "unknown stage", "over"],
)
def test_where_there_is_nothing_to_go_by_nothing_is_said(job: Job) -> None:
    assert job.seconds_left(NOON) is None


def test_elapsed_counts_from_the_first_trainer_to_the_end() -> None:
    job = new_job("request", "x", NOON)
    assert job.seconds_elapsed(after(9)) is None

    again = job.begun(after(1)).begun(after(50))

    assert again.attempts == 2
    assert again.seconds_elapsed(after(60)) == 59
    assert again.seconds_elapsed(NOON) == 0  # by a clock that is behind
    assert again.ended("failed", "so", after(70)).seconds_elapsed(after(900)) == 69


def test_time_spent_adds_up_over_trainers_and_belongs_to_its_stage() -> None:
    first = running("reading", spent=2).at("training", now=NOON).after(30)

    again = first.begun(after(60)).at("reading", now=NOON).after(1).at("training").after(5)

    assert again.spent == {"reading": 3.0, "training": 35.0}
    assert new_job("request", "x", NOON).after(5).spent == {}


def test_the_newest_verdict_says_how_long_a_stage_takes() -> None:
    killed = running("reading", spent=999).ended("cancelled", "by mistake", NOON)
    newer = running("reading", spent=3).ended("refused", "no better", NOON)
    older = running("reading", spent=9).at("training").after(90).ended("promoted", "better", NOON)

    assert usual_seconds([killed, newer, older]) == {"reading": 3.0, "training": 90.0}
    assert usual_seconds([]) == {}
