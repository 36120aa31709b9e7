"""Peers that count: popularity, and items that the same people took.

    last-item KNN     the neighbours of the newest item
    decayed ItemKNN   of all items, each older event weighing `decay` times less
    Markov + KNN      the same, and who came within `window` steps after whom

Similarity is the cosine of the items' columns, shrunk towards 0 for rare ones.

Source: Sarwar et al., Item-based Collaborative Filtering, WWW 2001; Dacrema et al., Are We Really
Making Much Progress?, RecSys 2019 (shrinkage, and that it stands against neural peers).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array, diags_array

from benchmarks.quality.histories import Histories
from benchmarks.quality.peer import Lesson, Model, Settings
from benchmarks.quality.tune import combinations
from portrait.arrays import Codes
from portrait.evaluation.ranking import Scores

DECAYS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SHRINKAGES = (0, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Popular:
    """Everybody gets what most people took."""

    counts: Codes  # (N,)

    def scores(self, histories: Histories) -> Scores:
        """Score each item by its count, (U, N)."""
        return np.tile(self.counts.astype(np.float32), (len(histories), 1))

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself."""
        yield {}, self


@dataclass(frozen=True, slots=True)
class ItemToItem:
    """Scores are the decayed history times an item-item matrix."""

    matrix: csr_array  # (N, N)
    decays: Sequence[float]  # worth trying; the first is in use

    def scores(self, histories: Histories) -> Scores:
        """Score every item, (U, N)."""
        weights = histories.decayed(self.decays[0], self.matrix.shape[0])
        scores: Scores = (weights @ self.matrix).toarray().astype(np.float32, copy=False)
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself with each decay."""
        for decay in self.decays:
            yield {"decay": decay}, replace(self, decays=(decay,))


class Popularity:
    """Pop."""

    name = "Pop"
    seeded = False

    def grid(self) -> Iterator[Settings]:
        """Yield the only setting."""
        yield {}

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:  # noqa: ARG002 - a Peer
        """Count."""
        return Popular(lesson.train.counts(lesson.items))


class ItemKnn:
    """Neighbours of the newest item (decay 0), or of all items with a decay."""

    seeded = False

    def __init__(self, name: str, decays: Sequence[float]) -> None:
        self.name = name
        self._decays = decays

    def grid(self) -> Iterator[Settings]:
        """Yield each shrinkage."""
        return combinations({"shrink": SHRINKAGES})

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:  # noqa: ARG002 - a Peer
        """Count who took both."""
        return ItemToItem(cosines(lesson.train, lesson.items, settings["shrink"]), self._decays)


class MarkovKnn:
    """Neighbours of all items, and followers."""

    name = "Markov + KNN"
    seeded = False

    def grid(self) -> Iterator[Settings]:
        """Yield each shrinkage, window and weight of the followers."""
        return combinations({"shrink": (20, 50), "window": (3,), "followers": (0.5, 1, 2)})

    def fit(self, lesson: Lesson, settings: Settings, seed: int) -> Model:  # noqa: ARG002 - a Peer
        """Count who took both, and who came after whom."""
        shrink, window = settings["shrink"], int(settings["window"])
        together = cosines(lesson.train, lesson.items, shrink)
        after = followers(lesson.train, lesson.items, shrink, window)
        return ItemToItem((together + settings["followers"] * after).tocsr(), DECAYS)


def cosines(histories: Histories, items: int, shrink: float) -> csr_array:
    """Return count(i, j) / (sqrt(count i * count j) + shrink), (N, N), 0 on the diagonal."""
    touched = histories.touched(items)
    return _shrunk((touched.T @ touched).tocoo(), touched.sum(axis=0).astype(np.int64), shrink)


def followers(histories: Histories, items: int, shrink: float, window: int) -> csr_array:
    """Return how often column j came 1 to `window` steps after row i, by 1 / steps, (N, N)."""
    flat, rows = histories.flat, histories.rows
    counts = csr_array((items, items), dtype=np.float32)
    for steps in range(1, window + 1):
        same = rows[:-steps] == rows[steps:]
        ones = np.full(int(same.sum()), 1 / steps, np.float32)
        counts += csr_array((ones, (flat[:-steps][same], flat[steps:][same])), counts.shape)
    return _shrunk(counts.tocoo(), histories.counts(items), shrink)


def _shrunk(counts: csr_array, taken: Codes, shrink: float) -> csr_array:
    root = np.sqrt(np.maximum(taken, 1)).astype(np.float32)
    value = counts.data / (root[counts.row] * root[counts.col] + np.float32(shrink))
    matrix = csr_array((value, (counts.row, counts.col)), counts.shape)
    return (matrix - diags_array(matrix.diagonal())).tocsr()
