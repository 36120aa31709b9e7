"""Brands: items without a brand get the one that their title says, as others of the shop teach it.

the catalogue changes ─▶ items without a brand: what their titles say by known names, kept beside
                      └▶ now and then: names learned anew ─▶ others: the catalogue is gone over

What is read is a function of the title and of what all index workers know, which the store keeps:
so they agree, and who learns tells the others. It is never taken for what was said: it goes when
the shop names a brand, and nothing is learned from it, nor from what only events say of an item.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from time import monotonic

import structlog

from portrait.catalogue.brands import KnownBrands, brand_in
from portrait.catalogue.store import CatalogueStore
from portrait.errors import StoreUnavailableError
from portrait.events.item import IntroducedItem, Item

LOOK_SECONDS = 1.0  # between two looks at what has changed
AGAIN_SECONDS = 10.0  # and more, between two times to learn
REST = 20  # times what learning and going over took: a twentieth of a core at most
AWAY_SECONDS = 2.0  # while Redis is away
ITEMS_AT_ONCE = 500

log = structlog.get_logger()


class Brands:
    """Keeps items without a brand with the one that their titles say."""

    def __init__(self, store: CatalogueStore) -> None:
        self._store = store
        self._cursor: str | None = None
        self._said: Mapping[str, str] = {}  # by known name
        self._version = ""  # of these
        self._gone_over = ""  # with which the whole catalogue was read
        self._has_changed = False  # since it was learned from
        self._again_at = 0.0

    async def look(self) -> None:
        """Read what has changed; learn if it is time, and read all if other names are known."""
        started = monotonic()
        await self._catch_up()
        is_time = self._has_changed and started >= self._again_at
        if is_time:
            await self._learn()
        if self._version != self._gone_over:
            await self._go_over()
        if is_time:
            taken = monotonic() - started
            self._again_at = started + taken + max(AGAIN_SECONDS, REST * taken)

    async def _catch_up(self) -> None:
        """Read what has changed since the last look."""
        if self._cursor is None:
            await self._begin()
        await self._take_up()
        while (changes := await self._store.changed_since(self._cursor or "")) is not None:
            cursor, ids = changes
            if ids:
                self._has_changed = True
            for start in range(0, len(ids), ITEMS_AT_ONCE):
                await self._fill(await self._items(ids[start : start + ITEMS_AT_ONCE]))
            if cursor == self._cursor:
                return
            self._cursor = cursor
        await self._begin()  # the log was cut before it was read

    async def _begin(self) -> None:
        """Follow the log from its end: all that is there is learned from, and read again."""
        self._cursor = await self._store.cursor()
        self._has_changed, self._gone_over = True, ""

    async def _take_up(self) -> None:
        """Know what is known by now."""
        known = await self._store.known_brands(self._version)
        if known is not None:
            self._version, self._said = known

    async def _learn(self) -> None:
        """Learn what names say from what has a brand, and what has none; let all know."""
        self._has_changed = False
        known = KnownBrands()
        async for items in self._pages():
            for item in filter(_teaches, items):
                known.meet(item.brand)
        if known.items:
            async for items in self._pages():
                await asyncio.to_thread(_count, known, [*filter(_counts, items)])
        said = known.said()
        await self._store.know_brands(said)
        await self._take_up()
        log.info("brands_learned", names=len(said), trusted=sum(map(bool, said.values())))

    async def _go_over(self) -> None:
        """Read the whole catalogue."""
        version = self._version
        async for items in self._pages():
            await self._fill(items)
        self._gone_over = version

    async def _pages(self) -> AsyncIterator[list[Item]]:
        """Yield the catalogue; what changes meanwhile is read between two pages."""
        ids = await self._store.all_ids()
        for start in range(0, len(ids), ITEMS_AT_ONCE):
            yield await self._items(ids[start : start + ITEMS_AT_ONCE])
            await self._catch_up()

    async def _items(self, ids: Sequence[str]) -> list[Item]:
        return [item for item in await self._store.get_items(ids) if item is not None]

    async def _fill(self, items: Sequence[Item]) -> None:
        """Read the brands of these items, if they lack one; tell what is new."""
        lacking = [item for item in items if item.lacks_brand]
        changed = await asyncio.to_thread(_changed, lacking, self._said)
        if changed:
            await self._store.put_brands(changed)
            log.info("brands_read", items=len(changed))


async def keep_brands(brands: Brands) -> None:
    """Read and learn brands. Runs for ever."""
    while True:
        try:
            await brands.look()
        except StoreUnavailableError as error:
            log.warning("brands_not_read", reason=str(error))
            await asyncio.sleep(AWAY_SECONDS)
        await asyncio.sleep(LOOK_SECONDS)


def _teaches(item: Item) -> bool:
    return bool(item.brand) and not isinstance(item, IntroducedItem)


def _counts(item: Item) -> bool:
    return _teaches(item) or item.lacks_brand


def _count(known: KnownBrands, items: Sequence[Item]) -> None:
    for item in items:
        known.count(item.title, item.brand)


def _changed(lacking: Sequence[Item], said: Mapping[str, str]) -> dict[str, str]:
    """Return what is read of items, by id, where that is something else than before."""
    read = {item.id: brand_in(item.title, said) for item in lacking}
    return {item.id: read[item.id] for item in lacking if read[item.id] != item.brand_read}
