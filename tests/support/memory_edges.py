"""Edges between items in memory."""

from portrait.arrays import Records
from portrait.catalogue.edges import NO_EDGES, Edges


class MemoryEdges:
    """An `EdgeStore` that holds them."""

    def __init__(self) -> None:
        self.edges = NO_EDGES

    async def version(self) -> int:
        """Return their version."""
        return self.edges.version

    async def load(self) -> Edges:
        """Return them."""
        return self.edges

    async def replace(self, edges: Records) -> int:
        """Keep them."""
        self.edges = Edges.of(edges, self.edges.version + 1)
        return self.edges.version
