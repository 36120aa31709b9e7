"""Layout: what a portrait is made of, byte for byte, as it is stored behind a user's facts."""

from functools import lru_cache

import numpy as np

from portrait.arrays import Records

INTERESTS, BRANDS, EVIDENCE = 8, 5, 3
NO_EVIDENCE = 255
QUANTILES = (0.1, 0.5, 0.9)  # of price: low, typical, high
LONG, SHORT = 0, 1  # rows of the weights and of the vectors

INTEREST = np.dtype(
    [
        ("category", "<u8"),  # name_ref
        ("score", "<f4"),  # share of the long-term weight, 0 to 1
        ("trend", "<f4"),  # share of the late visits less that of the early ones, -1 to 1
        ("evidence", "u1", (EVIDENCE,)),  # places in the ring, heaviest first; 255 = none
        ("pad", "u1"),
    ]
)
BRAND = np.dtype([("brand", "<u8"), ("share", "<f4")])


@lru_cache(maxsize=16)  # a record is read by it: to make one takes longer than to read by it
def portrait_dtype(dim: int, state_dim: int = 0) -> np.dtype[np.void]:
    """Return the layout of a portrait: `dim` of text vectors, `state_dim` of the learned state."""
    return np.dtype(
        [
            ("space", "S16"),
            ("dims", "<u2", (2,)),  # dim, state_dim
            ("vectors", "<f2", (2, dim)),  # LONG, SHORT; unit length, or zero
            ("state", "<f2", (state_dim,)),  # of the behaviour encoder; unit length, or zero
            ("interests", INTEREST, (INTERESTS,)),  # strongest first; category 0 = none
            ("brands", BRAND, (BRANDS,)),
            ("price", "<f4", (len(QUANTILES),)),  # 0 = not known
        ]
    )


def blank_portraits(users: int, dim: int, state_dim: int = 0) -> Records:
    """Return portraits, (U,), that say nothing but how long their vectors are."""
    portrait = np.zeros(users, portrait_dtype(dim, state_dim))
    portrait["dims"] = dim, state_dim
    return portrait
