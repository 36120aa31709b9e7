"""Calibration: from a score to the probability that one may believe.

A temperature keeps the ranking and needs few examples; a curve needs many and mends any bend. Both
are arrays, so that a model can carry them. They are fitted in `training/heads/fit_calibration.py`.
"""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import Floats


@dataclass(frozen=True, slots=True)
class Calibration:
    """Maps scores (logits) to probabilities: by a temperature, or by a curve where it has knots."""

    temperature: Floats  # (1,)
    scores: Floats  # (J,), ascending; empty = no curve
    probabilities: Floats  # (J,), ascending

    def __call__(self, logits: Floats) -> Floats:
        """Return probabilities, of the shape of the logits."""
        if len(self.scores):
            return np.interp(logits, self.scores, self.probabilities).astype(np.float32)
        return sigmoid(logits / self.temperature)


AS_IT_IS = Calibration(np.ones(1, np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))


def sigmoid(logits: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), without overflow."""
    probability: Floats = np.float32(0.5) * (1 + np.tanh(np.float32(0.5) * logits))
    return probability


def softmax(logits: Floats) -> Floats:
    """Return the probabilities of the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Floats = raised / raised.sum(axis=-1, keepdims=True)
    return shares
