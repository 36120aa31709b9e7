"""Masks: conditions over a shelf of N items, as (N,) flags.

A condition that compares with the viewed item says nothing where none is viewed, or where what it
compares is not known of that one: `None`, and the rule it is of changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from portrait.arrays import MISSING, Codes, Doubles, Flags, Floats
from portrait.catalogue.catalogue import ALWAYS
from portrait.catalogue.edges import NO_EDGES, Edges
from portrait.events.price import FREE
from portrait.inference.shelf import Shelf
from portrait.ref import item_ref
from portrait.rules.attributes import Column
from portrait.rules.condition import ATTRIBUTE, ItemCondition, Linked, Range
from portrait.times import DAY_MS


@dataclass(frozen=True, slots=True)
class Beside:
    """What a request is about, with which items are compared."""

    viewed: int = MISSING  # row of the viewed item
    viewed_ref: int = 0  # the same as item_ref; 0: none
    had: tuple[int, ...] = ()  # item_ref of what the user bought, or has in the cart


ALONE = Beside()


@dataclass(frozen=True, slots=True)
class Masks:
    """What conditions are asked over: N items, as they are at one moment."""

    shelf: Shelf
    columns: Mapping[str, Column]  # by attribute, of those that conditions look at
    row_of: Mapping[int, int]  # by item_ref
    now_ms: int
    edges: Edges = NO_EDGES

    def of(self, condition: ItemCondition | None, beside: Beside = ALONE) -> Flags | None:
        """Return which items a condition holds of, (N,); all without one. Not to be written.

        Args:
            condition: What must hold.
            beside: What items are compared with.
        """
        if condition is None:
            return np.ones(len(self.shelf), np.bool_)
        found = [*self._plain(condition)]
        if condition.is_relative:
            found += self._compared(condition, beside)
        if condition.all_:
            found += [self.of(part, beside) for part in condition.all_]
        if condition.any_:
            found.append(_any([self.of(part, beside) for part in condition.any_]))
        if condition.not_:
            inner = self.of(condition.not_, beside)
            found.append(None if inner is None else ~inner)
        decided = [mask for mask in found if mask is not None]
        return reduce(np.logical_and, decided) if len(decided) == len(found) else None

    def kind(self, what: str) -> Codes:
        """Return which category, brand or value of an attribute each item has, (N,), or MISSING."""
        if what == "category":
            return self.shelf.category
        if what == "brand":
            return self.shelf.brand
        return self.columns[what.removeprefix(ATTRIBUTE)].codes

    def _plain(self, condition: ItemCondition) -> list[Flags | None]:
        """Return what its own members say that compare with nothing."""
        shelf, found = self.shelf, list[Flags | None]()
        if condition.items is not None:
            found.append(self._named(condition.items))
        if condition.category is not None:
            found.append(shelf.in_categories(condition.category))
        if condition.brand is not None:
            found.append(shelf.of_brands(condition.brand))
        if condition.price is not None:
            priced = np.where(shelf.price > FREE, shelf.price, 0)
            found.append((shelf.price > 0) & within(priced, condition.price))
        for name, test in (condition.attributes or {}).items():
            found.append(_has(self.columns[name], test))
        if condition.age_days is not None:
            age = (self.now_ms - shelf.since.astype(np.float64)) / DAY_MS
            found.append((shelf.since != ALWAYS) & within(age, condition.age_days))
        if condition.available is not None:
            found.append(shelf.offered == condition.available)
        return found

    def _compared(self, condition: ItemCondition, beside: Beside) -> list[Flags | None]:
        """Return what its own members say that compare with something."""
        found, viewed = list[Flags | None](), beside.viewed
        for what in condition.same or ():
            kind = self.kind(what)
            of_viewed = MISSING if viewed == MISSING else kind[viewed]
            found.append(None if of_viewed == MISSING else kind == of_viewed)
        if condition.price_of_viewed is not None:
            found.append(self._priced(condition.price_of_viewed, viewed))
        if condition.linked is not None:
            found.append(self._linked(condition.linked, beside))
        return found

    def _linked(self, linked: Linked, beside: Beside) -> Flags | None:
        """Say which items an edge leads to; None: no edge knows of where it would begin."""
        ends = (beside.viewed_ref,) if "viewed" in {linked.to, linked.of} else beside.had
        other = self.edges.to if linked.to else self.edges.from_
        refs = other(linked.relation, ends)
        if refs is None:
            return None
        return self._at([self.row_of.get(ref, MISSING) for ref in refs.tolist()])

    def _priced(self, ratio: Range, viewed: int) -> Flags | None:
        """Say whose price is within a range of multiples of that of the viewed item."""
        price = self.shelf.price.astype(np.float64)
        of_viewed = 0.0 if viewed == MISSING else price[viewed]
        if of_viewed <= FREE:  # not known, or nothing: there is no multiple of it
            return None
        return (price > 0) & within(price / of_viewed, ratio)

    def _named(self, ids: tuple[str, ...]) -> Flags:
        return self._at([self.row_of.get(item_ref(id), MISSING) for id in ids])

    def _at(self, rows: Sequence[int]) -> Flags:
        """Return the items of some rows; of those that are not here, none."""
        named = np.zeros(len(self.shelf), np.bool_)
        named[[row for row in rows if 0 <= row < len(named)]] = True
        return named


def within(numbers: Floats | Doubles, range: Range) -> Flags:
    """Say which numbers lie in a range; NaN does not."""
    low = -np.inf if range.min is None else range.min
    high = np.inf if range.max is None else range.max
    inside: Flags = (numbers >= low) & (numbers <= high)
    return inside


def _has(column: Column, test: Range | tuple[str, ...]) -> Flags:
    """Say which items have a value of an attribute, or a number within a range."""
    if isinstance(test, Range):
        return within(column.numbers, test)
    wanted = [code for value in test for code in column.names.named(value)]
    return np.isin(column.codes, wanted)


def _any(masks: list[Flags | None]) -> Flags | None:
    decided = [mask for mask in masks if mask is not None]
    return reduce(np.logical_or, decided) if len(decided) == len(masks) else None
