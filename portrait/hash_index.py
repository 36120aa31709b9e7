"""A hash index from refs to rows, looked up by the array.

Open addressing with linear probing over a power-of-two table at most a quarter full. Refs are
hashes already, so their low bits are the slot. A Python dict does the same five times slower,
because it is asked one key at a time: painting asks for 64 keys per user.
"""

import numpy as np
from numpy.typing import NDArray

MISSING = -1
LOAD = 4  # slots per key
FIRST_SLOTS = 1_024


class HashIndex:
    """Maps refs (64-bit, not 0) to rows. Grows; a key can be moved to another row, not removed."""

    def __init__(self) -> None:
        self._keys = np.zeros(FIRST_SLOTS, np.uint64)
        self._rows = np.full(FIRST_SLOTS, MISSING, np.int64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self, refs: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the row of each ref, or MISSING. Any shape in, the same shape out."""
        if not refs.size:
            return np.zeros(refs.shape, np.int64)
        flat = refs.ravel()
        mask = np.uint64(len(self._keys) - 1)
        slot = (flat & mask).astype(np.int64)
        keys = self._keys[slot]
        rows = np.where(keys == flat, self._rows[slot], MISSING)
        pending = np.flatnonzero((keys != flat) & (keys != 0))
        while len(pending):  # ends: a quarter-full table has an empty slot on every path
            slot[pending] = (slot[pending] + 1) & int(mask)
            keys = self._keys[slot[pending]]
            hit = keys == flat[pending]
            rows[pending[hit]] = self._rows[slot[pending[hit]]]
            pending = pending[~hit & (keys != 0)]
        rows[flat == 0] = MISSING
        return rows.reshape(refs.shape)

    def put(self, ref: int, row: int) -> None:
        """Map a ref to a row."""
        if (self._count + 1) * LOAD > len(self._keys):
            self._grow()
        self._place(ref, row)

    def _place(self, ref: int, row: int) -> None:
        mask = len(self._keys) - 1
        slot = ref & mask
        while self._keys[slot] and self._keys[slot] != ref:
            slot = (slot + 1) & mask
        self._count += not self._keys[slot]
        self._keys[slot] = ref
        self._rows[slot] = row

    def _grow(self) -> None:
        used = np.flatnonzero(self._keys)
        refs, rows = self._keys[used].tolist(), self._rows[used].tolist()
        slots = 4 * len(self._keys)
        self._keys = np.zeros(slots, np.uint64)
        self._rows = np.full(slots, MISSING, np.int64)
        self._count = 0
        for ref, row in zip(refs, rows, strict=True):
            self._place(ref, row)
