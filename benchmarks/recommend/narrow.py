"""Portrait's lists about things: its narrow parts, scored as `portrait/inference/parts.py` does.

    together    what is bought in one order with it, the best of a question has 1
    similar     likeness of texts, categories and prices: the parts of a first model

`together` and `similar` are what the surfaces `item` and `cart` are made of. There are no edges of
a shop here. What was there before orders were counted is `by_orders=False`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.recommend.baskets import Baskets
from benchmarks.recommend.pairs import AboutModel
from benchmarks.recommend.peer import Settings
from portrait.arrays import MISSING, Codes, Refs
from portrait.catalogue.traits import Traits
from portrait.dataset.interactions import Interactions
from portrait.errors import PortraitError
from portrait.evaluation.ranking import Scores
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.inference.parts import ALIKE, NOTHING, Part
from portrait.inference.ranker import Ranker
from portrait.model.learned import FIRST, Learned, untaught
from portrait.model.recency import Events
from portrait.model.space import Vectors
from portrait.training.ranker.fit_orders import fit_orders
from portrait.training.ranker.fit_ranker import fit_neighbours

WIDTH = 1  # of texts that nobody reads
CLICK = ACTION_CODE[Action.CLICK]  # what a thing that is looked at, or in the cart, counts as


class NothingTogetherError(PortraitError):
    """Too little is bought together in this shop."""


@dataclass(frozen=True, slots=True)
class Narrow:
    """Some parts of what Portrait says of things."""

    name: str
    events: Interactions  # of the shop
    vectors: Vectors  # (N, K), of its items' texts
    traits: Traits  # (N,)
    parts: frozenset[Part]
    by_orders: bool = True  # what is bought in one order; False: what people touch next

    def grid(self) -> Iterator[Settings]:
        """Yield the only setting."""
        yield {}

    def fit(self, before: Baskets, settings: Settings) -> AboutModel:  # noqa: ARG002 - a peer
        """Count what goes with what, on what was up to each user's newest basket."""
        events = self.events
        past = events.where(events.at <= before.newest_at[events.user])
        learned = untaught(self.vectors.shape[1])
        alike = replace(learned, blend=FIRST if "similar" in self.parts else NOTHING)
        content = Ranker.over(alike, events.items, self.vectors, self.traits)
        near = self._near(past) if "together" in self.parts else None

        def scores(given: Codes) -> Scores:
            here = given != MISSING
            kind = np.full(given.shape, CLICK, np.uint8)
            about = Events(kind, here.astype(np.int64), here)  # of one moment: only rank decays
            found = np.float32(1 if near is None else ALIKE) * content.scores(given, about)
            if near is not None:
                said = near(given, about)
                peak = said.max(axis=1, keepdims=True)
                found += np.divide(said, peak, out=np.zeros_like(said), where=peak > 0)
            return found

        return scores

    def _near(self, past: Interactions) -> Callable[[Codes, Events], Scores]:
        """Return what tells how much goes with things."""
        refs, learned = self.events.items, untaught(WIDTH)
        if not self.by_orders:
            by_people = replace(learned, neighbours=fit_neighbours(past, self.vectors))
            return _ranker(by_people, refs).neighbour_scores
        orders = fit_orders(past, refs)
        if orders is None:
            raise NothingTogetherError
        alone, together = (
            _ranker(replace(learned, neighbours=orders.kind(which)), refs) for which in range(2)
        )

        def near(given: Codes, about: Events) -> Scores:
            share = 1 / about.present.sum(axis=1, keepdims=True)  # as `Taste.by_orders`
            found: Scores = share * alone.neighbour_scores(given, about)
            found += (1 - share) * together.neighbour_scores(given, about)
            return found

        return near


def _ranker(learned: Learned, refs: Refs) -> Ranker:
    """Return what neighbours alone say of a catalogue."""
    return Ranker.over(learned, refs, np.zeros((len(refs), WIDTH), np.float32))
