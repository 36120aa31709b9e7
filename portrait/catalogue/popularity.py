"""Popularity: what everybody wants lately, by row of a catalogue.

How loud one voice may be is decided in `influence.py`, when events are folded.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING
from portrait.catalogue.catalogue import Catalogue
from portrait.ref import item_ref

STRANGERS = 16_000  # thousandths: four purchases; beyond it, more strangers add little
DAYS = 28  # four weeks: the same number of each weekday
THOUSANDTHS = 1_000  # stored weights are integers, so that adding them up has no order


class WantedAmong(NamedTuple):
    """What people of whom the same is declared want in a week, and who they are."""

    regulars: Mapping[str, int]  # thousandths, by item id
    strangers: Mapping[str, int]
    people: Collection[str]  # counted by a sketch, and not kept


class PopularityStore(Protocol):
    """How much each item is wanted, by everybody, lately."""

    async def add(
        self, day: int, weights: Mapping[str, int], strangers: Mapping[str, int] | None = None
    ) -> None:
        """Add to the items' weights, in thousandths, on a day numbered from 1970.

        What strangers want is kept apart. A day that has not come yet is refused.
        """
        ...

    async def newest(self, days: int) -> Mapping[str, int]:
        """Return the items' weights over the newest days on which anything happened.

        What strangers want counts less the more there is of it: see `popularity.diminished`.
        """
        ...

    async def add_among(self, wanted: Mapping[tuple[str, int], WantedAmong]) -> None:
        """Add to what groups want, by group and by week numbered from 1970."""
        ...

    async def among(self) -> Mapping[str, Mapping[str, int]]:
        """Return weights by group, of the newest weeks on which anything happened in it.

        Only of groups in which enough people wanted something in these weeks.
        """
        ...


@dataclass(frozen=True, slots=True)
class Popularity:
    """How much each of N items is wanted, and their order. Never changes."""

    weights: NDArray[np.float32]  # (N,): action weight of everybody's events
    order: NDArray[np.int64]  # (N,) rows, the most wanted first; the catalogue's order among equals

    def padded(self, items: int) -> "Popularity":
        """Return the same of more items, of which the new ones are not wanted yet."""
        new = np.arange(len(self.weights), items)
        weights = np.r_[self.weights, np.zeros(len(new), np.float32)]
        return Popularity(weights, np.r_[self.order, new])


def diminished(weight: int) -> int:
    """Return what counts of what strangers want of an item, in thousandths.

    One purchase counts as 1, ten as 5, five hundred as 19: made-up users cost nothing. The order
    of items that strangers alone want stays what it is.
    """
    return round(STRANGERS * math.log(1 + weight / STRANGERS))


def popularity_of(catalogue: Catalogue, weights: Mapping[str, int]) -> Popularity:
    """Place the weights of item ids, in thousandths, on the catalogue's rows."""
    wanted = np.zeros(len(catalogue), np.float32)
    refs = np.fromiter((item_ref(id) for id in weights), np.uint64, len(weights))
    values = np.fromiter(weights.values(), np.float32, len(weights))
    rows = catalogue.find(refs)
    known = (rows != MISSING) & (rows < len(wanted))
    wanted[rows[known]] = values[known] / THOUSANDTHS
    return Popularity(wanted, np.argsort(-wanted, kind="stable"))
