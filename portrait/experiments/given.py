"""Given: what lists gave lately, where they asked that it be remembered.

a list that is `paged` ─▶ its mark, its items ─▶ the lists after it: their items ─▶ … so many in all
a list that rotates ─▶ its items

The oldest give way. A list's mark is its oldest row, so whoever finds it finds all that came after.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from portrait.errors import PortraitError
from portrait.times import MILLISECOND

PAGED_FOR = timedelta(minutes=30)  # since the newest of its lists
MOST_GIVEN = 1_000  # rows of one person: 24 KB
MARK = 0  # instead of an item: here a list begins that may be gone on with
ROW = np.dtype([("list", "<u8"), ("item", "<u8"), ("at", "<i8")])  # refs, ms


class ListPassedError(PortraitError):
    """This list is not known, or no more: ask for a first one with `paged`, and name that."""


@dataclass(frozen=True, slots=True)
class Given:
    """What one person was given, or whoever got one list if that names nobody."""

    revision: int = 0  # one more with each write
    rows: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, ROW))  # oldest first

    def after(self, list: int, now: int) -> Sequence[int]:
        """Return all items, by ref, that a list and those after it gave.

        Args:
            list: Ref of the first of them.
            now: Moment, ms.

        Raises:
            ListPassedError: It was not `paged`, or too long ago, or too much has been given since.
        """
        rows = self.rows[self.rows["list"] == np.uint64(list)]
        marks = rows["item"] == MARK
        if not marks.any() or rows["at"].max() < now - PAGED_FOR // MILLISECOND:
            raise ListPassedError
        items: Sequence[int] = rows["item"][~marks].tolist()
        return items

    def faded(self, rate: float, lasting: timedelta, now: int) -> Mapping[int, float]:
        """Return how much less items count, by ref, that were given lately.

        Args:
            rate: How much less one counts that was given just now.
            lasting: How long it takes until it counts in full again; it comes back evenly.
            now: Moment, ms.
        """
        age = (now - self.rows["at"]) / (lasting / MILLISECOND)
        fade = rate * (1 - np.clip(age, 0, 1))
        pairs = zip(self.rows["item"].tolist(), fade.tolist(), strict=True)
        return {item: left for item, left in pairs if left and item != MARK}  # the newest counts

    def adding(self, list: int, items: Collection[int], at: int, *, is_first: bool) -> Self:
        """Return the same with what a list gives, of which others may follow if it `is_first`."""
        refs = [*([MARK] if is_first else []), *items]
        rows = np.zeros(len(refs), ROW)
        rows["list"], rows["item"], rows["at"] = list, refs, at
        return type(self)(self.revision + 1, np.concatenate([self.rows, rows])[-MOST_GIVEN:])


class GivenStore(Protocol):
    """What was given, by whose it is: `person_name` or `list_name`. What nobody adds to expires."""

    async def given(self, whose: str) -> Given:
        """Return what is remembered.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def put(self, whose: str, given: Given, lasting: timedelta) -> bool:
        """Remember it for so long at least, if nobody has written since it was read.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def forget(self, people: Collection[int]) -> int:
        """Forget what people, by ref, were given; return of how many there was anything."""
        ...


def person_name(person: int) -> str:
    """Name what a person was given, by `user_ref`."""
    return f"person:{person:016x}"


def list_name(list: int) -> str:
    """Name what was given after a list that names nobody."""
    return f"list:{list:016x}"
