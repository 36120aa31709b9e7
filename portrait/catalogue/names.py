"""Names of categories and brands, numbered as they are met."""

from array import array
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING
from portrait.events.category import SEPARATOR, meaning_of
from portrait.ref import name_ref


def _codes() -> "array[int]":
    return array("q")


_NONE = _codes()


class Names:
    """A numbering of names. The empty name is MISSING. Grows; one task adds, any thread reads."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._codes: dict[str, int] = {}
        self._refs_met: list[int] = []  # by code
        self._by_ref: dict[int, str] = {}
        self._alike: defaultdict[str, array[int]] = defaultdict(_codes)  # by name, caseless
        self._refs = np.zeros(1, np.uint64)
        self._ranks = np.full(1, MISSING)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def code(self, name: str) -> int:
        """Return the number of a name, giving it the next one if it is new."""
        code = self._codes.get(name)
        return self._code(name) if code is None else code

    def _code(self, name: str) -> int:
        """Number a name that has not been met."""
        return self._add(name) if name else MISSING

    def _add(self, name: str) -> int:
        code = self._codes[name] = len(self._names)
        self._names.append(name)
        self._refs_met.append(name_ref(name))
        self._by_ref[self._refs_met[-1]] = name
        self._index(name, code)
        return code

    def _index(self, name: str, code: int) -> None:
        """Note what a new name is found by."""
        self._alike[name.casefold()].append(code)

    def name(self, code: int) -> str:
        """Return the name of a number, as it was first written."""
        return self._names[code]

    def named(self, name: str) -> "array[int]":
        """Return the numbers of the names that are this one but for the case of letters."""
        return self._alike.get(name.casefold(), _NONE)[:]

    def name_of(self, ref: int) -> str | None:
        """Return the name whose name_ref this is, if it has been met, as it was first written."""
        return self._by_ref.get(ref)

    @property
    def refs(self) -> NDArray[np.uint64]:
        """The name_refs in ascending order, with one row more, 0, so that MISSING reads as "none".

        Codes depend on who was met first; the order of refs is the same in every process.
        """
        self._rank()
        return self._refs

    @property
    def ranks(self) -> NDArray[np.int64]:
        """The place in `refs` of each code, with one row more, so that MISSING reads as MISSING."""
        self._rank()
        return self._ranks

    def _rank(self) -> None:
        if len(self._refs) == len(self) + 1:
            return
        refs = np.array(self._refs_met, np.uint64)
        self._refs = np.r_[np.sort(refs), np.uint64(0)]
        self._ranks = np.r_[np.argsort(np.argsort(refs)), MISSING]


class Paths(Names):
    """A numbering of categories: paths that mean the same are one, named as it was met first."""

    def __init__(self) -> None:
        super().__init__()
        self._by_meaning: dict[str, int] = {}
        self._within: defaultdict[str, array[int]] = defaultdict(_codes)  # by what holds them

    def within(self, path: str) -> "array[int]":
        """Return the numbers of a path, and of all paths below it."""
        return self._within.get(meaning_of(path), _NONE)[:]

    def _code(self, name: str) -> int:
        meaning = meaning_of(name)
        if not meaning:
            return MISSING
        code = self._by_meaning.get(meaning)
        if code is None:
            code = self._by_meaning[meaning] = self._add(name)
        else:  # another way to write one that is known
            self._codes[name] = code
            self._by_ref[name_ref(name)] = self._names[code]
        return code

    def _index(self, name: str, code: int) -> None:
        """Note a path under itself and under every path that it lies in."""
        meaning = meaning_of(name)
        self._within[meaning].append(code)
        end = meaning.find(SEPARATOR)
        while end >= 0:
            self._within[meaning[:end]].append(code)
            end = meaning.find(SEPARATOR, end + 1)
