"""Wanted: whom an audience is to be like, and who of those may be in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from portrait.arrays import Flags, Refs, Ring
from portrait.audiences.people import People
from portrait.events.columns import PURCHASE
from portrait.events.unwanted import Unwanted, What, covers
from portrait.model.heads import Heads
from portrait.times import DAY_MS

NO_REFS = np.zeros(0, np.uint64)


def is_bought(ring: Ring, items: Refs) -> Flags:
    """Say who of U people is known to have bought one of some items, (U,).

    Args:
        ring: (U, RING) of EVENT.
        items: item_ref of each.
    """
    is_purchase = (ring["action"] == PURCHASE) & (ring["at"] > 0)
    bought: Flags = (is_purchase & np.isin(ring["ref"], items)).any(axis=1)
    return bought


@dataclass(frozen=True, slots=True)
class Leaders:
    """Those whom others are to be like: who is named, or who bought one of some items.

    As long as a purchase is among their newest 64 events, they are known to have made it.
    """

    users: frozenset[str] = frozenset()
    bought: Refs = field(default_factory=NO_REFS.copy)  # item_ref, ascending

    def of(self, people: People) -> Flags:
        """Say who of U people is one, (U,)."""
        if not len(self.bought):
            return np.array([user in self.users for user in people.users], np.bool_)
        return is_bought(people.ring, self.bought)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an audience is about. Who does not want to see it is not in it."""

    item_id: str | None = None
    category: str | None = None
    brand: str | None = None

    def wanted_by(self, people: People) -> Flags:
        """Say who of U people has not said that they do not want it, (U,)."""
        moments = people.as_of.tolist()
        return np.array(
            [
                not said.said or self._is_wanted(said, now)
                for said, now in zip(people.unwanted, moments, strict=True)
            ],
            np.bool_,
        )

    def _is_wanted(self, said: Unwanted, now_ms: int) -> bool:
        things = said.things_at(now_ms)
        if self.item_id in things[What.ITEM]:
            return False
        if self.brand is not None and self.brand.casefold() in things[What.BRAND]:
            return False
        return self.category is None or not covers(things[What.CATEGORY], self.category)


Bounds = tuple[float, float]  # least and most of a probability


@dataclass(frozen=True, slots=True)
class Filters:
    """Who may be in an audience, by what is known of them."""

    active_days: int | None = None  # since their newest event, at most
    interests: Refs | None = None  # name_ref, ascending: one of theirs has to be one of these
    heads: Mapping[str, Bounds] = field(default_factory=dict)  # of `Heads.predict`, by name

    def pass_(self, people: People, heads: Heads | None) -> Flags:
        """Say who of U people gets through, (U,).

        Args:
            people: U of them.
            heads: Of the model in service; None: it has none, and nothing is asked of any.
        """
        passed = np.ones(len(people), np.bool_)
        if self.active_days is not None:
            passed &= people.as_of - people.head["last_at"] <= self.active_days * DAY_MS
        if self.interests is not None:
            named = people.portraits["interests"]
            is_one = np.isin(named["category"], self.interests) & (named["score"] > 0)
            passed &= is_one.any(axis=1)
        if self.heads and heads is not None and passed.any():
            rows = np.flatnonzero(passed)
            passed[rows] = self._foretold(people.where(passed), heads)
        return passed

    def _foretold(self, people: People, heads: Heads) -> Flags:
        state = people.portraits["state"].astype(np.float32)
        predicted = heads.predict(people.head, people.ring, state, people.as_of)
        passed = np.ones(len(people), np.bool_)
        for name, (least, most) in self.heads.items():
            chance = predicted.of(name)
            passed &= (chance >= least) & (chance <= most)
        return passed


@dataclass(frozen=True, slots=True)
class Wanted:
    """An audience that is asked for."""

    leaders: Leaders
    size: int  # at most
    least_score: float = 0.0
    subject: Subject = field(default_factory=Subject)
    filters: Filters = field(default_factory=Filters)
