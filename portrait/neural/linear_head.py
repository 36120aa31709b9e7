"""A linear head in training: dropout, one matrix, binary or plain cross-entropy, AdamW.

    L = -1/N sum_i sum_j  y log p + (1 - y) log(1 - p)      (several labels at once)

It stops when the later period (validation) no longer gets better, and keeps the best epoch.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

Floats = NDArray[np.float32]

EPOCHS, PATIENCE, BATCH = 40, 4, 512
LEARNING_RATE, WARM_UP_STEPS = 3e-3, 50
DROPOUT = 0.1
LARGEST_GRADIENT = 1.0


@dataclass(frozen=True, slots=True)
class Learning:
    """A examples as the network reads them."""

    inputs: Tensor  # (A, X), standardised
    touches: Tensor | None  # (A, T, C)
    targets: Tensor  # (A, O) of 0 and 1; or (A,) codes where one of O holds


@dataclass(frozen=True, slots=True)
class Learned:
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
        self.touch_weights = nn.Parameter(torch.zeros(windows, outputs))
        nn.init.zeros_(self.linear.weight)

    def forward(self, inputs: Tensor, touches: Tensor | None) -> Tensor:
        """Return logits (b, O) of inputs (b, X) and touches (b, T, O)."""
        logits: Tensor = self.linear(self.dropout(inputs))
        if touches is None:
            return logits
        return logits + torch.einsum("btc,tc->bc", touches, self.touch_weights)


def learn(
    train: Learning, valid: Learning, outputs: int, *, weight_decay: float, seed: int = 0
) -> Learned:
    """Train a head on the earlier period, stop by the later one."""
    torch.manual_seed(seed)
    windows = 0 if train.touches is None else train.touches.shape[1]
    head = LinearHead(train.inputs.shape[1], outputs, windows)
    with torch.no_grad():
        head.linear.bias.copy_(_base_logits(train.targets, outputs))
    steps = EPOCHS * -(-len(train.inputs) // BATCH)
    optimiser = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))

    best, best_epoch, kept = _validate(head, valid), 0, _copied(head)
    for epoch in range(1, EPOCHS + 1):
        _one_epoch(head, train, optimiser, schedule)
        loss = _validate(head, valid)
        if loss < best:
            best, best_epoch, kept = loss, epoch, _copied(head)
        if epoch - best_epoch >= PATIENCE:
            break
    return Learned(
        kept["linear.weight"].T.contiguous().numpy(),
        kept["linear.bias"].numpy(),
        kept["touch_weights"].numpy(),
        best,
        best_epoch,
    )


def _one_epoch(
    head: LinearHead,
    train: Learning,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
) -> None:
    head.train()
    order = torch.randperm(len(train.inputs))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        touches = None if train.touches is None else train.touches[rows]
        loss = _loss(head(train.inputs[rows], touches), train.targets[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch does not type it
        nn.utils.clip_grad_norm_(head.parameters(), LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()


@torch.no_grad()
def _validate(head: LinearHead, valid: Learning) -> float:
    head.eval()
    return float(_loss(head(valid.inputs, valid.touches), valid.targets))


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    if targets.ndim == 1:
        return cross_entropy(logits, targets)
    return binary_cross_entropy_with_logits(logits, targets)


def _base_logits(targets: Tensor, outputs: int) -> Tensor:
    """Begin at the base rates: then nothing has to be unlearned."""
    if targets.ndim == 1:
        return (torch.bincount(targets, minlength=outputs) + 1).float().log()
    share = (targets.sum(dim=0) + 0.5) / (len(targets) + 1)
    return torch.logit(share)


def _rate(step: int, steps: int) -> float:
    """Warm up, then fall along a half cosine."""
    warm = min(1.0, (step + 1) / WARM_UP_STEPS)
    return warm * 0.5 * (1 + float(np.cos(np.pi * min(1.0, step / steps))))


def _copied(head: LinearHead) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in head.state_dict().items()}
