"""History: the facts that the stream would have had at any moment of the past.

Training reads the same facts as the service does. They are gathered from sorted interactions in one
step for any number of anchors, instead of folding the log anew for each; a test holds them equal to
`fold`. Kafka positions are left empty: no history has them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.facts import MONEY, PERIOD_MS, PERIODS, PURCHASE, RETURN, RING, Facts
from portrait.interactions import NO_ITEM, Codes, Interactions


@dataclass(frozen=True, slots=True)
class Anchors:
    """A moments at which something is asked of a user: all that was before it may be known."""

    user: Codes  # (A,), code in the interactions
    at: Codes  # (A,), ms since 1970; what happens at that moment is not yet known

    def __len__(self) -> int:
        return len(self.user)

    def where(self, chosen: NDArray[np.bool_] | Codes) -> "Anchors":
        """Return these anchors alone."""
        return Anchors(self.user[chosen], self.at[chosen])


class Positions:
    """Finds where in the sorted interactions each user stood at a moment."""

    def __init__(self, interactions: Interactions) -> None:
        self.moments = np.unique(interactions.at)
        self.stride = len(self.moments) + 1
        ranks = np.searchsorted(self.moments, interactions.at)
        self.keys = interactions.user * self.stride + ranks  # ascending, as events are sorted

    def find(self, user: Codes, at: Codes) -> Codes:
        """Return the place of each user's first event at or after a moment. Any shape."""
        return np.searchsorted(self.keys, user * self.stride + np.searchsorted(self.moments, at))


def facts_at(interactions: Interactions, anchors: Anchors) -> Facts:
    """Gather the facts of each anchor's user from the events before it.

    Args:
        interactions: With real times: ms since 1970, above zero.
        anchors: A of them, in any order; 2 KB of facts each, so take many thousands in parts.

    Returns:
        Facts of A rows, equal to `fold` of the same events but for the Kafka positions. An event's
        id is its place in the interactions.
    """
    positions = Positions(interactions)
    facts = Facts.empty(len(anchors))
    begin = interactions.starts[anchors.user]
    end = positions.find(anchors.user, anchors.at)
    known = end > begin
    _count(facts, interactions, begin, end)
    _times(facts, interactions, begin[known], end[known], known)
    _periods(facts, positions, anchors, end)
    _ring(facts, interactions, begin, end)
    return facts


def _count(facts: Facts, interactions: Interactions, begin: Codes, end: Codes) -> None:
    """Fill in the totals: differences of running sums."""
    head, action = facts.head, interactions.action
    head["revision"] = end - begin
    head["count"] = np.minimum(end - begin, RING)
    for code in np.unique(action):
        running = _running(action == code)
        head["totals"][:, code] = running[end] - running[begin]
    sign = (action == PURCHASE).astype(np.int64) - (action == RETURN)
    money = np.rint(interactions.price.astype(np.float64) * MONEY).astype(np.int64)
    running = _running(sign * money * interactions.quantity)
    head["spend"] = running[end] - running[begin]


def _running(values: NDArray[np.generic]) -> Codes:
    """Sum up to, not including, each place. Returns (E + 1,)."""
    return np.concatenate([[0], np.cumsum(values, dtype=np.int64)])


def _times(
    facts: Facts, interactions: Interactions, begin: Codes, end: Codes, known: NDArray[np.bool_]
) -> None:
    facts.head["first_at"][known] = interactions.at[begin]
    facts.head["last_at"][known] = interactions.at[end - 1]
    facts.head["received_at"][known] = interactions.at[end - 1]


def _periods(facts: Facts, positions: Positions, anchors: Anchors, end: Codes) -> None:
    """Count the events of each user's newest periods: places of the periods' borders."""
    newest = facts.head["last_at"] // PERIOD_MS
    facts.head["period"] = newest
    borders = (newest[:, None] + 1 - np.arange(PERIODS + 1)) * PERIOD_MS  # (A, PERIODS + 1)
    places = np.minimum(positions.find(anchors.user[:, None], borders), end[:, None])
    facts.head["by_period"] = places[:, :-1] - places[:, 1:]
    facts.head["by_period"][facts.head["count"] == 0] = 0


def _ring(facts: Facts, interactions: Interactions, begin: Codes, end: Codes) -> None:
    """Gather each user's newest events, newest first."""
    place = end[:, None] - 1 - np.arange(RING)  # (A, RING)
    held = place >= begin[:, None]
    place = place[held]
    item = interactions.item[place]
    ref = interactions.items[np.maximum(item, 0)] if len(interactions.items) else item
    ring = facts.ring
    ring["at"][held] = interactions.at[place]
    ring["id"][held] = place + 1
    ring["ref"][held] = np.where(item == NO_ITEM, 0, ref)
    ring["price"][held] = interactions.price[place]
    ring["quantity"][held] = interactions.quantity[place]
    ring["action"][held] = interactions.action[place]
    ring["rating"][held] = interactions.rating[place]
