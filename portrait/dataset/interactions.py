"""Interactions: many users' events as columns, what learning, labelling and measuring read.

Facts keep what the stream needs of one user; these keep the whole history of all of them.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes, Flags, Refs

NO_ITEM = -1  # the item of a search
NO_QUERY = -1  # the query of all other events, and of searches whose text is not known


@dataclass(frozen=True, slots=True)
class Interactions:
    """E events of U users, sorted by user, then by time; of equal times in log order.

    They are about N items, or about Q queries: the texts that were searched for.
    """

    user: Codes  # (E,), 0 to U - 1
    item: Codes  # (E,), row of `items`, or NO_ITEM
    action: NDArray[np.uint8]  # (E,), ACTION_CODE
    at: Codes  # (E,), ms since 1970; places in the sequence where a data set has no times
    price: NDArray[np.float32]  # (E,), of one piece; 0 = not said, FREE = for nothing
    quantity: NDArray[np.int32]  # (E,); 0 = a review whose rating was read from its text
    rating: NDArray[np.uint8]  # (E,), tenths of a star; 0 = not rated
    query: Codes  # (E,), row of `queries`, or NO_QUERY
    order: Refs  # (E,), order_ref of a purchase; 0 = not said
    asked: Flags  # (E,), whether it may be foretold: see `joining`
    place: NDArray[np.uint8]  # (E,), where in a list it was touched, from 1; 0 = it came of none
    items: NDArray[np.uint64]  # (N,), item_ref
    queries: NDArray[np.uint64]  # (Q,), search_ref, ascending
    users: int

    def __len__(self) -> int:
        return len(self.user)

    @property
    def starts(self) -> Codes:
        """Where each user's events begin, (U + 1,): those of user u are starts[u]:starts[u + 1]."""
        return np.searchsorted(self.user, np.arange(self.users + 1))

    @property
    def moments(self) -> Codes:
        """When things happened, (E,), to whoever asks what came after what.

        The purchases of an order are of one moment, the first of theirs: they have no order.
        """
        moments = self.at.copy()
        bought = np.flatnonzero(self.order)
        bought = bought[np.lexsort((self.order[bought], self.user[bought]))]  # stable: oldest first
        user, order = self.user[bought], self.order[bought]
        begins = np.ones(len(bought), np.bool_)
        begins[1:] = (user[1:] != user[:-1]) | (order[1:] != order[:-1])
        first = np.maximum.accumulate(np.where(begins, np.arange(len(bought)), 0))
        moments[bought] = self.at[bought[first]]
        return moments

    def about(self, places: NDArray[np.int64]) -> Codes:
        """Return what events are about: a row of `items`, N + a row of `queries`, or NO_ITEM.

        Args:
            places: Of events, any shape; of which the answer is, too.
        """
        query = self.query[places]
        return np.where(query == NO_QUERY, self.item[places], len(self.items) + query)

    def where(self, chosen: NDArray[np.bool_]) -> "Interactions":
        """Return these events alone, (E,) chosen; users and items keep their numbers."""
        columns = {
            field.name: getattr(self, field.name)[chosen]
            for field in fields(self)
            if field.name not in {"items", "queries", "users"}
        }
        return replace(self, **columns)

    def of_queries(self, most: int) -> "Interactions":
        """Return the same with as many queries at most, the commonest; the others are not known."""
        if len(self.queries) <= most:
            return self
        counts = np.bincount(self.query[self.query != NO_QUERY], minlength=len(self.queries))
        kept = np.sort(np.argsort(-counts, kind="stable")[:most])
        row = np.full(len(self.queries) + 1, NO_QUERY)  # the last: what NO_QUERY points to
        row[kept] = np.arange(len(kept))
        return replace(self, query=row[self.query], queries=self.queries[kept])

    def before(self, moment_ms: int) -> "Interactions":
        """Return what had happened before a moment: nothing later can leak into it."""
        return self.where(self.at < moment_ms)


def from_columns(  # noqa: PLR0913 - one argument a column
    *,
    user: Codes,
    item: Codes,
    action: NDArray[np.uint8],
    at: Codes,
    items: NDArray[np.uint64],
    users: int,
    price: NDArray[np.float32] | None = None,
    quantity: NDArray[np.int32] | None = None,
    rating: NDArray[np.uint8] | None = None,
    query: Codes | None = None,
    order: Refs | None = None,
    asked: Flags | None = None,
    place: NDArray[np.uint8] | None = None,
    queries: NDArray[np.uint64] | None = None,
) -> Interactions:
    """Sort columns in any order into interactions; what is not said is filled in."""
    row = np.lexsort((at, user))  # stable: equal times keep their order
    events = len(user)
    return Interactions(
        user=user[row],
        item=item[row],
        action=action[row],
        at=at[row],
        price=np.zeros(events, np.float32) if price is None else price[row],
        quantity=np.ones(events, np.int32) if quantity is None else quantity[row],
        rating=np.zeros(events, np.uint8) if rating is None else rating[row],
        query=np.full(events, NO_QUERY) if query is None else query[row],
        order=np.zeros(events, np.uint64) if order is None else order[row],
        asked=np.ones(events, np.bool_) if asked is None else asked[row],
        place=np.zeros(events, np.uint8) if place is None else place[row],
        items=items,
        queries=np.zeros(0, np.uint64) if queries is None else queries,
        users=users,
    )
