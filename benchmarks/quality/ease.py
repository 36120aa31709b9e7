"""EASE: the linear item-item model with a closed form.

Source: Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019, equation 8.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import lapack

from benchmarks.quality.counting import DECAYS
from benchmarks.quality.histories import Histories
from benchmarks.quality.peer import Lesson, Model, Settings
from benchmarks.quality.tune import combinations
from portrait.evaluation.ranking import Scores


@dataclass(frozen=True, slots=True)
class Dense:
    """Scores are the decayed history times a dense item-item matrix."""

    matrix: Scores  # (N, N)
    decays: Sequence[float]  # worth trying; the first is in use

    def scores(self, histories: Histories) -> Scores:
        """Score every item, (U, N)."""
        scores: Scores = histories.decayed(self.decays[0], len(self.matrix)) @ self.matrix
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself with each decay."""
        for decay in self.decays:
            yield {"decay": decay}, replace(self, decays=(decay,))


class Ease:
    """EASE, with the history decayed when it is used."""

    name = "EASE"
    seeded = False

    def grid(self) -> Iterator[Settings]:
        """Yield each ridge."""
        return combinations({"ridge": (50, 200)})

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:  # noqa: ARG002 - a Peer
        """Invert the shrunk co-occurrence matrix, in single precision to halve the memory."""
        touched = lesson.train.touched(lesson.items)
        gram = (touched.T @ touched).toarray(order="F").astype(np.float32, copy=False)
        gram[np.diag_indices_from(gram)] += np.float32(settings["ridge"])
        inverse = _inverse(gram)
        weights = inverse / -np.diag(inverse)
        np.fill_diagonal(weights, 0)
        return Dense(weights, DECAYS)


def _inverse(positive: Scores) -> Scores:
    """Invert a symmetric positive definite matrix in its own place."""
    factor, failed = lapack.spotrf(positive, lower=1, overwrite_a=1)
    inverse, failed_too = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        msg = "the matrix is not positive definite"
        raise ArithmeticError(msg)
    lower = np.tril(inverse)
    whole: Scores = lower + np.tril(lower, -1).T
    return whole
