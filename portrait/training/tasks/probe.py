"""A probe: the head that a frozen encoder gets. What fine-tuning begins with, and has to beat.

min over W, b   1/n sum_i loss(x_i W + b, y_i)  +  |W|^2 / (2 n strength)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from portrait.arrays import Floats
from portrait.model.space import Vectors
from portrait.model.task_head import probabilities
from portrait.training.tasks.figures import deciding
from portrait.training.tasks.losses import losses
from portrait.training.tasks.task import Task

STRENGTHS = (1.0, 10.0, 100.0, 1_000.0)  # inverse regularisation; embeddings have small entries
ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Probe:
    """One layer on unit rows."""

    weights: Floats  # (D, O); one column for all steps of an ordinal task
    bias: Floats  # (O,)

    def logits(self, vectors: Vectors) -> Floats:
        """Return (B, O)."""
        logits: Floats = vectors @ self.weights + self.bias
        return logits


def fit_probe(
    task: Task,
    vectors: Vectors,
    valid_vectors: Vectors,
    strengths: Sequence[float] = STRENGTHS,
) -> Probe:
    """Fit a head on frozen vectors; its strength is what measures best on the validation texts.

    Args:
        task: What to learn.
        vectors: Of its training texts, unit rows.
        valid_vectors: Of its validation texts.
        strengths: Inverse regularisations to choose from.
    """
    tried = [_fit(task, vectors, strength) for strength in strengths]
    figures = [
        deciding(
            task.kind, task.valid.targets, probabilities(task.kind, each.logits(valid_vectors))
        )
        for each in tried
    ]
    return tried[int(np.argmax(figures))]


def _fit(task: Task, vectors: Vectors, strength: float) -> Probe:
    """Minimise the loss by L-BFGS in double precision: the objective is convex."""
    is_many = task.kind == "many"
    inputs = torch.from_numpy(vectors).double()
    targets = torch.from_numpy(task.train.targets)
    targets = targets.double() if is_many else targets.long()
    columns = 1 if task.kind == "ordinal" else task.outputs
    weights = torch.zeros(inputs.shape[1], columns, dtype=torch.float64, requires_grad=True)
    bias = _base_rates(task).requires_grad_()
    by_label = torch.from_numpy(task.weights)
    share = len(task.labels) if is_many else 1  # each label is a regression of its own
    search = torch.optim.LBFGS([weights, bias], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def cost() -> Tensor:
        search.zero_grad()
        fit = losses(task.kind, inputs @ weights + bias, targets, by_label).mean()
        whole = fit + weights.square().sum() / (2 * len(inputs) * strength * share)
        torch.autograd.backward(whole)
        return whole

    search.step(cost)  # type: ignore[no-untyped-call] # torch's own
    return Probe(weights.detach().float().numpy().copy(), bias.detach().float().numpy().copy())


def _base_rates(task: Task) -> Tensor:
    """Begin where the labels are as frequent as they are: (O,)."""
    targets = task.train.targets
    if task.kind == "many":
        return torch.logit(torch.from_numpy((targets.sum(axis=0) + 0.5) / (len(targets) + 1)))
    counts = np.bincount(targets, minlength=len(task.labels)) + 0.5
    shares = counts / counts.sum()
    if task.kind == "one":
        return torch.from_numpy(np.log(shares))
    more = 1 - np.cumsum(shares)[:-1]
    return torch.logit(torch.from_numpy(more))
