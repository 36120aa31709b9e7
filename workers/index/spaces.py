"""Spaces: every space that may serve is kept complete, and a wanted model is put in service.

roles ─▶ readers of champion, former, wanted ─▶ fill the wanted one's space ─▶ switch

The champion's space and the former's stay complete while items change, so a rollback is instant;
so does that of the model that the next training stands on, if that is another one.
Items that other workers introduce are found in the change log and read into every space; those
without a category are put on the shelves of `shelves.py`.

A wanted model that cannot be loaded is refused with the reason; one in service is tried again and
again. Where none is in service, `origin.py` says who is to be.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic

import numpy as np
import structlog

from portrait.catalogue.catalogue import texts_of
from portrait.catalogue.texts import SEARCH_TTL, TextReader
from portrait.errors import (
    ModelInvalidError,
    ModelMissingError,
    PortraitError,
    StoreUnavailableError,
)
from portrait.events.item import Item
from portrait.lifecycle.registry import Roles
from portrait.model.encoder import CANNOT_LOAD, TextEncoder
from portrait.model.model import Model
from workers.index.origin import Origin, Stores
from workers.index.shelves import Shelves
from workers.index.upkeep import Upkeep
from workers.painter import UNLOADABLE, EncoderOf

LOOK_SECONDS = 0.5  # between two looks at who is wanted
FORGET_SECONDS = 60.0  # between two looks for spaces whose grace has ended
AWAY_SECONDS = 2.0  # while Redis is away
PROBE = "milk"  # what an encoder has to read before it is used
AGAIN_SECONDS = 10.0  # between two tries to load a model in service
ITEMS_AT_ONCE = 500

Onlooker = Callable[[Roles, Model], Awaitable[None]]  # is told who serves, at every look

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a model could not be loaded, and when it is worth another try."""

    reason: str
    again_at: float


