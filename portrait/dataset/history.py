"""History: the facts that the stream would have had at any moment of the past.

Training reads the same facts as the service does. They are gathered from sorted interactions in one
step for any number of anchors, instead of folding the log anew for each; a test holds them equal to
`fold`. Kafka positions are left empty: no history has them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes
from portrait.dataset.interactions import Interactions
from portrait.events.columns import RING
from portrait.profiles.facts import PERIOD_MS, PERIODS, SPEND_PART, Facts, layouts, paid

_HALF = SPEND_PART // 2  # bits
_LOWER = (1 << _HALF) - 1


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


class History:
    """Interactions made ready to be asked for the facts of many moments.

    Their times have to be real: ms since 1970, above zero.
    """

    def __init__(self, interactions: Interactions) -> None:
        self.interactions = interactions
        self.positions = Positions(interactions)
        nothing = np.zeros(1, np.uint64)  # the last: what NO_ITEM points to
        self._refs = np.concatenate([interactions.items, interactions.queries, nothing])
        action = interactions.action
        self._by_action = {int(code): _running(action == code) for code in np.unique(action)}
        spent = paid(action, interactions.price, interactions.quantity)
        self._spend = _running(spent >> _HALF), _running(spent & _LOWER)  # no sum of these wraps

    def facts(self, anchors: Anchors) -> Facts:
        """Gather the facts of each anchor's user from the events before it.

        Args:
            anchors: A of them, in any order; 2 KB of facts each, so take many thousands in parts.

        Returns:
            Facts of A rows, equal to `fold` of the same events but for the Kafka positions. An
            event's id is its place in the interactions.
        """
        facts = Facts.empty(len(anchors))
        begin = self.interactions.starts[anchors.user]
        end = self.positions.find(anchors.user, anchors.at)
        self._count(facts.head, begin, end)
        self._times(facts.head, begin, end)
        self._periods(facts.head, anchors, end)
        self._ring(facts.ring, begin, end)
        return facts

    def _count(self, head: NDArray[np.void], begin: Codes, end: Codes) -> None:
        """Fill in the totals: differences of running sums."""
        head["revision"] = end - begin
        head["count"] = np.minimum(end - begin, RING)
        for code, running in self._by_action.items():
            head["totals"][:, code] = running[end] - running[begin]
        head["layout"] = layouts(head)
        upper, lower = (running[end] - running[begin] for running in self._spend)
        upper += lower >> _HALF
        over = (upper + (1 << (_HALF - 1))) >> _HALF  # as `facts._carry`
        head["spend_upper"] = over
        head["spend"] = ((upper - (over << _HALF)) << _HALF) + (lower & _LOWER)

    def _times(self, head: NDArray[np.void], begin: Codes, end: Codes) -> None:
        known = end > begin
        newest = self.interactions.at[end[known] - 1]
        head["first_at"][known] = self.interactions.at[begin[known]]
        head["last_at"][known] = newest
        head["received_at"][known] = newest

    def _periods(self, head: NDArray[np.void], anchors: Anchors, end: Codes) -> None:
        """Count the events of each user's newest periods: places of the periods' borders."""
        newest = head["last_at"] // PERIOD_MS
        head["period"] = newest
        borders = (newest[:, None] + 1 - np.arange(PERIODS + 1)) * PERIOD_MS  # (A, PERIODS + 1)
        places = np.minimum(self.positions.find(anchors.user[:, None], borders), end[:, None])
        head["by_period"] = places[:, :-1] - places[:, 1:]

    def _ring(self, ring: NDArray[np.void], begin: Codes, end: Codes) -> None:
        """Gather each user's newest events, newest first."""
        place = end[:, None] - 1 - np.arange(RING)  # (A, RING)
        held = place >= begin[:, None]
        place = place[held]
        events = self.interactions
        ring["at"][held] = events.at[place]
        ring["id"][held] = place + 1
        ring["ref"][held] = self._refs[events.about(place)]
        ring["price"][held] = events.price[place]
        ring["quantity"][held] = events.quantity[place]
        ring["action"][held] = events.action[place]
        ring["rating"][held] = events.rating[place]


def _running(values: NDArray[np.generic]) -> Codes:
    """Sum up to, not including, each place. Returns (E + 1,)."""
    return np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
