"""Contrastive learning: texts that belong together move together, all others of a batch apart."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from portrait.training.ranker.loss import IMPOSSIBLE


def info_nce(left: Tensor, right: Tensor, known: Tensor, temperature: float) -> Tensor:
    """Sum the symmetric InfoNCE loss over B pairs.

    Args:
        left: (B, D), unit rows, float32.
        right: (B, D), unit rows: row i belongs to row i of `left`.
        known: (B, B), true where left i and right j are a pair, too: no example of difference.
        temperature: .05 for cosines.

    Returns:
        A scalar, float32: of each pair the mean of both directions.

    Source: van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018,
    equation 4; both directions: Radford et al., CLIP, ICML 2021, figure 3.
    """
    own = torch.eye(len(left), dtype=torch.bool, device=left.device)
    with torch.autocast(left.device.type, enabled=False):  # bf16 has no place for logits of 20
        logits = (left @ right.T / temperature).masked_fill(known & ~own, IMPOSSIBLE)
    target = torch.arange(len(left), device=left.device)
    there = cross_entropy(logits, target, reduction="sum")
    back = cross_entropy(logits.T, target, reduction="sum")
    return (there + back) / 2
