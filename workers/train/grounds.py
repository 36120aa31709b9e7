"""Grounds: what a training stands on, for a thread beside the event loop that knows it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from portrait.errors import ModelInvalidError
from portrait.lifecycle.registry import Card, ModelNotFoundError, Registry
from portrait.model.encoder import TextEncoder
from portrait.model.model import Model
from workers.painter import UNLOADABLE, EncoderOf

T = TypeVar("T")

log = structlog.get_logger()


class StoredGrounds:
    """The `Grounds` that the registry names."""

    def __init__(
        self,
        registry: Registry,
        encoder: EncoderOf,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._registry = registry
        self._encoder = encoder
        self._loop = loop

    def basis(self) -> Model | None:
        """Return the model that the next training stands on, if that is not the champion."""
        version = self._wait(self._registry.basis())
        try:
            return None if version is None else self._wait(self._registry.model(version))
        except ModelInvalidError as error:
            log.warning("basis_left", model_version=version, reason=str(error))
            return None

    def encoder_of(self, model: Model) -> TextEncoder | None:
        """Load a model's encoder; if that cannot be done, say why."""
        try:
            return self._wait(self._load(model))
        except UNLOADABLE as error:
            log.warning("encoder_missing", model_version=model.version, reason=str(error))
            return None

    def card_of(self, model: Model) -> Card | None:
        """Return a model's card."""
        try:
            return self._wait(self._registry.entry(model.version)).card
        except ModelNotFoundError:
            return None

    async def _load(self, model: Model) -> TextEncoder:
        return await self._encoder(model)

    def _wait(self, asked: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()
