"""Interleaving: two rankings in one list, and which of them what is touched speaks for.

Both pick in turn, who begins by a coin in every round, each the best of its own that is not taken
yet. So in every list each has as many places as good as the other's, and of whose pick that is
which is touched first compares them within one person. Where both are equally good that is a coin,
whatever the reader likes, so lists are throws as people are in groups (`counts.py`).

Source: Radlinski, Kurup and Joachims, How does clickthrough data reflect retrieval quality?, CIKM
2008, section 5 (team draft).
"""

from collections.abc import Hashable, Sequence
from random import Random
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def team_draft(
    first: Sequence[Item], second: Sequence[Item], most: int, random: Random
) -> list[tuple[Item, int]]:
    """Return a list drawn from two rankings: items, and whose pick each is, 0 or 1.

    Args:
        first: Best first, each once; so is `second`.
        second: The other.
        most: Items of the list; it is shorter where both have fewer.
        random: The coin; one of its own for each list.
    """
    rankings = first, second
    places, taken = [0, 0], set[Item]()
    drawn: list[tuple[Item, int]] = []
    while len(drawn) < most:
        before = len(drawn)
        for team in random.sample((0, 1), 2):
            item = _next(rankings[team], places, team, taken)
            if item is not None and len(drawn) < most:
                taken.add(item)
                drawn.append((item, team))
        if len(drawn) == before:
            return drawn
    return drawn


def _next(ranking: Sequence[Item], places: list[int], team: int, taken: set[Item]) -> Item | None:
    """Return the best of a ranking that nobody has picked, and go on behind it."""
    while places[team] < len(ranking):
        item = ranking[places[team]]
        if item not in taken:
            return item
        places[team] += 1
    return None
