"""Profiles: facts and portrait as one record, the thing that Redis holds and the API serves.

record = HEAD ─ ring cut to its events ─ further positions ─ portrait     fixed, little-endian

A record with 64 events, texts of 256 dimensions and a learned state of as many is 4,092 bytes; with
three events, 2,140. Each further position adds 24: they are those of users whose records lie in
more than one partition of a topic. A record without them is of layout 1, byte for byte as it was
before there were any; one with them is of layout 2 (docs/decisions/0014). One that tells of actions
beyond the first seven is of layout 3, and 48 bytes longer (docs/decisions/0033).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from portrait.events.columns import ERASURE, EVENT, RING, TOPICS
from portrait.events.event import Action
from portrait.profiles.facts import HEAD, LATEST, PERIOD_MS, SPEND_PART, Facts
from portrait.profiles.head_layouts import head_size, stored_head, whole_head
from portrait.profiles.layout import portrait_dtype
from portrait.profiles.positions import FURTHER, NOT_READ, POSITION
from portrait.profiles.record import HIGHEST_PRICE, HIGHEST_RATING, is_whole

REVISION = slice(0, 8)  # of a record: what the compare-and-set compares
_COUNT, _FURTHER = 8, slice(10, 12)  # bytes of a record
_HALF_SPEND = 1 << (SPEND_PART - 1)
_WHOLE_FACTS = np.dtype([("head", HEAD), ("ring", EVENT, (RING,))])
_FACTS = _WHOLE_FACTS.itemsize
_DIMS = 16  # where a portrait says its dimensions: after the name of its space


@dataclass(frozen=True, slots=True)
class Profile:
    """One user's record, decoded."""

    head: np.void  # of HEAD
    ring: NDArray[np.void]  # (S,) of EVENT, newest first; only events
    further: NDArray[np.void]  # (P,) of POSITION
    portrait: np.void  # of portrait_dtype

    @property
    def partitions(self) -> list[int]:
        """Where the user's records lie: 1 + partition, or 0."""
        lowest: list[int] = self.head["partition"].tolist()
        further: list[int] = (self.further["partition"] + 1).tolist()
        return lowest + further

    @property
    def space_id(self) -> str:
        """The space that the portrait was painted in."""
        return bytes(self.portrait["space"]).decode()


def encode_profiles(facts: Facts, portraits: NDArray[np.void]) -> list[bytes]:
    """Write U records."""
    heads, rings, painted = facts.head.tobytes(), facts.ring.tobytes(), portraits.tobytes()
    whole, ring_size, portrait_size = HEAD.itemsize, RING * EVENT.itemsize, portraits.itemsize
    further = _encode_further(facts)
    return [
        stored_head(heads[row * whole : (row + 1) * whole])
        + rings[row * ring_size : row * ring_size + count * EVENT.itemsize]
        + further[row]
        + painted[row * portrait_size : (row + 1) * portrait_size]
        for row, count in enumerate(facts.head["count"].tolist())
    ]


