"""Attributes of items as columns: what texts and numbers the rows of a catalogue have.

Items are looked at once, and again when they have changed: to read an attribute of 100,000 takes
some 20 ms, to see which have changed 2 ms, beside the requests.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import is_not

import numpy as np

from portrait.arrays import MISSING, Codes, Doubles
from portrait.catalogue.names import Names
from portrait.events.item import Item


@dataclass(frozen=True, slots=True)
class Column:
    """One attribute of N items."""

    names: Names  # values, caseless; only ever added to
    codes: Codes  # (N,), or MISSING
    numbers: Doubles  # (N,), NaN where it is no number

    @classmethod
    def empty(cls) -> "Column":
        """Return that of no items."""
        return cls(Names(), np.zeros(0, np.int64), np.zeros(0))


class Columns:
    """The columns that rules look at. One task has it learn; what it returned is never changed."""

    def __init__(self) -> None:
        self._items: Sequence[Item] = ()
        self._columns: dict[str, Column] = {}

    def learn(self, items: Sequence[Item], names: Collection[str]) -> Mapping[str, Column]:
        """Return the columns of some attributes, of (N,) items: the rows of before, and more."""
        every = range(len(items))
        changed = [*compress(every, map(is_not, items, self._items))] if names else []
        changed += every[len(self._items) :]
        self._columns = {
            name: _read(self._columns[name], items, name, changed)
            if name in self._columns
            else _read(Column.empty(), items, name, every)
            for name in names
        }
        self._items = items
        return self._columns


def number_of(text: str) -> float:
    """Read a number; NaN where there is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _read(known: Column, items: Sequence[Item], name: str, rows: Sequence[int]) -> Column:
    """Read an attribute of some rows again."""
    if not rows:
        return known
    more = len(items) - len(known.codes)
    codes = np.r_[known.codes, np.full(more, MISSING)]
    numbers = np.r_[known.numbers, np.full(more, np.nan)]
    values = [items[row].attributes.get(name, "") for row in rows]
    codes[rows] = [known.names.code(value.casefold()) for value in values]
    numbers[rows] = [number_of(value) for value in values]
    return Column(known.names, codes, numbers)
