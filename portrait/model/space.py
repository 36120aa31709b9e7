"""Spaces: the vector space of one model version.

A space is a text encoder and the whitening fitted on a catalogue. `space_id` names it and goes with
every vector; two spaces never mix. Whitening costs nothing and lifts the decayed mean of item
vectors by 15 % HR@10 (docs/experiments.md, 2026-11-24).
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from portrait.errors import SpaceMismatchError

Vectors = NDArray[np.float32]
Rows = TypeVar("Rows", NDArray[np.float32], NDArray[np.float64])

DIM = 256  # of 384: loses 0.8 % HR@10 and a third of the bytes
SHRINKAGE_TEXTS = 1_000  # half of what is counted is believed: a small catalogue has no axes
MEAN_TEXTS = 100  # fewer do not know the middle


@dataclass(frozen=True)  # without slots: it remembers its name
class Space:
    """One vector space. Immutable: another whitening is another space."""

    encoder: str  # name of the text encoder it stands on
    mean: Vectors  # (D,)
    axes: Vectors  # (D, K): projection and scale in one

    def __post_init__(self) -> None:
        if self.mean.shape != self.axes.shape[:1]:
            msg = f"mean {self.mean.shape} and axes {self.axes.shape} differ"
            raise SpaceMismatchError(msg)

    @property
    def dim(self) -> int:
        """Length K of this space's vectors."""
        return int(self.axes.shape[1])

    @cached_property
    def id(self) -> str:
        """Sixteen hexadecimal digits of what the space is made of."""
        digest = blake2b(digest_size=8)
        for part in (self.encoder.encode(), self.mean.tobytes(), self.axes.tobytes()):
            digest.update(part)
        return digest.hexdigest()

    @cached_property
    def variances(self) -> Vectors:
        """Variance of the catalogue along each axis before it was scaled away, (K,)."""
        lengths = np.linalg.norm(self.axes, axis=0)
        found: Vectors = np.divide(1, lengths**2, out=np.zeros_like(lengths), where=lengths > 0)
        return found

    def place(self, embeddings: Vectors) -> Vectors:
        """Map the encoder's embeddings (B, D) to unit vectors of this space (B, K)."""
        return unit(self._whitened(embeddings))

    def place_searches(self, embeddings: Vectors) -> Vectors:
        """Map embeddings of what people search for, (B, D), to unit vectors (B, K).

        Each axis counts by its variance, so that within the axes kept the product with an item's
        vector is that of the encoder's centred embeddings, but for the item's length. Whitening
        makes items alike that are bought together, and hides most of what a few words mean among
        many items (docs/experiments.md, 2026-11-26).
        """
        return unit(self._whitened(embeddings) * self.variances)

    def _whitened(self, embeddings: Vectors) -> Vectors:
        whitened: Vectors = np.matmul(embeddings - self.mean, self.axes, dtype=np.float32)
        return whitened


def fit_space(encoder: str, embeddings: Vectors, dim: int = DIM) -> Space:
    """Fit the whitening of a catalogue's embeddings: the first `dim` principal axes, equal weight.

    The covariance is shrunk towards the identity: by half with `SHRINKAGE_TEXTS` texts, by a tenth
    with 3,000 of them, so that a catalogue of three items also has a space, and a search finds what
    it means in one of 300. Held-out likelihood asks for less (docs/experiments.md, 2026-11-26).

    Args:
        encoder: Name of the encoder the embeddings are from.
        embeddings: (N, D), unit rows.
        dim: Axes to keep; no more than D.

    Source: Su et al., Whitening Sentence Representations, 2021; Ledoit and Wolf, A well-conditioned
    estimator for large-dimensional covariance matrices, 2004 (the form of the shrinkage).
    """
    rows, width = embeddings.shape
    mean = embeddings.mean(axis=0, dtype=np.float64)
    centred = embeddings.astype(np.float64) - mean
    covariance = centred.T @ centred / rows  # (D, D)
    weight = 1 / (1 + (rows / SHRINKAGE_TEXTS) ** 2)  # of "all directions alike"
    level = max(float(np.trace(covariance)) / width, 1e-6)
    shrunk = (1 - weight) * covariance + weight * level * np.eye(width)
    variances, directions = np.linalg.eigh(shrunk)  # ascending
    widest_first = slice(None, -min(dim, width) - 1, -1)
    axes = directions[:, widest_first] / np.sqrt(variances[widest_first])
    if rows < MEAN_TEXTS:
        mean = np.zeros(width)
    return Space(encoder, mean.astype(np.float32), np.ascontiguousarray(axes, np.float32))


def unit(vectors: Rows) -> Rows:
    """Scale each row to length 1; a row of zeros stays."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Rows = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return scaled
