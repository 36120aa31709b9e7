"""Traits: what the catalogue knows of an item besides its words: its category and price level.

A price level is where a price stands among those of its category, so that it says nothing of what
the thing is. What somebody leans to is added up in `leaning.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes, Floats
from portrait.catalogue.names import Paths
from portrait.events.category import interest_category, top_category
from portrait.events.item import Item
from portrait.events.price import held
from portrait.ref import item_ref

LEVELS = 20  # of prices in a category, the cheapest first
NO_LEVEL = LEVELS  # price or category not known

Levels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of items, or of what events are about."""

    category: Codes  # code of the category as an interest names it, or MISSING
    level: Levels  # of the price, or NO_LEVEL; of the same shape
    top_of: Codes  # (C,): code of the widest category that each one lies in

    def at(self, rows: Codes) -> "Traits":
        """Return those of some rows, of any shape; of rows that are not here, none."""
        category = np.full(rows.shape, MISSING)
        level = np.full(rows.shape, NO_LEVEL, np.uint8)
        here = (rows >= 0) & (rows < len(self.level))
        category[here], level[here] = self.category[rows[here]], self.level[rows[here]]
        return Traits(category, level, self.top_of)

    @property
    def at_once(self) -> "Traits":
        """The same of one user among users, (1, S)."""
        return Traits(self.category[None], self.level[None], self.top_of)


def levels_of(category: Codes, price: Floats) -> Levels:
    """Say where each item's price stands in its category, (N,); of equal prices in their middle.

    Args:
        category: (N,), codes, or MISSING.
        price: (N,); 0 = not known.
    """
    levels = np.full(len(price), NO_LEVEL, np.uint8)
    known = np.flatnonzero((category != MISSING) & (price > 0))
    order = known[np.lexsort((price[known], category[known]))]
    ordered, prices = category[order], price[order]
    begins, ends = _runs(ordered[1:] != ordered[:-1], len(order))
    first, last = _runs((ordered[1:] != ordered[:-1]) | (prices[1:] != prices[:-1]), len(order))
    place = ((first + last) / 2 - begins) / np.maximum(ends - begins, 1)
    levels[order] = np.minimum(place * LEVELS, LEVELS - 1).astype(np.uint8)
    return levels


def traits_of(items: Sequence[Item], refs: NDArray[np.uint64]) -> Traits:
    """Return the traits of some items, (N,) item_ref, as they stand among all of a catalogue."""
    names = Paths()
    category = np.array([names.code(interest_category(item.lies_in)) for item in items], np.int64)
    price = np.array([held(item.price) for item in items], np.float32)
    every = Traits(category, levels_of(category, price), tops_of(names))
    row_of = {item_ref(item.id): row for row, item in enumerate(items)}
    return every.at(np.array([row_of.get(ref, MISSING) for ref in refs.tolist()], np.int64))


def tops_of(interests: Paths) -> Codes:
    """Return a code of the widest category of each interest category, (C,)."""
    tops = Paths()
    return np.array([tops.code(top_category(name)) for name in interests], np.int64)


def _runs(is_next: NDArray[np.bool_], count: int) -> tuple[Codes, Codes]:
    """Return where the run of equals of each place begins and ends, by where a next one begins."""
    if not count:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    starts = np.flatnonzero(np.r_[True, is_next])
    sizes = np.diff(np.r_[starts, count])
    begins = np.repeat(starts, sizes)
    return begins, begins + np.repeat(sizes, sizes)
