"""Training: the one loop that everything learns by.

epoch ─▶ batches ─▶ loss ─▶ gradients, accumulated and clipped ─▶ AdamW ─▶ validate ─▶ checkpoint

Exactly resumable: the order of batches is a function of the epoch, each step draws its dropout from
a seed of its own, and the rest is in the checkpoint. A process killed after any line loses at most
the work since the last checkpoint, and a training that goes on ends with the same bits as one that
was never interrupted.

`torchrun` and `accelerate launch` run it on several processes unchanged: they share every batch,
and the loss is divided by the examples of the whole batch, so that the gradient is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import cos, isfinite, pi
from pathlib import Path
from time import perf_counter
from typing import Any, Generic, Protocol, Self, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from portrait.errors import PortraitError
from portrait.tracker import NoTracker, Tracker
from portrait.training.loop.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from portrait.training.loop.distributed import learning_together

SLOW_SECONDS = 2  # what takes longer shows a progress bar


class TrainingDivergedError(PortraitError):
    """The loss is no longer a number. Lower the learning rate."""


class Portion(Protocol):
    """A batch, which processes can share."""

    @property
    def examples(self) -> int:
        """How many examples it holds."""
        ...

    def part(self, place: int, of: int) -> Self:
        """Return what process `place` of `of` takes; possibly nothing."""
        ...


P = TypeVar("P", bound=Portion)
P_co = TypeVar("P_co", bound=Portion, covariant=True)


class Lesson(Protocol[P_co]):
    """What is learned, from what, and how well."""

    @property
    def module(self) -> nn.Module:
        """What learns. Called with a batch it returns the sum of its examples' losses."""
        ...

    def batches(self, epoch: int) -> Sequence[P_co]:
        """Return an epoch's batches: the same for the same epoch, and as many in each."""
        ...

    def validate(self) -> Mapping[str, float]:
        """Measure the module, in evaluation mode; the first figure is what training is for.

        Nothing measured means that the last epoch is the best.
        """
        ...


@dataclass(frozen=True, slots=True)
class Course:
    """How to train."""

    epochs: int = 20  # what the learning rate's way down is planned for
    stop_after: int | None = None  # epochs, where it is known how many are best
    learning_rate: float = 2e-3
    weight_decay: float = 0.01  # of matrices; not of gates, decays and biases
    warm_up: float = 0.05  # share of the steps until the full learning rate
    last: float = 0.05  # share of the learning rate that is left at the end
    clip: float = 1.0  # longest gradient
    accumulate: int = 1  # batches in one optimizer step
    patience: int = 4  # epochs without a better figure before it stops
    seed: int = 0
    mixed_precision: bool = True  # bf16 where the device has it
    checkpoint_every: int = 200  # optimizer steps; an epoch's end writes one too


@dataclass(slots=True)
class Outcome:
    """What a training came to."""

    figures: Mapping[str, float] = field(default_factory=dict)  # of the best epoch
    epoch: int = 0  # the best, from 1
    epochs: int = 0  # trained
    steps: int = 0
    seconds: float = 0.0  # since it was started or resumed
    history: list[dict[str, float]] = field(default_factory=list)  # one entry an epoch


def train(
    lesson: Lesson[P],
    course: Course,
    *,
    tracker: Tracker | None = None,
    checkpoint: Path | None = None,
) -> Outcome:
    """Train until the validation figure stops rising; the module is left with its best weights.

    Args:
        lesson: What to learn.
        course: How.
        tracker: Where the curves go.
        checkpoint: A file. If it is there, training goes on from it; it has to be of this course.

    Raises:
        TrainingDivergedError: The loss is not a number.
        CheckpointMismatchError: The checkpoint is of another course.
        CompanyLostError: Whatever it was, others were learning the same lesson.
    """
    with learning_together((lesson, course)):
        return _Run(lesson, course, tracker or NoTracker(), checkpoint).outcome()


