"""A task: texts, and what holds of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes, Doubles
from portrait.model.task_head import Kind

Targets = NDArray[Any]  # (B,) codes; (B, C) flags where several labels may hold, or probabilities


@dataclass(frozen=True, slots=True)
class Labelled:
    """B texts, what holds of them, and by what names their figures are told apart."""

    texts: Sequence[str]
    targets: Targets
    slices: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)  # such as language, (B,)

    def __len__(self) -> int:
        return len(self.texts)

    def where(self, rows: Codes) -> "Labelled":
        """Return these alone."""
        slices = {name: values[rows] for name, values in self.slices.items()}
        return Labelled([self.texts[row] for row in rows.tolist()], self.targets[rows], slices)


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be read from a text: learned from some, chosen and calibrated on others."""

    name: str
    kind: Kind
    labels: tuple[str, ...]  # C; in their order if ordinal
    train: Labelled
    valid: Labelled
    balanced: bool = False  # whether rare labels count for as much as common ones
    precision: float | None = None  # how often what is said has to be right; None: it is all said

    @property
    def outputs(self) -> int:
        """How many logits its head has."""
        return len(self.labels) - (self.kind == "ordinal")

    @property
    def weights(self) -> Doubles:
        """What an example counts by its label, (C,); of several labels, where each holds.

        A label's weight is n / (C n_c); of several, (n - n_c) / n_c: what holds counts for as much
        as what does not.

        Source: King and Zeng, Logistic Regression in Rare Events Data, Political Analysis, 2001.
        """
        classes = len(self.labels)
        if not self.balanced:
            return np.ones(classes)
        targets = self.train.targets
        if self.kind == "many":
            holding = np.maximum(targets.sum(axis=0), 1)
            return np.asarray((len(targets) - holding) / holding, np.float64).clip(min=1e-3)
        counts = np.maximum(np.bincount(targets, minlength=classes), 1)
        return np.asarray(len(targets) / (classes * counts), np.float64)
