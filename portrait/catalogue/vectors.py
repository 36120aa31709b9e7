"""Text vectors by text ref, in one matrix. One task adds, any thread reads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING
from portrait.errors import SpaceMismatchError
from portrait.hash_index import HashIndex
from portrait.model.space import Vectors

FIRST_ROWS = 1_024


class VectorTable:
    """Vectors of one space, (N, K), each under the ref of its text. Grows; rows are not moved."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.matrix: Vectors = np.zeros((FIRST_ROWS, dim), np.float32)
        self.refs = np.zeros(FIRST_ROWS, np.uint64)
        self._index = HashIndex()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self, refs: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the row of each text, or MISSING. Any shape in, the same shape out."""
        return self._index.find(refs)

    def row(self, ref: int) -> int:
        """Return the row of one text, or MISSING."""
        return int(self._index.find(np.array([ref], np.uint64))[0])

    def missing(self, refs: Sequence[int]) -> list[int]:
        """Return the refs that have no vector here, in order, once each."""
        unique = np.array(list(dict.fromkeys(refs)), np.uint64)
        absent: list[int] = unique[self.find(unique) == MISSING].tolist()
        return absent

    def put(self, refs: Sequence[int], vectors: Vectors) -> None:
        """Add vectors (B, K) under their refs; one that is here already stays as it is."""
        if len(refs) and vectors.shape[1] != self.dim:
            msg = f"vectors of {vectors.shape[1]} dimensions in a space of {self.dim}"
            raise SpaceMismatchError(msg)
        for ref, vector in zip(refs, vectors, strict=True):
            if self.row(ref) == MISSING:
                self._append(ref, vector)

    def replace(self, refs: Sequence[int], vectors: Vectors) -> None:
        """Put vectors (B, K) under their refs, whatever was there; old rows stay as they are."""
        for ref, vector in zip(refs, vectors, strict=True):
            self._append(ref, vector)

    def kept(self, rows: NDArray[np.int64]) -> "VectorTable":
        """Return a new table of these rows alone."""
        table = VectorTable(self.dim)
        table.put(self.refs[rows].tolist(), self.matrix[rows])
        return table

    def _append(self, ref: int, vector: Vectors) -> None:
        if self._count == len(self.refs):
            self._grow()
        self.matrix[self._count] = vector
        self.refs[self._count] = ref
        self._index.put(ref, self._count)
        self._count += 1

    def _grow(self) -> None:
        self.matrix = np.concatenate([self.matrix, np.zeros_like(self.matrix)])
        self.refs = np.concatenate([self.refs, np.zeros_like(self.refs)])
