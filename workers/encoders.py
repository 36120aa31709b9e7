"""Encoders: the text encoder of each model, loaded once.

Models stand on the encoder that the settings name, unless training made another: that one's files
lie in the model's artifact.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from portrait.artifact import ENCODER, OPENVINO, fetch
from portrait.encoder import TextEncoder
from portrait.errors import EncoderInvalidError, ModelInvalidError
from portrait.model_index import ModelIndex
from portrait.store import Model

# What torch, transformers, tokenizers, safetensors and OpenVINO say of files that they cannot use.
CANNOT_LOAD = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, ImportError)
MOST_LOADED = 3  # the settings', the champion's and its successor's; each has 100 MB and more

Load = Callable[[str], TextEncoder]  # from a folder; blocks


class Encoders:
    """Loads encoders as models need them. Lives as long as the process."""

    def __init__(self, base: TextEncoder, models: ModelIndex, cache: Path, load: Load) -> None:
        self.base = base
        self._loaded: dict[str, TextEncoder] = {base.name: base}
        self._models = models
        self._cache = cache
        self._load = load

    async def of(self, model: Model) -> TextEncoder:
        """Return a model's encoder.

        Raises:
            ModelInvalidError: Its artifact has no such encoder, or one that cannot be loaded.
            ArtifactInvalidError: The artifact is away or damaged.
            ModelNotFoundError: It has no card that says where its artifact is.
        """
        name = model.space.encoder
        if name not in self._loaded:
            self._loaded[name] = await self._fetched(model)
            self._unload()
        return self._loaded[name]

    def _unload(self) -> None:
        """Let go of those loaded first. Who paints with one still holds it."""
        others = [name for name in self._loaded if name != self.base.name]
        for name in others[: 1 - MOST_LOADED]:
            del self._loaded[name]

    async def _fetched(self, model: Model) -> TextEncoder:
        card = (await self._models.get(model.version)).card
        if card.artifact is None:
            msg = f"{model.version} needs encoder {model.space.encoder}, and has no artifact"
            raise ModelInvalidError(msg)
        folder = await asyncio.to_thread(fetch, card.artifact, self._cache, card.digest)
        parts = [folder / part for part in (OPENVINO, ENCODER) if (folder / part).is_dir()]
        for part in parts:
            encoder = await self._loaded_from(model.version, str(part))
            if encoder.name == model.space.encoder:
                return encoder
        msg = f"{model.version} needs encoder {model.space.encoder}, which its artifact lacks"
        raise ModelInvalidError(msg)

    async def _loaded_from(self, version: str, folder: str) -> TextEncoder:
        try:
            return await asyncio.to_thread(self._load, folder)
        except EncoderInvalidError as error:
            msg = f"{version}: {error}"
            raise ModelInvalidError(msg) from error
        except CANNOT_LOAD as error:
            msg = f"{version}: its encoder cannot be loaded: {type(error).__name__}"
            raise ModelInvalidError(msg) from error
