"""The mirror: a catalogue in memory, kept equal to the one in the store.

load everything ─▶ follow the change log; if the log was cut before we read it, load again
"""

from collections.abc import Iterable, Sequence

import numpy as np
import structlog

from portrait.catalogue.catalogue import Catalogue, texts_of
from portrait.catalogue.store import CatalogueStore
from portrait.events.item import Item
from portrait.model.model import Model
from portrait.ref import text_ref

PAGE = 500  # items fetched at once; between two pages others have their turn
log = structlog.get_logger()


class Mirror:
    """Keeps one `Catalogue` current. Lives as long as the process; one task calls `catch_up`."""

    def __init__(self, store: CatalogueStore, model: Model) -> None:
        self.catalogue = Catalogue(model)
        self._store = store
        self._cursor = ""

    @property
    def revision(self) -> str:
        """Up to which change of the catalogue this is; the same in every process."""
        return self._cursor

    async def load(self) -> None:
        """Read the whole catalogue."""
        cursor = await self._store.cursor()  # first: what changes meanwhile is read again
        introduced = self.catalogue.introduced()  # some may have been forgotten unseen
        await self.refresh([*await self._store.all_ids(), *introduced])
        self._cursor = cursor  # last: what was not read is read again
        log.info("catalogue_loaded", items=len(self.catalogue), texts=len(self.catalogue.vectors))

    async def catch_up(self) -> None:
        """Apply what has changed since the last look."""
        changes = await self._store.changed_since(self._cursor)
        if changes is None:
            await self.load()
            return
        cursor, ids = changes
        await self.refresh(ids)
        self._cursor = cursor

    async def refresh(self, ids: Iterable[str]) -> None:
        """Read these items again, and the vectors they need."""
        unique = list(dict.fromkeys(ids))
        for start in range(0, len(unique), PAGE):
            some = unique[start : start + PAGE]
            items = await self._store.get_items(some)
            await self._take_in([item for item in items if item is not None])
            for id, item in zip(some, items, strict=True):
                if item is None:
                    self.catalogue.forget(id)

    async def spelled(self, items: Sequence[Item]) -> list[Item]:
        """Return items that the catalogue did not know with their categories as it writes them."""
        return await self._store.spelled(items, keep=False)

    async def introduce(self, items: Sequence[Item]) -> None:
        """Store items that the catalogue did not know, and take in what it then says of them."""
        await self._store.introduce_items(items)
        await self.refresh(item.id for item in items)

    def bound_searches(self, most: int) -> None:
        """Forget the vectors of searches once there are more than `most`."""
        if len(self.catalogue.vectors) > len(self.catalogue) + most:
            self.catalogue.forget_searches()

    async def fetch_texts(self, refs: Iterable[int]) -> list[int]:
        """Read the vectors of texts that are not here yet. Returns the refs the store lacks."""
        catalogue = self.catalogue
        absent = catalogue.vectors.missing(list(refs))
        if not absent:
            return []
        vectors = await self._store.get_vectors(
            catalogue.text_space_id, absent, catalogue.vectors.dim
        )
        found = [(r, v) for r, v in zip(absent, vectors, strict=True) if v is not None]
        if found:
            catalogue.vectors.put([ref for ref, _ in found], np.stack([v for _, v in found]))
        return [ref for ref, vector in zip(absent, vectors, strict=True) if vector is None]

    async def _take_in(self, items: list[Item]) -> None:
        await self.fetch_texts(text_ref(text) for item in items for text in texts_of(item))
        for item in items:
            self.catalogue.put(item)
        self.catalogue.place()
