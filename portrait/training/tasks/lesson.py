"""The lesson: batches of all tasks in turn, and how well each is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import nn

from portrait.arrays import Floats, Rows
from portrait.model.space import Vectors
from portrait.model.task_head import probabilities
from portrait.training.tasks.figures import deciding
from portrait.training.tasks.tower import TaskTower, TextBatch, encode

POOL = 50  # batches whose texts are sorted by length together: little of them is padding


@dataclass(slots=True)
class TaskLesson:
    """What the training loop asks for."""

    tower: TaskTower
    size: int  # texts of a batch
    seed: int
    mixed_precision: bool
    drawn: dict[int, list[TextBatch]] = field(default_factory=dict)

    @property
    def module(self) -> nn.Module:
        """What learns."""
        return self.tower

    def batches(self, epoch: int) -> Sequence[TextBatch]:
        """Return an epoch's batches: every text of every task once, the tasks mixed."""
        if epoch not in self.drawn:
            random = np.random.default_rng((self.seed, epoch))
            batches = [
                TextBatch(task, rows)
                for task, tokens in enumerate(self.tower.tokens)
                for rows in drawn(np.array([len(ids) for ids in tokens]), self.size, random)
            ]
            self.drawn = {epoch: [batches[place] for place in random.permutation(len(batches))]}
        return self.drawn[epoch]

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out what was drawn."""
        return type(self), (self.tower, self.size, self.seed, self.mixed_precision)

    def validate(self) -> Mapping[str, float]:
        """Read the validation texts; the first figure is the mean over the tasks."""
        each = {
            task.name: deciding(
                task.kind,
                task.valid.targets,
                probabilities(task.kind, self.logits(place, self.encode(task.valid.texts))),
            )
            for place, task in enumerate(self.tower.tasks)
        }
        return {"mean": float(np.mean([*each.values()])), **each}

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode texts as the encoder is now, (B, D)."""
        tower = self.tower
        tokens = tower.tokenize(texts)
        return encode(tower.pooled, tokens, mixed_precision=self.mixed_precision)

    def logits(self, task: int, vectors: Vectors) -> Floats:
        """Return what a task's head says of vectors, (B, O)."""
        return self.tower.head(task).logits(vectors)


def drawn(lengths: Rows, size: int, random: np.random.Generator) -> list[Rows]:
    """Cut texts into batches, each text once: at random, but those of about one length together."""
    order = random.permutation(len(lengths))
    pools = [order[start : start + POOL * size] for start in range(0, len(order), POOL * size)]
    ordered = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]
