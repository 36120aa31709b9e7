"""Profiles: facts and portrait as one record, the thing that Redis holds and the API serves.

record = HEAD ─ ring cut to its events ─ portrait          all fixed layouts, little-endian

A record with 64 events, texts of 256 dimensions and a learned state of as many is 4,092 bytes; with
three events, 2,140.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.errors import SpaceMismatchError
from portrait.facts import EVENT, HEAD, LAYOUT, RING, Facts
from portrait.paint import portrait_dtype

REVISION = slice(0, 8)  # of a record: what the compare-and-set compares
_COUNT, _LAYOUT = 8, 9  # bytes of a record
_WHOLE_FACTS = np.dtype([("head", HEAD), ("ring", EVENT, (RING,))])
_FACTS = _WHOLE_FACTS.itemsize
_DIMS = 16  # where a portrait says its dimensions: after the name of its space


@dataclass(frozen=True, slots=True)
class Profile:
    """One user's record, decoded."""

    head: np.void  # of HEAD
    ring: NDArray[np.void]  # (S,) of EVENT, newest first; only events
    portrait: np.void  # of portrait_dtype

    @property
    def space_id(self) -> str:
        """The space that the portrait was painted in."""
        return bytes(self.portrait["space"]).decode()


def encode_profiles(facts: Facts, portraits: NDArray[np.void]) -> list[bytes]:
    """Write U records."""
    heads, rings, painted = facts.head.tobytes(), facts.ring.tobytes(), portraits.tobytes()
    head_size, ring_size, portrait_size = HEAD.itemsize, RING * EVENT.itemsize, portraits.itemsize
    return [
        heads[row * head_size : (row + 1) * head_size]
        + rings[row * ring_size : row * ring_size + count * EVENT.itemsize]
        + painted[row * portrait_size : (row + 1) * portrait_size]
        for row, count in enumerate(facts.head["count"].tolist())
    ]


def decode_facts(records: Sequence[bytes | None]) -> Facts:
    """Read the facts of U records, in their order; None is a user of whom nothing is known.

    Raises:
        SpaceMismatchError: A record has another layout than this program writes.
    """
    blank = Facts.empty(1)
    empty = blank.head.tobytes() + blank.ring.tobytes()
    whole = [empty if record is None else _facts_of(record) for record in records]
    table = np.frombuffer(bytearray(b"".join(whole)), _WHOLE_FACTS)
    return Facts(table["head"], table["ring"])


def _facts_of(record: bytes) -> bytes:
    if record[_LAYOUT] != LAYOUT:
        msg = f"record of layout {record[_LAYOUT]}, this program writes {LAYOUT}"
        raise SpaceMismatchError(msg)
    return record[: HEAD.itemsize + record[_COUNT] * EVENT.itemsize].ljust(_FACTS, b"\0")


def decode_profile(record: bytes) -> Profile:
    """Read one whole record."""
    facts_end = HEAD.itemsize + record[_COUNT] * EVENT.itemsize
    dim, state_dim = np.frombuffer(record, "<u2", 2, facts_end + _DIMS).tolist()
    head = np.frombuffer(record, HEAD, 1)[0]
    ring = np.frombuffer(record, EVENT, record[_COUNT], HEAD.itemsize)
    portrait = np.frombuffer(record, portrait_dtype(dim, state_dim), 1, facts_end)[0]
    return Profile(head, ring, portrait)
