"""Taste: what a model makes of one user's events, and how it scores items.

The text's part of a score (`Blend.score`) is the short-term vector that `paint` makes, as in
training (`ranker.py`): a test holds both to the same scores, order and shares. All parts are sums
over the events, so an item's shares add up to its score exactly.
"""

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes, Floats, products
from portrait.inference.aim import Aim, Aims
from portrait.inference.explain import Evidence
from portrait.inference.leaning import Leaning
from portrait.inference.rank import Mix, Scored, blend, rank, rank_by, score_by
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.shelf import Shelf
from portrait.model.learned import FIRST, Blend, Learned
from portrait.model.recency import Events
from portrait.profiles.layout import LONG, SHORT


@dataclass(frozen=True, slots=True)
class FirstTaste:
    """S events as a model sees them that has learned nothing: by texts, categories and prices."""

    evidence: Evidence
    blend: Blend = FIRST

    def rank(self, shelf: Shelf, wish: RankingRequest, popularity: Floats) -> Ranking:
        """Rank what fits a wish; popularity, (N,), decides between items of one text."""
        aims = partial(self.aims, shelf)
        if wish.only_suiting or (wish.plan is not None and wish.plan.arranges):
            return rank_by(shelf, self.asked, wish, partial(self.scores, shelf), aims)
        leaning = self._leaning(shelf)

        def beside(rows: Codes) -> Floats:
            return leaning.scores(shelf.traits.at(rows))

        return rank(shelf, self.asked, wish, popularity, beside, aims)

    def score(self, shelf: Shelf, wish: RankingRequest) -> Scored:
        """Score what fits a wish."""
        scorer, aims = partial(self.scores, shelf), partial(self.aims, shelf)
        return score_by(shelf, self.asked, wish, scorer, aims)

    @property
    def asked(self) -> Floats:
        """The vector that texts are asked with, (K,)."""
        return blend(self.evidence.portrait(), self.evidence.mix)

    def scores(self, shelf: Shelf, rows: Codes, text_scores: Floats) -> Floats:
        """Score items, (n,) rows of the shelf, given what their texts score with `asked`, (n,)."""
        scores: Floats = np.float32(self.blend.text) * text_scores
        scores += self._leaning(shelf).scores(shelf.traits.at(rows))
        return scores

    def aims(self, shelf: Shelf) -> Aims:
        """Return what items are scored by: where a model has placed them says nothing."""
        kin, price = self._leaning(shelf).tables
        nowhere = np.zeros(shelf.placed.shape[1], np.float32)
        aim = Aim(nowhere, np.float32(self.blend.text) * self.asked, kin, price)
        return Aims(aim, aim, np.zeros(0, np.int64))

    def shares(self, shelf: Shelf, rows: Codes) -> Floats:
        """Return each event's share of each item's score, (n, S), for (n,) rows of the shelf."""
        shares = np.float32(self.blend.text) * self.evidence.shares(shelf.matrix[shelf.text[rows]])
        shares += self._leaning(shelf).shares(shelf.traits.at(rows))
        return shares

    def prices(self, shelf: Shelf, rows: Codes) -> Floats:
        """Return what their prices add to the scores of (n,) rows of the shelf."""
        return self._leaning(shelf).prices(shelf.traits.at(rows))

    def without_prices(self) -> "FirstTaste":
        """Return the same, as if nobody looked at prices."""
        return self.counting(replace(self.blend, price=0.0))

    def counting(self, blend: Blend) -> "FirstTaste":
        """Return the same, with parts that count so much."""
        return replace(self, blend=blend)

    def _leaning(self, shelf: Shelf) -> Leaning:
        return _leaning_of(self.evidence, shelf, self.blend, self.evidence.mix)


Moment = tuple[float, Events]  # a share of the state, and the S events: its own are present


