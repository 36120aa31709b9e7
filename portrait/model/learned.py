"""Learned: what training adds to a space, as one immutable whole.

What is bought again has a part of its own, `repeats.py`; new things are scored by a blend:

    score = blend.behaviour * state @ item + blend.neighbours * co-occurrence + blend.text * texts
          + blend.kin * nearness of categories + blend.price * likeness of prices

Of an item that is cold, `blend.cold * texts + blend.cold_behaviour * state @ item` stand for the
first line: nobody had taken it when the model was learned.

Each of the five is linear in the user's events, so each event's share of a score is exact.
"""

from dataclasses import astuple, dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Flags, Floats
from portrait.errors import ModelInvalidError
from portrait.model.behaviour import Behaviour
from portrait.model.heads import Heads
from portrait.model.kinds import KINDS
from portrait.model.neighbours import Neighbours
from portrait.model.repeats import Repeats

Arrays = dict[str, NDArray[Any]]

_BLEND = "blend"


@dataclass(frozen=True, slots=True)
class Blend:
    """How much each source of a score counts."""

    behaviour: float
    neighbours: float
    text: float
    kin: float = 0.0  # models that were learned before know no traits
    price: float = 0.0
    cold: float | None = None  # texts of cold items; None: these are scored as all others
    cold_behaviour: float = 0.0  # of cold items, which are placed by their texts

    def score(
        self,
        behaviour: Floats,
        neighbours: Floats | None,
        text: Floats,
        cold: Flags,
        traits: Floats | None = None,
    ) -> Floats:
        """Add up what each source says: the one formula of all who rank, judge, learn and explain.

        Args:
            behaviour: Of any shape, what `state @ item` says.
            neighbours: Of that shape, the co-occurrence; None where it counts nothing.
            text: Of that shape, what the texts say.
            cold: As wide or of one column, which items nobody had taken when it was learned.
            traits: Of that shape, from `of_traits`; None where they count nothing.

        Returns:
            Of that shape: scores, or shares of them, since all are linear in the events.
        """
        score: Floats = np.float32(self.behaviour) * behaviour
        score += np.float32(self.text) * text
        if neighbours is not None:
            score += np.float32(self.neighbours) * neighbours
        if self.cold is not None:
            by_text = np.float32(self.cold_behaviour) * behaviour + np.float32(self.cold) * text
            np.copyto(score, by_text, where=cold)
        if traits is not None:
            score += traits
        return score

    def of_traits(self, kin: Floats, price: Floats) -> Floats:
        """Add up what categories and prices say, of any one shape; see `leaning.py`."""
        score: Floats = np.float32(self.kin) * kin
        score += np.float32(self.price) * price
        return score

    @property
    def knows_traits(self) -> bool:
        """Whether categories or prices count anything."""
        return bool(self.kin or self.price)


OLDEST_PARTS = 3  # of a blend

# What counts before anything is learned: docs/experiments.md, 2026-11-26.
FIRST = Blend(behaviour=0, neighbours=0, text=1, kin=0.2, price=0.35)


@dataclass(frozen=True)  # without slots: it remembers its digest
class Learned:
    """A behaviour encoder, co-occurrence, what each counts; heads and repeats that are better.

    `orders` says what was bought together, to lists that are about things: of one, and of several.
    """

    behaviour: Behaviour
    neighbours: Neighbours
    blend: Blend
    heads: Heads | None = None
    repeats: Repeats | None = None  # of models learned before there was one, or where it fell short
    orders: Neighbours | None = None  # over the same items; None: nobody knows what goes together

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of what places items and users: the behaviour encoder."""
        digest = blake2b(digest_size=8)
        for name, array in sorted(self.behaviour.to_arrays().items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def to_arrays(self) -> Arrays:
        """Return what it is made of, by name."""
        parts: dict[str, Arrays] = {
            "behaviour": self.behaviour.to_arrays(),
            "neighbours": self.neighbours.to_arrays(),
            "heads": {} if self.heads is None else self.heads.to_arrays(),
            "repeats": {} if self.repeats is None else self.repeats.to_arrays(),
            "orders": {} if self.orders is None else self.orders.to_arrays(),
        }
        arrays = {f"{part}.{name}": array for part in parts for name, array in parts[part].items()}
        return arrays | {_BLEND: np.array(_counts(self.blend))}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "Learned":
        """Read what `to_arrays` wrote.

        Raises:
            ModelInvalidError: An array is missing.
        """
        try:
            behaviour = Behaviour.from_arrays(_part(arrays, "behaviour"))
            heads, repeats = _part(arrays, "heads"), _part(arrays, "repeats")
            orders = _part(arrays, "orders")
            return cls(
                behaviour,
                Neighbours.from_arrays(_part(arrays, "neighbours")),
                Blend(*arrays[_BLEND].tolist()),
                Heads.from_arrays(heads).knowing_later_actions(behaviour.dim) if heads else None,
                Repeats.from_arrays(repeats) if repeats else None,
                Neighbours.from_arrays(orders) if orders else None,
            )
        except KeyError as error:
            msg = f"learned arrays lack {error}"
            raise ModelInvalidError(msg) from error


def untaught(width: int) -> Learned:
    """Return a model that has learned nothing: nearest to the texts of events, (K,)."""
    nothing = Behaviour(
        projection=np.zeros((width, 1), np.float32),
        item_refs=np.zeros(0, np.uint64),
        item_vectors=np.zeros((0, 1), np.float32),
        action_gates=np.zeros(KINDS, np.float32),
        action_vectors=np.zeros((KINDS, 1), np.float32),
        decay=np.zeros(1, np.float32),
        gap_decay=np.zeros(1, np.float32),
        turn=np.ones((1, 1), np.float32),
    )
    nobody = Neighbours(
        refs=np.zeros(0, np.uint64),
        starts=np.zeros(1, np.int64),
        others=np.zeros(0, np.int32),
        strengths=np.zeros((0, 1), np.float32),
        action_gates=np.zeros(KINDS, np.float32),
        decay=np.zeros(1, np.float32),
        gap_decay=np.zeros(1, np.float32),
        kinds=np.ones(1, np.float32),
    )
    return Learned(nothing, nobody, FIRST)


def _counts(blend: Blend) -> list[float]:
    """Return what the parts count, less the last that count nothing: older models keep their name.

    Models of before have the first three.
    """
    counts, nothing = list(astuple(blend)), astuple(Blend(0, 0, 0))
    while len(counts) > OLDEST_PARTS and counts[-1] == nothing[len(counts) - 1]:
        counts.pop()
    return counts


def _part(arrays: Arrays, part: str) -> Arrays:
    prefix = f"{part}."
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
