"""The tower: one BERT and a head for each task.

ids ─▶ words (B, T, D) ─▶ BERT ─▶ pool ─▶ unit (B, D) ─▶ head of the task ─▶ logits (B, O) ─▶ loss

    R-Drop    the same texts twice, under two dropouts, and how far the readings are apart
    FGM       the same texts again, their words moved a little to where the loss rises the fastest
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from portrait.arrays import Codes
from portrait.model.space import Vectors, unit
from portrait.text.batching import padded, token_batches
from portrait.text.text_encoder import Pooled, Tokenize
from portrait.training.loop.train import has_bfloat16
from portrait.training.tasks.losses import divergences, losses
from portrait.training.tasks.probe import Probe
from portrait.training.tasks.task import Task

FORWARD_TOKENS = 2_048  # of one pass without gradients: larger ones leave the CPU's cache


@dataclass(frozen=True, slots=True)
class Regularisation:
    """What keeps a head from learning its examples by heart."""

    dropout: float = 0.1  # of the head's inputs; the encoder's own is in its configuration
    r_drop: float = 0.0  # weight of the divergence of two readings; 0: one reading
    adversarial: float = 0.0  # how far a text's words are moved, in lengths of a word; 0: not


@dataclass(frozen=True, slots=True)
class TextBatch:
    """B texts of one task."""

    task: int
    rows: Codes  # (B,), of the task's training texts

    @property
    def examples(self) -> int:
        """How many texts it holds."""
        return len(self.rows)

    def part(self, place: int, of: int) -> Self:
        """Return what process `place` of `of` takes."""
        return type(self)(self.task, self.rows[place::of])


class Head(nn.Module):
    """Logits of unit rows: one layer, as `TaskHead` has it."""

    def __init__(self, probe: Probe, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.weights = nn.Parameter(torch.from_numpy(probe.weights).clone())  # (D, O)
        self.bias = nn.Parameter(torch.from_numpy(probe.bias).clone())  # (O,)

    def forward(self, rows: Tensor) -> Tensor:
        """Return logits (B, O), float32, of (B, D)."""
        logits: Tensor = self.dropout(rows) @ self.weights + self.bias
        return logits


class TaskTower(nn.Module):
    """A text encoder with heads, that learns."""

    def __init__(
        self,
        pooled: Pooled,
        tokenize: Tokenize,
        tasks: Sequence[Task],
        probes: Sequence[Probe],
        how: Regularisation,
    ) -> None:
        """Begin with heads that were fitted on the encoder as it is.

        Source: Kumar et al., Fine-Tuning can Distort Pretrained Features, ICLR 2022.
        """
        super().__init__()
        self.pooled, self.tokenize, self.tasks, self.how = pooled, tokenize, tasks, how
        self.heads = nn.ModuleList(Head(probe, how.dropout) for probe in probes)
        self.tokens = [tokenize(task.train.texts) for task in tasks]
        self.rate_shares: dict[str, float] = {}
        for place, task in enumerate(tasks):
            self._keep(f"weights_{place}", torch.from_numpy(task.weights).float())
            targets = torch.from_numpy(task.train.targets)
            is_each = targets.ndim > 1  # of every label, whether it holds or how likely it is
            self._keep(f"targets_{place}", targets.float() if is_each else targets.long())

    def _keep(self, name: str, values: Tensor) -> None:
        """Keep what goes where the weights go, but is not learned."""
        self.register_buffer(name, values, persistent=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tokenizer out: others who learn the same read no other texts."""
        return {**self.__dict__, "tokenize": None}

    def forward(self, batch: TextBatch) -> Tensor:
        """Sum the loss of a batch's texts."""
        if not batch.examples:
            return cast("Head", self.heads[batch.task]).bias.sum() * 0
        device = self.pooled.model.device
        drawn = padded(batch.rows, self.tokens[batch.task])
        ids, mask = (torch.from_numpy(each).to(device) for each in (drawn.ids, drawn.mask))
        words: Tensor = self.pooled.model.get_input_embeddings()(ids)  # (B, T, D)
        if not self.how.adversarial:
            return self._loss(batch, words, mask).sum()
        if not words.requires_grad:  # beside adapters the words stay as they are
            words.requires_grad_()
        loss = self._loss(batch, words, mask)
        (slope,) = torch.autograd.grad(loss.sum(), words, retain_graph=True)
        moved = words + self._step(words.detach(), slope, mask)
        return (loss + self._loss(batch, moved, mask)).sum() / 2

    def _step(self, words: Tensor, slope: Tensor, mask: Tensor) -> Tensor:
        """Return where each text's words go, (B, T, D): along the slope, all together so far.

        Source: Miyato et al., Adversarial Training Methods for Semi-Supervised Text Classification,
        ICLR 2017, equation 5; in lengths of a word, so that it means the same for every encoder.
        """
        length = (words.norm(dim=2) * mask).sum() / mask.sum()  # of a word, on average
        slope = slope * mask[..., None]
        far = slope.flatten(1).norm(dim=1).clamp_min(torch.finfo(slope.dtype).tiny)
        step: Tensor = self.how.adversarial * length * slope / far[:, None, None]
        return step

    def _loss(self, batch: TextBatch, words: Tensor, mask: Tensor) -> Tensor:
        """Return each text's loss, (B,)."""
        task = self.tasks[batch.task]
        targets: Tensor = getattr(self, f"targets_{batch.task}")[torch.from_numpy(batch.rows)]
        weights: Tensor = getattr(self, f"weights_{batch.task}")
        logits = self._logits(batch.task, words, mask)
        loss = losses(task.kind, logits, targets, weights)
        if not self.how.r_drop:
            return loss
        again = self._logits(batch.task, words, mask)
        both = (loss + losses(task.kind, again, targets, weights)) / 2
        return both + self.how.r_drop / 2 * divergences(task.kind, logits, again)

    def _logits(self, task: int, words: Tensor, mask: Tensor) -> Tensor:
        hidden = self.pooled.model(inputs_embeds=words, attention_mask=mask).last_hidden_state
        rows = self.pooled.pool(hidden, mask)
        with torch.autocast(rows.device.type, enabled=False):  # probabilities ask for more digits
            logits: Tensor = self.heads[task](normalize(rows.float(), dim=1))
        return logits

    def head(self, task: int) -> Probe:
        """Return a head as it is now."""
        head = cast("Head", self.heads[task])
        weights, bias = (each.detach().cpu().numpy().copy() for each in (head.weights, head.bias))
        return Probe(weights, bias)


@torch.no_grad()
def encode(pooled: Pooled, tokens: Sequence[Sequence[int]], *, mixed_precision: bool) -> Vectors:
    """Encode token ids with an encoder as it is now, without dropout. Returns unit rows (B, D)."""
    pooled.eval()
    device = pooled.model.device
    enabled = mixed_precision and has_bfloat16(device)
    out = np.zeros((len(tokens), int(pooled.model.config.hidden_size)), np.float32)
    for batch in token_batches(tokens, FORWARD_TOKENS):
        ids, mask = (torch.from_numpy(each).to(device) for each in (batch.ids, batch.mask))
        with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
            rows = pooled(ids, mask)
        out[batch.places] = rows.float().cpu().numpy()
    return unit(out)
