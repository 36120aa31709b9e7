"""Fidelity: how far a fast way of encoding ranks as the exact one does."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.model.space import Vectors

NEAREST = 10
ROWS = 512  # of the similarity matrix at once, so that ten thousand texts fit in memory


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Agreement of two encodings of the same texts."""

    mean_cosine: float
    least_cosine: float
    overlap: float  # mean share of each text's ten nearest that are the same

    def __str__(self) -> str:
        return f"cosine {self.mean_cosine:.5f}, top-10 overlap {self.overlap:.3f}"


def fidelity(fast: Vectors, exact: Vectors) -> Fidelity:
    """Compare two encodings (N, D), unit rows, of the same N > 10 different texts."""
    cosine = (fast * exact).sum(axis=1)
    shared = [
        len(set(one) & set(other)) / NEAREST
        for one, other in zip(_nearest(fast).tolist(), _nearest(exact).tolist(), strict=True)
    ]
    return Fidelity(float(cosine.mean()), float(cosine.min()), float(np.mean(shared)))


def _nearest(vectors: Vectors) -> NDArray[np.int64]:
    """Return the rows nearest to each row, (N, 10), itself left out."""
    found = []
    for start in range(0, len(vectors), ROWS):
        similarity = vectors[start : start + ROWS] @ vectors.T
        own = np.arange(len(similarity))
        similarity[own, start + own] = -np.inf
        found.append(np.argpartition(-similarity, NEAREST, axis=1)[:, :NEAREST])
    return np.concatenate(found)
