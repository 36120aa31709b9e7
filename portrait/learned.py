"""Learned: what training adds to a space, as one immutable whole.

    score = blend.behaviour * state @ item + blend.neighbours * co-occurrence + blend.text * texts
          = blend.cold * texts + blend.cold_behaviour * state @ item, of an item that is cold

An item is cold if nobody had taken it when the model was learned.

Each of the three is linear in the user's events, so each event's share of a score is exact.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait.behaviour import Behaviour
from portrait.errors import ModelInvalidError
from portrait.heads import Heads
from portrait.kinds import KINDS
from portrait.neighbours import Neighbours

Arrays = dict[str, NDArray[Any]]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

_BLEND = "blend"


@dataclass(frozen=True, slots=True)
class Blend:
    """How much each source of a score counts."""

    behaviour: float
    neighbours: float
    text: float
    cold: float | None = None  # texts of cold items; None: these are scored as all others
    cold_behaviour: float = 0.0  # of cold items, which are placed by their texts

    def score(
        self, behaviour: Floats, neighbours: Floats | None, text: Floats, cold: Flags
    ) -> Floats:
        """Add up what each source says: the one formula of all who rank, judge, learn and explain.

        Args:
            behaviour: Of any shape, what `state @ item` says.
            neighbours: Of that shape, the co-occurrence; None where it counts nothing.
            text: Of that shape, what the texts say.
            cold: As wide or of one column, which items nobody had taken when it was learned.

        Returns:
            Of that shape: scores, or shares of them, since all three are linear in the events.
        """
        score: Floats = np.float32(self.behaviour) * behaviour
        score += np.float32(self.text) * text
        if neighbours is not None:
            score += np.float32(self.neighbours) * neighbours
        if self.cold is not None:
            by_text = np.float32(self.cold_behaviour) * behaviour + np.float32(self.cold) * text
            np.copyto(score, by_text, where=cold)
        return score


@dataclass(frozen=True)  # without slots: it remembers its digest
class Learned:
    """A behaviour encoder, co-occurrence, what each counts, and the heads that beat baselines."""

    behaviour: Behaviour
    neighbours: Neighbours
    blend: Blend
    heads: Heads | None = None

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of what places items and users; heads read, they do not."""
        digest = blake2b(digest_size=8)
        for name, array in sorted(self.behaviour.to_arrays().items()):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def to_arrays(self) -> Arrays:
        """Return what it is made of, by name."""
        blend = [self.blend.behaviour, self.blend.neighbours, self.blend.text]
        if self.blend.cold is not None:
            blend += [self.blend.cold, self.blend.cold_behaviour]
        parts: dict[str, Arrays] = {
            "behaviour": self.behaviour.to_arrays(),
            "neighbours": self.neighbours.to_arrays(),
            "heads": {} if self.heads is None else self.heads.to_arrays(),
        }
        arrays = {f"{part}.{name}": array for part in parts for name, array in parts[part].items()}
        return arrays | {_BLEND: np.array(blend)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> "Learned":
        """Read what `to_arrays` wrote.

        Raises:
            ModelInvalidError: An array is missing.
        """
        try:
            heads = _part(arrays, "heads")
            return cls(
                Behaviour.from_arrays(_part(arrays, "behaviour")),
                Neighbours.from_arrays(_part(arrays, "neighbours")),
                Blend(*arrays[_BLEND].tolist()),
                Heads.from_arrays(heads) if heads else None,
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
        turn=np.ones((1, 1, 1), np.float32),
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
    return Learned(nothing, nobody, Blend(behaviour=0, neighbours=0, text=1))


def _part(arrays: Arrays, part: str) -> Arrays:
    prefix = f"{part}."
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
