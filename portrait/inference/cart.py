"""Cart: what somebody's events say is in their cart now."""

import numpy as np

from portrait.arrays import Refs, Ring
from portrait.events.columns import ACTION_CODE, PURCHASE
from portrait.events.event import Action

CART = ACTION_CODE[Action.CART]
# What puts an item into a cart, and what takes it out again.
_DECIDES = [
    code for action, code in ACTION_CODE.items() if action in {"cart", "purchase", "remove"}
]


def in_cart(ring: Ring) -> Refs:
    """Return the items that were put into the cart, and neither bought nor removed since.

    Args:
        ring: (S,) of EVENT, newest first.
    """
    decided = ring[np.isin(ring["action"], _DECIDES)]
    items, newest = np.unique(decided["ref"], return_index=True)
    in_it: Refs = items[decided["action"][newest] == CART]
    return in_it


def bought(ring: Ring) -> Refs:
    """Return the items that were bought, of events (S,)."""
    return np.unique(ring["ref"][ring["action"] == PURCHASE])
