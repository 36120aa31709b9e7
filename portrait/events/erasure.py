"""Erasure: who is to be forgotten, up to which moment.

An erased user's rows that happened or were received up to that moment are seen by no reader from
then on, are not written any more, and leave the files at the next sweep. What the same person does
later is new.
Only the ref of a user is remembered: who holds the list cannot tell who is on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes, Flags, Refs, positions


@dataclass(frozen=True, slots=True)
class Erasures:
    """R erased users."""

    users: Refs  # (R,), user_ref, sorted, each once
    until: Codes  # (R,), ms: what happened or was received up to then is gone

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def of(cls, moments: Mapping[int, int]) -> Self:
        """Build from the moment (ms) of each user_ref."""
        return cls.merged(
            np.array([*moments], np.uint64), np.fromiter(moments.values(), np.int64, len(moments))
        )

    @classmethod
    def merged(cls, users: Refs, until: Codes) -> Self:
        """Build from entries in any order, (R,); of one user the latest moment counts."""
        order = np.lexsort((until, users))
        users, until = users[order], until[order]
        last = np.r_[users[1:] != users[:-1], True][: len(users)]
        return cls(users[last], until[last])

    def cover(self, users: Refs, known_from: Codes) -> NDArray[np.bool_]:
        """Say which rows are erased: (E,) user_ref, and ms since when they can be known."""
        if not len(self):
            return np.zeros(len(users), np.bool_)
        row = positions(self.users, users)
        erased: Flags = (row != MISSING) & (known_from <= self.until[row])
        return erased

    def differ(self, other: Self) -> Self:
        """Return the entries that the other does not have as they are here."""
        new = ~other.cover(self.users, self.until)
        return type(self)(self.users[new], self.until[new])

    def before(self, moment_ms: int) -> Self:
        """Return those who were erased before a moment."""
        old = self.until < moment_ms
        return type(self)(self.users[old], self.until[old])
