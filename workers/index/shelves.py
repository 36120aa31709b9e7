"""Shelves: where items lie that nobody gave a category, as the model that serves reads it.

items without a category ─▶ reader of who serves ─▶ where it is sure: a place, kept beside the item

A place that was read is never taken for one that was said: it is no part of an item's text, it goes
when the shop names a category, and it is read anew when another model serves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

import structlog

from portrait.catalogue.store import CatalogueStore
from portrait.events.item import Item
from workers.painter import UNLOADABLE

REMEMBERED = 50_000  # texts
AGAIN_SECONDS = 10.0  # between two tries to load a reader

ReadPlaces = Callable[[Sequence[str]], list[str]]  # paths, empty where it is not sure; blocks
PlacesOf = Callable[[str], Awaitable[ReadPlaces | None]]  # of a version; None: it reads none

log = structlog.get_logger()


class Shelves:
    """Keeps items without a category where the champion reads that they lie."""

    def __init__(self, store: CatalogueStore, places_of: PlacesOf) -> None:
        self._store = store
        self._places_of = places_of
        self._version = ""
        self._read: ReadPlaces | None = None
        self._known: dict[str, str] = {}  # places by text
        self._again_at = 0.0

    async def serve(self, version: str) -> bool:
        """Take up who serves. Returns whether the catalogue is to be gone over again."""
        if version == self._version or monotonic() < self._again_at:
            return False
        try:
            read = await self._places_of(version)
        except UNLOADABLE as error:
            log.warning("places_not_read", model_version=version, reason=str(error))
            self._again_at = monotonic() + AGAIN_SECONDS
            return False
        is_first = not self._version  # what another process has read may be left
        is_other = is_first or read is not None or self._read is not None
        self._version, self._read, self._known = version, read, {}
        return is_other

    async def fill(self, items: Sequence[Item]) -> None:
        """Read where these items lie, if they lack a category; tell what is new."""
        if not self._version:
            return
        lacking = [item for item in items if item.lacks_category]
        new = list(dict.fromkeys(item.text for item in lacking if item.text not in self._known))
        if new:
            if len(self._known) > REMEMBERED:
                self._known = {}
            places = [""] * len(new)
            if self._read is not None:
                places = await asyncio.to_thread(self._read, new)
            self._known |= dict(zip(new, places, strict=True))
        read = {item.id: self._known.get(item.text, "") for item in lacking}
        changed = {
            item.id: read[item.id] for item in lacking if read[item.id] != item.category_read
        }
        if changed:
            await self._store.put_places(changed)
            log.info("places_read", model_version=self._version, items=len(changed))
