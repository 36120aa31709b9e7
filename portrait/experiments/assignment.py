"""Assignment: which variant somebody sees, by a hash, the same in every process and every day.

who ─▶ layer: is this experiment theirs? ─▶ ramp: are they in it yet? ─▶ split: which variant

Each step hashes with a salt of its own, so that whoever is in half of one experiment is spread
evenly over every other. Experiments of one layer exclude each other: each has a stretch of the
layer that nobody else has. A ramp that grows only adds people: those in it stay, in their variant.

Source: Tang, Agarwal, O'Brien and Meyer, Overlapping experiment infrastructure, KDD 2010.
"""

from collections.abc import Mapping
from hashlib import blake2b

_WHOLE = float(1 << 64)


def place_of(salt: str, who: str) -> float:
    """Return where somebody lies between 0 and 1, evenly, for a salt."""
    digest = blake2b(who.encode(), digest_size=8, key=blake2b(salt.encode()).digest()).digest()
    return min(int.from_bytes(digest, "big") / _WHOLE, 1 - 2**-53)


def is_within(layer: str, stretch: tuple[float, float], who: str) -> bool:
    """Say whether somebody belongs to the stretch of a layer, from the first to before the last."""
    begin, end = stretch
    return begin <= place_of(f"layer:{layer}", who) < end


def is_ramped(experiment: str, ramp: float, who: str) -> bool:
    """Say whether somebody is among the share that an experiment has reached."""
    return place_of(f"ramp:{experiment}", who) < ramp


def variant_of(experiment: str, split: Mapping[str, float], who: str) -> str:
    """Return the variant of somebody.

    Args:
        experiment: Its id.
        split: Share of each variant, in a fixed order; they add up to one.
        who: Whoever is assigned, by whatever stays the same.
    """
    place, edge = place_of(f"split:{experiment}", who), 0.0
    for name, share in split.items():
        edge += share
        if place < edge:
            return name
    return [*split][-1]  # shares as floats may add up to less than one
