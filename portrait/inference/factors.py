"""Factors: what each kind of event counts by the shop's choice, beside what a model makes of it.

    weight of an event = factor of its kind * what the model would weigh it

A factor of 0 is as if the event had never been: it ages no other, and nothing is bounded by it. But
facts stay. A complaint takes back its purchase and a removal its cart, whatever they count, for
kinds are told apart before (`as_seen`); and when somebody was last here is known by all they did.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from portrait.arrays import Floats
from portrait.inference.explain import Evidence, weighed
from portrait.model.kinds import as_seen


def factored(evidence: Evidence, factors: Floats | None, about: Collection[int] = ()) -> Evidence:
    """Let one user's S events count as the shop has it.

    Args:
        evidence: The events, as a model has them.
        factors: (KINDS,), from `factors_of`; None: they stay as they are.
        about: Refs of what a list is about: that is asked for and nothing that somebody did, so it
            counts as ever.
    """
    if factors is None:
        return evidence
    ring = evidence.ring
    kinds, seen = as_seen(*(ring[None][name] for name in ("action", "rating", "ref", "at")))
    is_theirs = seen[0] & evidence.known & ~np.isin(ring["ref"], np.array([*about], np.uint64))
    factor = np.where(is_theirs, factors[kinds[0]], np.float32(1))
    known = evidence.known & (factor > 0)
    return replace(evidence, known=known, factor=factor, weight=weighed(ring, known, factor))
