"""Best: so many people with the highest scores, of any number that is offered one after the other.

Whatever the order in which they come, and however often one comes, the same are kept.
"""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from portrait.arrays import Floats


class Member(NamedTuple):
    """One of an audience."""

    score: float
    user: str


class Best:
    """Keeps `most` of them, and no more, however many are offered."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[Member] = []  # the least first; of equal scores by the user's id
        self._users: set[str] = set()

    def __len__(self) -> int:
        return len(self._heap)

    def offer(self, users: Sequence[str], scores: Floats) -> None:
        """Take in those who are better than the least so far; users (U,), scores (U,)."""
        least = self._heap[0].score if len(self._heap) == self._most else -np.inf
        for row in np.flatnonzero(scores >= least).tolist():
            self._offer(Member(float(scores[row]), users[row]))

    def _offer(self, member: Member) -> None:
        if member.user in self._users:  # a walk may meet somebody twice
            return
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, member)
        elif member > self._heap[0]:
            self._users.discard(heapq.heapreplace(self._heap, member).user)
        else:
            return
        self._users.add(member.user)

    def ranked(self) -> list[Member]:
        """Return them, the best first; of equal scores by id, backwards."""
        return sorted(self._heap, reverse=True)
