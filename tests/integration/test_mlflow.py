"""MLflow on a SQLite file: what was recorded is found again, and nobody is told."""

import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.telemetry import get_telemetry_client

from portrait.adapters.mlflow_tracking import LONGEST_TAG, NAME, MlflowTracking, local_tracking
from portrait.evaluation.verdict import Check, Verdict
from portrait.lifecycle.tracking import TrackingUnavailableError
from tests.support.cards import card

CHECK = Check(
    name="newest NDCG@10",
    champion=0.1,
    challenger=0.05,
    limit=0.099,
    passed=False,
    reason="it fell.",
)
REFUSED = Verdict(champion="v1", challenger="v2", promote=False, reason="it fell.", checks=(CHECK,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tracking")


@pytest.fixture(scope="module")
def tracking(folder: Path) -> MlflowTracking:
    return local_tracking(folder)


@pytest.fixture
def client(folder: Path, tracking: MlflowTracking) -> MlflowClient:
    assert tracking
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def runs(client: MlflowClient, job: str) -> list[str]:
    (experiment,) = [each for each in client.search_experiments() if each.name == NAME]
    found = client.search_runs([experiment.experiment_id], f"tags.`portrait.job` = '{job}'")
    return [run.info.run_id for run in found]


def train_until_killed(tracking: MlflowTracking) -> None:
    with tracking.run("job-2", {"rate": 1}) as tracker:
        tracker.record(0, {"loss": 2.0})
        raise KeyboardInterrupt


def test_curves_and_settings_are_recorded(tracking: MlflowTracking, client: MlflowClient) -> None:
    with tracking.run("job-1", {"rate": 0.001, "epochs": 2}) as tracker:
        tracker.record(0, {"loss": 2.0, "valid NDCG@10": 0.1})
        tracker.record(1, {"loss": 1.0})

    (id,) = runs(client, "job-1")
    run = client.get_run(id)
    assert run.data.params == {"rate": "0.001", "epochs": "2"}
    assert run.info.status == "FINISHED"
    assert [(m.step, m.value) for m in client.get_metric_history(id, "loss")] == [
        (0, 2.0),
        (1, 1.0),
    ]
    assert run.data.metrics["valid NDCG at 10"] == 0.1


def test_a_killed_training_goes_on_in_its_run(
    tracking: MlflowTracking, client: MlflowClient
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_until_killed(tracking)
    (id,) = runs(client, "job-2")
    assert client.get_run(id).info.status == "FAILED"

    with tracking.run("job-2", {"rate": 1}) as tracker:
        tracker.record(1, {"loss": 1.0})

    assert runs(client, "job-2") == [id]
    assert client.get_run(id).info.status == "FINISHED"
    assert len(client.get_metric_history(id, "loss")) == 2


def test_a_model_is_registered_once_with_its_verdict(
    tracking: MlflowTracking, client: MlflowClient
) -> None:
    with tracking.run("job-3", {}):
        pass
    tracking.register(card("v2"), "job-3")

    tracking.register(card("v2").model_copy(update={"verdict": REFUSED}), "job-3")

    (entry,) = client.search_model_versions(f"name='{NAME}' and tags.version='v2'")
    assert entry.tags["verdict"] == "refuse"
    assert entry.tags["reason"] == "it fell."
    assert entry.tags["newest NDCG at 10"] == "0.1 to 0.05 FAILED"
    (run,) = runs(client, "job-3")
    assert entry.run_id == run
    assert client.get_run(run).data.metrics["challenger/newest NDCG at 10"] == 0.05


def test_an_alias_is_one_models_at_a_time(tracking: MlflowTracking, folder: Path) -> None:
    for version in ("a1", "a2"):
        tracking.register(card(version))
    assert tracking.called("champion") is None

    tracking.call("a1", "champion")
    tracking.call("a2", "challenger")
    tracking.call("a2", "champion")
    tracking.call("a2", None)
    tracking.call("a1", "champion")

    again = local_tracking(folder)  # another process of the trainer
    assert again.called("champion") == "a1"
    assert again.called("challenger") is None


def test_what_is_not_registered_has_no_alias(tracking: MlflowTracking) -> None:
    with pytest.raises(TrackingUnavailableError, match="v9 is not registered"):
        tracking.call("v9", "champion")


def test_a_store_that_cannot_be_opened_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database, and never was one")

    with pytest.raises(TrackingUnavailableError):
        local_tracking(tmp_path)


def test_a_server_that_is_away_is_one_too_and_soon() -> None:
    with pytest.raises(TrackingUnavailableError):
        MlflowTracking("http://127.0.0.1:9")


def test_mlflow_does_not_call_home(tracking: MlflowTracking) -> None:
    assert tracking
    assert get_telemetry_client() is None


def test_what_a_card_says_at_length_is_cut_to_what_a_tag_takes(
    tracking: MlflowTracking, client: MlflowClient
) -> None:
    wordy = REFUSED.model_copy(update={"reason": "x" * 20_000})

    tracking.register(card("w1").model_copy(update={"verdict": wordy}))

    (entry,) = client.search_model_versions(f"name='{NAME}' and tags.version='w1'")
    assert entry.tags["reason"] == "x" * LONGEST_TAG


def test_what_serves_does_not_import_what_learns() -> None:
    script = (
        "import sys, service.app, workers.update.worker, workers.index.worker; "
        "print({'mlflow', 'river', 'croniter', 'sklearn'} & {*sys.modules})"
    )

    ended = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert ended.stdout == "set()\n"
