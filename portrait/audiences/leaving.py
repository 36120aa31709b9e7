"""Leaving: the people who will probably do nothing for a month, by one walk over all profiles.

As in `gather`, memory is bounded by who is kept and by one part of the walk. A score is the
probability that the model's head says; nobody leads.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from portrait.audiences.best import Best
from portrait.audiences.gather import Gathered, gathered_of, parts
from portrait.audiences.people import Reader, read_people
from portrait.audiences.wanted import Wanted
from portrait.model.heads import CHURN_RISK, Heads
from portrait.profiles.store import ProfileStore, Stored


async def gather_leaving(
    wanted: Wanted,
    profiles: ProfileStore,
    reader: Reader,
    heads: Heads,
    tell: Callable[[int], Awaitable[None]],
) -> Gathered:
    """Find those who are likeliest to leave.

    Args:
        wanted: How many, of how high a probability, and by which filters.
        profiles: Of the shop.
        reader: How they are read.
        heads: Of the model in service; it has one for this.
        tell: Is told now and then how many profiles have been looked at.

    Raises:
        AudienceTooNarrowError: Fewer than FEWEST would be in it.
        StoreUnavailableError: The store is away.
    """
    looked_at, search = 0, _Search(wanted, reader, heads)
    async for users, stored in parts(profiles):
        await asyncio.to_thread(search.look, users, stored)
        looked_at += len(users)
        await tell(looked_at)
    return gathered_of(search.best, 0, search.people, search.fitting, search.left_out)


class _Search:
    """The walk."""

    def __init__(self, wanted: Wanted, reader: Reader, heads: Heads) -> None:
        self._wanted = wanted
        self._reader = reader
        self._heads = heads
        self.best = Best(wanted.size)
        self.people = 0
        self.fitting = 0
        self.left_out: Counter[str] = Counter()

    def look(self, users: Sequence[str], stored: Sequence[Stored]) -> None:
        """Ask the head about some people, and keep the likeliest."""
        people, left_out = read_people(users, stored, self._reader)
        self.left_out += left_out
        self.people += len(people)
        if not len(people):
            return
        state = people.portraits["state"].astype(np.float32)
        chance = self._heads.predict(people.head, people.ring, state, people.as_of).of(CHURN_RISK)
        fits = (chance >= self._wanted.least_score) & self._wanted.filters.pass_(
            people, self._heads
        )
        self.fitting += int(fits.sum())
        rows = np.flatnonzero(fits)
        self.best.offer([people.users[row] for row in rows.tolist()], chance[rows])
