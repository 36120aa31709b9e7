"""Searched: the words of a user's searches. The record holds their refs alone.

They lie beside the record, are written, kept and erased with it, and read with it:

    n ─ n refs ─ n lengths ─ texts, cut     of the searches in the ring, newest first

A text stands where its search is first; where it comes again, and where it is not known, its length
is 0. With the ring's 64 searches, all different and long, that is 6,721 bytes; a usual one takes
30. What is written follows from the ring and from what is known of its searches, never from the
order in which that came.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action

MOST_BYTES = 96  # of a text in UTF-8: 96 English letters, 32 Chinese characters
SEARCH = ACTION_CODE[Action.SEARCH]

_REF = 8  # bytes

Texts = Mapping[int, str]  # by search_ref


def encode_searched(
    ring: NDArray[np.void], said: Texts, stored: Sequence[bytes | None]
) -> list[bytes]:
    """Write what U users searched for.

    Args:
        ring: (U, RING) of EVENT, newest first.
        said: Texts that events have brought just now.
        stored: What was written of each user before; damaged, it is as good as nothing.

    Returns:
        For each user what to store; empty where there is nothing.
    """
    users, places = np.nonzero(ring["action"] == SEARCH)
    refs = ring["ref"][users, places].tobytes()
    ends: list[int] = (_REF * np.cumsum(np.bincount(users, minlength=len(ring)))).tolist()
    fresh = {ref: _cut(text) for ref, text in said.items()}
    return [
        _written(refs[start:end], fresh, before) if end > start else b""
        for start, end, before in zip([0, *ends[:-1]], ends, stored, strict=True)
    ]


def read_searched(stored: bytes | None) -> Texts:
    """Return what a user searched for, cut; of a damaged value nothing, or what can be read."""
    texts: dict[int, str] = {}
    for ref, text in _texts(stored).items():
        try:
            texts[ref] = text.decode()
        except UnicodeDecodeError:
            continue
    return texts


def _written(refs: bytes, fresh: Mapping[int, bytes], stored: bytes | None) -> bytes:
    """Write one user's searches, whose refs are given as bytes."""
    numbers: list[int] = memoryview(refs).cast("Q").tolist()
    if stored and _is_complete(stored, refs, len({*numbers})):
        return stored
    known = _texts(stored)
    known |= {ref: fresh[ref] for ref in numbers if ref in fresh}
    texts = [known.pop(ref, b"") for ref in numbers]
    if not any(texts):
        return b""
    return b"".join([bytes([len(texts)]), refs, bytes(map(len, texts)), *texts])


def _texts(stored: bytes | None) -> dict[int, bytes]:
    """Find the texts, by ref; none if the value is not as long as it says."""
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
