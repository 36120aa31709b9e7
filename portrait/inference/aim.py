"""Aim: what a taste scores items by, as products: what an index of items is asked with.

    score[j] = behaviour @ placed[j] + text @ text[j] + kin[category of j] + price[level of j]

and what co-occurrence and the shop's edges say, which few items have: these are named.
"""

from dataclasses import dataclass
from typing import Protocol

from portrait.arrays import Codes, Flags, Floats, Rows


@dataclass(frozen=True, slots=True)
class Aim:
    """What items are scored by."""

    behaviour: Floats  # (D,); (0,) where a model places nothing
    text: Floats  # (K,)
    kin: Floats  # (C,), by interest category
    price: Floats  # (LEVELS,), by price level


@dataclass(frozen=True, slots=True)
class Aims:
    """What items are scored by that people had taken when a model was learned, and all others."""

    warm: Aim
    cold: Aim
    others: Codes  # (n,), rows of the shelf for which something else speaks, the most so first


class Finder(Protocol):
    """Finds the items of N that are worth scoring; see `index.py`."""

    def nearest(self, aims: Aims, allowed: Flags, most: int) -> Rows:
        """Return the rows that promise most, of those that are allowed, (N,); in any order."""
        ...
