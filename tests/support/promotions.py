"""Promotions: the short way into service, for tests of what comes after it."""

from portrait.lifecycle.registry import Registry
from portrait.model.model import Model
from tests.support.cards import card_of_model


async def put_in_service(registry: Registry, *models: Model) -> None:
    """Put models in service one after the other, as the processes that do so would."""
    for model in models:
        card = card_of_model(model)
        if not await registry.begin(model, card):
            await registry.store(model)
            await registry.add(card)
            await registry.want(model.version)
            await registry.switch(model.version)
        assert (await registry.roles()).champion == model.version
