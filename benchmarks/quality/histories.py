"""Histories: which items users took, in order."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from portrait.arrays import Codes
from portrait.evaluation.ranking import Pairs


@dataclass(frozen=True, slots=True)
class Histories:
    """The items of U users, each oldest first."""

    flat: Codes  # (E,), rows of the catalogue
    starts: Codes  # (U + 1,): the items of row u are flat[starts[u]:starts[u + 1]]
    users: Codes  # (U,): whose they are; stays with them when users are chosen

    def __len__(self) -> int:
        return len(self.users)

    @property
    def lengths(self) -> Codes:
        """How many items each user took, (U,)."""
        return np.diff(self.starts)

    @property
    def rows(self) -> Codes:
        """The row of each event, (E,)."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def ages(self) -> Codes:
        """How many of the user's events are newer than each, (E,)."""
        return self.starts[self.rows + 1] - 1 - np.arange(len(self.flat))

    @property
    def pairs(self) -> Pairs:
        """Rows and items without repeats: what each user has seen."""
        if not len(self.flat):
            return self.flat, self.flat
        width = int(self.flat.max()) + 1
        key = np.unique(self.rows * width + self.flat)
        return key // width, key % width

    def counts(self, items: int) -> Codes:
        """Count the events of each item, (N,)."""
        return np.bincount(self.flat, minlength=items)

    def where(self, kept: NDArray[np.bool_]) -> "Histories":
        """Return these events alone, (E,) kept; users stay, even with nothing left."""
        lengths = np.bincount(self.rows[kept], minlength=len(self))
        return Histories(self.flat[kept], _starts(lengths), self.users)

    def of(self, rows: Codes) -> "Histories":
        """Return the histories of some rows, in their order."""
        lengths = self.lengths[rows]
        starts = _starts(lengths)
        within = np.arange(starts[-1]) - np.repeat(starts[:-1], lengths)
        flat = self.flat[np.repeat(self.starts[rows], lengths) + within]
        return Histories(flat, starts, self.users[rows])

    def newest(self, most: int) -> tuple[Codes, NDArray[np.bool_]]:
        """Return the newest items, newest first, and which places are filled; both (U, most)."""
        places = self.starts[1:, None] - 1 - np.arange(most)
        present = places >= self.starts[:-1, None]
        if not len(self.flat):
            return np.zeros(places.shape, np.int64), present
        return np.where(present, self.flat[np.maximum(places, 0)], 0), present

    def decayed(self, decay: float, items: int) -> csr_array:
        """Weigh each event by decay ** (how many are newer), (U, N); repeats add up."""
        weights = np.power(np.float32(decay), self.ages).astype(np.float32)
        return csr_array((weights, (self.rows, self.flat)), shape=(len(self), items))

    def touched(self, items: int) -> csr_array:
        """Return 1 where a user took an item, however often, (U, N)."""
        rows, columns = self.pairs
        ones = np.ones(len(rows), np.float32)
        return csr_array((ones, (rows, columns)), shape=(len(self), items))


def from_lists(sequences: list[list[int]]) -> Histories:
    """Take one list of items a user."""
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    flat = np.array([item for sequence in sequences for item in sequence], np.int64)
    return Histories(flat, _starts(lengths), np.arange(len(sequences)))


def _starts(lengths: Codes) -> Codes:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
