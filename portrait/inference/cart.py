"""Cart: what somebody's events say is in their cart now."""

import numpy as np

from portrait.arrays import Refs, Ring
from portrait.events.columns import ACTION_CODE, PURCHASE
from portrait.events.event import Action

CART = ACTION_CODE[Action.CART]
# What puts an item into a cart, and what takes it out again.
_DECIDES = {
    code for action, code in ACTION_CODE.items() if action in {"cart", "purchase", "remove"}
}


def in_cart(ring: Ring) -> Refs:
    """Return the items put into the cart, and neither bought nor removed since, ascending.

    Args:
        ring: (S,) of EVENT, newest first.
    """
    last = dict[int, int]()  # what was decided, by ref
    for ref, action in zip(ring["ref"].tolist(), ring["action"].tolist(), strict=True):
        if action in _DECIDES:
            last.setdefault(ref, action)
    return np.array(sorted(ref for ref, action in last.items() if action == CART), np.uint64)


def bought(ring: Ring) -> Refs:
    """Return the items that were bought, of events (S,), ascending."""
    refs = ring["ref"][ring["action"] == PURCHASE].tolist()
    return np.array(sorted({*refs}), np.uint64)
