"""Shares: how much of an item's relevance in a list is each event's, and how much its price's."""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import Floats, Rows
from portrait.inference.repeating import Repeating
from service.recommendations.listing import Listing
from service.recommendations.reasons import (
    ForAndAgainst,
    reasons_for,
    with_prices,
    with_rhythms,
)
from service.view import View


@dataclass(frozen=True, slots=True)
class Shares:
    """Of n items and S events; an item's shares add up to its relevance."""

    rows: Rows  # (n,)
    events: Floats  # (n, S)
    prices: Floats  # (n,)


def shares_of(listing: Listing, rows: Rows, view: View) -> Shares | None:
    """Divide the relevance of items whose texts are known, (n,); None: no events stand for it."""
    taste, peak = listing.taste, np.float32(listing.ranking.peak)
    if listing.basis.evidence is None or taste is None:
        return None
    events = taste.without_prices().shares(view.shelf, rows) / peak
    return Shares(rows, events, taste.prices(view.shelf, rows) / peak)


def explained(shares: Shares, listing: Listing) -> list[ForAndAgainst]:
    """Name what speaks for each of n items, and what against it."""
    assert listing.basis.evidence is not None  # noqa: S101 - there are no shares without
    named = reasons_for(shares.events, listing.basis.evidence, listing.basis.mentions)
    if isinstance(listing.taste, Repeating):
        named = with_rhythms(named, listing.taste.rhythms(shares.rows))
    return with_prices(named, shares.prices)