@dataclass(frozen=True)
class Taste:
    """S events as a learned model sees them; see `FirstTaste` for what both can be asked."""

    learned: Learned
    evidence: Evidence
    placed: Floats  # (S, D); zeros where nothing is known
    events: Events  # (1, S)
    neighbours: Codes  # (S,), rows of the co-occurrences, or MISSING
    moments: tuple[Moment, ...]  # what the state is made of

    @property
    def asked(self) -> Floats:
        """The vector that texts are asked with, (K,): the short-term one."""
        vector: Floats = self.evidence.portrait()[SHORT]
        return vector

    def rank(self, shelf: Shelf, wish: RankingRequest, popularity: Floats) -> Ranking:
        """Rank what fits a wish; popularity counts as far as the model has learned it."""
        del popularity
        scorer, aims = partial(self.scores, shelf), partial(self.aims, shelf)
        return rank_by(shelf, self.asked, wish, scorer, aims)

    def score(self, shelf: Shelf, wish: RankingRequest) -> Scored:
        """Score what fits a wish."""
        scorer, aims = partial(self.scores, shelf), partial(self.aims, shelf)
        return score_by(shelf, self.asked, wish, scorer, aims)

    def prices(self, shelf: Shelf, rows: Codes) -> Floats:
        """Return what their prices add to the scores of (n,) rows of the shelf."""
        return self._leaning(shelf).prices(shelf.traits.at(rows))

    def without_prices(self) -> "Taste":
        """Return the same, as if nobody looked at prices."""
        return self.counting(replace(self.learned.blend, price=0.0))

    def counting(self, blend: Blend) -> "Taste":
        """Return the same, with parts that count so much."""
        return replace(self, learned=replace(self.learned, blend=blend))

    def by_orders(self) -> "Taste | None":
        """Return the same with co-occurrence by what is bought in one order; None: nobody knows.

        Of one thing it matters how likely another is beside it; the more there are, the more what
        goes with these and not with everything.
        """
        orders = self.learned.orders
        is_there = self.events.present[0] & (self.neighbours != MISSING)
        things = np.unique(self.neighbours[is_there])
        if orders is None or not orders.knows(things):
            return None
        alone = 1 / len(things)
        counting = orders.counting(np.array([alone, 1 - alone], np.float32))
        return replace(self, learned=replace(self.learned, neighbours=counting))

    def scores(self, shelf: Shelf, rows: Codes, text_scores: Floats) -> Floats:
        """Score items, (n,) rows of the shelf, given what their texts score with `asked`, (n,)."""
        blend = self.learned.blend
        neighbours = self.bonds(shelf)[rows] if blend.neighbours else None
        traits = self._leaning(shelf).scores(shelf.traits.at(rows)) if blend.knows_traits else None
        near, cold = self._behaviour_scores(shelf, rows), shelf.neighbour[rows] == MISSING
        return blend.score(near, neighbours, text_scores, cold, traits)

    def aims(self, shelf: Shelf) -> Aims:
        """Return what items of a shelf are scored by, as `scores` has it."""
        blend, (kin, price) = self.learned.blend, self._leaning(shelf).tables
        state = self.state if len(shelf.placed) else np.zeros(shelf.placed.shape[1], np.float32)
        warm = Aim(
            np.float32(blend.behaviour) * state, np.float32(blend.text) * self.asked, kin, price
        )
        cold = warm
        if blend.cold is not None:
            behaviour = np.float32(blend.cold_behaviour) * state
            cold = Aim(behaviour, np.float32(blend.cold) * self.asked, kin, price)
        return Aims(warm, cold, self._bonded(shelf))

    def _bonded(self, shelf: Shelf) -> Codes:
        """Return the rows of the items that co-occurrence speaks for, the strongest bonds first."""
        if not self.learned.blend.neighbours:
            return np.zeros(0, np.int64)
        bonds = self.bonds(shelf)[:-1]
        rows = np.flatnonzero(bonds > 0)
        bonded: Codes = rows[np.argsort(-bonds[rows], kind="stable")]
        return bonded

    def _behaviour_scores(self, shelf: Shelf, rows: Codes) -> Floats:
        """Return how near items, (n,) rows, are to the state; 0 where none is placed.

        All are asked at once but of a few candidates among very many.
        """
        if shelf.finder is not None and 4 * len(rows) < len(shelf):
            place = shelf.place[rows]
            few = products(shelf.placed, place, self.state)
            few[place == MISSING] = 0
            return few
        scores = np.zeros(len(shelf), np.float32)
        if len(shelf.placed):
            near = shelf.placed @ self.state
            np.take(near, shelf.place, out=scores, mode="wrap")  # MISSING reads the last
            scores[shelf.unplaced] = 0
        return scores[rows]

    @cached_property
    def state(self) -> Floats:
        """Return what the behaviour encoder makes of the events, (D,)."""
        behaviour = self.learned.behaviour
        state = np.zeros(behaviour.dim, np.float32)
        for share, events in self.moments:
            state += np.float32(share) * behaviour.state(self.placed[None], events)[0]
        return state

    def _behaviour_shares(self, items: Floats) -> Floats:
        """Return each event's share of how near items, (n, D), are to the state, (n, S)."""
        shares = np.zeros((len(items), len(self.placed)), np.float32)
        for share, events in self.moments:
            shares += np.float32(share) * self.learned.behaviour.shares(self.placed, events, items)
        return shares

    def bonds(self, shelf: Shelf) -> Floats:
        """Return what the co-occurrences say of each item, (N + 1,): the last stands for others."""
        scores = np.zeros(len(shelf) + 1, np.float32)
        others, values = self._spread
        np.add.at(scores, shelf.nearby[others], values)
        return scores

    @cached_property
    def _spread(self) -> tuple[NDArray[np.int32], Floats]:
        """What the events add to which rows of the co-occurrences, (E,) each."""
        return self.learned.neighbours.spread(self.neighbours, self.events)

    def shares(self, shelf: Shelf, rows: Codes) -> Floats:
        """Return each event's share of each item's score, (n, S), for (n,) rows of the shelf."""
        blend, learned = self.learned.blend, self.learned
        places = shelf.place[rows]
        items = shelf.placed[places]
        items[places == MISSING] = 0
        neighbours = (
            learned.neighbours.shares(self.neighbours, self.events, shelf.neighbour[rows])
            if blend.neighbours
            else None
        )
        return blend.score(
            self._behaviour_shares(items),
            neighbours,
            self.evidence.shares(shelf.matrix[shelf.text[rows]], (0, 1)),
            (shelf.neighbour[rows] == MISSING)[:, None],
            self._leaning(shelf).shares(shelf.traits.at(rows)) if blend.knows_traits else None,
        )

    def _leaning(self, shelf: Shelf) -> Leaning:
        return _leaning_of(self.evidence, shelf, self.learned.blend, (0, 1))


