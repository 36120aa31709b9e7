"""Arrays: the names of their types, and how values are looked up and counted in them."""

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
GATHERED = 512  # rows that are read together: what is copied of them stays in the cache


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


def largest(scores: Floats, most: int, within: float = 0) -> Codes:
    """Return the places of the largest scores, best first; of equals the first.

    And of those that are less by no more than `within`, which something else may make up for.
    """
    if not 0 < most < len(scores):
        places = np.arange(len(scores) if most > 0 else 0)
    elif within:
        places = np.flatnonzero(scores >= np.partition(scores, -most)[-most] - within)
    else:  # of many equals only those that are taken are looked at
        cut = np.partition(scores, -most)[-most]
        above = np.flatnonzero(scores > cut)
        places = np.sort(np.r_[above, np.flatnonzero(scores == cut)[: most - len(above)]])
    best = places[np.argsort(-scores[places], kind="stable")]
    return best if within else best[:most]


def marked(rows: Rows, among: int) -> Rows:
    """Return which rows there are, once each, ascending; of many, marking beats sorting.

    Args:
        rows: Any number of times each, none MISSING.
        among: How many there could be.
    """
    flags = np.zeros(among, np.bool_)
    flags[rows] = True
    return np.flatnonzero(flags)


def products(matrix: Floats, rows: Rows, vector: Floats) -> Floats:
    """Return the product of some rows of a matrix, (N, D), with a vector, (D,); (n,).

    Row by row, in half the time of gathering all of them first.
    """
    found = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), GATHERED):
        part = slice(start, start + GATHERED)
        np.vecdot(np.take(matrix, rows[part], axis=0, mode="wrap"), vector, out=found[part])
    return found


def turns(codes: Codes) -> Codes:
    """Return of each place how many equal codes come before it."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    begins = ordered[1:] != ordered[:-1]
    if begins.all():  # as it mostly is among few
        return np.zeros(len(codes), np.int64)
    starts = np.flatnonzero(np.r_[True, begins])
    sizes = np.diff(np.r_[starts, len(codes)])
    before = np.empty(len(codes), np.int64)
    before[order] = np.arange(len(codes)) - np.repeat(starts, sizes)
    return before
