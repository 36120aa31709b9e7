"""Readings: what was learned for one task, and what it has to beat, asked about other texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from portrait.arrays import Floats
from portrait.model.task_head import probabilities
from portrait.text.text_encoder import load_pooled, load_tokenize
from portrait.training.tasks.adapt import Adaptation, Adapted
from portrait.training.tasks.baselines import Baseline
from portrait.training.tasks.task import Task
from portrait.training.tasks.tower import encode


@dataclass(frozen=True, slots=True)
class TunedReading:
    """What has been learned, as it reads."""

    task: Task
    done: Adapted  # of this task alone

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return the probability of every label, (B, C)."""
        lesson, (reading,) = self.done.lesson, self.done.readings
        logits = lesson.logits(0, lesson.encode(texts))
        return probabilities(self.task.kind, logits / np.float32(reading.temperature))


@dataclass(frozen=True, slots=True)
class FrozenReading:
    """The encoder as it was, with its linear head."""

    task: Task
    baseline: Baseline
    encoder: Path  # its folder
    how: Adaptation

    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return the probability of every label, (B, C)."""
        tokens = load_tokenize(str(self.encoder), self.how.most_tokens)(texts)
        pooled, is_mixed = load_pooled(str(self.encoder)), self.how.course.mixed_precision
        logits = self.baseline.probe.logits(encode(pooled, tokens, mixed_precision=is_mixed))
        temperature = np.float32(self.baseline.frozen.temperature)
        return probabilities(self.task.kind, logits / temperature)
