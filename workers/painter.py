"""The painter: the champion as an update worker paints with it, and its succession.

registry ─▶ another champion? ─▶ its catalogue, loaded beside the old one ─▶ the next batch uses it
                              └▶ its reader of reviews, if it has one

A batch is painted by one painter from start to end. Where the champion's encoder cannot be loaded,
what it has read before goes on painting, and new texts wait until it can.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from portrait.catalogue.mirror import Mirror
from portrait.catalogue.store import CatalogueStore
from portrait.catalogue.texts import TextReader
from portrait.errors import ModelInvalidError, StoreUnavailableError
from portrait.events.tone import ReadTones
from portrait.lifecycle.manifest import ArtifactInvalidError
from portrait.lifecycle.registry import ModelNotFoundError, Registry
from portrait.model.encoder import TextEncoder
from portrait.model.model import Model
from portrait.opinions.aspects import ReadAspects, ReviewReader
from workers.first_model import await_model

MODEL_SECONDS = 0.5  # between two looks at the registry
CATALOGUE_SECONDS = 0.2  # between two looks at the catalogue's change log
FORGET_SECONDS = 10.0  # between two times that introduced items are forgotten
AWAY_SECONDS = 1.0  # between two tries while Redis is away
AGAIN_SECONDS = 10.0  # between two tries to load a model
UNLOADABLE = (ModelInvalidError, ArtifactInvalidError, ModelNotFoundError)  # what loading raises

ReaderOf = Callable[[str], Awaitable[ReviewReader | None]]  # of a model's version
EncoderOf = Callable[[Model], Awaitable[TextEncoder]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Painter:
    """One model and its catalogue in memory."""

    model: Model
    mirror: Mirror
    texts: TextReader
    read_tones: ReadTones | None = None  # None: words read reviews
    read_aspects: ReadAspects | None = None  # None: words name what they are about


async def by_words(_version: str) -> None:
    """Have no reader of reviews."""


class Studio:
    """Holds the painter in charge. Lives as long as the worker; one task calls `follow`."""

    def __init__(
        self,
        painter: Painter,
        registry: Registry,
        catalogue: CatalogueStore,
        encoder: EncoderOf,
        reader: ReaderOf = by_words,
    ) -> None:
        self.painter = painter
        self._registry = registry
        self._catalogue = catalogue
        self._encoder = encoder
        self._reader = reader
        self._again_at = 0.0  # when it is worth another try to load the champion

    async def follow(self) -> None:
        """Keep the catalogue current, and take up another champion. Runs for ever."""
        ticks = 0
        while True:
            try:
                if ticks % round(MODEL_SECONDS / CATALOGUE_SECONDS) == 0:
                    await self.look()
                if ticks % round(FORGET_SECONDS / CATALOGUE_SECONDS) == 0:
                    await self._catalogue.introduce_items([])
                await self.painter.mirror.catch_up()
            except StoreUnavailableError as error:
                log.warning("catalogue_not_followed", reason=str(error))
                await asyncio.sleep(AWAY_SECONDS)
            ticks += 1
            await asyncio.sleep(CATALOGUE_SECONDS)

    async def renew(self) -> bool:
        """Load the champion and its catalogue again, from a store that lives anew.

        False while it has none: an emptied store names its champion when its catalogue is complete.
        """
        try:
            champion = await self._registry.champion()
            if champion is None:
                return False
            self.painter = await open_at_once(
                champion, self._catalogue, self._encoder, self._reader
            )
        except (ModelInvalidError, StoreUnavailableError) as error:
            log.warning("model_not_loaded", reason=str(error))
            return False
        log.info("model_renewed", model_version=champion.version)
        return True

    async def look(self) -> None:
        """Load the champion's catalogue, if it is another one, and let it paint from now on.

        So, too, if the one in hand is full of items that are forgotten, or lacks its encoder. One
        that cannot be loaded here is left to others: who painted so far goes on.
        """
        if time.monotonic() < self._again_at:
            return
        former, littered = self.painter.model.version, self.painter.mirror.catalogue.is_littered
        try:
            champion = await self._registry.champion()
            is_done = self.painter.texts.can_read and not littered
            if champion is None or (champion.version == former and is_done):
                return
            self.painter = await open_painter(
                champion, self._catalogue, self._encoder, self._reader
            )
        except UNLOADABLE as error:
            self._again_at = time.monotonic() + AGAIN_SECONDS
            log.warning("model_not_taken_up", reason=str(error), retry_seconds=AGAIN_SECONDS)
        else:
            log.info("model_taken_up", model_version=champion.version, former=former)


async def await_painter(
    registry: Registry,
    catalogue: CatalogueStore,
    encoder: EncoderOf,
    closing: asyncio.Event,
    reader: ReaderOf = by_words,
) -> Painter | None:
    """Wait until a model is in service; None if told to stop before."""
    while (model := await await_model(registry, closing)) is not None:
        try:
            return await open_at_once(model, catalogue, encoder, reader)
        except StoreUnavailableError as error:
            log.warning("model_not_loaded", model_version=model.version, reason=str(error))
            await asyncio.sleep(AWAY_SECONDS)
    return None


async def open_at_once(
    model: Model, catalogue: CatalogueStore, encoder: EncoderOf, reader: ReaderOf
) -> Painter:
    """Load a model's catalogue, and its encoders if they can be loaded: nobody waits for them."""
    try:
        return await open_painter(model, catalogue, encoder, reader)
    except UNLOADABLE as error:
        log.warning("encoder_missing", model_version=model.version, reason=str(error))
    return await _painter(model, catalogue, None)


async def open_painter(
    model: Model, catalogue: CatalogueStore, encoder: EncoderOf, reader: ReaderOf = by_words
) -> Painter:
    """Load a model's encoder, its reader of reviews and its catalogue."""
    return await _painter(model, catalogue, await encoder(model), await reader(model.version))


async def _painter(
    model: Model,
    catalogue: CatalogueStore,
    encoder: TextEncoder | None,
    reader: ReviewReader | None = None,
) -> Painter:
    mirror = Mirror(catalogue, model)
    await mirror.load()
    texts = TextReader(encoder, model.space, catalogue)
    return Painter(model, mirror, texts, reader, None if reader is None else reader.aspects)
