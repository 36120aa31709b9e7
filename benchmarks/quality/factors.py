"""Matrix factorisation, by the package `implicit`: weighted least squares, and pairwise ranking.

Source: Hu, Koren and Volinsky, Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008;
Rendle et al., BPR, UAI 2009.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.bpr import BayesianPersonalizedRanking
from scipy.sparse import csr_matrix  # `implicit` warns of the array kind
from threadpoolctl import threadpool_limits

from benchmarks.quality.histories import Histories
from benchmarks.quality.peer import Lesson, Model, Settings
from benchmarks.quality.tune import combinations
from portrait.evaluation.ranking import Scores

ALS_SWEEPS = 15
BPR_EPOCHS = 150


@dataclass(frozen=True, slots=True)
class LeastSquares:
    """ALS: a user's vector is solved anew from the history."""

    model: AlternatingLeastSquares

    def scores(self, histories: Histories) -> Scores:
        """Score every item, (U, N)."""
        touched = csr_matrix(histories.touched(len(self.model.item_factors)))
        rows = np.arange(len(histories), dtype=np.int32)
        users = self.model.recalculate_user(rows, touched)  # (U, F)
        scores: Scores = users @ self.model.item_factors.T
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself."""
        yield {}, self


@dataclass(frozen=True, slots=True)
class Pairwise:
    """BPR: a user's vector is the one learned in training."""

    model: BayesianPersonalizedRanking

    def scores(self, histories: Histories) -> Scores:
        """Score every item, (U, N)."""
        scores: Scores = self.model.user_factors[histories.users] @ self.model.item_factors.T
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself."""
        yield {}, self


class Als:
    """Implicit ALS."""

    name = "implicit ALS"
    seeded = True

    def grid(self) -> Iterator[Settings]:
        """Yield each number of factors, regularisation and confidence."""
        return combinations({"factors": (64, 128), "ridge": (0.1,), "alpha": (5, 20, 60)})

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:
        """Alternate."""
        with threadpool_limits(1, "blas"):  # `implicit` has threads of its own
            model = AlternatingLeastSquares(
                factors=int(settings["factors"]),
                regularization=settings["ridge"],
                alpha=settings["alpha"],
                iterations=ALS_SWEEPS,
                num_threads=1,
                random_state=seed,
            )
            model.fit(csr_matrix(lesson.train.touched(lesson.items)), show_progress=False)
        return LeastSquares(model)


class Bpr:
    """Implicit BPR."""

    name = "implicit BPR"
    seeded = True

    def grid(self) -> Iterator[Settings]:
        """Yield each number of factors, learning rate and regularisation."""
        return combinations({"factors": (64, 128), "rate": (0.1,), "ridge": (0.01, 0.03, 0.1)})

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:
        """Descend."""
        with threadpool_limits(1, "blas"):  # `implicit` has threads of its own
            model = BayesianPersonalizedRanking(
                factors=int(settings["factors"]),
                learning_rate=settings["rate"],
                regularization=settings["ridge"],
                iterations=BPR_EPOCHS,
                num_threads=1,
                random_state=seed,
            )
            model.fit(csr_matrix(lesson.train.touched(lesson.items)), show_progress=False)
        return Pairwise(model)
