"""What a head's logits cost, and how far two readings of the same texts are apart.

    one        -w_y log softmax(z)_y
    many       -1/C sum_c  w_c y_c log s(z_c) + (1 - y_c) log(1 - s(z_c))
    ordinal    -w_y sum_k  [y > k] log s(z_k) + [y <= k] log(1 - s(z_k))

Source of the last: Cao et al., Rank Consistent Ordinal Regression (CORAL), 2020, equation 4.
"""

import torch
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    kl_div,
    log_softmax,
    logsigmoid,
)

from portrait.model.task_head import Kind


def losses(kind: Kind, logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return each example's loss, (B,).

    Args:
        kind: Of the task.
        logits: (B, O), float32.
        targets: (B,) codes; (B, C) of 0 and 1 where several labels may hold; of one label among
            many also how likely each is, (B, C).
        weights: (C,), what a label counts.
    """
    if kind == "one":
        return cross_entropy(logits, targets, weight=weights, reduction="none")
    if kind == "many":
        return binary_cross_entropy_with_logits(
            logits, targets, pos_weight=weights, reduction="none"
        ).mean(dim=1)
    steps = torch.arange(logits.shape[1], device=logits.device)
    more = (targets[:, None] > steps).to(logits.dtype)  # (B, C - 1)
    each = binary_cross_entropy_with_logits(logits, more, reduction="none")
    return each.sum(dim=1) * weights[targets]


def divergences(kind: Kind, one: Tensor, other: Tensor) -> Tensor:
    """Return how far two readings are apart, the mean of both Kullback-Leibler divergences, (B,).

    Source: Liang et al., R-Drop, NeurIPS 2021, equation 2.
    """
    first, second = _log_shares(kind, one), _log_shares(kind, other)
    there = kl_div(first, second, reduction="none", log_target=True)
    back = kl_div(second, first, reduction="none", log_target=True)
    return (there + back).flatten(1).sum(dim=1) / 2


def _log_shares(kind: Kind, logits: Tensor) -> Tensor:
    """Return log probabilities: (B, C), or (B, O, 2) where each output is a question of its own."""
    if kind == "one":
        return log_softmax(logits, dim=1)
    return torch.stack([logsigmoid(logits), logsigmoid(-logits)], dim=-1)