class Spaces:
    """Reads texts into every space that is kept. Lives as long as the index worker."""

    def __init__(  # noqa: PLR0913 - everything that it stands on
        self,
        stores: Stores,
        encoder: EncoderOf,
        origin: Origin,
        onlookers: Sequence[Onlooker],
        *,
        upkeep: Upkeep,
        shelves: Shelves,
        grace: timedelta,
    ) -> None:
        self._registry = stores.registry
        self._catalogue = stores.catalogue
        self._encoder = encoder
        self._origin = origin
        self._onlookers = onlookers
        self._upkeep = upkeep
        self._shelves = shelves
        self._grace = grace
        self._failures: dict[str, Failure] = {}  # by version
        self._waits_for: PortraitError | None = ModelMissingError()  # why nobody serves
        self._readers: dict[str, TextReader] = {}  # by space of texts
        self._among = asyncio.Lock()  # held while items are read and stored
        self._cursor: str | None = None
        self._is_looked_over = False
        self._basis: str | None = None  # whose space is filled

    @asynccontextmanager
    async def reading(self, items: Iterable[Item]) -> AsyncIterator[int]:
        """Read items' texts into every space; what is stored meanwhile is in all of them.

        Yields how many vectors were new.
        """
        async with self._among:
            texts = [text for item in items for text in texts_of(item)]
            yield sum([await reader.read(texts) for reader in self._readers.values()])

    async def read(self, searches: Sequence[str]) -> None:
        """Read searches into every space, as the update worker will when their events come."""
        async with self._among:  # an encoder reads for one at a time
            for reader in self._readers.values():
                await reader.read(searches=searches, ttl=SEARCH_TTL)

    async def check(self) -> None:
        """Raise unless a model serves and its space is kept complete; the error says what to do."""
        if self._waits_for is not None:
            raise self._waits_for

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
            except StoreUnavailableError as error:
                log.warning("spaces_not_followed", reason=str(error))
                await asyncio.sleep(AWAY_SECONDS)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Take up who is to be kept, catch up with the catalogue, and switch if one is wanted."""
        roles = await self._registry.roles()
        basis = await self._registry.basis()
        kept = await self._kept((*roles, basis))
        if roles.champion not in kept:
            await self._come_back(roles)
            return
        late = await self._open(kept.values())
        await self._catch_up()
        for model in late:
            await self._fill(model)
        self._waits_for = self._failed(roles.champion)
        await self._origin.keep(roles)
        await self._look_over(kept[roles.champion])
        if await self._shelves.serve(kept[roles.champion].version):
            await self._fill(kept[roles.champion])
        if basis != self._basis:
            if basis in kept:
                await self._fill(kept[basis])
            self._basis = basis
        if roles.wanted is not None:
            await self._fulfil(roles, kept)
        for onlooker in self._onlookers:
            await onlooker(roles, kept[roles.champion])

    async def _look_over(self, champion: Model) -> None:
        """Fill the champion's space again if vectors were lost or damaged since they were read."""
        if champion.space.id not in self._readers:
            return  # nobody could
        if not self._is_looked_over or await self._upkeep.lacks_vectors(champion):
            await self._fill(champion)
            self._is_looked_over = True

    async def _fulfil(self, roles: Roles, kept: Mapping[str, Model]) -> None:
        """Put the wanted model in service; refuse it if it cannot be loaded."""
        version = roles.wanted or ""
        failure = self._failures.pop(version, None)
        if failure is None and version not in kept:
            failure = Failure("its arrays are no longer kept", 0)
        if failure is not None:
            await self._registry.refuse(version, failure.reason)
            log.warning("model_refused", model_version=version, reason=failure.reason)
            return
        await self._fill(kept[version])
        await self._catch_up()
        if await self._registry.switch(version):
            log.info("model_promoted", model_version=version, former=roles.champion)
            await self._origin.keep(await self._registry.roles())

    async def _come_back(self, roles: Roles) -> None:
        """Put in service who served before, or the first model, once the catalogue is complete."""
        try:
            models = await self._origin.find()
        except UNLOADABLE as error:
            self._say_waiting(error)
            await asyncio.sleep(AWAY_SECONDS)
            return
        await self._open(models)
        failed = self._failed(models[0].version if models else None)
        self._waits_for = failed or ModelMissingError()
        if models and failed is None and await self._origin.is_complete():
            await self._serve(models, roles)

    async def _serve(self, models: Sequence[Model], roles: Roles) -> None:
        """Fill the spaces of champion and former, then put them in service."""
        for model in models:
            if model.version not in self._failures:
                await self._fill(model)
        if not await self._origin.is_complete():
            return  # emptied again meanwhile
        former = models[1].version if len(models) > 1 else None
        if await self._origin.put_in_service(models, roles.champion):
            log.warning("champion_set", model_version=models[0].version, former=former)
            await self._origin.keep(await self._registry.roles())

    def _failed(self, version: str | None) -> ModelInvalidError | None:
        failure = self._failures.get(version or "")
        return None if failure is None else ModelInvalidError(failure.reason)

    def _say_waiting(self, error: PortraitError) -> None:
        if str(error) != str(self._waits_for):  # once, and not at every look
            log.warning("model_missing", reason=str(error))
        self._waits_for = error

    async def forget_expired(self, now: datetime) -> None:
        """Remove the arrays and vectors of models whose grace has ended."""
        for version in await self._registry.expired(self._grace, now):
            model = (await self._kept([version])).get(version)  # none, if it is damaged
            await self._registry.forget(version)
            if model is not None and model.space.id not in self._readers:
                await self._catalogue.forget_vectors(model.space.id)
            log.info("model_forgotten", model_version=version)

    async def _kept(self, versions: Iterable[str | None]) -> dict[str, Model]:
        """Read the arrays of these models; of those that cannot be read the reason is noted."""
        models: dict[str, Model] = {}
        for version in filter(None, versions):
            try:
                model = await self._registry.model(version)
            except ModelInvalidError as error:
                self._note(version, error)
            else:
                models |= {} if model is None else {version: model}
        return models

    async def _open(self, models: Iterable[Model]) -> list[Model]:
        """Have a reader for each space of these models, and no other.

        Returns the models that could not be loaded before: their spaces have to be filled.
        """
        readers: dict[str, TextReader] = {}
        late: list[Model] = []
        for model in models:
            id = model.space.id
            reader = readers.get(id) or self._readers.get(id) or await self._reader(model)
            if reader is not None:
                readers[id] = reader
                late += [model] if self._failures.pop(model.version, None) else []
        if readers.keys() != self._readers.keys():
            async with self._among:
                self._readers = readers
        return late

    async def _reader(self, model: Model) -> TextReader | None:
        """Load a model's encoder; if that fails, note why, and do not try again at once."""
        failure = self._failures.get(model.version)
        if failure is not None and monotonic() < failure.again_at:
            return None
        try:
            encoder = await self._encoder(model)
            await _require_use(encoder, model)
        except UNLOADABLE as error:
            self._note(model.version, error)
            return None
        return TextReader(encoder, model.space, self._catalogue)

    def _note(self, version: str, error: PortraitError) -> None:
        known = self._failures.get(version)
        if known is None or known.reason != str(error):
            log.warning("model_not_loaded", model_version=version, reason=str(error))
        self._failures[version] = Failure(str(error), monotonic() + AGAIN_SECONDS)

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
                    await self._catalogue.announce([item.id for item in items])
            await self._shelves.fill(items)


async def _require_use(encoder: TextEncoder, model: Model) -> None:
    """Let an encoder read a word, before the catalogue depends on it.

    Raises:
        ModelInvalidError: It cannot, or what it says does not belong into the model's space.
    """
    try:
        (vector,) = await asyncio.to_thread(encoder.encode, [PROBE])
    except CANNOT_LOAD as error:
        msg = f"{model.version}: its encoder cannot read: {type(error).__name__}"
        raise ModelInvalidError(msg) from error
    if vector.shape != model.space.mean.shape or not np.isfinite(vector).all():
        msg = f"{model.version}: its space is not of encoder {encoder.name}"
        raise ModelInvalidError(msg)
