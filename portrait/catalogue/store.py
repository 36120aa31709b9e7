"""Port: where items and the vectors of their texts are kept."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from portrait.events.item import Item
from portrait.model.space import Vectors


class CatalogueStore(Protocol):
    """Items and the vectors of texts, with a log of changes that any number of mirrors follow."""

    async def put_items(self, items: Sequence[Item]) -> None:
        """Store items and announce them."""
        ...

    async def spelled(self, items: Sequence[Item], *, keep: bool) -> list[Item]:
        """Return items with their categories as the shop first wrote them.

        So is each path that a category lies in. How one is written that nobody has written before
        is kept, for whoever asks later, if these items are of the catalogue: what events say is
        nobody's spelling.

        Args:
            items: Before their texts are read: a category is part of a text.
            keep: Whether they are of the catalogue.
        """
        ...

    async def put_places(self, read: Mapping[str, str]) -> None:
        """Keep where items lie that have no category, as was read of them, and announce them.

        It is `category_read` of these items from then on, as long as they have no category.

        Args:
            read: Paths by id; empty where nobody can tell any more.
        """
        ...

    async def put_brands(self, read: Mapping[str, str]) -> None:
        """Keep the brands of items that have none, as they were read, and announce these items.

        It is `brand_read` of these items from then on, as long as they have no brand.

        Args:
            read: Brands by id; empty where nobody can tell any more.
        """
        ...

    async def know_brands(self, said: Mapping[str, str]) -> None:
        """Keep what a title says that has a known name of a brand, for all who read titles.

        Args:
            said: Brands by name; empty: nothing is said.
        """
        ...

    async def known_brands(self, version: str) -> tuple[str, dict[str, str]] | None:
        """Return what was kept so last, with its version, which goes by its content.

        Args:
            version: None is returned if it is still this one, or nothing was kept.
        """
        ...

    async def announce(self, ids: Sequence[str]) -> None:
        """Tell whoever follows that these items are as they should be now."""
        ...

    async def introduce_items(self, items: Sequence[Item]) -> None:
        """Remember items that the catalogue does not have, as `IntroducedItem`, for a while.

        Of one that is there, what says more is kept (`Item.said`), of equals the later, and it is
        remembered anew. Beyond a number, and after a time, those that were not introduced again for
        longest are forgotten and announced.
        """
        ...

    async def withdraw_items(self, ids: Sequence[str]) -> None:
        """Mark items as gone and announce them. An unknown id is ignored."""
        ...

    async def get_items(self, ids: Sequence[str]) -> list[Item | None]:
        """Return items by id, in their order; those of the catalogue before introduced ones."""
        ...

    async def all_ids(self) -> list[str]:
        """Return the id of every item, in no order."""
        ...

    async def count(self) -> int:
        """Return how many items the catalogue has, without introduced ones. They only get more."""
        ...

    async def sample(self, most: int) -> list[str]:
        """Return the ids of so many of these at random, or of all; none twice."""
        ...

    async def cursor(self) -> str:
        """Return the end of the change log."""
        ...

    async def changed_since(self, cursor: str) -> tuple[str, list[str]] | None:
        """Return a later cursor and the ids changed between, or None if the log has been cut."""
        ...

    async def get_vectors(
        self, space_id: str, refs: Sequence[int], dim: int
    ) -> list[Vectors | None]:
        """Return text vectors (K,) by their refs, in their order; one that is damaged is not there.

        Args:
            space_id: Of texts.
            refs: Any number.
            dim: K of that space: a vector of another length is damaged.
        """
        ...

    async def forget_vectors(self, space_id: str) -> None:
        """Remove every vector of a space."""
        ...

    async def put_vectors(
        self,
        space_id: str,
        refs: Sequence[int],
        vectors: Vectors,
        *,
        ttl: timedelta | None = None,
    ) -> None:
        """Store text vectors (B, K); with a time to live, a sound one that is there stays."""
        ...
