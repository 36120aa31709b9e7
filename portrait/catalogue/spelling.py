"""Spelling: which names of categories and brands are like one that the shop does not have.

Names are compared by their letters and pairs of letters, as bits: one pass over an array for each
name that is asked for, two where it may be read as a path, so that a request full of unknown ones
stays cheap. Case, width and spaces do not count. A path is found by its last level, wherever it
lies: `dairy` is `Grocery > Dairy`.
"""

import unicodedata
from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Floats
from portrait.events.category import levels_of, paths_to

BITS = 256
LONGEST = 64  # characters of a level that are compared
MOST_NAMES = 50_000  # that are learned, so that one pass has an end
WIDEST = ">"  # separator: what comes after the last is one level, if it is not a path itself
SHORTLIST = 8  # of those whose last level is most alike, compared by all their levels
LIKE_ENOUGH = 0.5  # Dice coefficient; one wrong letter of four leaves .67, of two .4
START, END = "^", "$"  # of a level: its first and last letters say most
FIRST_ROWS = 1_024

Bits = NDArray[np.uint64]  # (BITS / 64, ...)


class Spellings:
    """Names by their letters. Grows; one thread at a time adds, any reads."""

    def __init__(self, *, are_paths: bool = True) -> None:
        self._paths_to = paths_to if are_paths else _alone
        self._levels_of = levels_of if are_paths else _alone
        self._paths: list[str] = []
        self._known: set[str] = set()
        self._bits = np.zeros((BITS // 64, FIRST_ROWS), np.uint64)  # of last levels
        self._sizes = np.zeros(FIRST_ROWS, np.uint16)  # how many bits those are

    def __len__(self) -> int:
        return len(self._paths)

    def learn(self, names: Iterable[str]) -> None:
        """Add names, and every path that they lie in, that are not here yet."""
        for name in names:
            for path in reversed(self._paths_to(name)):
                if path in self._known or len(self) >= MOST_NAMES:
                    break
                self._add(path)

    def nearest(self, name: str, is_there: Callable[[str], bool], most: int) -> list[str]:
        """Return names that are like one, the likest first; where none is, a path that it lies in.

        Args:
            name: What was asked for.
            is_there: Whether the shop has something under a name at the moment.
            most: Names to return.
        """
        alike = [path for path in self._likest(name) if is_there(path)][:most]
        if alike:
            return alike
        parents = self._paths_to(name)[-2::-1]
        return [parent for parent in parents if is_there(parent)][:1]

    def _likest(self, name: str) -> list[str]:
        """Return paths by the likeness of their last levels, and the levels that they share."""
        count, levels = (
            len(self._paths),
            self._plain(name),
        )  # before the bits: they are written first
        likeness = np.zeros(count, np.float32)
        for last in {_plain(name.rpartition(WIDEST)[2]), *levels[-1:]}:  # `a/b` may be one level
            dice = _dice(self._bits[:, :count], self._sizes[:count], _bits(last))
            np.maximum(likeness, np.where(dice >= _enough(last), dice, 0), out=likeness)
        alike = np.flatnonzero(likeness)
        if len(alike) > SHORTLIST:
            alike = alike[np.argpartition(-likeness[alike], SHORTLIST - 1)[:SHORTLIST]]
        found = [(self._paths[row], float(likeness[row])) for row in alike.tolist()]
        found.sort(key=lambda each: -each[1] - len({*levels} & {*self._plain(each[0])}))
        return [path for path, _ in found]

    def _add(self, path: str) -> None:
        """Add one path; in this order, so that a reader meanwhile never sees it by half."""
        count = len(self._paths)
        if count == self._bits.shape[1]:
            self._bits = np.concatenate([self._bits, np.zeros_like(self._bits)], axis=1)
            self._sizes = np.concatenate([self._sizes, np.zeros_like(self._sizes)])
        self._bits[:, count] = bits = _bits(self._plain(path)[-1])
        self._sizes[count] = _size(bits)
        self._known.add(path)
        self._paths.append(path)

    def _plain(self, name: str) -> list[str]:
        """Return the levels of a name without what does not count."""
        return [_plain(level) for level in self._levels_of(name)]


def _dice(some: Bits, sizes: NDArray[np.uint16], one: Bits) -> Floats:
    """Return how much each of N, (BITS / 64, N) and (N,), has in common with one, (N,): 0 to 1.

    Source: Dice, Measures of the amount of ecologic association between species, Ecology 1945.
    """
    shared = np.bitwise_count(some & one[:, None]).sum(axis=0, dtype=np.uint16)
    likeness: Floats = np.float32(2) * shared / np.maximum(sizes + _size(one), 1)
    return likeness


def _size(bits: Bits) -> np.uint16:
    size: np.uint16 = np.bitwise_count(bits).sum(dtype=np.uint16)
    return size


def _enough(last: str) -> float:
    """Return how alike a level must be: one wrong letter is allowed, however short it is."""
    return min(LIKE_ENOUGH, 1 - 3 / (2 * max(len(last), 2) + 1))


def _bits(text: str) -> Bits:
    """Return which letters and which pairs of letters a text has, each as one of BITS."""
    letters = f"{START}{text[:LONGEST]}{END}"
    bits = 0
    for first, second in pairwise(letters):
        bits |= 1 << (31 * ord(first) + ord(second)) % BITS
    for letter in letters[1:-1]:
        bits |= 1 << (7 * ord(letter) + 101) % BITS
    return np.frombuffer(bits.to_bytes(BITS // 8, "little"), np.uint64)


def _alone(name: str) -> list[str]:
    """Return a name that is no path as the one level that it has."""
    return [name]


def _plain(text: str) -> str:
    """Return a text without what does not count: case, width, and more than one space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
