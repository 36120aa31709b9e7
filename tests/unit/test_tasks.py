"""The task-adaptation layer: tasks of every kind are learned, kept only if better, and resumed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from portrait.errors import SpaceMismatchError
from portrait.model.task_head import Kind, probabilities
from portrait.text.task_reader import load_reader
from portrait.text.text_encoder import load_encoder
from portrait.training.loop.train import Course
from portrait.training.tasks.adapt import Adaptation, Adapted, adapt
from portrait.training.tasks.baselines import Baseline, fit_baselines
from portrait.training.tasks.lesson import TaskLesson
from portrait.training.tasks.report import FROZEN, NGRAMS, TUNED, verdict
from portrait.training.tasks.task import Task
from portrait.training.tasks.tower import Regularisation
from tests.support.planted_tasks import nothing, task, texts
from tests.support.tiny_bert import write_tiny_bert

COURSE = Course(epochs=6, learning_rate=5e-3, warm_up=0.1, checkpoint_every=5, patience=9)
HOW = Adaptation(COURSE, batch=16, most_tokens=16)
LOW_RANK = replace(HOW, course=replace(COURSE, epochs=10), lora_rank=8, head_share=4.0)
KINDS: tuple[Kind, ...] = ("one", "many", "ordinal")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)  # two on a busy machine wait for each other


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bert(tmp_path / "tiny")


def adapted(folder: Path, out: Path, *tasks: Task, how: Adaptation = HOW) -> Adapted:
    return adapt(folder, tasks, [nothing(each) for each in tasks], out, how)


@pytest.mark.parametrize(("kind", "least"), [("one", 0.85), ("many", 0.85), ("ordinal", 0.7)])
def test_a_task_of_every_kind_is_learned(
    folder: Path, tmp_path: Path, kind: Kind, least: float
) -> None:
    (report,) = adapted(folder, tmp_path / "out", task(kind)).reports

    assert report.figures[TUNED]["deciding"] > least
    assert report.figures[TUNED]["deciding"] > report.figures[FROZEN]["deciding"] + 0.1
    assert report.kept
    assert len(report.curve) == COURSE.epochs


@pytest.mark.parametrize("how", [Regularisation(r_drop=1.0), Regularisation(adversarial=0.3)])
def test_it_is_learned_under_regularisation_too(
    folder: Path, tmp_path: Path, how: Regularisation
) -> None:
    asked = replace(HOW, regularisation=how)

    (report,) = adapted(folder, tmp_path / "out", task("one"), how=asked).reports

    assert report.figures[TUNED]["accuracy"] > 0.85


def test_low_rank_adapters_learn_with_a_fraction_of_the_weights(
    folder: Path, tmp_path: Path
) -> None:
    (few,) = adapted(folder, tmp_path / "few", task("one"), how=LOW_RANK).reports
    (whole,) = adapted(folder, tmp_path / "whole", task("one")).reports

    assert few.figures[TUNED]["accuracy"] > 0.7
    assert few.trained_weights < 0.6 * whole.trained_weights


@pytest.mark.parametrize("rank", [0, 8])
def test_what_is_read_without_torch_is_what_was_trained(
    folder: Path, tmp_path: Path, rank: int
) -> None:
    """Of two tasks on one encoder, each by its own head."""
    begun = LOW_RANK if rank else HOW
    asked = replace(begun, course=replace(begun.course, mixed_precision=False))
    tasks = [task("one"), replace(task("many"), name="other")]

    done = adapted(folder, tmp_path / "out", *tasks, how=asked)
    reader = load_reader(tmp_path / "out", backend="torch")
    likely = reader(tasks[0].valid.texts)

    assert set(likely) == {"planted", "other"}
    assert reader.encoder.name == done.encoder
    for reading, name in zip(done.readings, ("planted", "other"), strict=True):
        np.testing.assert_allclose(likely[name], reading.likely, atol=1e-5)


def test_a_head_beside_another_encoder_is_refused(folder: Path, tmp_path: Path) -> None:
    adapted(folder, tmp_path / "out", task("one"))
    other = write_tiny_bert(tmp_path / "other", seed=1)
    (other / "model.safetensors").replace(tmp_path / "out" / "model.safetensors")

    with pytest.raises(SpaceMismatchError, match="stands on"):
        load_reader(tmp_path / "out", backend="torch")


def test_a_folder_with_heads_is_the_same_encoder(folder: Path, tmp_path: Path) -> None:
    done = adapted(folder, tmp_path / "out", task("one"))

    assert load_encoder(str(tmp_path / "out"), backend="torch").name == done.encoder


class Killed(BaseException):
    """The process died here."""


@pytest.mark.parametrize(
    "how", [Regularisation(r_drop=1.0), Regularisation(adversarial=0.3)], ids=["r-drop", "fgm"]
)
def test_a_resumed_training_equals_an_undisturbed_one(
    folder: Path, tmp_path: Path, how: Regularisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = replace(HOW, regularisation=how, course=replace(COURSE, epochs=3))
    whole, checkpoint = task("one"), tmp_path / "checkpoint"
    straight = adapted(folder, tmp_path / "straight", whole, how=asked)

    with monkeypatch.context() as patched:
        kill_at_the_second_look(patched)
        with pytest.raises(Killed):
            adapt(folder, [whole], [nothing(whole)], tmp_path / "no", asked, checkpoint=checkpoint)
    resumed = adapt(
        folder, [whole], [nothing(whole)], tmp_path / "out", asked, checkpoint=checkpoint
    )

    assert resumed.outcome.history == straight.outcome.history
    assert resumed.encoder == straight.encoder
    np.testing.assert_array_equal(resumed.readings[0].likely, straight.readings[0].likely)


def kill_at_the_second_look(patched: pytest.MonkeyPatch) -> None:
    looks, validate = 0, TaskLesson.validate

    def dying(lesson: TaskLesson) -> object:
        nonlocal looks
        looks += 1
        if looks == 2:
            raise Killed
        return validate(lesson)

    patched.setattr(TaskLesson, "validate", dying)


def test_the_best_epoch_is_kept_and_training_stops_when_nothing_is_gained(
    folder: Path, tmp_path: Path
) -> None:
    course = replace(COURSE, epochs=30, patience=2, learning_rate=1e-2)

    done = adapted(folder, tmp_path / "out", task("one"), how=replace(HOW, course=course))
    figures = [each["mean"] for each in done.outcome.history]

    assert done.outcome.epochs < 30
    assert done.outcome.epochs == done.outcome.epoch + 2
    assert max(figures) == done.outcome.figures["mean"] == figures[done.outcome.epoch - 1]
    assert done.lesson.validate()["mean"] == max(figures)


def test_what_is_no_better_than_n_grams_is_not_written(folder: Path, tmp_path: Path) -> None:
    whole = task("one")
    sure = np.eye(3, dtype=np.float32)[whole.valid.targets]
    knows: Baseline = replace(nothing(whole), ngrams=sure)

    done = adapt(folder, [whole], [knows], tmp_path / "out", HOW)

    assert not done.reports[0].kept
    assert "does not beat n-grams 1.0000" in done.reports[0].reason
    assert done.encoder == ""
    assert not (tmp_path / "out").exists()


def test_a_tie_keeps_what_is_simpler() -> None:
    def told(frozen: float, ngrams: float, tuned: float) -> dict[str, dict[str, float]]:
        figures = {FROZEN: frozen, NGRAMS: ngrams, TUNED: tuned}
        return {name: {"deciding": value} for name, value in figures.items()}

    assert verdict(told(0.8, 0.7, 0.81))[0]
    assert not verdict(told(0.8, 0.7, 0.8))[0]
    assert not verdict(told(0.7, 0.9, 0.8))[0]


@pytest.mark.parametrize("kind", KINDS)
def test_baselines_are_fitted_for_every_kind(folder: Path, kind: Kind) -> None:
    whole = task(kind)

    (fitted,) = fit_baselines(folder, [whole], most_tokens=16, mixed_precision=False)

    assert fitted.ngrams.shape == fitted.frozen.likely.shape == (80, 3)
    assert np.allclose(fitted.ngrams, fitted.read_ngrams(whole.valid.texts))
    if kind != "many":
        np.testing.assert_allclose(fitted.frozen.likely.sum(axis=1), 1, atol=1e-5)
    first = fitted.ngrams[:, 0] if kind != "many" else fitted.ngrams[:, 1]
    holds = whole.valid.targets == 0 if kind != "many" else whole.valid.targets[:, 1]
    assert first[holds].mean() > first[~holds].mean() + 0.3


def test_slices_confusion_and_reliability_are_told(folder: Path, tmp_path: Path) -> None:
    (report,) = adapted(folder, tmp_path / "out", task("one")).reports
    halves = report.slices[TUNED]["half"]

    right = sum(report.confusion[code][code] for code in range(3))
    assert right == round(report.figures[TUNED]["accuracy"] * 80)
    assert {name: each["examples"] for name, each in halves.items()} == {"even": 40, "odd": 40}
    assert sum(each["examples"] for each in report.reliability) == 80


def test_a_frozen_head_that_is_good_is_where_learning_begins(folder: Path, tmp_path: Path) -> None:
    whole = task("one")
    baselines = fit_baselines(folder, [whole], most_tokens=16, mixed_precision=False)
    course = replace(COURSE, epochs=1, learning_rate=1e-9, mixed_precision=False)

    done = adapt(folder, [whole], baselines, tmp_path / "out", replace(HOW, course=course))
    np.testing.assert_allclose(done.readings[0].likely, baselines[0].frozen.likely, atol=1e-3)


def test_texts_that_nobody_has_seen_are_read(folder: Path, tmp_path: Path) -> None:
    fresh = texts("one", 200, seed=9)
    done = adapted(folder, tmp_path / "out", task("one"))

    logits = done.lesson.logits(0, done.lesson.encode(fresh.texts))

    assert (probabilities("one", logits).argmax(axis=1) == fresh.targets).mean() > 0.85
