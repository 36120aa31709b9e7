"""Spaces: every space that may serve is kept complete, and a wanted model is put in service.

standing ─▶ readers of champion, former, wanted ─▶ fill the wanted one's space ─▶ switch

The champion's space and the former's stay complete while items change, so a rollback is instant.
Items that other workers introduce are found in the change log and read into every space.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import structlog

from portrait.catalogue import texts_of
from portrait.errors import StoreUnavailableError
from portrait.item import Item
from portrait.model_index import ModelIndex
from portrait.store import CatalogueStore, Model, ModelRegistry
from portrait.texts import TextReader
from workers.painter import EncoderOf

LOOK_SECONDS = 0.5  # between two looks at who is wanted
FORGET_SECONDS = 60.0  # between two looks for spaces whose grace has ended
AWAY_SECONDS = 2.0  # while Redis is away
ITEMS_AT_ONCE = 500

log = structlog.get_logger()


class Spaces:
    """Reads texts into every space that is kept. Lives as long as the index worker."""

    def __init__(
        self,
        registry: ModelRegistry,
        models: ModelIndex,
        catalogue: CatalogueStore,
        encoder: EncoderOf,
        *,
        grace: timedelta,
    ) -> None:
        self._registry = registry
        self._models = models
        self._catalogue = catalogue
        self._encoder = encoder
        self._grace = grace
        self._readers: dict[str, TextReader] = {}  # by space of texts
        self._among = asyncio.Lock()  # held while items are read and stored
        self._cursor: str | None = None

    @asynccontextmanager
    async def reading(self, items: Iterable[Item]) -> AsyncIterator[int]:
        """Read items' texts into every space; what is stored meanwhile is in all of them.

        Yields how many vectors were new.
        """
        async with self._among:
            texts = [text for item in items for text in texts_of(item)]
            yield sum([await reader.read(texts) for reader in self._readers.values()])

    async def follow(self) -> None:
        """Keep the spaces complete and fulfil wishes. Runs for ever."""
        loop = asyncio.get_running_loop()
        forgot = loop.time()
        while True:
            try:
                await self.look()
                if loop.time() - forgot > FORGET_SECONDS:
                    forgot = loop.time()
                    await self.forget_expired(datetime.now(UTC))
            except StoreUnavailableError:
                log.warning("spaces_not_followed", reason="store unavailable")
                await asyncio.sleep(AWAY_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Take up who is to be kept, catch up with the catalogue, and switch if one is wanted."""
        standing = await self._models.standing()
        kept = await self._kept(standing)
        await self._open(kept.values())
        await self._catch_up()
        wanted = kept.get(standing.wanted or "")
        if wanted is not None:
            await self._fill(wanted)
            await self._catch_up()
            if await self._models.switch(wanted.version):
                log.info("model_promoted", model_version=wanted.version, former=standing.champion)

    async def forget_expired(self, now: datetime) -> None:
        """Remove the arrays and vectors of models whose grace has ended."""
        for version in await self._models.expired(self._grace, now):
            model = await self._registry.model(version)
            await self._models.forget(version)
            if model is not None and model.space.id not in self._readers:
                await self._catalogue.forget_vectors(model.space.id)
            log.info("model_forgotten", model_version=version)

    async def _kept(self, versions: Iterable[str | None]) -> dict[str, Model]:
        models = {v: await self._registry.model(v) for v in versions if v is not None}
        return {version: model for version, model in models.items() if model is not None}

    async def _open(self, models: Iterable[Model]) -> None:
        """Have a reader for each space of these models, and no other."""
        wanted = {model.space.id: model for model in models}
        if wanted.keys() == self._readers.keys():
            return
        readers = {
            id: self._readers.get(id)
            or TextReader(await self._encoder(model), model.space, self._catalogue)
            for id, model in wanted.items()
        }
        async with self._among:
            self._readers = readers

    async def _catch_up(self) -> None:
        """Read what has changed in the catalogue; announce what was incomplete again."""
        if self._cursor is None:
            self._cursor = await self._catalogue.cursor()
        while (changes := await self._catalogue.changed_since(self._cursor)) != (self._cursor, []):
            if changes is None:  # the log was cut before it was read
                self._cursor = await self._catalogue.cursor()
                await self._complete(await self._catalogue.all_ids())
            else:
                self._cursor, ids = changes
                await self._complete(list(dict.fromkeys(ids)))

    async def _fill(self, model: Model) -> None:
        """Read the whole catalogue into a model's space. What is there already costs a look-up."""
        ids = await self._catalogue.all_ids()
        for start in range(0, len(ids), ITEMS_AT_ONCE):
            await self._complete(ids[start : start + ITEMS_AT_ONCE])
            log.info(
                "space_filled",
                model_version=model.version,
                items=min(start + ITEMS_AT_ONCE, len(ids)),
                of=len(ids),
            )

    async def _complete(self, ids: list[str]) -> None:
        """Give these items vectors in every space, and announce those that lacked one."""
        for start in range(0, len(ids), ITEMS_AT_ONCE):
            found = await self._catalogue.get_items(ids[start : start + ITEMS_AT_ONCE])
            items = [item for item in found if item is not None]
            async with self.reading(items) as new:
                if new:
                    await self._catalogue.put_items(items)
