"""Sentiment: what a review says, from its embedding; calibrated, in numpy alone.

One weight for each dimension of the text encoder, so it costs nothing beside the encoding.
`training/heads/fit_sentiment.py` makes it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Floats
from portrait.errors import SpaceMismatchError
from portrait.model.calibration import Calibration
from portrait.model.space import Vectors


@dataclass(frozen=True, slots=True)
class Sentiment:
    """Probability that a review likes its item. Immutable."""

    encoder: str  # name of the text encoder it stands on
    weights: Floats  # (D,)
    bias: Floats  # (1,)
    calibration: Calibration

    def __call__(self, embeddings: Vectors) -> Floats:
        """Read reviews by their embeddings (B, D), unit rows. Returns (B,), 0 dislikes, 1 likes.

        Raises:
            SpaceMismatchError: The embeddings are of another encoder.
        """
        if embeddings.shape[1] != len(self.weights):
            msg = f"embeddings of {embeddings.shape[1]} dimensions, weights of {len(self.weights)}"
            raise SpaceMismatchError(msg)
        return self.calibration(self.logits(embeddings))

    def logits(self, embeddings: Vectors) -> Floats:
        """Return (B,), before calibration."""
        logits: Floats = embeddings @ self.weights + self.bias
        return logits

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it is made of, by name."""
        return {
            "encoder": np.frombuffer(self.encoder.encode(), np.uint8),
            "weights": self.weights,
            "bias": self.bias,
            "temperature": self.calibration.temperature,
            "scores": self.calibration.scores,
            "probabilities": self.calibration.probabilities,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "Sentiment":
        """Read what `to_arrays` wrote.

        Raises:
            KeyError: An array is not there.
        """
        calibration = Calibration(arrays["temperature"], arrays["scores"], arrays["probabilities"])
        name = arrays["encoder"].tobytes().decode()
        return cls(name, arrays["weights"], arrays["bias"], calibration)