def taste_of(evidence: Evidence, learned: Learned) -> Taste:
    """Read events as a learned model does; what it has not placed stands by its text.

    In a session the behaviour encoder reads session and past apart, for where people have been says
    more of what they usually take next than two items do, and not of what they are after now.
    Co-occurrence follows the session alone: it adds up to as much whatever it stands on.
    """
    placed, events = evidence.placed, evidence.events
    by_text = np.flatnonzero(~_said(placed) & _said(evidence.vectors))
    if len(by_text):
        placed = placed.copy()
        nameless = np.zeros(len(by_text), np.uint64)
        placed[by_text] = learned.behaviour.items(nameless, evidence.vectors[by_text])
    neighbours = learned.neighbours.find(evidence.ring["ref"])
    if not evidence.visit:
        return Taste(learned, evidence, placed, events, neighbours, ((1.0, events),))
    neighbours[evidence.visit :] = MISSING
    is_now = np.arange(len(evidence)) < evidence.visit
    past, now = events.where(~is_now), events.where(is_now)
    moments = (evidence.mix[LONG], past), (evidence.mix[SHORT], now)
    return Taste(learned, evidence, placed, events, neighbours, moments)


def _said(vectors: Floats) -> NDArray[np.bool_]:
    """Return which vectors, (S, K), say anything: all but zeros."""
    said: NDArray[np.bool_] = np.einsum("sk,sk->s", vectors, vectors) > 0
    return said


def _leaning_of(evidence: Evidence, shelf: Shelf, counted: Blend, mix: Mix) -> Leaning:
    """Look up what one user's events are about on a shelf."""
    return Leaning(counted, shelf.traits.at(evidence.items), evidence.weight, mix)
