"""Head layouts: the two forms that a head has in a record.

In memory every head tells of all actions: HEAD. Whoever did nothing but what the first seven tell
of has a narrow one in store, of the same bytes as when there were no others; a wide one is stored
as it is in memory (docs/decisions/0033).
"""

from itertools import pairwise
from struct import Struct

import numpy as np

from portrait.events.columns import FIRST_ACTIONS
from portrait.profiles.facts import FIRST_TOPICS, HEAD, WIDE_LAYOUT

_LAYOUT = 9  # byte of a record
_NAMES = HEAD.names or ()
_FIRST = {  # how many places the narrow form has of what is there by action, and by topic
    "totals": FIRST_ACTIONS,
    "partition": FIRST_TOPICS,
    "offset": FIRST_TOPICS,
    "last_id": FIRST_TOPICS,
}
NARROW_HEAD = np.dtype(
    [
        (name, HEAD[name].base, _FIRST[name]) if name in _FIRST else (name, HEAD[name])
        for name in _NAMES
    ]
)


def head_size(record: bytes) -> int:
    """Return how many bytes of a record are its head."""
    size: int = (HEAD if record[_LAYOUT] == WIDE_LAYOUT else NARROW_HEAD).itemsize
    return size


def stored_head(head: bytes) -> bytes:
    """Write a head, the bytes of one of HEAD, in the form of its layout."""
    return head if head[_LAYOUT] == WIDE_LAYOUT else _NARROW.pack(*_WHOLE.unpack(head))


def whole_head(record: bytes) -> bytes:
    """Read the head of a record, as the bytes of one of HEAD."""
    if record[_LAYOUT] == WIDE_LAYOUT:
        return record[: HEAD.itemsize]
    return _WHOLE.pack(*_NARROW.unpack_from(record))


def _end(name: str) -> int:
    """Return at which byte of a narrow head a field ends."""
    return sum(NARROW_HEAD[each].itemsize for each in _NAMES[: _NAMES.index(name) + 1])


# A narrow head in parts, and in a whole one what each part is followed by.
_PARTS = [end - start for start, end in pairwise([0, *map(_end, _FIRST)])]  # bytes
_GAPS = [HEAD[name].itemsize - NARROW_HEAD[name].itemsize for name in _FIRST]
_NARROW = Struct("".join(f"{part}s" for part in _PARTS))
_WHOLE = Struct("".join(f"{part}s{gap}x" for part, gap in zip(_PARTS, _GAPS, strict=True)))
