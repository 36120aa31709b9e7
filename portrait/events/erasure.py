"""Erasure: who is to be forgotten, up to which moment, and who until it is lifted.

An erased user's rows that happened or were received up to that moment are seen by no reader from
then on, are not written any more, and leave the files at the next sweep. What the same person does
later is new; unless they are suppressed: then the moment is for ever, until the suppression is
lifted, which is an erasure up to that moment once more.
Only the ref of a user is remembered: who holds the list cannot tell who is on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING, Codes, Flags, Refs, positions
from portrait.events.stream import Headers

FOREVER = 10**13 - 1  # ms: the year 2286, the latest moment that a record may hold
SUPPRESSING = b'{"until":"lifted"}'  # the value of a message that suppresses
LIFTING = ("portrait-erasure", b"lifted")  # the header of one, without a value, that lifts


class Stance(IntEnum):
    """What an erasure says of what comes after it."""

    NEW = 0  # it is the beginning of a new profile, as far as nothing else was said
    SUPPRESSED = 1  # it is passed over, until that is lifted
    LIFTED = 2  # it counts again


class Erasure(NamedTuple):
    """One user who is to be forgotten."""

    user: str  # the profile's name
    at: int  # ms: what happened or was received up to then is gone
    stance: Stance = Stance.NEW


class Moments(NamedTuple):
    """What is known of the erasures of one user, in any order: of each the latest, ms, or 0."""

    until: int
    suppressed: int = 0
    lifted: int = 0

    @classmethod
    def of(cls, erasure: Erasure) -> Self:
        """Return what one erasure says."""
        at, stance = erasure.at, erasure.stance
        return cls(at, at * (stance is Stance.SUPPRESSED), at * (stance is Stance.LIFTED))

    @property
    def end(self) -> int:
        """Up to which moment, ms, somebody is forgotten: who is suppressed, for ever."""
        return FOREVER if self.suppressed > self.lifted else self.until

    def with_(self, other: "Moments") -> "Moments":
        """Return what both say."""
        return Moments(*map(max, self, other))


def stance_of(value: bytes | None, headers: Headers) -> Stance:
    """Read from a message what its erasure says of what comes after it."""
    if headers and LIFTING in headers:
        return Stance.LIFTED
    is_suppressing = value is not None and value.replace(b" ", b"") == SUPPRESSING
    return Stance.SUPPRESSED if is_suppressing else Stance.NEW


@dataclass(frozen=True, slots=True)
class Erasures:
    """R erased users."""

    users: Refs  # (R,), user_ref, sorted, each once
    until: Codes  # (R,), ms: what happened or was received up to then is gone
    suppressed: Codes  # (R,), ms, when they were last; 0 = never. None of the two is after `until`
    lifted: Codes  # (R,), ms, when that was last lifted

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def of(cls, moments: Mapping[int, int | Moments]) -> Self:
        """Build from the moment (ms) of each user_ref, or from all that is known of it."""
        each = [m if isinstance(m, Moments) else Moments(m) for m in moments.values()]
        columns = np.array(each, np.int64).reshape(len(each), len(Moments._fields))
        return cls.merged(np.array([*moments], np.uint64), *columns.T)

    @classmethod
    def merged(
        cls,
        users: Refs,
        until: Codes,
        suppressed: Codes | None = None,
        lifted: Codes | None = None,
    ) -> Self:
        """Build from entries in any order, (R,); of one user the latest of each moment counts."""
        order = np.argsort(users, kind="stable")
        users = users[order]
        starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]][: len(users)])
        never = np.zeros(len(users), np.int64)
        columns = [never if each is None else each[order] for each in (until, suppressed, lifted)]
        latest = [np.maximum.reduceat(each, starts) if len(starts) else each for each in columns]
        return cls(users[starts], *latest)

    @classmethod
    def joined(cls, *lists: "Erasures") -> Self:
        """Merge lists."""
        names = ("users", "until", "suppressed", "lifted")
        users, *moments = (
            np.concatenate([np.zeros(0, dtype), *(getattr(each, name) for each in lists)])
            for name, dtype in zip(names, (np.uint64, *[np.int64] * 3), strict=True)
        )
        return cls.merged(users, *moments)

    @property
    def ends(self) -> Codes:
        """Up to which moment each is forgotten, (R,): who is suppressed, for ever."""
        ends: Codes = np.where(self.suppressed > self.lifted, FOREVER, self.until)
        return ends

    def cover(self, users: Refs, known_from: Codes) -> NDArray[np.bool_]:
        """Say which rows are erased: (E,) user_ref, and ms since when they can be known."""
        if not len(self):
            return np.zeros(len(users), np.bool_)
        row = positions(self.users, users)
        erased: Flags = (row != MISSING) & (known_from <= self.ends[row])
        return erased

    def differ(self, other: Self) -> Self:
        """Return the entries that the other does not have as they are here."""
        row = positions(other.users, self.users)
        new = row == MISSING
        for mine, theirs in (
            (self.until, other.until),
            (self.suppressed, other.suppressed),
            (self.lifted, other.lifted),
        ):
            new |= mine > np.append(theirs, 0)[row]
        return self._where(new)

    def before(self, moment_ms: int) -> Self:
        """Return those who were erased before a moment."""
        return self._where(self.until < moment_ms)

    def _where(self, kept: Flags) -> Self:
        return type(self)(
            self.users[kept], self.until[kept], self.suppressed[kept], self.lifted[kept]
        )
