"""Consent: for which purposes somebody lets what they do be used, and when they said so last.

What was said last counts, whole: a statement names every purpose. So a consent is one number, the
moment above a bit for each purpose that is withdrawn, and the largest number wins: in any order,
and however often it is read. Of two statements of the same moment the one that allows less wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from portrait.arrays import Codes, Flags, Refs, positions


class Purpose(StrEnum):
    """What somebody's events may be used for, beside keeping them."""

    PERSONALISATION = "personalisation"  # what they are shown follows from them
    ANALYTICS = "analytics"  # they count in what is said of everybody: popularity, hit rates
    TRAINING = "training"  # models learn from them


_BITS = {purpose: 1 << place for place, purpose in enumerate(Purpose)}
_SHIFT = len(Purpose)
LARGEST = 10**15  # of a number: the year 5138; what says more was not written by us


@dataclass(frozen=True, slots=True)
class Consent:
    """What one person has said. Of who has said nothing, `at` is 0."""

    at: int  # ms
    withdrawn: frozenset[Purpose]

    def allows(self, purpose: Purpose) -> bool:
        """Say whether a purpose is not withdrawn."""
        return purpose not in self.withdrawn

    @property
    def number(self) -> int:
        """The same as one number."""
        return (self.at << _SHIFT) + sum(_BITS[purpose] for purpose in self.withdrawn)

    @classmethod
    def of_number(cls, number: int) -> Self:
        """Read what `number` wrote."""
        withdrawn = frozenset(purpose for purpose, bit in _BITS.items() if number & bit)
        return cls(number >> _SHIFT, withdrawn)


GRANTED = Consent(0, frozenset())
WITHDRAWN = Consent(0, frozenset(Purpose))
DEFAULTS = {"granted": GRANTED, "withdrawn": WITHDRAWN}  # of who has said nothing, as it is set


def consent_of(stored: bytes | None, unsaid: Consent) -> Consent:
    """Read what is stored of somebody; what cannot be read allows nothing.

    Args:
        stored: A number in decimal; None: they have said nothing.
        unsaid: What counts then.
    """
    if stored is None:
        return unsaid
    return Consent.of_number(int(stored)) if is_consent(stored) else WITHDRAWN


def is_consent(stored: bytes) -> bool:
    """Say whether a stored value is one that we wrote."""
    return stored.isdigit() and len(stored) < len(str(LARGEST))


@dataclass(frozen=True, slots=True)
class Consents:
    """What R people have said; only the ref of a user is kept, as of erasures."""

    users: Refs  # (R,), user_ref, sorted, each once
    numbers: Codes  # (R,), as `Consent.number`
    unsaid: Consent = GRANTED  # what counts of everybody else

    def __len__(self) -> int:
        return len(self.users)

    @classmethod
    def of(cls, numbers: Mapping[int, int], unsaid: Consent = GRANTED) -> Self:
        """Build from the number of each user_ref."""
        users = np.array([*numbers], np.uint64)
        return cls.merged(users, np.fromiter(numbers.values(), np.int64, len(numbers)), unsaid)

    @classmethod
    def merged(cls, users: Refs, numbers: Codes, unsaid: Consent = GRANTED) -> Self:
        """Build from entries in any order, (R,); of one user the largest counts."""
        order = np.lexsort((numbers, users))
        users, numbers = users[order], numbers[order]
        last = np.r_[users[1:] != users[:-1], True][: len(users)]
        return cls(users[last], numbers[last], unsaid)

    def allow(self, purpose: Purpose, users: Refs) -> Flags:
        """Say who of some users, (E,) user_ref, lets what they do be used for a purpose."""
        row = positions(self.users, users)
        numbers = np.append(self.numbers, self.unsaid.number)  # the last is what MISSING points to
        allowed: Flags = (numbers[row] & _BITS[purpose]) == 0
        return allowed
