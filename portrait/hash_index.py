"""A hash index from refs to rows, looked up by the array.

Open addressing with linear probing over a power-of-two table at most a quarter full. Refs are
hashes already, so their low bits are the slot. A Python dict does the same five times slower,
because it is asked one key at a time: painting asks for 64 keys per user.

One task adds, any thread reads: a row is there before its key, and a larger table takes the place
of the one before in one step.
"""

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING

LOAD = 4  # slots per key
FIRST_SLOTS = 1_024

Table = tuple[NDArray[np.uint64], NDArray[np.int64]]


class HashIndex:
    """Maps refs (64-bit, not 0) to rows. Grows; a key can be moved to another row, not removed."""

    def __init__(self) -> None:
        self._table = _table(FIRST_SLOTS)  # keys and rows, by slot
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self, refs: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the row of each ref, or MISSING. Any shape in, the same shape out."""
        if not refs.size:
            return np.zeros(refs.shape, np.int64)
        all_keys, all_rows = self._table
        flat = refs.ravel()
        mask = np.uint64(len(all_keys) - 1)
        slot = (flat & mask).astype(np.int64)
        keys = all_keys[slot]
        rows = np.where(keys == flat, all_rows[slot], MISSING)
        pending = np.flatnonzero((keys != flat) & (keys != 0))
        while len(pending):  # ends: a quarter-full table has an empty slot on every path
            slot[pending] = (slot[pending] + 1) & int(mask)
            keys = all_keys[slot[pending]]
            hit = keys == flat[pending]
            rows[pending[hit]] = all_rows[slot[pending[hit]]]
            pending = pending[~hit & (keys != 0)]
        rows[flat == 0] = MISSING
        return rows.reshape(refs.shape)

    def put(self, ref: int, row: int) -> None:
        """Map a ref to a row."""
        if (self._count + 1) * LOAD > len(self._table[0]):
            self._table = _grown(self._table)
        self._count += _place(self._table, ref, row)


def _table(slots: int) -> Table:
    return np.zeros(slots, np.uint64), np.full(slots, MISSING, np.int64)


def _place(table: Table, ref: int, row: int) -> bool:
    """Write a row, then its key. Returns whether the key is new."""
    keys, rows = table
    mask = len(keys) - 1
    slot = ref & mask
    while keys[slot] and keys[slot] != ref:
        slot = (slot + 1) & mask
    rows[slot] = row
    is_new = not keys[slot]
    keys[slot] = ref
    return is_new


def _grown(table: Table) -> Table:
    keys, rows = table
    used = np.flatnonzero(keys)
    grown = _table(4 * len(keys))
    for ref, row in zip(keys[used].tolist(), rows[used].tolist(), strict=True):
        _place(grown, ref, row)
    return grown
