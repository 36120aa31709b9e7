"""Moments: what the service would have known of everybody in a shop, and what followed."""

from dataclasses import dataclass

import numpy as np

from benchmarks.heads.shops import Shop
from benchmarks.heads.states import PART, TextStates
from portrait.arrays import Codes, Flags, Floats, Ring
from portrait.audiences.people import pace_of
from portrait.audiences.wanted import is_bought
from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import Interactions
from portrait.events.columns import PURCHASE
from portrait.inference.paint import vector_weights
from portrait.model.recency import Events
from portrait.model.space import unit
from portrait.profiles.layout import LONG
from portrait.times import DAY_MS

WEEK_MS = 7 * DAY_MS
WEEKS = 4  # that what was foretold is looked for in


@dataclass(frozen=True, slots=True)
class Moment:
    """U people at one moment."""

    ring: Ring  # (U, RING)
    likes: Floats  # (U, K), long-term vectors, unit rows or zero
    pace: Floats  # (U,)
    bought: Interactions  # purchases before
    followed: Interactions  # purchases in the WEEKS after

    def leaders(self, items: Codes) -> Flags:
        """Say who is known to have bought one of some items, (U,), as the service knows it."""
        return is_bought(self.ring, np.sort(self.bought.items[items]))

    def buyers(self, items: Codes) -> Flags:
        """Say who buys one of some items in the weeks that follow, (U,)."""
        users = self.followed.user[np.isin(self.followed.item, items)]
        return np.bincount(users, minlength=len(self.ring)) > 0

    def last_bought(self, items: Codes) -> Codes:
        """Return when each bought one of some items last, (U,), ms; 0: never."""
        own = np.isin(self.bought.item, items)
        last = np.zeros(len(self.ring), np.int64)
        np.maximum.at(last, self.bought.user[own], self.bought.at[own])
        return last


def moment_of(shop: Shop, states: TextStates, at: int) -> Moment:
    """Gather what was known of everybody, ms."""
    interactions = shop.interactions
    users = np.arange(interactions.users)
    as_of = np.full(len(users), at)
    facts = History(interactions).facts(Anchors(users, as_of))
    purchases = interactions.where(interactions.action == PURCHASE)
    return Moment(
        facts.ring,
        _likes(states, facts.ring),
        pace_of(facts.head, as_of),
        purchases.before(at),
        purchases.where((purchases.at >= at) & (purchases.at < at + WEEKS * WEEK_MS)),
    )


def _likes(states: TextStates, ring: Ring) -> Floats:
    """Return long-term vectors, (U, K), as `paint` makes them."""
    likes = np.zeros((len(ring), states.vectors.shape[1]), np.float32)
    for start in range(0, len(ring), PART):
        part = ring[start : start + PART]
        place = np.minimum(np.searchsorted(states.refs, part["ref"]), len(states.refs) - 1)
        known = states.refs[place] == part["ref"]
        weight = vector_weights(Events.of_ring(part, known))[:, LONG]
        summed = weight[:, None] @ states.vectors[states.rows[place]]  # (u, 1, S) @ (u, S, K)
        likes[start : start + PART] = summed[:, 0]
    return unit(likes)
