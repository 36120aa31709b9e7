"""SASRec: a causal transformer over item ids, trained with full cross-entropy at every position.

Source: Kang and McAuley, Self-Attentive Sequential Recommendation, ICDM 2018; the loss: Klenitskiy
and Vasilev, Turning Dross Into Gold Loss, RecSys 2023; blocks that normalise first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from benchmarks.quality.histories import Histories
from benchmarks.quality.peer import Lesson, Model, Settings
from benchmarks.quality.tune import CUTOFF, combinations, masked_ranks, tuning_trial
from portrait.arrays import Codes
from portrait.evaluation.ranking import Scores, gains

DIM = 128
BLOCKS = 2
HEADS = 2
LONGEST = 50  # newest items that are read
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-4
SEQUENCES_AT_ONCE = 64
MOST_EPOCHS = 40
PATIENCE = 3  # epochs without a better validation


class Block(nn.Module):
    """Attention to what came before, then a two-layer network; each added to what came in."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(DIM)
        self.before_network = nn.LayerNorm(DIM)
        self.projections = nn.Linear(DIM, 3 * DIM)
        self.out = nn.Linear(DIM, DIM)
        self.network = nn.Sequential(nn.Linear(DIM, 4 * DIM), nn.GELU(), nn.Linear(4 * DIM, DIM))
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (B, S, D) to (B, S, D)."""
        hidden = hidden + self.dropout(self._attend(self.before_attention(hidden)))
        added: Tensor = hidden + self.dropout(self.network(self.before_network(hidden)))
        return added

    def _attend(self, hidden: Tensor) -> Tensor:
        batch, places, _ = hidden.shape
        split = self.projections(hidden).view(batch, places, 3, HEADS, DIM // HEADS)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (B, heads, S, D / heads)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return cast("Tensor", self.out(mixed.transpose(1, 2).reshape(batch, places, DIM)))


class Transformer(nn.Module):
    """Item ids to states; an item's score is its embedding times the state."""

    def __init__(self, items: int, dropout: float) -> None:
        super().__init__()
        self.items = nn.Embedding(items, DIM)
        self.places = nn.Embedding(LONGEST, DIM)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(dropout) for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(DIM)
        for table in (self.items, self.places):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids, oldest first and padded at the end, (B, S), to states (B, S, D)."""
        entered = self.items(ids) + self.places.weight[: ids.shape[1]]
        return cast("Tensor", self.norm(self.blocks(self.dropout(entered))))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained SASRec."""

    network: Transformer

    @torch.inference_mode()
    def scores(self, histories: Histories) -> Scores:
        """Score every item, (U, N)."""
        self.network.eval()
        states = torch.zeros(len(histories), DIM)
        by_length = np.argsort(np.minimum(histories.lengths, LONGEST), kind="stable")
        for start in range(0, len(by_length), SEQUENCES_AT_ONCE):  # little is padding
            rows = by_length[start : start + SEQUENCES_AT_ONCE]
            states[rows] = self._states(histories.of(rows))
        scores: Scores = (states @ self.network.items.weight.T).numpy()
        return scores

    def _states(self, histories: Histories) -> Tensor:
        """Read some histories, (U, D)."""
        ids, present = _oldest_first(histories)
        newest = torch.from_numpy(np.maximum(present.sum(axis=1) - 1, 0))
        states: Tensor = self.network(torch.from_numpy(ids))[torch.arange(len(ids)), newest]
        return states

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself."""
        yield {}, self


class SasRec:
    """SASRec with cross-entropy."""

    name = "SASRec (cross-entropy)"
    seeded = True

    def __init__(self, most_epochs: int = MOST_EPOCHS) -> None:
        self._most_epochs = most_epochs

    def grid(self) -> Iterator[Settings]:
        """Yield the dropout: early stopping does the rest of the tuning."""
        return combinations({"dropout": (0.5,)})

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:
        """Train until validation gets no better; keep the best epoch."""
        torch.manual_seed(seed)
        network = Transformer(lesson.items, settings["dropout"])
        optimiser = torch.optim.AdamW(
            network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )
        few = tuning_trial(lesson)
        best, best_epoch, kept = -1.0, 0, network.state_dict()
        random = np.random.default_rng(seed)
        for epoch in tqdm(range(self._most_epochs), f"SASRec, seed {seed}", leave=False):
            _train_epoch(network, optimiser, lesson.train, random)
            found = float(gains(masked_ranks(Fitted(network), few), CUTOFF).mean())
            if found > best:
                best, best_epoch = found, epoch
                kept = {name: weight.clone() for name, weight in network.state_dict().items()}
            if epoch - best_epoch >= PATIENCE:
                break
        network.load_state_dict(kept)
        return Fitted(network)


def _train_epoch(
    network: Transformer,
    optimiser: torch.optim.Optimizer,
    train: Histories,
    random: np.random.Generator,
) -> None:
    """Take every user's history once, those of like length together."""
    network.train()
    for rows in _batches(train, random):
        ids, present = _oldest_first(train.of(rows))
        held = torch.from_numpy(present)
        tokens = torch.from_numpy(ids)
        with torch.autocast("cpu", torch.bfloat16):
            states = network(tokens[:, :-1])[held[:, 1:]]  # (n, D)
            logits = states @ network.items.weight.T  # (n, N)
            loss = functional.cross_entropy(logits, tokens[:, 1:][held[:, 1:]])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call] # torch does not say
        optimiser.step()


def _batches(train: Histories, random: np.random.Generator) -> list[Codes]:
    """Shuffle users, keep like lengths together, so that little is padding."""
    useful = np.flatnonzero(train.lengths > 1)
    jitter = random.random(len(useful))
    by_length = useful[np.argsort(np.minimum(train.lengths[useful], LONGEST) + jitter)]
    parts = [
        by_length[start : start + SEQUENCES_AT_ONCE]
        for start in range(0, len(by_length), SEQUENCES_AT_ONCE)
    ]
    return [parts[place] for place in random.permutation(len(parts))]


def _oldest_first(histories: Histories) -> tuple[Codes, NDArray[np.bool_]]:
    """Return the newest ids, oldest first, padded at the end, and which are real: (B, S)."""
    longest = int(min(max(histories.lengths.max(initial=1), 1), LONGEST))
    newest, _ = histories.newest(longest)
    held = np.minimum(histories.lengths, longest)[:, None]
    source = held - 1 - np.arange(longest)  # place from the newest
    ids = np.take_along_axis(newest, np.maximum(source, 0), axis=1)
    real = source >= 0
    return np.where(real, ids, 0), real