class _Run(Generic[P]):
    """One training: what the steps share."""

    def __init__(
        self, lesson: Lesson[P], course: Course, tracker: Tracker, path: Path | None
    ) -> None:
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available())
        self.lesson, self.course, self.tracker, self.path = lesson, course, tracker, path
        self.module = lesson.module.to(self.accelerator.device)
        self.shared = self.accelerator.prepare_model(self.module)
        # In one pass over the weights: a seventh of the time on a CPU.
        self.optimizer = AdamW(parameter_groups(self.module, course), fused=True)
        self.steps_an_epoch = -(-len(lesson.batches(0)) // course.accumulate)
        self.schedule = LambdaLR(
            self.optimizer,
            lambda step: learning_rate_share(step, self.steps_an_epoch * course.epochs, course),
        )
        self.last = course.stop_after or course.epochs
        self.state = Checkpoint(course=repr(course))
        self.started = perf_counter()

    def outcome(self) -> Outcome:
        self._resume()
        state, course = self.state, self.course
        with tqdm(
            total=self.steps_an_epoch * course.epochs,
            initial=state.step,
            delay=SLOW_SECONDS,
            disable=None if self.accelerator.is_main_process else True,  # None: not in a terminal
            unit="step",
        ) as bar:
            while state.epoch < self.last and state.since_best < course.patience:
                self._epoch(bar)
        if state.best is not None:
            self.module.load_state_dict(state.best)
        return Outcome(
            figures=state.figures,
            epoch=state.best_epoch,
            epochs=state.epoch,
            steps=state.step,
            seconds=perf_counter() - self.started,
            history=state.history,
        )

    def _epoch(self, bar: "tqdm[Any]") -> None:
        """Train one epoch, or the rest of one, and measure."""
        state = self.state
        batches = self.lesson.batches(state.epoch)
        first = state.step - state.epoch * self.steps_an_epoch
        for step in range(first, self.steps_an_epoch):
            start = step * self.course.accumulate
            loss = self._step(batches[start : start + self.course.accumulate])
            state.step += 1
            state.loss += loss / self.steps_an_epoch
            bar.update()
            rate = float(self.schedule.get_last_lr()[0])
            self.tracker.record(state.step, {"loss": loss, "learning_rate": rate})
            self.tracker.reach(state.step / (self.steps_an_epoch * self.last))
            if state.step % self.course.checkpoint_every == 0:
                self._save()
        figures = self._figures()
        self._keep(figures)
        bar.set_postfix({name: f"{value:.4f}" for name, value in figures.items()})
        if figures:
            self.tracker.record(state.step, figures)
        self._save()

    def _step(self, batches: Sequence[P]) -> float:
        """Take one optimizer step. Returns the mean loss of an example."""
        self.module.train()
        accelerator = self.accelerator
        place, of = accelerator.process_index, accelerator.num_processes
        torch.manual_seed((self.course.seed << 32) + self.state.step * of + place)
        examples = max(1, sum(batch.examples for batch in batches))
        summed = torch.zeros((), device=accelerator.device)
        for batch in batches[:-1]:
            with accelerator.no_sync(self.shared):
                summed += self._backward(batch.part(place, of), of / examples)
        summed += self._backward(batches[-1].part(place, of), of / examples)
        nn.utils.clip_grad_norm_(self.module.parameters(), self.course.clip)
        self.optimizer.step()
        self.schedule.step()
        self.optimizer.zero_grad()
        loss = float(accelerator.reduce(summed, "mean"))
        if not isfinite(loss):
            msg = f"loss {loss} at step {self.state.step}"
            raise TrainingDivergedError(msg)
        return loss

    def _backward(self, batch: P, scale: float) -> Tensor:
        """Add the gradient of this process's part. Returns its loss."""
        device = self.accelerator.device
        enabled = self.course.mixed_precision and has_bfloat16(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
            loss: Tensor = self.shared(batch) * scale
        self.accelerator.backward(loss)
        return loss.detach()

    def _figures(self) -> dict[str, float]:
        """Measure in the main process, and let all know."""
        self.module.eval()
        main = self.accelerator.is_main_process
        told = [dict(self.lesson.validate()) if main else {}]
        broadcast_object_list(told)
        return told[0]

    def _keep(self, figures: dict[str, float]) -> None:
        """Close an epoch: is it the best so far?"""
        state = self.state
        state.epoch += 1
        state.history.append({"epoch": state.epoch, "loss": state.loss, **figures})
        state.loss = 0.0
        state.since_best += 1
        best = next(iter(state.figures.values()), -1.0)
        if next(iter(figures.values()), best + 1) > best:
            state.figures, state.best_epoch, state.since_best = figures, state.epoch, 0
            state.best = {
                name: value.detach().clone() for name, value in self.module.state_dict().items()
            }

    def _resume(self) -> None:
        """Go on from the main process's checkpoint: others need no disk of theirs."""
        found = None
        if self.accelerator.is_main_process and self.path is not None and self.path.exists():
            found = load_checkpoint(self.path, repr(self.course))
        told = [found]
        broadcast_object_list(told)
        if told[0] is None:
            return
        self.state = told[0]
        self.module.load_state_dict(self.state.module)
        self.optimizer.load_state_dict(self.state.optimizer)
        self.schedule.load_state_dict(self.state.schedule)

    def _save(self) -> None:
        if self.path is None or not self.accelerator.is_main_process:
            return
        self.state.module = self.module.state_dict()
        self.state.optimizer = self.optimizer.state_dict()
        self.state.schedule = self.schedule.state_dict()
        save_checkpoint(self.path, self.state)


def learning_rate_share(step: int, steps: int, course: Course) -> float:
    """Return the share of the learning rate at a step: a straight way up, half a cosine down.

    Source: Loshchilov and Hutter, SGDR, ICLR 2017, equation 5; warm-up: Goyal et al., Accurate,
    Large Minibatch SGD, 2017, section 2.2.
    """
    up = max(1, round(steps * course.warm_up))
    down = (1 + cos(pi * min(1.0, step / max(1, steps)))) / 2
    return min(1.0, (step + 1) / up) * (course.last + (1 - course.last) * down)


def parameter_groups(module: nn.Module, course: Course) -> list[dict[str, Any]]:
    """Split parameters for AdamW: matrices decay, vectors and scalars do not.

    A parameter with a weight decay of its own is named in its module's `weight_decays`, one that
    learns at a share of the course's rate in its `rate_shares`.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019.
    """
    decays, shares = _named(module, "weight_decays"), _named(module, "rate_shares")
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            usual = course.weight_decay if parameter.ndim > 1 else 0.0
            how = decays.get(name, usual), shares.get(name, 1.0)
            groups.setdefault(how, []).append(parameter)
    return [
        {"params": group, "weight_decay": decay, "lr": course.learning_rate * share}
        for (decay, share), group in groups.items()
    ]


def _named(module: nn.Module, what: str) -> dict[str, float]:
    """Collect what modules say of their own parameters, by the parameter's whole name."""
    return {
        f"{where}.{name}".lstrip("."): value
        for where, part in module.named_modules()
        for name, value in getattr(part, what, {}).items()
    }


def has_bfloat16(device: torch.device) -> bool:
    """Say whether the device multiplies in bf16 itself; emulation would be slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))