def _encode_further(facts: Facts) -> list[bytes]:
    """Write the further positions of U users."""
    if not len(facts.further):
        return [b""] * len(facts)
    written = facts.further["position"].tobytes()
    ends = np.cumsum(facts.head["further"], dtype=np.int64) * POSITION.itemsize
    starts = ends - facts.head["further"].astype(np.int64) * POSITION.itemsize
    return [written[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]


def read_facts(records: Sequence[bytes | None]) -> tuple[Facts, NDArray[np.bool_]]:
    """Read the facts of U records, in their order, and say which of them are lost.

    None is a user of whom nothing is known.

    Returns:
        The facts, and (U,), true where there is a record that none of our programs wrote so.
        Nothing is known of that user any more, as where there is None.
    """
    kept = [record if record is not None and is_whole(record) else None for record in records]
    facts = _decode(kept)
    sound = _are_sound(facts)
    if not sound.all():
        kept = [record if good else None for record, good in zip(kept, sound, strict=True)]
        facts = _decode(kept)
    lost = np.zeros(len(records), np.bool_)
    if None in kept:
        lost[:] = [
            there is not None and read is None for there, read in zip(records, kept, strict=True)
        ]
    return facts, lost


def _are_sound(facts: Facts) -> NDArray[np.bool_]:
    """Say of U users whether their facts are some that folding makes: (U,)."""
    sound = _are_sound_heads(facts.head) & _are_sound_rings(facts)
    further = facts.further["position"]
    wrong = (further["topic"] >= TOPICS) | (further["partition"] < 0)
    wrong |= further["offset"] < NOT_READ
    sound[facts.further["user"][wrong]] = False
    return sound


def _are_sound_heads(head: NDArray[np.void]) -> NDArray[np.bool_]:
    sound = (head["first_at"] >= 0) & (head["first_at"] <= head["last_at"])
    sound &= (head["last_at"] <= LATEST) & (head["last_id"][:, ERASURE] <= LATEST)
    sound &= (head["received_at"] >= 0) & (head["received_at"] <= LATEST)
    sound &= (head["period"] >= 0) & (head["period"] <= LATEST // PERIOD_MS)
    sound &= (head["spend"] >= -_HALF_SPEND) & (head["spend"] < _HALF_SPEND)
    sound &= (head["partition"] >= 0).all(axis=1) & (head["offset"] >= NOT_READ).all(axis=1)
    enough: NDArray[np.bool_] = head["totals"].sum(axis=1, dtype=np.int64) >= head["count"]
    return sound & enough


def _are_sound_rings(facts: Facts) -> NDArray[np.bool_]:
    """Say whether the events of U users, newest first, can have been folded: (U,)."""
    count = facts.head["count"]
    ring = facts.ring[:, : max(int(count.max(initial=0)), 1)]  # (U, S)
    at, price = ring["at"], ring["price"]
    sound = ~np.signbit(price) & (price < HIGHEST_PRICE)
    sound &= (ring["action"] < len(Action)) & (ring["rating"] <= HIGHEST_RATING)
    there = np.arange(ring.shape[1]) < count[:, None]
    sound &= (at > 0) == there
    ordered = (at[:, 1:] <= at[:, :-1]).all(axis=1) & (at[:, 0] <= LATEST)
    whole: NDArray[np.bool_] = sound.all(axis=1) & ordered
    return whole


def _decode(records: Sequence[bytes | None]) -> Facts:
    """Read the facts of U records that are whole, or None."""
    blank = Facts.empty(1)
    empty = blank.head.tobytes() + blank.ring.tobytes()
    whole = [empty if record is None else _facts_of(record) for record in records]
    table = np.frombuffer(bytearray(b"".join(whole)), _WHOLE_FACTS)
    return Facts(table["head"], table["ring"], _decode_further(table["head"], records))


def _facts_of(record: bytes) -> bytes:
    start = head_size(record)
    ring = record[start : start + record[_COUNT] * EVENT.itemsize]
    return (whole_head(record) + ring).ljust(_FACTS, b"\0")


def _decode_further(head: NDArray[np.void], records: Sequence[bytes | None]) -> NDArray[np.void]:
    """Read the further positions of those that have any. Returns (P,) of FURTHER."""
    rows = np.flatnonzero(head["further"])
    held = [records[row] or b"" for row in rows.tolist()]
    parts = [record[slice(*_further_place(record))] for record in held]
    further = np.zeros(int(head["further"].sum()), FURTHER)
    further["user"] = np.repeat(rows, head["further"][rows])
    further["position"] = np.frombuffer(b"".join(parts), POSITION)
    return further


def _further_place(record: bytes) -> tuple[int, int]:
    """Return at which bytes of a record the further positions begin and end."""
    start = head_size(record) + record[_COUNT] * EVENT.itemsize
    return start, start + int.from_bytes(record[_FURTHER], "little") * POSITION.itemsize


def portrait_bytes(record: bytes) -> bytes:
    """Cut the portrait out of one whole record."""
    return record[_further_place(record)[1] :]


def decode_profile(record: bytes) -> Profile:
    """Read one whole record."""
    ring_end, facts_end = _further_place(record)
    dim, state_dim = np.frombuffer(record, "<u2", 2, facts_end + _DIMS).tolist()
    head = np.frombuffer(whole_head(record), HEAD)[0]
    ring = np.frombuffer(record, EVENT, record[_COUNT], head_size(record))
    further = np.frombuffer(record[ring_end:facts_end], POSITION)
    portrait = np.frombuffer(record, portrait_dtype(dim, state_dim), 1, facts_end)[0]
    return Profile(head, ring, further, portrait)
