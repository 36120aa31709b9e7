"""Arrays: the names of their types, and look-ups in sorted ones."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Codes = NDArray[np.int64]  # numbers of things: users, items, moments in ms
Rows = NDArray[np.int64]  # where things lie in another array
Refs = NDArray[np.uint64]  # names of things, see `ref.py`
Flags = NDArray[np.bool_]
Records = NDArray[np.void]  # of a structured type
Ring = NDArray[np.void]  # (..., RING) of EVENT, newest first

MISSING = -1


def positions(ascending: NDArray[np.generic], wanted: NDArray[np.generic]) -> Rows:
    """Return where values lie in an ascending array; MISSING where they do not.

    Args:
        ascending: (N,), any number, each once.
        wanted: Of the same type and any shape.

    Returns:
        Of the shape of `wanted`.
    """
    if not len(ascending):
        return np.full(wanted.shape, MISSING)
    place = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    rows: Rows = np.where(ascending[place] == wanted, place, MISSING)
    return rows
