"""Names of categories and brands, numbered as they are met."""

from array import array
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING
from portrait.events.item import SEPARATOR
from portrait.ref import name_ref


def _codes() -> "array[int]":
    return array("q")


_NONE = _codes()


class Names:
    """A numbering of names. The empty name is MISSING. Grows; one task adds, any thread reads."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._codes: dict[str, int] = {}
        self._by_ref: dict[int, str] = {}
        self._named: defaultdict[str, array[int]] = defaultdict(_codes)  # by name, caseless
        self._within: defaultdict[str, array[int]] = defaultdict(_codes)  # by path that holds them
        self._refs = np.zeros(1, np.uint64)
        self._ranks = np.full(1, MISSING)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def code(self, name: str) -> int:
        """Return the number of a name, giving it the next one if it is new."""
        if not name:
            return MISSING
        code = self._codes.get(name)
        if code is None:
            code = self._codes[name] = len(self._names)
            self._names.append(name)
            self._by_ref[name_ref(name)] = name
            self._index(name.casefold(), code)
        return code

    def named(self, name: str) -> "array[int]":
        """Return the numbers of the names that are this one but for the case of letters."""
        return self._named.get(name.casefold(), _NONE)[:]

    def within(self, path: str) -> "array[int]":
        """Return the numbers of a path, case ignored, and of all paths below it."""
        return self._within.get(path.casefold(), _NONE)[:]

    def name_of(self, ref: int) -> str | None:
        """Return the name whose name_ref this is, if it has been met."""
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

    def _index(self, name: str, code: int) -> None:
        """Note a name under itself and under every path that it lies in."""
        self._named[name].append(code)
        self._within[name].append(code)
        end = name.find(SEPARATOR)
        while end >= 0:
            self._within[name[:end]].append(code)
            end = name.find(SEPARATOR, end + 1)

    def _rank(self) -> None:
        if len(self._refs) == len(self) + 1:
            return
        refs = np.array([*self._by_ref], np.uint64)
        self._refs = np.r_[np.sort(refs), np.uint64(0)]
        self._ranks = np.r_[np.argsort(np.argsort(refs)), MISSING]
