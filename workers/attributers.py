"""Attributers: what says why a model's encoder places a text where it does, loaded when asked for.

Of the encoder's files another network is made, with gradients: those that read texts have none.
"""

import asyncio

from portrait.errors import ModelInvalidError
from portrait.model.encoder import CANNOT_LOAD
from portrait.model.model import Model
from portrait.text.attribute import Attributer
from portrait.text.text_encoder import BertEncoder, load_pooled
from workers.encoders import Encoders


class Attributers:
    """Holds the newest that was asked for: 100 MB and more. Lives as long as the process."""

    def __init__(self, encoders: Encoders) -> None:
        self._encoders = encoders
        self._newest: tuple[str, Attributer] | None = None  # by the name of its encoder

    async def of(self, model: Model) -> Attributer:
        """Return that of a model's encoder.

        Raises:
            ModelInvalidError: It is nowhere, or cannot be loaded.
            ArtifactInvalidError: The artifact is away or damaged.
            ModelNotFoundError: It has no card that says where its artifact is.
        """
        encoder = await self._encoders.of(model)
        if self._newest is None or self._newest[0] != encoder.name:
            self._newest = None
            if not isinstance(encoder, BertEncoder) or not encoder.tokenize.knows_places:
                msg = f"{model.version}: encoder {encoder.name} cannot say which words matter"
                raise ModelInvalidError(msg)
            self._newest = encoder.name, await asyncio.to_thread(_loaded, encoder, model.version)
        return self._newest[1]


def _loaded(encoder: BertEncoder, version: str) -> Attributer:
    try:
        return Attributer(load_pooled(encoder.path), encoder.tokenize)
    except CANNOT_LOAD as error:
        msg = f"{version}: its encoder cannot be loaded: {type(error).__name__}"
        raise ModelInvalidError(msg) from error
