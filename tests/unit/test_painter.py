"""The painter: whoever cannot be loaded here is waited for, and who paints goes on."""

import asyncio

import pytest

from portrait.errors import ModelInvalidError
from portrait.model.model import Model
from tests.support.catalogues import ITEMS, litter
from tests.support.fakes import HashEncoder, MemoryCatalogue
from tests.support.memory_registry import MemoryRegistry
from tests.support.models import learned_model
from tests.support.promotions import put_in_service
from tests.support.streams import MODEL, hash_encoder, index_items
from workers import painter as painter_module
from workers.painter import Studio, await_painter, open_painter

CHALLENGER = learned_model("challenger")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(painter_module, "AWAY_SECONDS", 0.01)
    monkeypatch.setattr(painter_module, "AGAIN_SECONDS", 0)


class Encoders:
    """Loads every encoder but those of some models."""

    def __init__(self, *absent: str) -> None:
        self.absent = {*absent}

    async def of(self, model: Model) -> HashEncoder:
        if model.version in self.absent:
            raise ModelInvalidError
        return HashEncoder()


async def stocked() -> MemoryCatalogue:
    store = MemoryCatalogue()
    await index_items(store)
    return store


async def test_a_champion_that_cannot_be_loaded_here_leaves_the_painter_at_work() -> None:
    store, registry, encoders = await stocked(), MemoryRegistry(), Encoders("challenger")
    studio = Studio(await open_painter(MODEL, store, hash_encoder), registry, store, encoders.of)
    await put_in_service(registry, CHALLENGER)

    await studio.look()
    former = studio.painter.model
    encoders.absent.clear()
    await studio.look()

    assert former == MODEL
    assert studio.painter.model == CHALLENGER


async def test_without_the_encoder_what_was_placed_paints_and_new_texts_wait_for_it() -> None:
    store, registry, encoders = await stocked(), MemoryRegistry(), Encoders(MODEL.version)
    await put_in_service(registry, MODEL)

    painter = await await_painter(registry, store, encoders.of, asyncio.Event())

    assert painter is not None
    assert len(painter.mirror.catalogue.vectors) > 0
    assert await painter.texts.read(["a new text"]) == 0
    studio = Studio(painter, registry, store, encoders.of)
    await studio.look()
    assert studio.painter is painter
    encoders.absent.clear()
    await studio.look()
    assert await studio.painter.texts.read(["a new text"]) == 1
    same = studio.painter
    await studio.look()
    assert studio.painter is same


async def test_a_store_that_lives_anew_is_taken_up_once_it_names_a_champion() -> None:
    store, registry = await stocked(), MemoryRegistry()
    studio = Studio(await open_painter(MODEL, store, hash_encoder), registry, store, hash_encoder)
    former = studio.painter

    assert not await studio.renew()
    registry.is_down = True
    assert not await studio.renew()
    registry.is_down = False
    assert studio.painter is former
    await put_in_service(registry, MODEL)
    assert await studio.renew()
    assert studio.painter is not former


async def test_a_catalogue_full_of_forgotten_items_is_read_anew() -> None:
    store, registry = await stocked(), MemoryRegistry()
    await put_in_service(registry, MODEL)
    studio = Studio(await open_painter(MODEL, store, hash_encoder), registry, store, hash_encoder)
    former = studio.painter
    litter(former.mirror.catalogue)

    await studio.look()
    anew = studio.painter
    await studio.look()

    assert anew is not former
    assert len(anew.mirror.catalogue) == len(ITEMS)
    assert studio.painter is anew
