"""Edges: what the shop knows of pairs of items, by the kind of it: what fits, goes with, replaces.

`case fits phone`, `lens accessory_of camera`, `model 2 replaces model 1`, `toy needs batteries`.
They are replaced whole, and kept as refs, 34 bytes an edge: one may name an item that the catalogue
does not have yet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol, Self

import numpy as np

from portrait.arrays import Records, Refs
from portrait.ref import item_ref

MOST_EDGES = 1_000_000
EDGE = np.dtype([("source", "<u8"), ("target", "<u8"), ("relation", "u1")])


class Relation(StrEnum):
    """What the first item of an edge is to the second."""

    ACCESSORY_OF = "accessory_of"
    REPLACES = "replaces"
    FITS = "fits"
    NEEDS = "needs"


_CODES = {relation: code for code, relation in enumerate(Relation)}


class Edge(NamedTuple):
    """One edge, by the ids of its items."""

    source: str
    relation: Relation
    target: str


@dataclass(frozen=True, slots=True)
class Edges:
    """E edges, twice: in the order of their first items and in that of their second ones."""

    version: int
    by_source: Records  # (E,) of EDGE
    by_target: Records  # (E,) of EDGE

    @classmethod
    def of(cls, edges: Records, version: int) -> Self:
        """Order edges, (E,) of EDGE; some .3 s for a million."""
        by_source, by_target = (
            edges[np.lexsort((edges[end], edges["relation"]))] for end in ("source", "target")
        )
        return cls(version, by_source, by_target)

    def __len__(self) -> int:
        return len(self.by_source)

    def to(self, relation: Relation, targets: Iterable[int]) -> Refs | None:
        """Return the items that are so to any of some; None: no edge knows of any of these."""
        return _others(self.by_target, "target", "source", relation, targets)

    def from_(self, relation: Relation, sources: Iterable[int]) -> Refs | None:
        """Return the items that any of some are so to; None: no edge knows of any of these."""
        return _others(self.by_source, "source", "target", relation, sources)


def _others(
    edges: Records, known: str, wanted: str, relation: Relation, refs: Iterable[int]
) -> Refs | None:
    """Return the other ends of the edges at some items, found in order."""
    code = _CODES[relation]
    first, end = np.searchsorted(edges["relation"], [code, code + 1])
    ends, others = edges[known][first:end], edges[wanted][first:end]
    asked = np.unique(np.array([*refs], np.uint64))
    lows, highs = (np.searchsorted(ends, asked, side) for side in ("left", "right"))
    found = [others[low:high] for low, high in zip(lows, highs, strict=True) if low < high]
    return np.unique(np.concatenate(found)) if found else None


NO_EDGES = Edges.of(np.zeros(0, EDGE), 0)


def tabled(edges: Iterable[Edge]) -> Records:
    """Return edges as (E,) of EDGE, each once."""
    rows = [
        (item_ref(source), item_ref(target), _CODES[relation])
        for source, relation, target in dict.fromkeys(edges)
    ]
    return np.array(rows, EDGE)


class EdgeStore(Protocol):
    """All edges, replaced whole."""

    async def version(self) -> int:
        """Return their version; 0 where there are none.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def load(self) -> Edges:
        """Return them; what was damaged is none.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...

    async def replace(self, edges: Records) -> int:
        """Keep edges, (E,) of EDGE, instead of those there are. Returns their version.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...
