"""Prices: what purchases and returns cost that do not say so, before they are folded."""

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Records
from portrait.catalogue.catalogue import Catalogue
from portrait.events.columns import PURCHASE
from portrait.events.price import Deals
from portrait.profiles.facts import Facts


def priced(facts: Facts, columns: Records, catalogue: Catalogue) -> Records:
    """Return events, (E,) of COLUMNS, with the prices of purchases and returns that say none.

    Args:
        facts: Of their users, before they are folded.
        columns: The events.
        catalogue: As it is now: read again later, an event may get another price.
    """
    event, user = columns["event"], columns["user"]
    asking = _deals(user, event).lacking
    if not asking.any():
        return columns
    before, whose = _bought(facts, np.unique(user[asking]))
    # What is remembered comes last: of a purchase that is repeated it has the price that counts.
    events, users = np.concatenate([event, before]), np.concatenate([user, whose])
    listed = catalogue.price_of(catalogue.find(np.ascontiguousarray(events["ref"])))
    priced = columns.copy()
    priced["event"]["price"] = _deals(users, events).prices(listed)[: len(event)]
    return priced


def _deals(user: NDArray[np.int32], event: Records) -> Deals:
    """Return events, (E,) of EVENT, as deals of some users, (E,)."""
    return Deals(user, event["ref"], event["at"], event["action"], event["price"])


def _bought(facts: Facts, users: NDArray[np.int32]) -> tuple[Records, NDArray[np.int32]]:
    """Return the purchases that some users remember, (P,) of EVENT, and who made each, (P,)."""
    ring = facts.ring[users]
    row, place = np.nonzero((ring["action"] == PURCHASE) & (ring["at"] > 0))
    return ring[row, place], users[row]
