"""Eligible: which items may stand in a list, as masks over the shelf."""

import numpy as np

from portrait.arrays import MISSING, Flags
from portrait.events.price import FREE
from portrait.inference.ranking import Filters, RankingRequest
from portrait.inference.shelf import Shelf

LARGEST_PRICE = float(np.finfo(np.float32).max)  # that can be asked for; numpy warns of more


def eligible(shelf: Shelf, request: RankingRequest) -> tuple[Flags, int]:
    """Return (N,), which items may stand in a list, and how many fit its filters in any case."""
    mask, excluded = matching(shelf, request.filters), request.excluded
    matched = int(np.count_nonzero(mask))
    mask[excluded[(excluded != MISSING) & (excluded < len(shelf))]] = False
    for out in (request.unwanted, request.alike, request.above):
        if out is not None:
            mask &= ~out
    if request.plan is not None and request.plan.barred is not None:
        mask &= ~request.plan.barred
    return mask, matched


def matching(shelf: Shelf, filters: Filters) -> Flags:
    """Return (N,): which items fit filters."""
    fits = shelf.offered.copy() if filters.only_available else ~shelf.hidden
    if filters.categories:
        fits &= shelf.in_categories(filters.categories)
    if filters.brands:
        fits &= shelf.of_brands(filters.brands)
    if filters.price_min is not None:
        fits &= (shelf.price > 0) & (shelf.price >= min(filters.price_min, LARGEST_PRICE))
    if filters.price_max is not None:
        highest = max(min(filters.price_max, LARGEST_PRICE), FREE)  # what costs nothing fits any
        fits &= (shelf.price > 0) & (shelf.price <= highest)
    return fits
