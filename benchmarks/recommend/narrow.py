"""Portrait's lists about things: its narrow parts, scored as `portrait/inference/parts.py` does.

    together    what people take with it: neighbours, the best of a question has 1
    similar     likeness of texts, categories and prices: the parts of a first model

`together` and `similar` are what the surfaces `item` and `cart` are made of. There are no edges of
a shop here, and nobody has learned what each kind of neighbours counts: each counts alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.recommend.baskets import Baskets
from benchmarks.recommend.pairs import AboutModel
from benchmarks.recommend.peer import Settings
from portrait.arrays import MISSING, Codes
from portrait.catalogue.traits import Traits
from portrait.dataset.interactions import Interactions
from portrait.evaluation.ranking import Scores
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.inference.parts import NOTHING, Part
from portrait.inference.ranker import Ranker
from portrait.model.learned import FIRST, untaught
from portrait.model.recency import Events
from portrait.model.space import Vectors
from portrait.training.ranker.fit_ranker import fit_neighbours

CLICK = ACTION_CODE[Action.CLICK]  # what a thing that is looked at, or in the cart, counts as


@dataclass(frozen=True, slots=True)
class Narrow:
    """Some parts of what Portrait says of things."""

    name: str
    events: Interactions  # of the shop
    vectors: Vectors  # (N, K), of its items' texts
    traits: Traits  # (N,)
    parts: frozenset[Part]

    def grid(self) -> Iterator[Settings]:
        """Yield the only setting."""
        yield {}

    def fit(self, before: Baskets, settings: Settings) -> AboutModel:  # noqa: ARG002 - a peer
        """Count what goes with what, on what was up to each user's newest basket."""
        events = self.events
        past = events.where(events.at <= before.newest_at[events.user])
        learned = untaught(self.vectors.shape[1])
        if "together" in self.parts:
            learned = replace(learned, neighbours=fit_neighbours(past, self.vectors))
        learned = replace(learned, blend=FIRST if "similar" in self.parts else NOTHING)
        ranker = Ranker.over(learned, events.items, self.vectors, self.traits)

        def scores(given: Codes) -> Scores:
            here = given != MISSING
            kind = np.full(given.shape, CLICK, np.uint8)
            about = Events(kind, here.astype(np.int64), here)  # of one moment: only rank decays
            found = ranker.scores(given, about)
            near = ranker.neighbour_scores(given, about)
            peak = near.max(axis=1, keepdims=True)
            found += np.divide(near, peak, out=np.zeros_like(near), where=peak > 0)
            return found

        return scores
