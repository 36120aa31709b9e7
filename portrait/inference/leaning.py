"""Leaning: how an item's category and price suit what somebody did.

    kin[j]   = sum over events of share[e] * nearness[category of e, category of j]
    price[j] = sum over events of share[e] * likeness[price level of e, price level of j]

Nearness is 1 in one interest category, a half in one top category, else 0: whitened texts lose what
a top category has in common. Likeness falls with the distance, less its mean, so that whoever buys
at every price favours none; of few events little is believed. Why: docs/decisions/0026.

Both are linear in the events, so each event's share of a score is exact.
"""

from dataclasses import dataclass, replace

import numpy as np

from portrait.arrays import MISSING, Codes, Floats
from portrait.catalogue.traits import LEVELS, NO_LEVEL, Levels, Traits
from portrait.inference.rank import Mix
from portrait.model.learned import Blend
from portrait.profiles.layout import LONG, SHORT

TOP_ALONE = np.float32(0.5)  # nearness of two interest categories of one top
REACH = 0.3  # of a price, as a share of its category's items
PRIOR = np.float32(4)  # weight of "any price": as much as a purchase of today


@dataclass(frozen=True, slots=True)
class Leanings:
    """Which categories and prices U users lean to."""

    kin: Floats  # (U, C + 1), by category; the last, of none, is 0
    price: Floats  # (U, LEVELS + 1), by level; the last likewise

    def kin_of(self, items: Traits) -> Floats:
        """Return how near each item's category is to what was touched, (U, N)."""
        near: Floats = self.kin[:, items.category]
        return near

    def price_of(self, items: Traits) -> Floats:
        """Return how well each item's price suits, (U, N)."""
        suits: Floats = self.price[:, items.level]
        return suits


@dataclass(frozen=True, slots=True)
class Leaning:
    """What one user leans to, and what it counts in a score."""

    blend: Blend
    events: Traits  # (S,), of what the events are about
    weight: Floats  # (2, S)
    mix: Mix

    def scores(self, items: Traits) -> Floats:
        """Return what the traits of N items add to their scores, (N,)."""
        leans = leanings(self.events.at_once, self.weight[None], self.mix)
        return self.blend.of_traits(leans.kin_of(items)[0], leans.price_of(items)[0])

    @property
    def tables(self) -> tuple[Floats, Floats]:
        """Return what each category adds to a score, (C,), and each price level, (LEVELS,)."""
        leans, blend = leanings(self.events.at_once, self.weight[None], self.mix), self.blend
        kin = blend.of_traits(leans.kin, np.zeros_like(leans.kin))
        price = blend.of_traits(np.zeros_like(leans.price), leans.price)
        return kin[0, :-1], price[0, :-1]

    def prices(self, items: Traits) -> Floats:
        """Return what the prices of N items alone add to their scores, (N,)."""
        return replace(self, blend=replace(self.blend, kin=0.0)).scores(items)

    def shares(self, items: Traits) -> Floats:
        """Return each event's share of that, (N, S)."""
        return self.blend.of_traits(
            kin_shares(self.events, self.weight, self.mix, items),
            price_shares(self.events, self.weight, items),
        )


def leanings(events: Traits, weight: Floats, mix: Mix | Floats) -> Leanings:
    """Add up what events say of categories and prices.

    Args:
        events: What they are about, (U, S).
        weight: (U, 2, S), LONG and SHORT, see `vector_weights`.
        mix: How much of the nearness is that of the long and of the short term; of all, or of each
            user, (2, U, 1). Prices are a matter
            of the long term alone: what somebody spends does not change with what they are after.
    """
    top_of, categories = events.top_of, len(events.top_of)
    share = _kin_shares(weight, mix)
    own = _summed(events.category, share, categories)
    tops = np.where(events.category == MISSING, MISSING, np.r_[top_of, MISSING][events.category])
    wide = _summed(tops, share, int(top_of.max(initial=-1)) + 1)
    kin = np.zeros((len(share), categories + 1), np.float32)
    kin[:, :-1] = (1 - TOP_ALONE) * own + TOP_ALONE * wide[:, top_of]
    price = np.zeros((len(share), LEVELS + 1), np.float32)
    spent = _summed(events.level.astype(np.int64), _price_shares(events.level, weight), LEVELS)
    price[:, :-1] = spent @ _LIKENESS[:-1, :-1]
    return Leanings(kin, price)


def kin_shares(events: Traits, weight: Floats, mix: Mix, items: Traits) -> Floats:
    """Return each event's share of the nearness of N items, (N, S), of one user.

    Args:
        events: (S,).
        weight: (2, S).
        mix: See `leanings`.
        items: (N,).
    """
    (share,) = _kin_shares(weight[None], mix)
    top_of = np.r_[events.top_of, MISSING]
    known = (events.category != MISSING) & (items.category != MISSING)[:, None]
    same = known & (items.category[:, None] == events.category)
    akin = known & (top_of[items.category][:, None] == top_of[events.category])
    near = (1 - TOP_ALONE) * same + TOP_ALONE * akin
    shares: Floats = near * share
    return shares


def price_shares(events: Traits, weight: Floats, items: Traits) -> Floats:
    """Return each event's share of how well the prices of N items suit, (N, S); as `kin_shares`."""
    (share,) = _price_shares(events.level[None], weight[None])
    shares: Floats = _LIKENESS[events.level, items.level[:, None]] * share
    return shares


def _kin_shares(weight: Floats, mix: Mix | Floats) -> Floats:
    """Return what each event counts among all of a user's, complaints below 0, (U, S)."""
    whole = np.abs(weight).sum(axis=2, keepdims=True)  # (U, 2, 1)
    part = weight / np.where(whole > 0, whole, np.float32(1))
    long, short = np.array(mix, np.float32)
    share: Floats = (long * part[:, LONG] + short * part[:, SHORT]).astype(np.float32)
    return share


def _price_shares(level: Levels, weight: Floats) -> Floats:
    """Return what each event counts among those whose price is known, (U, S)."""
    spent = np.where(level == NO_LEVEL, np.float32(0), np.maximum(weight[:, LONG], 0))
    share: Floats = spent / (spent.sum(axis=1, keepdims=True) + PRIOR)
    return share


def _summed(codes: Codes, share: Floats, count: int) -> Floats:
    """Sum shares by code, (U, S) each; codes beyond `count`, and MISSING, count nothing."""
    users = len(codes)
    place = np.where((codes >= 0) & (codes < count), codes, count)
    key = np.arange(users)[:, None] * (count + 1) + place
    summed = np.bincount(key.ravel(), share.ravel(), users * (count + 1))
    return summed.reshape(users, count + 1)[:, :count].astype(np.float32)


def _likeness() -> Floats:
    """Return the likeness of an event's level and an item's, and 0 to none, (LEVELS + 1,) twice.

    Less what the item's level has to all of them on average.
    """
    middle = (np.arange(LEVELS) + 0.5) / LEVELS
    near = np.exp(-np.abs(middle[:, None] - middle) / REACH)
    likeness = np.zeros((LEVELS + 1, LEVELS + 1), np.float32)
    likeness[:-1, :-1] = near - near.mean(axis=0)
    return likeness


_LIKENESS = _likeness()
