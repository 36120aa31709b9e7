"""A search for settings: what is in use is tried first, trials are kept, and each is a run."""

from datetime import timedelta
from pathlib import Path

import pytest
from mlflow import MlflowClient
from optuna.trial import TrialState

from benchmarks.language import tune
from benchmarks.language.recipes import RECIPES, settings_of
from benchmarks.language.search import Search, search
from benchmarks.language.sets import ENGLISH, TextSet
from tests.support.planted_tasks import nothing, task
from tests.support.tiny_bert import write_tiny_bert

ENDED = (TrialState.COMPLETE,)


@pytest.fixture
def what(tmp_path: Path) -> Search:
    planted = task("one")
    texts = TextSet(planted, planted.valid, ENGLISH, (len(planted.train),))
    return Search(texts, write_tiny_bert(tmp_path / "tiny"), tmp_path / "studies")


def test_a_search_begins_with_what_is_in_use_and_goes_on_where_it_was_cut_off(
    what: Search,
) -> None:
    baseline = nothing(what.texts.task)

    first = search(what, baseline, timedelta(milliseconds=1))
    ended = [trial.number for trial in first.get_trials(states=ENDED)]
    again = search(what, baseline, timedelta(milliseconds=1))

    assert ended == [0]
    for trial, recipe in zip(again.get_trials(states=ENDED), ("CE", "FGM"), strict=True):
        usual = settings_of(what.texts, RECIPES[recipe])
        assert trial.params["adversarial"] == usual.adversarial
        assert trial.params["epochs"] == usual.epochs
        assert trial.value == max(trial.intermediate_values.values())


def test_a_trial_is_a_run_with_its_curve_and_its_settings(what: Search) -> None:
    study = search(what, nothing(what.texts.task), timedelta(milliseconds=1), [tune.recorded(what)])

    client = MlflowClient(tracking_uri=f"sqlite:///{what.folder / 'mlflow.db'}")
    (experiment,) = [each for each in client.search_experiments() if each.name == "portrait"]
    (run,) = client.search_runs([experiment.experiment_id])
    curve = client.get_metric_history(run.info.run_id, what.texts.task.name)
    (trial,) = study.get_trials(states=ENDED)
    assert [point.value for point in curve] == [*trial.intermediate_values.values()]
    assert run.data.params["learning_rate"] == str(trial.params["learning_rate"])
    assert run.data.params["ended"] == "complete"
    assert tune.table([trial]).count("\n") == 2
