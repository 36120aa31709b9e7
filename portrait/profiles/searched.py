"""Searched: the words of a user's searches. The record holds their refs alone.

They lie beside the record, are written, kept and erased with it, and read with it:

    n ─ n refs ─ n lengths ─ texts, cut     of the searches in the ring, newest first

Among them, under the id of its event, lies what the text of a review says (`reviewed.py`). A text
stands where its search is first; where it comes again, and where it is not known, its length is 0.
With the ring's 64 searches, all different and long, that is 6,721 bytes; a usual one takes 30. What
is written follows from the ring and from what is known of its searches, never from the order in
which that came.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.profiles.reviewed import Reading, decode_reading, is_by_bert

MOST_BYTES = 96  # of a text in UTF-8: 96 English letters, 32 Chinese characters
SEARCH, REVIEW = ACTION_CODE[Action.SEARCH], ACTION_CODE[Action.REVIEW]
NOTHING: Mapping[int, bytes] = {}

_REF = 8  # bytes

Texts = Mapping[int, str]  # by search_ref


def encode_searched(
    ring: NDArray[np.void],
    said: Texts,
    stored: Sequence[bytes | None],
    readings: Mapping[int, bytes] = NOTHING,
) -> list[bytes]:
    """Write what U users searched for, and what their reviews say.

    Args:
        ring: (U, RING) of EVENT, newest first.
        said: Texts that events have brought just now.
        stored: What was written of each user before; damaged, it is as good as nothing.
        readings: Of reviews that events have brought just now, by event id.

    Returns:
        For each user what to store; empty where there is nothing.
    """
    is_named, names = ring["action"] == SEARCH, ring["ref"]
    is_review = ring["action"] == REVIEW
    if is_review.any() and (told := _are_told(ring["id"], is_review, stored, readings)).any():
        is_named, names = is_named | told, np.where(told, ring["id"], names)
    users, places = np.nonzero(is_named)
    refs = names[users, places].tobytes()
    ends: list[int] = (_REF * np.cumsum(np.bincount(users, minlength=len(ring)))).tolist()
    fresh = {ref: _cut(text) for ref, text in said.items()} | dict(readings)
    return [
        _written(refs[start:end], fresh, before) if end > start else b""
        for start, end, before in zip([0, *ends[:-1]], ends, stored, strict=True)
    ]


def read_searched(stored: bytes | None) -> Texts:
    """Return what a user searched for, cut; of a damaged value nothing, or what can be read."""
    texts: dict[int, str] = {}
    for ref, text in beside(stored).items():
        try:
            texts[ref] = text.decode()
        except UnicodeDecodeError:
            continue
    return texts


def read_readings(stored: bytes | None) -> dict[int, Reading]:
    """Return what a user's reviews say, by event id; of a damaged value what can be read."""
    read = {id: decode_reading(written) for id, written in beside(stored).items()}
    return {id: reading for id, reading in read.items() if reading is not None}


def _are_told(
    id: NDArray[np.uint64],
    is_review: NDArray[np.bool_],
    stored: Sequence[bytes | None],
    readings: Mapping[int, bytes],
) -> NDArray[np.bool_]:
    """Say of which events, (U, RING), there is a reading."""
    rows = np.flatnonzero(is_review.any(axis=1)).tolist()
    refs = [_refs(stored[row]) for row in rows]
    known = np.frombuffer(b"".join(refs), "<u8")
    if readings:
        known = np.union1d(known, np.fromiter(readings, np.uint64, len(readings)))
    told = np.zeros_like(is_review)
    told[is_review] = np.isin(id[is_review], known)
    return told


def _refs(stored: bytes | None) -> bytes:
    """Return the refs and ids of what lies there, none of a value that is too short."""
    refs = stored[1 : 1 + _REF * stored[0]] if stored else b""
    return b"" if len(refs) % _REF else refs


def _written(refs: bytes, fresh: Mapping[int, bytes], stored: bytes | None) -> bytes:
    """Write one user's searches, whose refs are given as bytes."""
    numbers: list[int] = memoryview(refs).cast("Q").tolist()
    if stored and _is_complete(stored, refs, len({*numbers})) and not _are_read(numbers, fresh):
        return stored
    known = beside(stored)
    known |= {
        ref: fresh[ref] for ref in numbers if ref in fresh and not is_by_bert(known.get(ref, b""))
    }
    texts = [known.pop(ref, b"") for ref in numbers]
    if not any(texts):
        return b""
    return b"".join([bytes([len(texts)]), refs, bytes(map(len, texts)), *texts])


def _are_read(numbers: Sequence[int], fresh: Mapping[int, bytes]) -> bool:
    """Say whether a BERT has read just now what words may have read before."""
    return any(is_by_bert(fresh.get(number, b"")) for number in numbers)


def beside(stored: bytes | None) -> dict[int, bytes]:
    """Find what lies there, by ref or id; none if the value is not as long as it says."""
    if not stored or not _is_whole(stored):
        return {}
    lengths = _lengths(stored)
    at, found = 1 + len(lengths) * (_REF + 1), {}
    refs = np.frombuffer(stored, "<u8", len(lengths), 1).tolist()
    for ref, length in zip(refs, lengths, strict=True):
        if length:
            found[ref] = stored[at : at + length]
            at += length
    return found


def _is_complete(stored: bytes, refs: bytes, different: int) -> bool:
    """Say whether these searches and all their texts are stored: mostly none is new."""
    count = len(refs) // _REF
    return (
        stored[0] == count
        and stored.startswith(refs, 1)
        and count - _lengths(stored).count(0) == different
        and _is_whole(stored)
    )


def _is_whole(stored: bytes) -> bool:
    lengths = _lengths(stored)
    return len(stored) == 1 + stored[0] * (_REF + 1) + sum(lengths)


def _lengths(stored: bytes) -> bytes:
    start = 1 + stored[0] * _REF
    return stored[start : start + stored[0]]


def _cut(text: str) -> bytes:
    """Cut a text to what is kept of it; no character is cut in two."""
    return text.encode()[:MOST_BYTES].decode(errors="ignore").encode()
