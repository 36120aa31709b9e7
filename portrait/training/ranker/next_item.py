"""Next item: a sequence encoder and its loss as one module that `loop/training.py` can train."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from portrait.arrays import MISSING, Floats
from portrait.dataset.sequences import ABSENT, Batch, Sequences
from portrait.evaluation.validation import Validation
from portrait.training.ranker.behaviour_encoder import BehaviourEncoder
from portrait.training.ranker.loss import FULL_UP_TO, draw_candidates, full_softmax, sampled_softmax

CANDIDATES = 2_048  # shared by a batch; one matrix product, as large as the batch itself
IN_BATCH = 0.6  # of the candidates: best of eSASRec's tables, RecSys 2025


class NextItem(nn.Module):
    """Predicts each wanted event from those before it."""

    temperature: Tensor

    def __init__(
        self, encoder: BehaviourEncoder, *, temperature: float = 0.07, full_up_to: int = FULL_UP_TO
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.full = encoder.ranked <= full_up_to
        self.register_buffer("temperature", torch.tensor(temperature), persistent=False)

    def forward(self, batch: Batch) -> Tensor:
        """Return the sum of the losses of a batch's examples."""
        device = self.encoder.text.device
        item, kind, at, target, weight = (
            torch.from_numpy(column).to(device)
            for column in (batch.item, batch.kind, batch.at, batch.target, batch.weight)
        )
        window, place = target.nonzero(as_tuple=True)  # (P,), place 1 or later
        targets, weights = item[window, place], weight[window, place]
        before = torch.arange(item.shape[1], device=device) < place[:, None]
        is_item = item < self.encoder.ranked
        seen = torch.where(before & is_item[window], item[window], ABSENT)  # (P, T)
        if self.full:
            items = torch.arange(self.encoder.ranked, device=device)
            searches, which = torch.unique(item[~is_item], return_inverse=True)
            table = self.encoder.items(torch.cat([items, searches]))
            item = item.clamp(min=0).masked_scatter(~is_item, self.encoder.ranked + which)
            states = self.encoder.states(table[item], kind, at)[window, place - 1]
            ranked = table[: self.encoder.ranked]
            return full_softmax(
                states, ranked, targets, seen, weights, temperature=self.temperature
            )
        return self._sampled(batch, item, kind, at, targets, seen, weights)

    def _sampled(  # noqa: PLR0913, PLR0917 - the columns of a batch
        self,
        batch: Batch,
        item: Tensor,
        kind: Tensor,
        at: Tensor,
        targets: Tensor,
        seen: Tensor,
        weights: Tensor,
    ) -> Tensor:
        """Place only the items of the batch and the candidates, each once."""
        if not len(targets):
            return self.encoder.projection.sum() * 0  # another process has them all
        generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        candidates = draw_candidates(
            targets,
            self.encoder.ranked,
            CANDIDATES,
            in_batch=IN_BATCH,
            generator=generator,
        )
        wanted = torch.cat([item.clamp(min=0).flatten(), candidates.rows])
        rows, place_of = torch.unique(wanted, return_inverse=True)
        table = self.encoder.items(rows)
        within = place_of[: item.numel()].view(item.shape)
        states = self.encoder.states(table[within], kind, at)
        window, place = torch.from_numpy(batch.target).to(item.device).nonzero(as_tuple=True)
        return sampled_softmax(
            states=states[window, place - 1],
            target_items=table[within[window, place]],
            candidate_items=table[place_of[item.numel() :]],
            targets=targets,
            seen=seen,
            weights=weights,
            candidates=candidates,
            temperature=self.temperature,
        )


@dataclass(frozen=True, slots=True)
class NextItemLesson:
    """What `train` asks for: batches of sequences, measured on what came next."""

    module: NextItem
    sequences: Sequences
    validation: Validation | None  # none: the number of epochs is known
    examples: int = 1_024  # a batch
    seed: int = 0

    def batches(self, epoch: int) -> Sequence[Batch]:
        """Return an epoch's batches."""
        return self.sequences.batches(self.examples, seed=self.seed, epoch=epoch)

    @torch.no_grad()
    def validate(self) -> Mapping[str, float]:
        """Rank every item for each validation user, those that the user had left out."""
        encoder = self.module.encoder
        validation = self.validation
        if validation is None:
            return {}
        table = encoder.items().float()
        return validation.figures(lambda users: self._scores(validation, table, users))

    def _scores(self, validation: Validation, table: Tensor, users: slice) -> Floats:
        """Score every item for some users, (u, N)."""
        rows, events = validation.rows[users], validation.events[users]
        count = (rows != MISSING).sum(axis=1)
        # Newest first with absent events anywhere, to oldest first with absent events last.
        order = np.argsort(rows == MISSING, axis=1, kind="stable")[:, ::-1]
        place = (order.shape[1] - count[:, None] + np.arange(order.shape[1])) % order.shape[1]
        order = np.take_along_axis(order, place, axis=1)
        item, kind, at = (
            torch.from_numpy(np.take_along_axis(column, order, axis=1)).to(table.device)
            for column in (rows, events.kind.astype(np.int64), events.at)
        )
        states = self.module.encoder.states(table[item.clamp(min=0)], kind, at)
        last = states[torch.arange(len(item)), torch.from_numpy(np.maximum(count - 1, 0))]
        scores: Floats = (last @ table[: self.module.encoder.ranked].T).cpu().numpy()
        return scores
