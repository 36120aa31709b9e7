"""Prices in arrays: 0 where none is known, and FREE where there is nothing to pay.

Zero is a price, and an unknown one is none. What adds prices up needs not tell them apart; whoever
asks whether one is known, asks whether it is above 0. Why not NaN: docs/decisions/0034.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Flags, Floats
from portrait.events.columns import PURCHASE, RETURN

NOT_KNOWN = 0.0
FREE = 2.0**-126  # the smallest float32 that no processor takes for 0; rounded, it is 0


def held(price: float | None) -> float:
    """Return a price as arrays hold it."""
    return NOT_KNOWN if price is None else max(price, FREE)


@dataclass(frozen=True, slots=True)
class Deals:
    """E events of which some are purchases and returns."""

    user: NDArray[np.integer]  # (E,), a number
    item: NDArray[np.integer]  # (E,), a number or a name
    at: NDArray[np.int64]  # (E,), ms
    action: NDArray[np.uint8]  # (E,), ACTION_CODE
    price: Floats  # (E,), of one piece

    @property
    def lacking(self) -> Flags:
        """Which of them are purchases and returns whose price is not known, (E,)."""
        is_deal = (self.action == PURCHASE) | (self.action == RETURN)
        lacking: Flags = is_deal & (self.price == NOT_KNOWN)
        return lacking

    def prices(self, listed: Floats) -> Floats:
        """Return their prices, (E,), where purchases and returns have one as far as it is known.

        A purchase takes what the catalogue says, `listed`, (E,). A return takes the price of the
        same user's newest purchase of that item until then, else what the catalogue says.
        """
        is_bought = self.action == PURCHASE
        price: Floats = np.where(self.lacking & is_bought, listed, self.price)
        asks = self.lacking & ~is_bought
        tells = is_bought & (price > NOT_KNOWN)
        places = np.flatnonzero(asks | tells)
        order = places[
            np.lexsort((asks[places], self.at[places], self.item[places], self.user[places]))
        ]
        told = np.maximum.accumulate(np.where(tells[order], np.arange(len(order)), MISSING))
        bought = order[told]
        is_its = (told != MISSING) & (self.user[bought] == self.user[order])
        is_its &= self.item[bought] == self.item[order]
        paid = np.where(is_its, price[bought], listed[order])
        price[order] = np.where(asks[order], paid, price[order])
        return price
