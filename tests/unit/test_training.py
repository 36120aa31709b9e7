"""Training: it learns, it stops, and an interrupted one ends as if it had not been."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from portrait.dataset.sequences import Batch, sequences_of
from portrait.evaluation.validation import validation_of
from portrait.tracker import NoTracker
from portrait.training.loop.checkpoint import CheckpointMismatchError
from portrait.training.loop.train import (
    Course,
    TrainingDivergedError,
    learning_rate_share,
    parameter_groups,
    train,
)
from portrait.training.ranker.behaviour_encoder import BehaviourEncoder, EncoderShape
from portrait.training.ranker.next_item import NextItem, NextItemLesson
from tests.support.learned import last_held_out, planted, text_vectors

COURSE = Course(epochs=4, learning_rate=0.02, checkpoint_every=3, mixed_precision=False)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # two that share a busy core wait for each other


class KilledError(Exception):
    """What a kill looks like from inside one process."""


class Killer(NoTracker):
    """Kills a training when it has taken a number of steps."""

    def __init__(self, at: int) -> None:
        self.at = at

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        if step == self.at and "loss" in figures:
            raise KilledError


class Curve:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, dict[str, float]]] = []
        self.shares: list[float] = []

    def record(self, step: int, figures: Mapping[str, float]) -> None:
        self.told.append((step, dict(figures)))

    def reach(self, share: float) -> None:
        self.shares.append(share)


def tiny_lesson(*, full_up_to: int = 1_000) -> NextItemLesson:
    events, targets = last_held_out(planted())
    torch.manual_seed(0)
    counts = torch.bincount(torch.from_numpy(events.item), minlength=30).numpy()
    encoder = BehaviourEncoder(text_vectors(), counts, EncoderShape(dim=8, heads=2))
    return NextItemLesson(
        NextItem(encoder, full_up_to=full_up_to),
        sequences_of(events),
        validation_of(events, torch.arange(60).numpy(), targets),
        examples=50,
    )


@dataclass(frozen=True)
class Declining:
    """A lesson that is measured as we say."""

    lesson: NextItemLesson
    figures: Iterator[float]

    @property
    def module(self) -> NextItem:
        return self.lesson.module

    def batches(self, epoch: int) -> Sequence[Batch]:
        return self.lesson.batches(epoch)

    def validate(self) -> Mapping[str, float]:
        return {"figure": next(self.figures)}


@contextmanager
def killed_at(step: int) -> Iterator[Killer]:
    with pytest.raises(KilledError):
        yield Killer(step)


def test_the_loss_falls_and_the_planted_pattern_is_found() -> None:
    lesson = tiny_lesson()
    before = lesson.validate()["ndcg@10"]

    outcome = train(lesson, replace(COURSE, epochs=12, patience=12))

    assert outcome.history[-1]["loss"] < 0.7 * outcome.history[0]["loss"]
    assert outcome.figures["ndcg@10"] > before + 0.2


def test_the_sampled_loss_finds_it_too() -> None:
    lesson = tiny_lesson(full_up_to=1)
    before = lesson.validate()["ndcg@10"]

    outcome = train(lesson, replace(COURSE, epochs=12, patience=12))

    assert outcome.figures["ndcg@10"] > before + 0.2


@pytest.mark.parametrize("step", [2, 5, 8])
def test_a_training_that_was_killed_and_resumed_ends_with_the_same_bits(
    step: int, tmp_path: Path
) -> None:
    whole = tiny_lesson()
    undisturbed = train(whole, COURSE)

    first = tiny_lesson()
    with killed_at(step) as killer:
        train(first, COURSE, tracker=killer, checkpoint=tmp_path / "run")
    second = tiny_lesson()
    resumed = train(second, COURSE, checkpoint=tmp_path / "run")

    assert resumed.history == undisturbed.history
    assert resumed.steps == undisturbed.steps
    for name, value in whole.module.state_dict().items():
        assert torch.equal(second.module.state_dict()[name], value)


def test_a_finished_training_is_not_trained_again(tmp_path: Path) -> None:
    train(tiny_lesson(), COURSE, checkpoint=tmp_path / "run")
    curve = Curve()

    again = train(tiny_lesson(), COURSE, tracker=curve, checkpoint=tmp_path / "run")

    assert curve.told == []
    assert again.epochs == COURSE.epochs


def test_a_checkpoint_of_another_course_is_refused(tmp_path: Path) -> None:
    train(tiny_lesson(), COURSE, checkpoint=tmp_path / "run")

    with pytest.raises(CheckpointMismatchError, match="learning_rate"):
        train(tiny_lesson(), replace(COURSE, learning_rate=1), checkpoint=tmp_path / "run")


def test_it_stops_when_the_figure_no_longer_rises_and_keeps_the_best() -> None:
    lesson = tiny_lesson()

    outcome = train(lesson, replace(COURSE, epochs=30, learning_rate=1e-9, patience=2))

    assert outcome.epochs < 30
    assert outcome.epochs == outcome.epoch + 2
    assert lesson.validate() == outcome.figures


def test_it_is_left_with_the_weights_of_its_best_epoch() -> None:
    declining = Declining(tiny_lesson(), iter([0.9, 0.5, 0.4]))
    stopped = tiny_lesson()

    outcome = train(declining, replace(COURSE, patience=2))
    train(stopped, replace(COURSE, stop_after=1))

    assert (outcome.epoch, outcome.epochs) == (1, 3)
    for name, value in stopped.module.state_dict().items():
        assert torch.equal(declining.module.state_dict()[name], value)


def test_accumulated_batches_are_one_step_of_their_sum() -> None:
    apart, together = tiny_lesson(), tiny_lesson()
    for lesson in (apart, together):
        lesson.module.encoder.shape = EncoderShape(dim=8, heads=2, drop_id=0, drop_channel=0)
    few = replace(apart, examples=50)
    batches = few.batches(0)
    course = replace(COURSE, epochs=1, accumulate=len(batches))

    train(few, course)
    train(replace(together, examples=10_000), replace(course, accumulate=1))

    for name, value in apart.module.state_dict().items():
        torch.testing.assert_close(together.module.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_curves_show_every_step_and_every_epoch() -> None:
    curve = Curve()

    outcome = train(tiny_lesson(), replace(COURSE, epochs=2), tracker=curve)

    assert [step for step, told in curve.told if "loss" in told] == [*range(1, outcome.steps + 1)]
    assert sum("ndcg@10" in told for _, told in curve.told) == 2


@pytest.mark.parametrize("stop_after", [None, 2])
def test_it_is_told_how_far_it_is_up_to_the_last_step(stop_after: int | None) -> None:
    curve = Curve()

    outcome = train(tiny_lesson(), replace(COURSE, epochs=4, stop_after=stop_after), tracker=curve)

    steps = outcome.steps
    assert outcome.epochs == (stop_after or 4)
    assert curve.shares == pytest.approx([step / steps for step in range(1, steps + 1)])


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    lesson = tiny_lesson()
    with torch.no_grad():
        lesson.module.encoder.projection.fill_(float("nan"))

    with pytest.raises(TrainingDivergedError):
        train(lesson, COURSE)


def test_the_learning_rate_warms_up_and_falls_to_its_last_share() -> None:
    course = Course(warm_up=0.1, last=0.05)

    shares = [learning_rate_share(step, 100, course) for step in range(101)]

    assert shares[0] == pytest.approx(0.1)
    assert max(shares) == shares[9]
    assert shares[100] == pytest.approx(0.05)


def test_matrices_decay_gates_do_not_and_ids_as_they_say() -> None:
    encoder, course = tiny_lesson().module.encoder, replace(COURSE, weight_decay=0.1)

    groups = {group["weight_decay"]: group["params"] for group in parameter_groups(encoder, course)}

    assert set(groups) == {0.0, 0.1, encoder.weight_decays["ids"]}
    assert all(parameter.ndim == 1 for parameter in groups[0.0])
    assert any(parameter is encoder.projection for parameter in groups[0.1])
    (ids,) = groups[encoder.weight_decays["ids"]]
    assert ids is encoder.ids


def test_it_stops_after_the_epochs_that_are_known_to_be_best() -> None:
    whole, part = tiny_lesson(), replace(tiny_lesson(), validation=None)

    history = train(whole, replace(COURSE, patience=9)).history
    outcome = train(part, replace(COURSE, stop_after=2))

    assert (outcome.epochs, outcome.epoch) == (2, 2)
    assert [each["loss"] for each in outcome.history] == [each["loss"] for each in history[:2]]
