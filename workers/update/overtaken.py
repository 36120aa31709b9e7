"""Overtaken: how long whoever was overtaken by another writer waits before the next try.

Writers that met wait at random, so that they do not meet again: "full jitter" in M. Brooker,
Exponential Backoff and Jitter, AWS Architecture Blog, 2015.
"""

from collections.abc import Iterator
from itertools import islice
from random import random

from portrait.outage import pauses

TRIES = 20  # in a row, all of which others may be faster in
YIELD = (0.002, 0.1)  # seconds: first and longest time between


def tries() -> Iterator[float]:
    """Yield for each try how many seconds to wait after it if it fails."""
    for pause in islice(pauses(*YIELD), TRIES):
        yield pause * random()  # noqa: S311 - nobody gains by guessing it
