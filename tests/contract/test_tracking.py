"""What tracking promises: the same suite on the fake and on MLflow in a folder."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from portrait.adapters.mlflow_tracking import JOB, NAME, local_tracking
from portrait.evaluation.verdict import Check, Verdict
from portrait.lifecycle.registry import Card
from portrait.lifecycle.tracking import Alias, Tracking, TrackingUnavailableError
from tests.support.cards import card
from tests.support.memory_tracking import Entered, MemoryTracking, Training

Reopen = Callable[[], Tracking]  # as another process of the trainer does
CHECK = Check(name="hits", champion=0.25, challenger=0.5, limit=0.2, passed=True, reason="more")


def judged(version: str, *, promote: bool) -> Card:
    verdict = Verdict(
        champion="v1", challenger=version, promote=promote, reason="it is so", checks=(CHECK,)
    )
    return card(version).model_copy(update={"verdict": verdict})


class Tracked(Protocol):
    """What people find."""

    def trainings(self, job: str) -> list[Training]:
        """Return what was recorded under a job."""
        ...

    def models(self, version: str) -> list[Entered]:
        """Return the entries of a model."""
        ...


class TrackingContract:
    """Each training once, each model once, each alias at one model."""

    @pytest.fixture
    def job(self) -> str:
        return uuid4().hex

    @pytest.fixture
    def version(self) -> str:
        return f"v-{uuid4().hex}"

    @pytest.fixture
    def nobody(self, tracking: Tracking) -> None:
        """No model has an alias."""
        for alias in ("champion", "challenger"):
            if (version := tracking.called(alias)) is not None:
                tracking.call(version, None)

    def test_a_training_is_recorded_with_its_settings_and_its_curves(
        self, tracking: Tracking, tracked: Tracked, job: str
    ) -> None:
        assert tracked.trainings(job) == []

        with tracking.run(job, {"rate": 0.5, "epochs": 2, "why": "asked"}) as curves:
            (during,) = tracked.trainings(job)
            curves.record(0, {"loss": 2.0, "hits": 0.25})
            curves.record(1, {"loss": 1.0})
            assert during.status == "RUNNING"

        (training,) = tracked.trainings(job)
        assert training.settings == {"rate": "0.5", "epochs": "2", "why": "asked"}
        assert training.status == "FINISHED"
        assert training.curves == {"loss": [(0, 2.0), (1, 1.0)], "hits": [(0, 0.25)]}

    def test_a_training_that_fails_is_said_to_have_and_its_points_are_kept(
        self, tracking: Tracking, tracked: Tracked, job: str
    ) -> None:
        with pytest.raises(ZeroDivisionError):
            fail(tracking, job)

        (training,) = tracked.trainings(job)
        assert (training.status, training.curves) == ("FAILED", {"loss": [(0, 2.0)]})

    def test_a_training_that_goes_on_is_the_same_one(
        self, tracking: Tracking, tracked: Tracked, reopen: Reopen, job: str
    ) -> None:
        with pytest.raises(ZeroDivisionError):
            fail(tracking, job)

        with reopen().run(job, {"rate": 1}) as curves:
            (during,) = tracked.trainings(job)
            curves.record(1, {"loss": 1.0})
            assert during.status == "RUNNING"

        (training,) = tracked.trainings(job)
        expected = {"loss": [(0, 2.0), (1, 1.0)]}
        assert training == Training({"rate": "1"}, "FINISHED", expected)

    def test_trainings_do_not_mix(self, tracking: Tracking, tracked: Tracked, job: str) -> None:
        with tracking.run(job, {}) as one, tracking.run(f"{job}-2", {"n": 2}) as two:
            one.record(0, {"loss": 1.0})
            two.record(0, {"loss": 2.0})

        (first,), (second,) = tracked.trainings(job), tracked.trainings(f"{job}-2")
        assert (first.settings, first.curves) == ({}, {"loss": [(0, 1.0)]})
        assert (second.settings, second.curves) == ({"n": "2"}, {"loss": [(0, 2.0)]})

    def test_every_point_of_a_long_curve_is_kept(
        self, tracking: Tracking, tracked: Tracked, job: str
    ) -> None:
        with tracking.run(job, {}) as curves:
            for step in range(700):
                curves.record(step, {"loss": 1 / (1 + step), "hits": step / 700})

        (training,) = tracked.trainings(job)
        assert training.curves["loss"] == [(step, 1 / (1 + step)) for step in range(700)]
        assert len(training.curves["hits"]) == 700

    def test_no_name_and_no_figure_ends_a_training(
        self, tracking: Tracking, tracked: Tracked, job: str
    ) -> None:
        with tracking.run(job, {}) as curves:
            curves.record(0, {"NDCG@10": 0.5, "größe (ms): 5%": 1.0, "loss": math.nan})
            curves.record(1, {"up": math.inf, "down": -math.inf, "loss": 1.0})

        (training,) = tracked.trainings(job)
        assert training.status == "FINISHED"
        assert training.curves["loss"][-1] == (1, 1.0)
        assert len(training.curves) == 5

    def test_a_model_is_entered_once_with_the_latest_word_on_it(
        self, tracking: Tracking, tracked: Tracked, job: str, version: str
    ) -> None:
        with tracking.run(job, {}):
            pass
        assert tracked.models(version) == []

        tracking.register(card(version), job)
        (before,) = tracked.models(version)
        tracking.register(judged(version, promote=False), job)

        (entry,) = tracked.models(version)
        (training,) = tracked.trainings(job)
        assert (before.job, before.promote) == (job, None)
        assert (entry.job, entry.promote, entry.reason) == (job, False, "it is so")
        assert entry.space_id == card(version).space_id
        assert training.curves == {"champion/hits": [(0, 0.25)], "challenger/hits": [(0, 0.5)]}
        assert training.status == "FINISHED"

    @pytest.mark.parametrize("is_known", [True, False])
    def test_a_model_whose_training_was_not_recorded_is_entered_too(
        self,
        tracking: Tracking,
        tracked: Tracked,
        job: str,
        version: str,
        is_known: bool,  # noqa: FBT001
    ) -> None:
        tracking.register(judged(version, promote=True), job if is_known else None)

        (entry,) = tracked.models(version)
        assert (entry.job, entry.promote) == (None, True)
        assert tracked.trainings(job) == []

    @pytest.mark.usefixtures("nobody")
    def test_an_alias_is_one_models_at_a_time(
        self, tracking: Tracking, reopen: Reopen, version: str
    ) -> None:
        other = f"{version}-2"
        for each in (version, other):
            tracking.register(card(each))
        assert tracking.called("champion") is None

        tracking.call(version, "champion")
        tracking.call(other, "challenger")
        assert (tracking.called("champion"), tracking.called("challenger")) == (version, other)
        tracking.call(other, "champion")
        tracking.call(version, None)  # which it has no more
        tracking.register(card(other))

        again = reopen()
        assert (again.called("champion"), again.called("challenger")) == (other, other)
        tracking.call(other, None)
        assert (again.called("champion"), again.called("challenger")) == (None, None)

    @pytest.mark.usefixtures("nobody")
    @pytest.mark.parametrize("alias", ["champion", "challenger", None])
    def test_what_is_not_entered_has_no_alias(
        self, tracking: Tracking, version: str, alias: Alias | None
    ) -> None:
        with pytest.raises(TrackingUnavailableError):
            tracking.call(version, alias)

        assert tracking.called("champion") is None


def fail(tracking: Tracking, job: str) -> None:
    """Train, and fail after the first step."""
    with tracking.run(job, {"rate": 1}) as curves:
        curves.record(0, {"loss": 2.0})
        raise ZeroDivisionError


class TestMemoryTracking(TrackingContract):
    @pytest.fixture
    def tracking(self) -> MemoryTracking:
        return MemoryTracking()

    @pytest.fixture
    def tracked(self, tracking: MemoryTracking) -> Tracked:
        return tracking

    @pytest.fixture
    def reopen(self, tracking: MemoryTracking) -> Reopen:
        return lambda: tracking


class TrackedByMlflow:
    """What MLflow shows."""

    def __init__(self, uri: str) -> None:
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def trainings(self, job: str) -> list[Training]:
        """Return its runs."""
        (experiment,) = self._client.search_experiments(filter_string=f"name = '{NAME}'")
        runs = self._client.search_runs([experiment.experiment_id], f"tags.`{JOB}` = '{job}'")
        return [Training(run.data.params, run.info.status, self._curves(run)) for run in runs]

    def models(self, version: str) -> list[Entered]:
        """Return its entries."""
        found = self._client.search_model_versions(f"name='{NAME}' and tags.version='{version}'")
        return [
            Entered(
                self._client.get_run(each.run_id).data.tags[JOB] if each.run_id else None,
                each.tags["space_id"],
                {"promote": True, "refuse": False}.get(each.tags.get("verdict", "")),
                each.tags.get("reason"),
            )
            for each in found
        ]

    def _curves(self, run: Run) -> dict[str, list[tuple[int, float]]]:
        return {
            name: [
                (m.step, m.value) for m in self._client.get_metric_history(run.info.run_id, name)
            ]
            for name in run.data.metrics
        }


class TestMlflowTracking(TrackingContract):
    """One folder for all, since it takes seconds to make: jobs and versions are each test's own."""

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return tmp_path_factory.mktemp("tracking")

    @pytest.fixture(scope="class")
    @classmethod
    def tracking(cls, folder: Path) -> Tracking:
        return local_tracking(folder)

    @pytest.fixture
    def tracked(self, folder: Path) -> Tracked:
        return TrackedByMlflow(f"sqlite:///{folder / 'mlflow.db'}")

    @pytest.fixture
    def reopen(self, folder: Path) -> Reopen:
        return lambda: local_tracking(folder)
