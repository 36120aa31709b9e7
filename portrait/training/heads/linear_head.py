"""A linear head in training: dropout, one matrix, binary or plain cross-entropy.

    L = -1/N sum_i sum_j  y log p + (1 - y) log(1 - p)      (several labels at once)

It learns by the loop that everything learns by (`loop/training.py`), and stops when the later
period (validation) no longer gets better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from portrait.arrays import Floats
from portrait.training.loop.train import Course, train

MOST_IN_A_BATCH, LEAST_BATCHES = 512, 8  # a small set is cut finer: it needs steps, too
DROPOUT = 0.1
# Full precision: a head takes seconds, and its probabilities are read to three places.
COURSE = Course(epochs=40, learning_rate=1e-2, weight_decay=0.1, patience=4, mixed_precision=False)


@dataclass(frozen=True, slots=True)
class Learning:
    """Examples as the network reads them; also a batch of them."""

    inputs: Tensor  # (A, X), standardised
    touches: Tensor | None  # (A, T, C)
    targets: Tensor  # (A, O) of 0 and 1; or (A,) codes where one of O holds

    @property
    def examples(self) -> int:
        """How many there are."""
        return len(self.inputs)

    def part(self, place: int, of: int) -> "Learning":
        """Return what process `place` of `of` takes."""
        return self.at(torch.arange(place, self.examples, of))

    def at(self, rows: Tensor) -> "Learning":
        """Return these examples."""
        touches = None if self.touches is None else self.touches[rows]
        return Learning(self.inputs[rows], touches, self.targets[rows])


@dataclass(frozen=True, slots=True)
class FittedHead:
    """What came out."""

    weights: Floats  # (X, O)
    bias: Floats  # (O,)
    touch_weights: Floats  # (T, O)
    loss: float  # on validation, of the best epoch
    epochs: int


class LinearHead(nn.Module):
    """Logits of X inputs, and of each category's own touches."""

    def __init__(self, inputs: int, outputs: int, windows: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(DROPOUT)
        self.linear = nn.Linear(inputs, outputs)
        self.touch_weights = nn.Parameter(torch.zeros(windows, outputs), requires_grad=windows > 0)
        nn.init.zeros_(self.linear.weight)

    def forward(self, batch: Learning) -> Tensor:
        """Return the sum of the examples' losses."""
        logits: Tensor = self.linear(self.dropout(batch.inputs))
        if batch.touches is not None:
            logits = logits + torch.einsum("btc,tc->bc", batch.touches, self.touch_weights)
        if batch.targets.ndim == 1:
            return cross_entropy(logits, batch.targets, reduction="sum")
        loss = binary_cross_entropy_with_logits(logits, batch.targets, reduction="sum")
        return loss / batch.targets.shape[1]


class HeadLesson:
    """One head learns from the earlier period and is measured on the later."""

    def __init__(self, earlier: Learning, later: Learning, outputs: int, seed: int) -> None:
        torch.manual_seed(seed)
        windows = 0 if earlier.touches is None else earlier.touches.shape[1]
        self.module = LinearHead(earlier.inputs.shape[1], outputs, windows)
        self.earlier, self.later, self.seed = earlier, later, seed
        with torch.no_grad():
            self.module.linear.bias.copy_(_base_logits(earlier.targets, outputs))

    def batches(self, epoch: int) -> Sequence[Learning]:
        """Return the examples in an order of the epoch's own."""
        order = torch.from_numpy(
            np.random.default_rng((self.seed, epoch)).permutation(self.earlier.examples)
        )
        size = max(1, min(MOST_IN_A_BATCH, len(order) // LEAST_BATCHES))
        return [
            self.earlier.at(order[start : start + size]) for start in range(0, len(order), size)
        ]

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """Return the likelihood of a later example: it rises as the loss falls."""
        return {"likelihood": exp(-float(self.module(self.later)) / self.later.examples)}


def learn(earlier: Learning, later: Learning, outputs: int, *, seed: int = 0) -> FittedHead:
    """Train a head on the earlier period, stop by the later one."""
    lesson = HeadLesson(earlier, later, outputs, seed)
    outcome = train(lesson, replace(COURSE, seed=seed))
    kept = {name: value.cpu() for name, value in lesson.module.state_dict().items()}
    return FittedHead(
        kept["linear.weight"].T.contiguous().numpy(),
        kept["linear.bias"].numpy(),
        kept["touch_weights"].numpy(),
        -log(outcome.figures["likelihood"]),
        outcome.epoch,
    )


def _base_logits(targets: Tensor, outputs: int) -> Tensor:
    """Begin at the base rates: then nothing has to be unlearned."""
    if targets.ndim == 1:
        return (torch.bincount(targets, minlength=outputs) + 1).float().log()
    share = (targets.sum(dim=0) + 0.5) / (len(targets) + 1)
    return torch.logit(share)
