"""Behaviour: how a user's newest events become one vector in the space of the items.

    item  = unit(projection of its text + its id's own vector, where training saw it often enough)
    event = item + vector of the kind
    state = unit(sum over events of weight[h] * event[h], turned)

The D channels are H heads of D / H, and each head forgets at its own speed (`recency.py`). All is
linear but the length of the state, so an event's share of a score is exact, and one new event
costs the same whatever came before. A search, or an item never seen in training, stands by its
text alone.

It learns in `training/ranker/behaviour_encoder.py`; this side needs numpy only.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Floats, Refs, Rows, positions
from portrait.model.kinds import KINDS, gates_of_kinds, vectors_of_kinds
from portrait.model.recency import Events, Recency
from portrait.model.space import unit

CHUNK = 16  # users whose vectors are gathered at once: as in `paint.py`
MOST_HEADS_AT_ONCE = 16  # up to here one product for all heads beats one for each

_EVERY_KIND = np.arange(KINDS, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A learned behaviour encoder. Immutable."""

    projection: Floats  # (K, D), of text vectors of the space
    item_refs: Refs  # (M,), ascending
    item_vectors: Floats  # (M, D)
    action_gates: Floats  # (KINDS,); of models that knew actions alone, one for each of them
    action_vectors: Floats  # (KINDS, D), likewise
    decay: Floats  # (H,)
    gap_decay: Floats  # (H,)
    turn: Floats  # (D, D): what the heads say together

    @property
    def dim(self) -> int:
        """Length D of the states."""
        return int(self.projection.shape[1])

    @property
    def recency(self) -> Recency:
        """How its events are weighed."""
        return Recency(gates_of_kinds(self.action_gates), self.decay, self.gap_decay)

    def items(self, refs: Refs, text_vectors: Floats) -> Floats:
        """Place items, or searches (ref 0), by text and id.

        Args:
            refs: (N,), item_ref.
            text_vectors: (N, K), unit rows of the space; zeros where the text is not known.

        Returns:
            (N, D), unit rows, or zero where nothing is known. Each row's bits depend on that row
            alone, so that every process places an item alike.
        """
        placed = self._projected(text_vectors)
        rows = positions(self.item_refs, refs)
        known = np.flatnonzero(rows != MISSING)
        placed[known] += self.item_vectors[rows[known]]
        return unit(placed)

    def event_weights(self, events: Events) -> Floats:
        """Weigh S events of U users. Returns (U, S, H)."""
        return self.recency.counted(events)

    def state(self, vectors: Floats, events: Events) -> Floats:
        """Encode users from their events' item vectors, (U, S, D). Returns (U, D), unit or zero."""
        weight = self._by_head(events)
        return self._finish(weight, _pool(weight, vectors), events)

    def states(self, matrix: Floats, rows: Rows, events: Events) -> Floats:
        """Encode users from rows of the item vectors, a few users at a time.

        Args:
            matrix: (N, D), from `items`.
            rows: (U, S); MISSING where `events.present` is false.
            events: Of U users. Cut S to what the users hold: the cost is linear in it.

        Returns:
            (U, D), unit or zero. Each user's bits depend on that user's row alone, and on S.
        """
        weight = self._by_head(events)
        pooled = np.empty((len(rows), self.dim), np.float32)
        gathered = np.empty((CHUNK, rows.shape[1], self.dim), np.float32)
        for start in range(0, len(rows), CHUNK):
            part = slice(start, start + CHUNK)
            here = gathered[: len(rows[part])]
            np.take(matrix, rows[part], axis=0, out=here, mode="clip")  # MISSING weighs nothing
            pooled[part] = _pool(weight[part], here)
        return self._finish(weight, pooled, events)

    def shares(self, vectors: Floats, events: Events, items: Floats) -> Floats:
        """Return each event's share of each item's score, for one user.

        Args:
            vectors: (S, D), of the events' items.
            events: Of one user, (1, S).
            items: (N, D).

        Returns:
            (N, S). An item's shares add up to its score, `state @ item`.
        """
        weight = self.event_weights(events)[0]  # (S, H)
        spoken = vectors + vectors_of_kinds(self.action_vectors)[events.kind[0]]
        parts = self._turned(spoken * np.repeat(weight, self.dim // len(self.decay), axis=1))
        norm = np.linalg.norm(parts.sum(axis=0))
        shares: Floats = np.matmul(items, parts.T) / (norm if norm > 0 else np.float32(np.inf))
        return shares

    def average(self, other: "Behaviour", share: float) -> "Behaviour":
        """Mix this model's weights with those of a later one, `share` of the later.

        Items that only one of the two knows keep what that one learned.

        Source: Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022; .3 old
        and .7 new forgot nothing when the design was measured.
        """
        refs = np.union1d(self.item_refs, other.item_refs)
        here, there = _told_apart(self), _told_apart(other)
        mine, theirs = _known(refs, self, other), _known(refs, other, self)
        mixed = {
            field.name: _mix(getattr(here, field.name), getattr(there, field.name), share)
            for field in fields(self)
            if field.name not in {"item_refs", "item_vectors"}
        }
        return replace(self, **mixed, item_refs=refs, item_vectors=_mix(mine, theirs, share))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what it is made of, by name."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return arrays | {"turn": self.turn[None]}  # one member: files could hold an ensemble

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> "Behaviour":
        """Read what `to_arrays` wrote. Other names are left alone.

        Raises:
            KeyError: An array is not there.
        """
        own = {field.name: arrays[field.name] for field in fields(cls)}
        return cls(**own | {"turn": own["turn"][0]})

    def _projected(self, text_vectors: Floats) -> Floats:
        """Project (N, K) to (N, D), each row by itself: in one product, its place decides bits.

        OpenBLAS adds up differently in the last rows of a tile, on some processors. 100,000 rows of
        256 take .4 s so, and .2 together.
        """
        projected: Floats = np.matmul(text_vectors[:, None, :], self.projection)[:, 0]
        return projected

    def _by_head(self, events: Events) -> Floats:
        """Return the weights of the events as (U, H, S), contiguous."""
        return np.ascontiguousarray(self.event_weights(events).transpose(0, 2, 1))

    def _finish(self, weight: Floats, pooled: Floats, events: Events) -> Floats:
        """Add what the kinds of events say, let the heads speak together, scale to length 1."""
        one_hot = (events.kind[..., None] == _EVERY_KIND).astype(np.float32)  # (U, S, KINDS)
        by_kind = np.matmul(weight, one_hot)  # (U, H, KINDS)
        heads = len(self.decay)
        vectors = vectors_of_kinds(self.action_vectors)
        spoken = vectors.reshape(KINDS, heads, -1).transpose(1, 0, 2)
        said = np.matmul(by_kind[:, :, None, :], spoken)[:, :, 0]  # (U, H, D/H)
        return unit(self._turned(pooled + said.reshape(pooled.shape)))

    def _turned(self, pooled: Floats) -> Floats:
        """Let the heads of (U, D) speak together, one user at a time."""
        turned: Floats = np.matmul(pooled[:, None, :], self.turn)[:, 0]
        return turned


def _pool(weight: Floats, vectors: Floats) -> Floats:
    """Sum vectors (U, S, D) by the weights (U, H, S), each head its own channels: (U, D)."""
    users, heads, places = weight.shape
    summed: Floats
    if heads > MOST_HEADS_AT_ONCE:
        apart = vectors.reshape(users, places, heads, -1)
        summed = np.einsum("uhs,ushd->uhd", weight, apart)
    else:
        every = np.matmul(weight, vectors).reshape(users, heads, heads, -1)
        summed = np.einsum("uhhd->uhd", every)  # each head's own channels only
    return summed.reshape(users, -1)


def _told_apart(model: Behaviour) -> Behaviour:
    """Return the same with a gate and a vector for each kind of event."""
    return replace(
        model,
        action_gates=gates_of_kinds(model.action_gates),
        action_vectors=vectors_of_kinds(model.action_vectors),
    )


def _mix(old: Floats, new: Floats, share: float) -> Floats:
    return (np.float32(1 - share) * old + np.float32(share) * new).astype(np.float32)


def _known(refs: Refs, first: Behaviour, second: Behaviour) -> Floats:
    """Return the item vectors of `refs`: those of `first`, of `second` where only it knows."""
    vectors = first.item_vectors[positions(first.item_refs, refs)]
    unknown = positions(first.item_refs, refs) == MISSING
    vectors[unknown] = second.item_vectors[positions(second.item_refs, refs[unknown])]
    return vectors
