"""Peers that know pairs: what is bought with what, and what reads alike.

    popular          what everybody buys, whatever is looked at
    confidence       in which share of the baskets with one thing the other is, added up
    basket cosine    the same over the popularity of both, shrunk
    texts            how alike the two are to BERT

Source: confidence: Agrawal and Srikant, Fast Algorithms for Mining Association Rules, VLDB 1994;
cosine: Sarwar et al., Item-based Collaborative Filtering, WWW 2001; shrinkage: Koren, KDD 2008.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array

from benchmarks.recommend.baskets import Baskets
from benchmarks.recommend.peer import Settings
from portrait.arrays import MISSING, Codes, Floats
from portrait.evaluation.ranking import Scores
from portrait.model.space import Vectors
from portrait.training.ranker.co_occurrence import over_popularity

AboutModel = Callable[[Codes], Scores]  # (A, S) things, MISSING where there are none: (A, N)
SHRINKAGES = (0.0, 10.0, 100.0)
SMALL = np.float32(1e-6)  # of what everybody buys: it decides where no pair speaks


class AboutPeer(Protocol):
    """A way to tell what goes with things."""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    def grid(self) -> Iterator[Settings]:
        """Yield the settings worth a fit when choosing; at least one."""
        ...

    def fit(self, before: Baskets, settings: Settings) -> AboutModel:
        """Learn from all that was before what is asked."""
        ...


@dataclass(frozen=True, slots=True)
class Popular:
    """How often everybody bought it."""

    name: str = "popular"

    def grid(self) -> Iterator[Settings]:
        """Yield the only setting."""
        yield {}

    def fit(self, before: Baskets, settings: Settings) -> AboutModel:  # noqa: ARG002 - a peer
        """Count."""
        counts = counts_of(before)
        return lambda given: np.tile(counts, (len(given), 1))


@dataclass(frozen=True, slots=True)
class Together:
    """In how many baskets both were, over how often each was, to two powers, added up."""

    name: str
    own: float
    other: float

    def grid(self) -> Iterator[Settings]:
        """Yield each shrinkage: so many more baskets without the other."""
        yield from ({"shrinkage": each} for each in SHRINKAGES)

    def fit(self, before: Baskets, settings: Settings) -> AboutModel:
        """Count pairs."""
        counts, how = counts_of(before), (self.own, self.other, settings["shrinkage"])
        return summed(over_popularity(pairs_of(before), counts, *how), counts)


CONFIDENCE, COSINE = Together("confidence", 1, 0), Together("basket cosine", 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Alike:
    """The cosine of texts, as BERT sees them, added up."""

    vectors: Vectors  # (N, K), unit rows
    name: str = "texts"

    def grid(self) -> Iterator[Settings]:
        """Yield the only setting."""
        yield {}

    def fit(self, before: Baskets, settings: Settings) -> AboutModel:  # noqa: ARG002 - a peer
        """Learn nothing."""
        padded = np.concatenate([self.vectors, np.zeros_like(self.vectors[:1])])
        return lambda given: padded[given].sum(axis=1) @ self.vectors.T  # MISSING reads the last


def counts_of(before: Baskets) -> Floats:
    """Return in how many baskets each item was, (N,)."""
    return np.bincount(before.item, minlength=before.items).astype(np.float32)


def pairs_of(before: Baskets) -> csr_array:
    """Return in how many baskets both were, (N, N), 0 on the diagonal."""
    ones = np.ones(len(before.item), np.float32)
    lines = csr_array((ones, (before.line_basket, before.item)), (len(before), before.items))
    pairs = (lines.T @ lines).tocoo()
    apart = pairs.row != pairs.col
    return csr_array((pairs.data[apart], (pairs.row[apart], pairs.col[apart])), pairs.shape)


def summed(matrix: csr_array, counts: Floats) -> AboutModel:
    """Add up the rows of what is given; of equals the more popular is first."""

    def scores(given: Codes) -> Scores:
        row, place = np.nonzero(given != MISSING)
        shape = len(given), matrix.shape[0]
        chosen = csr_array((np.ones(len(row), np.float32), (row, given[row, place])), shape)
        found: Scores = (chosen @ matrix).toarray() + SMALL * counts / max(1, counts.max())
        return found

    return scores
