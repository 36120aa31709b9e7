"""TIFU-KNN: what a user buys, older baskets fading in groups, and what the most similar users do.

    within a group of `size` baskets each older one counts `within` times less, and each older group
    `between` times less; score = share * own vector + (1 - share) * mean of the `near` neighbours'

Source: Hu, He, Gao and Zhang, Modeling Personalized Item Frequency Information for Next-basket
Recommendation, SIGIR 2020, sections 4.2 and 4.3. Groups are cut from the newest basket backwards.
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

SHARES = (0.3, 0.5, 0.7, 0.9)
GRID = {"size": (3, 7), "within": (0.7, 0.9, 1.0), "between": (0.6, 0.8, 0.9), "near": (100, 300)}


@dataclass(frozen=True, slots=True)
class Tifu:
    """Vectors of users, and how many of them are near."""

    vectors: csr_array  # (U, N)
    near: int
    share: float = SHARES[0]

    def scores(self, users: Codes, at: Codes) -> Scores:  # noqa: ARG002 - a Model
        """Score every item, (A, N)."""
        own = self.vectors[users]
        others = self._neighbours(users) @ self.vectors
        mixed = self.share * own + (1 - self.share) * others
        scores: Scores = mixed.toarray().astype(np.float32, copy=False)
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself with each share of the own vector."""
        for share in SHARES:
            yield {"share": share}, replace(self, share=share)

    def _neighbours(self, users: Codes) -> csr_array:
        """Return 1 / near for each of the nearest others by Euclid, (A, U)."""
        products = (self.vectors[users] @ self.vectors.T).toarray()
        squares = np.asarray(self.vectors.multiply(self.vectors).sum(axis=1)).ravel()
        distance = squares - 2 * products
        distance[np.arange(len(users)), users] = np.inf
        near = min(self.near, distance.shape[1] - 1)
        columns = np.argpartition(distance, near - 1, axis=1)[:, :near]
        rows = np.repeat(np.arange(len(users)), near)
        shares = np.full(len(rows), 1 / near, np.float32)
        return csr_array((shares, (rows, columns.ravel())), shape=distance.shape)


class TifuKnn:
    """TIFU-KNN."""

    name = "TIFU-KNN"

    def grid(self) -> Iterator[Settings]:
        """Yield sizes of groups, how fast baskets fade, and how many neighbours there are."""
        return combinations(GRID)

    def fit(self, before: Baskets, settings: Settings) -> Model:
        """Weigh each user's baskets."""
        size = int(settings["size"])
        group, place = before.ages // size, before.ages % size
        groups = -(-before.counts // size)
        key = before.user * (int(group.max()) + 1) + group
        _, code, sizes = np.unique(key, return_inverse=True, return_counts=True)
        weights = settings["within"] ** place / sizes[code]
        weights *= settings["between"] ** group / groups[before.user]
        return Tifu(before.weighed(weights.astype(np.float32)), int(settings["near"]))
