"""A task's head: what a text's vector says of it, as probabilities, in numpy alone.

vectors (B, D) ─▶ logits (B, O) / temperature ─▶ probabilities (B, C)

    one        one of C labels holds        O = C        softmax
    many       each of C may hold           O = C        a sigmoid each
    ordinal    one of C in a row holds      O = C - 1    P(more than the k-th), which falls with k

`training/tasks/` makes it. A head costs one product beside the encoding, however many there are.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes, Floats
from portrait.errors import SpaceMismatchError
from portrait.model.calibration import sigmoid, softmax
from portrait.model.space import Vectors

Kind = Literal["one", "many", "ordinal"]
SILENT = -1  # in the place of a label: none is sure enough
_ENDS = "\n"  # of a name: none of them has a line break


@dataclass(frozen=True, slots=True)
class TaskHead:
    """One linear layer on a text encoder's vectors. Immutable."""

    encoder: str  # name of the text encoder it stands on
    kind: Kind
    labels: tuple[str, ...]  # C; in their order if ordinal
    weights: Floats  # (D, O); (D, 1) if ordinal
    bias: Floats  # (O,)
    temperature: Floats  # (1,)
    least: Floats | None = None  # (C,), from which probability on each is said; None: the likeliest

    def __call__(self, vectors: Vectors) -> Floats:
        """Return the probability of every label, (B, C), of unit rows (B, D).

        Raises:
            SpaceMismatchError: The vectors are of another encoder.
        """
        if vectors.shape[1] != len(self.weights):
            msg = f"vectors of {vectors.shape[1]} dimensions, weights of {len(self.weights)}"
            raise SpaceMismatchError(msg)
        return probabilities(self.kind, self.logits(vectors) / self.temperature)

    def said(self, likely: Floats) -> Codes:
        """Return which label is said of each text, (B,) of (B, C); SILENT where none is sure."""
        least = np.float32(0) if self.least is None else self.least
        sure = np.where(likely >= least, likely, np.float32(-1))
        said: Codes = np.where(sure.max(axis=1) >= 0, sure.argmax(axis=1), SILENT)
        return said

    def logits(self, vectors: Vectors) -> Floats:
        """Return (B, O), before the temperature."""
        logits: Floats = vectors @ self.weights + self.bias
        return logits

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it is made of, by name."""
        said = _ENDS.join((self.encoder, self.kind, *self.labels))
        arrays: dict[str, NDArray[Any]] = {
            "said": np.frombuffer(said.encode(), np.uint8),
            "weights": self.weights,
            "bias": self.bias,
            "temperature": self.temperature,
        }
        return arrays if self.least is None else arrays | {"least": self.least}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "TaskHead":
        """Read what `to_arrays` wrote.

        Raises:
            KeyError: An array is not there.
        """
        encoder, kind, *labels = arrays["said"].tobytes().decode().split(_ENDS)
        return cls(
            encoder,
            kind,  # type: ignore[arg-type] # as it was written
            tuple(labels),
            arrays["weights"],
            arrays["bias"],
            arrays["temperature"],
            arrays.get("least"),
        )


def probabilities(kind: Kind, logits: Floats) -> Floats:
    """Return what logits (B, O) say of every label, (B, C).

    Source of the ordinal one: McCullagh, Regression Models for Ordinal Data, JRSS B, 1980.
    """
    if kind == "one":
        return softmax(logits)
    if kind == "many":
        return sigmoid(logits)
    more = np.minimum.accumulate(sigmoid(logits), axis=1)  # (B, C - 1), P(more than the k-th)
    ends = np.ones((len(logits), 1), np.float32), np.zeros((len(logits), 1), np.float32)
    shares: Floats = -np.diff(np.hstack([ends[0], more, ends[1]]), axis=1)
    return shares
