"""Searched: the words of a user's searches. The record holds their refs alone.

They lie beside the record, are written, kept and erased with it, and read with it:

    ref ─ length ─ text, cut     of each search in the ring, each once, the newest first

With the ring's 64 searches, all different and long, that is 6,720 bytes; a usual one takes 30. What
is written follows from the ring and from what is known of its searches, never from the order in
which that came. A search whose words are not here is shown without them.
"""

from collections.abc import Mapping, Sequence
from struct import Struct

import numpy as np
from numpy.typing import NDArray

from portrait.event import Action
from portrait.facts import ACTION_CODE

MOST_BYTES = 96  # of a text in UTF-8: 96 English letters, 32 Chinese characters
SEARCH = ACTION_CODE[Action.SEARCH]

_HEAD = Struct("<QB")  # ref, bytes of the text

Texts = Mapping[int, str]  # by text_ref


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
    refs: list[int] = ring["ref"][users, places].tolist()
    ends: list[int] = np.cumsum(np.bincount(users, minlength=len(ring))).tolist()
    fresh = {ref: _entry(ref, text) for ref, text in said.items()}
    return [
        _written(refs[start:end], fresh, before) if end > start else b""
        for start, end, before in zip([0, *ends[:-1]], ends, stored, strict=True)
    ]


def read_searched(stored: bytes | None) -> Texts:
    """Return what a user searched for, cut; of a damaged value nothing, or what can be read."""
    texts: dict[int, str] = {}
    for ref, entry in _entries(stored).items():
        try:
            texts[ref] = entry[_HEAD.size :].decode()
        except UnicodeDecodeError:
            continue
    return texts


def cut(text: str) -> str:
    """Cut a text to what is kept of it; no character is cut in two."""
    return text.encode()[:MOST_BYTES].decode(errors="ignore")


def _written(refs: Sequence[int], fresh: Mapping[int, bytes], stored: bytes | None) -> bytes:
    """Write one user's searches, newest first."""
    known = _entries(stored)
    return b"".join([fresh.get(ref) or known.get(ref, b"") for ref in dict.fromkeys(refs)])


def _entry(ref: int, text: str) -> bytes:
    written = cut(text).encode()
    return _HEAD.pack(ref, len(written)) + written


def _entries(stored: bytes | None) -> dict[int, bytes]:
    """Find the entries, by ref; none if the value does not end where its last one does."""
    found: dict[int, bytes] = {}
    at, length = 0, len(stored or b"")
    while stored and at + _HEAD.size <= length:
        ref, size = _HEAD.unpack_from(stored, at)
        end = at + _HEAD.size + size
        found[ref] = stored[at:end]
        at = end
    return found if at == length else {}
