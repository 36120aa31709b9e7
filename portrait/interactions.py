"""Interactions: many users' events as columns, what learning, labelling and measuring read.

Facts keep what the stream needs of one user; these keep the whole history of all of them.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]

NO_ITEM = -1  # the item of a search


@dataclass(frozen=True, slots=True)
class Interactions:
    """E events of U users on N items, sorted by user, then by time; of equal times in log order."""

    user: Codes  # (E,), 0 to U - 1
    item: Codes  # (E,), row of `items`, or NO_ITEM
    action: NDArray[np.uint8]  # (E,), ACTION_CODE
    at: Codes  # (E,), ms since 1970; places in the sequence where a data set has no times
    price: NDArray[np.float32]  # (E,), of one piece; 0 = not said
    quantity: NDArray[np.int32]  # (E,)
    rating: NDArray[np.uint8]  # (E,), tenths of a star; 0 = not rated
    items: NDArray[np.uint64]  # (N,), item_ref
    users: int

    def __len__(self) -> int:
        return len(self.user)

    @property
    def starts(self) -> Codes:
        """Where each user's events begin, (U + 1,): those of user u are starts[u]:starts[u + 1]."""
        return np.searchsorted(self.user, np.arange(self.users + 1))

    def where(self, chosen: NDArray[np.bool_]) -> "Interactions":
        """Return these events alone, (E,) chosen; users and items keep their numbers."""
        columns = {
            field.name: getattr(self, field.name)[chosen]
            for field in fields(self)
            if field.name not in {"items", "users"}
        }
        return replace(self, **columns)

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
) -> Interactions:
    """Sort columns in any order into interactions; what is not said is filled in."""
    order = np.lexsort((at, user))  # stable: equal times keep their order
    events = len(user)
    return Interactions(
        user=user[order],
        item=item[order],
        action=action[order],
        at=at[order],
        price=np.zeros(events, np.float32) if price is None else price[order],
        quantity=np.ones(events, np.int32) if quantity is None else quantity[order],
        rating=np.zeros(events, np.uint8) if rating is None else rating[order],
        items=items,
        users=users,
    )
