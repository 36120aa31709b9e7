"""Baskets: purchases of one user at one moment, and the last of each user as a question.

Leave-one-out over baskets: of users with three or more, the last is the test, the one before it is
for choices, the rest is for training. Whoever has fewer is learned from and never asked.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from portrait.arrays import Codes, Flags, Floats
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.events.columns import PURCHASE

LEAST = 3  # baskets of a user who is asked: one to learn from, one to choose by, one to test


@dataclass(frozen=True, slots=True)
class Baskets:
    """B baskets of U users, sorted by user, then by time; L lines, no item twice in a basket."""

    user: Codes  # (B,), 0 to users - 1
    at: Codes  # (B,), ms
    starts: Codes  # (B + 1,): the lines of basket b are starts[b]:starts[b + 1]
    item: Codes  # (L,), 0 to items - 1
    users: int
    items: int

    def __len__(self) -> int:
        return len(self.user)

    @property
    def line_basket(self) -> Codes:
        """The basket of each line, (L,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    @property
    def line_user(self) -> Codes:
        """The user of each line, (L,)."""
        return self.user[self.line_basket]

    @property
    def counts(self) -> Codes:
        """How many baskets each user has, (U,)."""
        return np.bincount(self.user, minlength=self.users)

    @property
    def ages(self) -> Codes:
        """How many baskets of the same user are newer than each, (B,)."""
        ends = np.cumsum(self.counts)
        ages: Codes = ends[self.user] - 1 - np.arange(len(self))
        return ages

    @property
    def newest_at(self) -> Codes:
        """When each user bought last, (U,), ms; 0 where nobody did."""
        newest = np.zeros(self.users, np.int64)
        np.maximum.at(newest, self.user, self.at)
        return newest

    def where(self, kept: Flags) -> "Baskets":
        """Return these baskets alone, (B,) chosen; users and items keep their numbers."""
        sizes = np.diff(self.starts)
        lines = np.repeat(kept, sizes)
        starts = np.concatenate([[0], np.cumsum(sizes[kept])])
        return Baskets(
            self.user[kept], self.at[kept], starts, self.item[lines], self.users, self.items
        )

    def weighed(self, weights: Floats) -> csr_array:
        """Add up the weights of the baskets, (B,), that each item was in, (U, N)."""
        each = np.repeat(weights, np.diff(self.starts))
        return csr_array((each, (self.line_user, self.item)), shape=(self.users, self.items))


@dataclass(frozen=True, slots=True)
class Trial:
    """What is asked: the next basket of A users, at its moment, after all that was before it."""

    before: Baskets  # of everybody
    user: Codes  # (A,), ascending
    at: Codes  # (A,), ms: when the basket was bought; nothing of that moment is known
    truth: csr_array  # (A, N), 1 where an item was in it


def baskets_of(events: Interactions) -> Baskets:
    """Read the purchases of a shop as baskets: what a user bought at one moment."""
    bought = (events.action == PURCHASE) & (events.item != NO_ITEM)
    user, at, item = events.user[bought], events.at[bought], events.item[bought]
    order = np.lexsort((item, at, user))
    user, at, item = user[order], at[order], item[order]
    begins = np.r_[True, (user[1:] != user[:-1]) | (at[1:] != at[:-1])]
    once = begins | np.r_[True, item[1:] != item[:-1]]
    user, at, item, begins = user[once], at[once], item[once], begins[once]
    first = np.flatnonzero(begins)
    starts = np.r_[first, len(item)]
    return Baskets(user[first], at[first], starts, item, events.users, len(events.items))


def trial_of(baskets: Baskets, last: int) -> Trial:
    """Ask for the last basket but `last - 1`: 1 is the test, 2 is for choices."""
    is_asked = baskets.counts >= LEAST
    ages = np.where(is_asked[baskets.user], baskets.ages, LEAST)
    asked = baskets.where(ages == last - 1)
    rows = np.repeat(np.arange(len(asked)), np.diff(asked.starts))
    shape = (len(asked), baskets.items)
    truth = csr_array((np.ones(len(rows), np.float32), (rows, asked.item)), shape=shape)
    return Trial(baskets.where(ages >= last), asked.user, asked.at, truth)
