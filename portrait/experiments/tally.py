"""Tallies: how figures are named where they are added up, and what a variant's mean.

Everything is a number that is added to, so that a batch is one addition for each.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from portrait.experiments.joining import NEW, Origin, Trial
from portrait.experiments.means import Sums

THOUSANDTH: Final = 1_000
BY_ARM: Final = "explored"  # of places that were given to a draw, beside the others
BY_ITEM: Final = "tried"  # likewise, of items that are little known
BY: Final = ("all", "position", "source", "model", "variant", BY_ARM, BY_ITEM)
METRICS: Final = ("lists", "items", "clicks", "carts", "purchases", "revenue")
DONE: Final = ("clicks", "carts", "purchases")  # of which people are counted who did any
WORTH: Final = ("revenue", "spending")  # of which sums are kept


class Figure(NamedTuple):
    """What is counted of lists, for a day."""

    surface: str
    by: str  # one of BY
    value: str
    metric: str  # one of METRICS


class TrialFigure(NamedTuple):
    """What is counted of an experiment."""

    experiment: str
    variant: str
    metric: str  # `people`, one of DONE with `_people`, of WORTH with `_some`, `_sum`, `_squares`


@dataclass(slots=True)
class Tally:
    """What a part of a batch adds."""

    figures: Counter[tuple[int, Figure]] = field(default_factory=Counter)  # by day since 1970
    trials: Counter[TrialFigure] = field(default_factory=Counter)

    def add(self, day: int, origin: Origin, metric: str, amount: int = 1) -> None:
        """Add to what items of lists brought, by all that is known of where they stood."""
        for by, value in [*_of_list(origin), *_of_place(origin)]:
            self.figures[day, Figure(origin.surface, by, value, metric)] += amount

    def add_list(self, day: int, origin: Origin) -> None:
        """Count a list, by what all of its items have in common."""
        for by, value in _of_list(origin):
            self.figures[day, Figure(origin.surface, by, value, "lists")] += 1

    def enter(self, experiment: str, variant: str) -> None:
        """Count somebody who is in an experiment from now on."""
        self.trials[TrialFigure(experiment, variant, "people")] += 1

    def change(self, experiment: str, before: Trial, after: Trial) -> None:
        """Count what somebody has done more of in an experiment."""
        for metric in DONE:
            if not getattr(before, metric) and getattr(after, metric):
                self.trials[TrialFigure(experiment, after.variant, f"{metric}_people")] += 1
        for metric in WORTH:
            old, new = getattr(before, metric), getattr(after, metric)
            if new != old:
                self._worth(experiment, after.variant, metric, old, new)

    def prefer(self, experiment: str, team: str) -> None:
        """Count an interleaved list that speaks for one of both rankings."""
        self.trials[TrialFigure(experiment, team, "lists_preferred")] += 1

    def _worth(self, experiment: str, variant: str, metric: str, old: int, new: int) -> None:
        def add(part: str, amount: int) -> None:
            self.trials[TrialFigure(experiment, variant, f"{metric}_{part}")] += amount

        add("some", not old)
        add("sum", new - old)
        add("squares", new**2 - old**2)


def _of_list(origin: Origin) -> list[tuple[str, str]]:
    variants = [("variant", f"{name}={of}") for name, of in origin.experiments.items()]
    return [("all", ""), ("model", origin.model), *variants]


def _of_place(origin: Origin) -> list[tuple[str, str]]:
    place = [("position", str(origin.position)), ("source", origin.source)]
    if origin.arm:
        place.append((BY_ARM, origin.arm))
    return [*place, (BY_ITEM, named(origin.item))] if origin.arm == NEW else place


def named(item: int) -> str:
    """Name an item by its ref."""
    return f"{item:016x}"


def sums_of(counts: Mapping[str, float], metric: str) -> Sums:
    """Return what the people of a variant are worth, in the shop's unit, by its counts."""
    return Sums(
        people=round(counts.get("people", 0)),
        some=round(counts.get(f"{metric}_some", 0)),
        total=counts.get(f"{metric}_sum", 0) / THOUSANDTH,
        squares=counts.get(f"{metric}_squares", 0) / THOUSANDTH**2,
    )
