"""Tries: what came of the places of lists that were given to a draw.

Who proposed what was drawn is an arm: the list itself, what everybody wants, and each item that is
little known. Places are opened whatever stands there, so arms are compared on places alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from portrait.experiments.joining import NEW
from portrait.experiments.store import DayFigure
from portrait.experiments.tally import BY_ARM, BY_ITEM


class Tried(NamedTuple):
    """How often something was tried, and how often touched."""

    trials: int
    successes: int

    def plus(self, other: "Tried") -> "Tried":
        """Add up."""
        return Tried(self.trials + other.trials, self.successes + other.successes)


NOTHING_TRIED = Tried(0, 0)


@dataclass(frozen=True, slots=True)
class Tries:
    """What was tried."""

    arms: Mapping[tuple[str, str], Tried] = field(default_factory=dict)  # by surface and arm
    items: Mapping[int, Tried] = field(default_factory=dict)  # by ref, of those of NEW

    def of(self, surface: str, arm: str, item: int) -> Tried:
        """Return what came of an arm; each item of NEW is one of its own."""
        if arm == NEW:
            return self.items.get(item, NOTHING_TRIED)
        return self.arms.get((surface, arm), NOTHING_TRIED)


def tries_of(figures: Iterable[DayFigure]) -> Tries:
    """Return what figures say of open places."""
    arms: dict[tuple[str, str], Tried] = {}
    items: dict[int, Tried] = {}
    for _, (surface, by, value, metric), amount in figures:
        tried = Tried(amount * (metric == "items"), amount * (metric == "clicks"))
        if by == BY_ARM:
            arms[surface, value] = arms.get((surface, value), NOTHING_TRIED).plus(tried)
        elif by == BY_ITEM and (ref := _ref(value)):
            items[ref] = items.get(ref, NOTHING_TRIED).plus(tried)
    return Tries(arms, items)


def together(some: Iterable[Tries]) -> Tries:
    """Add up."""
    arms: dict[tuple[str, str], Tried] = {}
    items: dict[int, Tried] = {}
    for tries in some:
        for arm, tried in tries.arms.items():
            arms[arm] = arms.get(arm, NOTHING_TRIED).plus(tried)
        for item, tried in tries.items.items():
            items[item] = items.get(item, NOTHING_TRIED).plus(tried)
    return Tries(arms, items)


def _ref(value: str) -> int:
    """Read what `tally.named` wrote; 0: it has not."""
    try:
        return int(value, 16)
    except ValueError:
        return 0
