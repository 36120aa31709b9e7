"""Without: a profile as if some of its events had never happened.

Lists follow from the events that are remembered, and those are the newest by time, whatever order
they came in: so what is left of them is what folding all the others would have left. Of who has
done more than is remembered that is not so: an older event would stand there that nobody knows any
more. What was counted of them elsewhere stays: what everybody wants, and what a model has learned.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from portrait.profiles.profile import Profile


def without(profile: Profile, ids: Collection[int]) -> Profile | None:
    """Return a profile without some events, by their ids; None where there are no others.

    What it is made for is the ring: its head and its portrait still tell of them.
    """
    ring = profile.ring[~np.isin(profile.ring["id"], np.array([*ids], np.uint64))]
    return replace(profile, ring=ring) if len(ring) else None


def remembers_all(profile: Profile) -> bool:
    """Say whether a profile's events are all that it was ever told."""
    return int(profile.head["totals"].sum(dtype=np.int64)) == len(profile.ring)
