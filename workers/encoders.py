"""Encoders: the text encoder of each model, loaded once.

The index worker makes spaces with the encoder that its settings name. Everybody reads a model's
texts with the encoder that the model names, whatever their own settings say: from the own setting
if it is that one, else from where the card says it lies, else from the model's artifact, where
training puts an encoder that it made.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog
from safetensors import SafetensorError

from portrait.errors import EncoderInvalidError, ModelInvalidError, SpaceMismatchError
from portrait.lifecycle.artifact import ENCODER, PLACES, READER, fetch
from portrait.lifecycle.registry import Card, ModelNotFoundError, Registry, has_places, has_reader
from portrait.model.encoder import CANNOT_LOAD, TextEncoder
from portrait.model.model import Model
from portrait.text.place_reader import PlaceReader
from portrait.text.task_reader import TaskReader, reader_on
from portrait.text.text_encoder import BUNDLED
from portrait.text.tone_reader import ToneReader

MOST_LOADED = 3  # the settings', the champion's and its successor's; each has 100 MB and more
MOST_ANCESTORS = 8  # looked at for an encoder that one of them was trained with

R = TypeVar("R", ToneReader, PlaceReader)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Sources:
    """How encoders are found: the setting, and what can be done with a source. Both block."""

    setting: str  # a folder, a name on the hub, or `bundled`
    load: Callable[[str], TextEncoder]
    name_of: Callable[[str], str]  # of the encoder there, without loading it


class Encoders:
    """Loads encoders as models need them. Lives as long as the process."""

    def __init__(self, sources: Sources, registry: Registry, cache: Path) -> None:
        self._sources = sources
        self._registry = registry
        self._cache = cache
        self._base = ""  # name of the settings' encoder, once it is loaded
        self._loaded: dict[str, TextEncoder] = {}
        self._reader: tuple[str, ToneReader | None] | None = None  # of a version: the newest asked

    async def base(self) -> TextEncoder:
        """Load the encoder of the settings.

        Raises:
            EncoderInvalidError: It cannot be loaded; the message says what to do.
        """
        setting = self._sources.setting
        try:
            encoder = await asyncio.to_thread(self._sources.load, setting)
        except (EncoderInvalidError, *CANNOT_LOAD) as error:
            ours = isinstance(error, EncoderInvalidError)
            why = str(error) if ours else type(error).__name__
            msg = (
                f"PORTRAIT_ENCODER names {setting}, which cannot be loaded ({why}): give the "
                "folder of a Hugging Face BERT, the name of one on the hub, or `bundled`."
            )
            raise EncoderInvalidError(msg) from error
        self._base = encoder.name
        self._loaded[encoder.name] = encoder
        return encoder

    async def of(self, model: Model) -> TextEncoder:
        """Return a model's encoder.

        Raises:
            ModelInvalidError: It is nowhere, or cannot be loaded.
            ArtifactInvalidError: The artifact is away or damaged.
            ModelNotFoundError: It has no card that says where its artifact is.
        """
        name = model.space.encoder
        if name not in self._loaded:
            self._loaded[name] = await self._found(model)
            self._unload()
        return self._loaded[name]

    async def reader_of(self, version: str) -> ToneReader | None:
        """Return what reads reviews where a model serves; None: words do.

        Raises:
            ModelInvalidError: It cannot be loaded.
            ArtifactInvalidError: The artifact is away or damaged.
        """
        if self._reader is None or self._reader[0] != version:
            self._reader = version, await self._found_reader(version)
        return self._reader[1]

    async def places_of(self, version: str) -> PlaceReader | None:
        """Return what reads where items lie where a model serves; None: nobody does.

        Raises:
            ModelInvalidError: It cannot be loaded.
            ArtifactInvalidError: The artifact is away or damaged.
        """
        return await self._read_by(version, has_places, PLACES, PlaceReader)

    async def _found_reader(self, version: str) -> ToneReader | None:
        return await self._read_by(version, has_reader, READER, ToneReader)

    async def _read_by(
        self, version: str, has: Callable[[Card], bool], name: str, made: Callable[[TaskReader], R]
    ) -> R | None:
        """Load a reader out of a model's artifact, if that has one."""
        try:
            card = (await self._registry.entry(version)).card
        except ModelNotFoundError:
            return None
        if card.artifact is None or not has(card):
            return None
        folder = await asyncio.to_thread(fetch, card.artifact, self._cache, card.digest) / name
        encoder = await self._loaded_from(version, str(folder))
        try:
            reader = made(await asyncio.to_thread(reader_on, encoder, folder))
        except (KeyError, SafetensorError, SpaceMismatchError) as error:
            msg = f"{version}: the reader of its artifact's {name} cannot be loaded: "
            raise ModelInvalidError(msg + type(error).__name__) from error
        log.info("reader_loaded", model_version=version, reader=name, encoder=encoder.name)
        return reader

    def _unload(self) -> None:
        """Let go of those loaded first. Who paints with one still holds it."""
        others = [name for name in self._loaded if name != self._base]
        for name in others[: 1 - MOST_LOADED]:
            del self._loaded[name]

    async def _found(self, model: Model) -> TextEncoder:
        name, setting = model.space.encoder, self._sources.setting
        if await self._is_at(setting, name):
            return await self._loaded_from(model.version, setting)
        card = (await self._registry.entry(model.version)).card
        for source in (card.encoder_source, BUNDLED):  # old cards have no source
            if source is not None and await self._is_at(source, name):
                log.info(
                    "encoder_followed",
                    encoder=name,
                    reason="what serves decides, and not this worker's PORTRAIT_ENCODER",
                )
                return await self._loaded_from(model.version, source)
        return await self._made_by_training(model, card)

    async def _is_at(self, source: str, name: str) -> bool:
        try:
            return await asyncio.to_thread(self._sources.name_of, source) == name
        except CANNOT_LOAD:
            return False

    async def _made_by_training(self, model: Model, card: Card) -> TextEncoder:
        """Look into the artifacts of the model and of those before it that share its encoder."""
        name, source = model.space.encoder, card.encoder_source
        for _ in range(MOST_ANCESTORS):
            if card.artifact is not None:
                folder = await asyncio.to_thread(fetch, card.artifact, self._cache, card.digest)
                own = folder / ENCODER
                if own.is_dir() and await self._is_at(str(own), name):
                    return await self._loaded_from(model.version, str(own))
            if card.parent is None:
                break
            try:
                card = (await self._registry.entry(card.parent)).card
            except ModelNotFoundError:
                break
            if card.encoder != name:
                break
        msg = (
            f"{model.version} reads with encoder {name}, which its artifact lacks, and is not at "
            f"{source or 'any known place'} any more: bring it back. What it has read serves on; "
            "new texts wait."
        )
        raise ModelInvalidError(msg)

    async def _loaded_from(self, version: str, source: str) -> TextEncoder:
        try:
            return await asyncio.to_thread(self._sources.load, source)
        except EncoderInvalidError as error:
            msg = f"{version}: {error}"
            raise ModelInvalidError(msg) from error
        except CANNOT_LOAD as error:
            msg = f"{version}: its encoder cannot be loaded: {type(error).__name__}"
            raise ModelInvalidError(msg) from error
