"""Drift: does what comes in still look like what the model was trained on?

Two signs: the streaming error rises (`ErrorDrift`), or the distribution of something the model
computes, lengths of vectors or scores of heads, has moved (`Reference`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from portrait.arrays import Doubles

BINS = 10
MOVED = 0.25  # PSI: below 0.1 nothing, above 0.25 a change, as scorecards have used it for decades
LEAST_VALUES = 200  # fewer say nothing about ten bins
HALF = 0.5  # added to each count, so that an empty bin is not infinitely far


class ErrorDrift(Protocol):
    """Watches a stream of errors: 0 for each hit, 1 for each miss, or any loss."""

    def add(self, errors: Doubles) -> bool:
        """Take in errors (E,), oldest first. Says whether their mean has risen for good."""
        ...


@dataclass(frozen=True, slots=True)
class Reference:
    """How some number was distributed when the model was trained: ten bins of equal mass."""

    edges: Doubles  # (BINS - 1,), ascending
    counts: Doubles  # (BINS,)

    @classmethod
    def of(cls, values: Doubles) -> Self:
        """Remember the distribution of values (N,)."""
        edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
        return cls(edges, _counts(values, edges))

    def psi(self, values: Doubles) -> float:
        """Return how far values (N,) have moved, less what chance moves them on average.

        With N and M values in B equal bins the index is (B - 1) (1/N + 1/M) without any change.

        Source: Yurdakul and Naranjo, Statistical properties of the population stability index,
        Journal of Risk Model Validation 14(4), 2020.
        """
        counts = _counts(values, self.edges)
        was, now = _shares(self.counts), _shares(counts)
        index = float(((now - was) * np.log(now / was)).sum())
        chance = (BINS - 1) * (1 / float(self.counts.sum()) + 1 / float(counts.sum()))
        return index - chance

    def as_lists(self) -> dict[str, list[float]]:
        """Return it as a manifest keeps it."""
        return {"edges": self.edges.tolist(), "counts": self.counts.tolist()}

    @classmethod
    def from_lists(cls, lists: Mapping[str, list[float]]) -> Self:
        """Read what `as_lists` wrote."""
        return cls(np.array(lists["edges"]), np.array(lists["counts"]))


def moved(
    references: Mapping[str, Reference], values: Mapping[str, Doubles], limit: float = MOVED
) -> str | None:
    """Return a sentence that names what has moved the most beyond the limit, if anything has."""
    indices = {
        name: references[name].psi(some)
        for name, some in values.items()
        if name in references and len(some) >= LEAST_VALUES
    }
    worst = max(indices, key=indices.__getitem__, default=None)
    if worst is None or indices[worst] <= limit:
        return None
    return f"The distribution of {worst} has moved: PSI {indices[worst]:.2f} > {limit:.2f}."


def _counts(values: Doubles, edges: Doubles) -> Doubles:
    places = np.searchsorted(edges, values, side="right")
    return np.bincount(places, minlength=BINS).astype(np.float64)


def _shares(counts: Doubles) -> Doubles:
    shares: Doubles = (counts + HALF) / (counts + HALF).sum()
    return shares
