"""Peers that count: what a user bought most often, and what everybody does.

    personal top   the user's own items by how many of their baskets they were in
    G&P top        the same, and then the items of all, by how often everybody bought them

Of equal counts the newest is first. Source: Hu and He, Sets2Sets, KDD 2019 (PersonTopFreq,
TopFreq); Li et al., A Next Basket Recommendation Reality Check, TOIS 2023 (G&P-TopFreq).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from benchmarks.recommend.baskets import Baskets
from benchmarks.recommend.peer import Model, Settings
from portrait.arrays import Codes
from portrait.evaluation.ranking import Scores

SMALL = np.float32(1e-3)  # of what decides between equals


@dataclass(frozen=True, slots=True)
class Frequent:
    """Scores are counts."""

    own: csr_array  # (U, N): baskets with the item, and a fraction for the newer of equals
    everybody: Scores  # (N,), below any count of a user's own; zeros for the personal top

    def scores(self, users: Codes, at: Codes) -> Scores:  # noqa: ARG002 - a Model
        """Score every item, (A, N)."""
        scores: Scores = self.own[users].toarray() + self.everybody
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself."""
        yield {}, self


class PersonalTop:
    """Personal top-frequency, with everybody's after it or without."""

    def __init__(self, name: str, *, with_everybody: bool) -> None:
        self.name = name
        self._with_everybody = with_everybody

    def grid(self) -> Iterator[Settings]:
        """Yield the only setting."""
        yield {}

    def fit(self, before: Baskets, settings: Settings) -> Model:  # noqa: ARG002 - a Peer
        """Count."""
        own = before.weighed(np.ones(len(before), np.float32)) + SMALL * newest(before)
        counts = np.bincount(before.item, minlength=before.items).astype(np.float32)
        if not self._with_everybody:
            counts[:] = 0
        return Frequent(own.tocsr(), SMALL * counts / max(1.0, float(counts.max())))


def newest(before: Baskets) -> csr_array:
    """Return how new each user's newest basket with an item is, (U, N): 1 the newest, above 0."""
    fresh = (1 / (1 + before.ages)).astype(np.float32)
    key = before.line_user * before.items + before.item
    order = np.argsort(key, kind="stable")  # baskets go by time: the last of a key is the newest
    last = order[np.r_[key[order][1:] != key[order][:-1], True]]
    place = before.line_user[last], before.item[last]
    return csr_array((fresh[before.line_basket[last]], place), shape=(before.users, before.items))
