"""Another encoder: what the settings name now, where what serves stands on another.

champion pretrained ─▶ a model of the new encoder, fitted beside it ─▶ wanted ─▶ switched as ever
champion learned    ─▶ the same model is what the next training stands on: the judge decides

A plain space would be worth less than a learned model, so that one serves on until a training upon
the new encoder is judged better. Of a plain space a rollback is the only judge: it is not asked for
again before the setting has been another one in between (the ledger remembers), or by hand.
"""

import structlog

from portrait.errors import ModelInvalidError
from portrait.lifecycle.registry import (
    Card,
    ModelNotFoundError,
    ModelNotPromotableError,
    Roles,
)
from portrait.model.encoder import TextEncoder
from portrait.model.model import Model
from workers.index.origin import Origin, Stores

log = structlog.get_logger()


class AnotherEncoder:
    """Takes up the encoder of the settings. Lives as long as the index worker."""

    def __init__(self, stores: Stores, encoder: TextEncoder, origin: Origin) -> None:
        self._registry = stores.registry
        self._catalogue = stores.catalogue
        self._encoder = encoder
        self._origin = origin
        self._seen: str | None = None  # the champion that was looked at last

    async def look(self, roles: Roles, champion: Model) -> None:
        """See what the champion stands on; if that is another encoder, begin to change."""
        if roles.wanted is not None or champion.version == self._seen:
            return
        name = self._encoder.name
        if await self._stands_on(champion) == name:
            await self._build_on(None)
            await self._origin.take_up(name, roles)
        elif champion.learned is None and await self._origin.taken_up() == name:
            await self._build_on(None)
            self._say_left(champion, "It was taken up before, and gone back from.")
        elif not await self._begin(champion):
            return  # an empty catalogue: the next look may find another
        self._seen = champion.version

    async def _begin(self, champion: Model) -> bool:
        """Ask for a model of the new encoder, or have the next training stand on it."""
        model = await self._fitted_before() or await self._origin.fit()
        if model is None:
            return False
        if champion.learned is not None:
            await self._build_on(model.version)
            log.warning(
                "encoder_changes_with_training",
                encoder=self._encoder.name,
                champion=champion.version,
                reason="a learned model serves on until one of the new encoder is judged better",
            )
            return True
        try:
            await self._registry.want(model.version)
        except ModelNotPromotableError as error:
            self._say_left(champion, str(error))
        else:
            log.warning("encoder_changes", encoder=self._encoder.name, champion=champion.version)
        return True

    async def _stands_on(self, model: Model) -> str:
        try:
            return (await self._registry.entry(model.version)).card.stands_on
        except ModelNotFoundError:
            return model.space.encoder

    async def _fitted_before(self) -> Model | None:
        """Return the newest pretrained model of the new encoder whose arrays are kept, if any."""
        for card in [entry.card for entry in await self._registry.entries()]:
            if _is_pretrained(card) and card.encoder == self._encoder.name:
                model = await self._model(card.version)
                if model is not None and model.learned is None:
                    return model
        return None

    async def _build_on(self, version: str | None) -> None:
        """Say what the next training stands on, and let go of what it no longer does."""
        former = await self._registry.basis()
        if version != former:
            await self._registry.build_on(version)
            log.info("next_training_stands_on", model_version=version, former=former)
        if former not in {None, version}:
            await self._forget(former or "")

    async def _forget(self, version: str) -> None:
        """Remove the vectors of a model that nothing stands on any more."""
        model = await self._model(version)
        serving = [await self._model(each or "") for each in await self._registry.roles()]
        if model is None or model.space.id in {each.space.id for each in serving if each}:
            return
        await self._registry.forget(version)
        await self._catalogue.forget_vectors(model.space.id)

    async def _model(self, version: str) -> Model | None:
        try:
            return await self._registry.model(version)
        except ModelInvalidError:
            return None

    def _say_left(self, champion: Model, reason: str) -> None:
        log.warning(
            "encoder_not_taken_up",
            encoder=self._encoder.name,
            champion=champion.version,
            reason=f"{reason} POST /models/VERSION/promote with insist, or PORTRAIT_ENCODER set "
            "to the former one and, after a restart, to this one again, would take it up",
        )


def _is_pretrained(card: Card) -> bool:
    return card.trained_on is None and card.parent is None
