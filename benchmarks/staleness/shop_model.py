"""A shop's model that learns event by event: co-occurrence that fades, texts, user states.

    score[j] = sum over the user's newest events i of decay ** (how many are newer) *
               (count(i, j) / norm(i) / norm(j) + text * cosine(i, j)) + a little popularity

Nothing is ever counted anew: an event adds one row and one column.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes
from portrait.evaluation.ranking import Scores
from portrait.model.space import Vectors

REMEMBERED = 24  # events of a state: with a decay of .8 the next one weighs .005
POPULARITY = np.float32(1e-3)  # so that somebody new is not given ties
SECONDS_IN_A_DAY = 86_400


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """How it forgets, and what a text counts."""

    decay: float = 0.8  # per event, of a user's state
    text: float = 0.3
    half_life_days: float = 60  # of a count
    shrink: float = 5  # above 0: events an item needs before its neighbours are believed


@dataclass(slots=True)
class ShopModel:
    """Counts over N items. Mutable: `learn` changes it."""

    similar: Scores  # (N, N), cosines of the texts
    settings: ShopSettings
    together: Scores = field(init=False)  # (N, N), grown with time instead of decayed
    taken: NDArray[np.float64] = field(init=False)  # (N,), likewise
    grown: float = field(init=False, default=1.0)  # what an event of now adds

    def __post_init__(self) -> None:
        items = len(self.similar)
        self.together = np.zeros((items, items), np.float32)
        self.taken = np.zeros(items)

    def pass_time(self, seconds: float) -> None:
        """Let the past fade: what comes now counts more."""
        self.grown *= 2 ** (seconds / SECONDS_IN_A_DAY / self.settings.half_life_days)

    def learn(self, item: int, before: Codes) -> None:
        """Take one event in; `before` are the user's newest items, newest first, (S,)."""
        others = before[before != item]
        worth = self.grown * np.power(self.settings.decay, np.arange(len(others)))
        np.add.at(self.together[item], others, worth)
        np.add.at(self.together[:, item], others, worth)
        self.taken[item] += self.grown

    def scores(self, states: list[Codes]) -> Scores:
        """Score every item for some states, (Q, N); a state is items, newest first."""
        norm = self._norms()
        popular = POPULARITY * (self.taken / max(self.taken.max(), 1e-9)).astype(np.float32)
        found = np.tile(popular, (len(states), 1))
        for row, state in enumerate(states):
            if len(state):
                weight = self._weights(len(state))
                found[row] += (weight / norm[state]) @ self.together[state] / norm
                found[row] += np.float32(self.settings.text) * (weight @ self.similar[state])
        return found

    def _weights(self, events: int) -> Vectors:
        weights: Vectors = np.power(self.settings.decay, np.arange(events)).astype(np.float32)
        return weights

    def _norms(self) -> Vectors:
        """Return the length of each item's column, shrunk, (N,)."""
        shrink = np.sqrt(self.settings.shrink * self.grown)
        norms: Vectors = (np.sqrt(self.taken) + shrink).astype(np.float32)
        return norms
