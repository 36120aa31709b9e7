"""UP-CF@r: how often somebody's newest r baskets have an item, gathered from similar users.

    similarity(u, v) = (|u and v| / (|u| ** a * |v| ** (1 - a))) ** locality, of item sets
    score(u, i) = sum over v of similarity(u, v) * share of v's newest r baskets that have i

Source: Faggioli, Polato and Aiolli, Recency Aware Collaborative Filtering for Next Basket
Recommendation, UMAP 2020, section 3 (the asymmetric cosine after Aiolli, RecSys 2013).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from benchmarks.quality.tune import combinations
from benchmarks.recommend.baskets import Baskets
from benchmarks.recommend.peer import Model, Settings
from portrait.arrays import Codes
from portrait.evaluation.ranking import Scores

LOCALITIES = (1, 5, 10, 50, 100)
GRID = {"recency": (1, 5, 25, 100, 10_000), "asymmetry": (0, 0.25, 0.5, 0.75, 1)}


@dataclass(frozen=True, slots=True)
class UserPopular:
    """What users buy lately, and what they ever had."""

    popular: csr_array  # (U, N), shares of the newest baskets
    touched: csr_array  # (U, N), 1 where a user ever had an item
    asymmetry: float
    locality: float = 1

    def scores(self, users: Codes, at: Codes) -> Scores:  # noqa: ARG002 - a Model
        """Score every item, (A, N)."""
        both = (self.touched[users] @ self.touched.T).toarray()
        sizes = np.maximum(np.diff(self.touched.indptr), 1).astype(np.float64)
        scale = sizes[users, None] ** self.asymmetry * sizes ** (1 - self.asymmetry)
        similar = (both / scale) ** self.locality
        near = csr_array(similar.astype(np.float32))
        scores: Scores = (near @ self.popular).toarray()
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself with each locality."""
        for locality in LOCALITIES:
            yield {"locality": locality}, replace(self, locality=locality)


class UpCf:
    """UP-CF@r."""

    name = "UP-CF@r"

    def grid(self) -> Iterator[Settings]:
        """Yield how many baskets are recent, and whose size similarity goes by."""
        return combinations(GRID)

    def fit(self, before: Baskets, settings: Settings) -> Model:
        """Count in the newest baskets of each user."""
        recent = np.minimum(before.counts, settings["recency"])[before.user]
        weights = np.where(before.ages < recent, 1 / recent, 0).astype(np.float32)
        popular = before.weighed(weights)
        popular.eliminate_zeros()
        touched = before.weighed(np.ones(len(before), np.float32))
        touched.data[:] = 1
        return UserPopular(popular, touched, settings["asymmetry"])
