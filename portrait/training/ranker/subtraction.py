"""Subtraction: what somebody added to the sums behind co-occurrence, taken out of them again.

sums of everybody - sums of one person = sums of everybody else, to the last bit

For that the sums are of integers: who touched both, who touched each, and how often one thing came
so many steps after another. What is made of them (`co_occurrences_of`, `evidence_of`) is made
anew, so it equals what counting everybody else from the beginning would make.

No training keeps its sums yet: see docs/decisions/0049.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from portrait.arrays import Codes, Flags
from portrait.dataset.interactions import Interactions
from portrait.dataset.sequences import wanted
from portrait.training.ranker.co_occurrence import Window


@dataclass(frozen=True, slots=True)
class Sums:
    """What people have added, over N items: integers that add up in any order."""

    both: csr_array  # (N, N) int64: how many touched both; on the diagonal, each
    after: Sequence[csr_array]  # by steps, (N, N) int64: how often one came that many after another

    @property
    def popularity(self) -> NDArray[np.int64]:
        """How many touched each item, (N,)."""
        touched: NDArray[np.int64] = self.both.diagonal()
        return touched

    def without(self, theirs: "Sums") -> "Sums":
        """Take out what some of these people have added, and nobody else."""
        return Sums(
            _clean(self.both - theirs.both),
            [_clean(all_ - some) for all_, some in zip(self.after, theirs.after, strict=True)],
        )


def sums_of(events: Interactions, steps: int) -> Sums:
    """Count what people have touched, and what came after what, up to so many steps."""
    events = events.where(wanted(events))
    shape = events.users, len(events.items)
    ones = np.ones(len(events), np.int64)
    touched = csr_array((ones, (events.user, events.item)), shape=shape)
    touched.sum_duplicates()
    touched.data[:] = 1
    goes_on = (events.user[1:] == events.user[:-1]) & (events.item[1:] == events.item[:-1])
    events = events.where(np.append(True, ~goes_on)[: len(events)])
    at = events.moments
    after = [_after(events, at, step) for step in range(1, steps + 1)]
    return Sums(_clean(touched.T @ touched), after)


def sums_of_some(events: Interactions, chosen: Flags, steps: int) -> Sums:
    """Count what the chosen of U users, (U,), have added."""
    return sums_of(events.where(chosen[events.user]), steps)


def co_occurrences_of(
    sums: Sums, *, own: float = 0.7, other: float = 0.3, shrinkage: float = 20
) -> csr_array:
    """Make of sums what `co_occurrence.co_occurrences` makes of who touched what."""
    counts = coo_array(sums.both)
    apart = counts.row != counts.col
    row, column = counts.row[apart], counts.col[apart]
    popularity = sums.popularity.astype(np.float32)
    base = popularity[row] ** own * popularity[column] ** other + shrinkage
    values = counts.data[apart].astype(np.float32) / base
    return csr_array((values, (row, column)), shape=counts.shape)


def evidence_of(sums: Sums, window: Window) -> csr_array:
    """Make of sums what `co_occurrence.evidence` makes of what came after what."""
    counts = csr_array(sums.both.shape, dtype=np.float64)
    for step, after in enumerate(sums.after[: window.steps], 1):
        counts += after * step**-0.5
    if window.backward:
        counts += window.backward * counts.T
    both = counts.tocoo()
    apart = both.row != both.col
    value = np.log1p(both.data[apart] / window.smoothing).astype(np.float32)
    return csr_array((value, (both.row[apart], both.col[apart])), shape=both.shape)


def _after(events: Interactions, at: Codes, step: int) -> csr_array:
    """Count what came so many steps after what, of the same user, and not at the same time."""
    user, item = events.user, events.item
    same = (user[:-step] == user[step:]) & (at[:-step] != at[step:])
    ones = np.ones(int(same.sum()), np.int64)
    shape = len(events.items), len(events.items)
    return _clean(csr_array((ones, (item[:-step][same], item[step:][same])), shape=shape))


def _clean(matrix: csr_array) -> csr_array:
    """Bring a matrix into the one form that its values have."""
    clean = csr_array(matrix)
    clean.sum_duplicates()
    clean.sort_indices()
    return clean
