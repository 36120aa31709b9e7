"""A plan: what a list must hold to beside what was asked for, as masks over a shelf of N items.

Who makes it is named in it (`by`), so that a list can say who put or moved an item.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from portrait.arrays import Codes, Flags, Floats

Array = TypeVar("Array", Flags, Floats)


@dataclass(frozen=True, slots=True)
class Pin:
    """The best of some items stand at a place of the list, and after it."""

    by: str
    items: Flags  # (N,)
    position: int  # from 0
    most: int


@dataclass(frozen=True, slots=True)
class Floor:
    """A list has so many of some items at least."""

    by: str
    items: Flags  # (N,)
    least: int


@dataclass(frozen=True, slots=True)
class Cap:
    """A list has so many of each kind at most."""

    by: str
    kind: Codes  # (N,), or MISSING where it does not count
    most: int


@dataclass(frozen=True, slots=True)
class Lift:
    """Some items count for more, or less, in the order; 1 is as much as the best one's score."""

    by: str
    items: Flags  # (N,)
    by_how_much: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a list holds to. What is barred is barred; then pins, then floors, then caps."""

    barred: Flags | None = None  # (N,)
    fade: Floats | None = None  # (N,), how much less of its score an item counts: 0 to 1
    lift: Floats | None = None  # (N,), the sum of all lifts
    lifts: tuple[Lift, ...] = ()
    pins: tuple[Pin, ...] = ()
    floors: tuple[Floor, ...] = ()
    caps: tuple[Cap, ...] = ()

    @property
    def arranges(self) -> bool:
        """Whether it does more than to bar items."""
        moves = self.lifts or self.pins or self.floors or self.caps
        return bool(moves) or self.fade is not None

    def puts(self, rows: Codes) -> Flags:
        """Say which rows, (n,), somebody has put into the list whatever they score."""
        put = np.zeros(len(rows), np.bool_)
        for items in (*(pin.items for pin in self.pins), *(floor.items for floor in self.floors)):
            put |= items[rows]
        return put

    def joined(self, other: "Plan", place_of: Mapping[str, int]) -> "Plan":
        """Return what both want; of pins and floors the one whose maker comes first goes first."""

        def place(each: Pin | Floor) -> int:
            return place_of[each.by]

        return Plan(
            barred=_both(np.logical_or, self.barred, other.barred),
            fade=_both(np.maximum, self.fade, other.fade),
            lift=_both(np.add, self.lift, other.lift),
            lifts=(*self.lifts, *other.lifts),
            pins=tuple(sorted((*self.pins, *other.pins), key=place)),
            floors=tuple(sorted((*self.floors, *other.floors), key=place)),
            caps=(*self.caps, *other.caps),
        )


def _both(
    join: Callable[[Array, Array], Array], one: Array | None, other: Array | None
) -> Array | None:
    """Join two arrays, (N,), of which either may be nothing."""
    if one is None or other is None:
        return one if other is None else other
    return join(one, other)
