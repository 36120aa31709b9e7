"""How fast this machine is just now, so that a promise of speed is a ratio and not a machine's.

A bound of processor time is written for the machine that the promise was measured on; a slower one
is given as much longer as plain Python takes on it.
"""

import time

STEPS = 1_000
PLAIN_SECONDS = 30e-6  # for so many steps, on the machine of the promises
TRIES = 50


def times_slower() -> float:
    """Return by how much plain Python takes longer here than there: at least 1."""
    return max(1.0, min(_plain_seconds() for _ in range(TRIES)) / PLAIN_SECONDS)


def _plain_seconds() -> float:
    began, total = time.process_time(), 0
    for step in range(STEPS):
        total += step * 3
    return time.process_time() - began
