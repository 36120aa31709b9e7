"""The first model: a space fitted on the catalogue, and waiting for whoever serves."""

import asyncio

import pytest

from portrait.lifecycle.registry import Roles
from portrait.ref import text_ref
from tests.support.fakes import HashEncoder, MemoryCatalogue
from tests.support.memory_registry import MemoryRegistry
from tests.support.patience import PATIENCE
from tests.support.promotions import put_in_service
from tests.support.streams import MODEL
from workers import first_model
from workers.first_model import await_model, fit_first_model


async def test_a_space_is_fitted_and_its_vectors_are_stored() -> None:
    store = MemoryCatalogue()
    texts = {text_ref(text): text for text in ("a b", "c d", "e")}

    model, card = await fit_first_model(texts, HashEncoder(), "hash", store)

    assert model.version.startswith("pretrained-")
    assert model.space.id[:8] in model.version
    assert (card.version, card.encoder, card.space_id) == (model.version, "hash", model.space_id)
    vectors = await store.get_vectors(model.space.id, list(texts), model.space.dim)
    assert all(vector is not None for vector in vectors)


async def test_the_same_catalogue_gives_the_same_space() -> None:
    texts = {text_ref(text): text for text in ("a b", "c d", "e")}
    turned = dict(reversed(texts.items()))

    one, _ = await fit_first_model(texts, HashEncoder(), "hash", MemoryCatalogue())
    other, _ = await fit_first_model(turned, HashEncoder(), "hash", MemoryCatalogue())

    assert one.space_id == other.space_id


async def test_waiting_ends_when_a_model_is_promoted() -> None:
    registry = MemoryRegistry()
    waiting = asyncio.create_task(await_model(registry, asyncio.Event()))
    await asyncio.sleep(0.05)
    assert not waiting.done()

    await put_in_service(registry, MODEL)

    assert await asyncio.wait_for(waiting, PATIENCE) == MODEL


async def test_waiting_outlives_a_store_that_is_away_and_a_model_that_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(first_model, "AWAY_SECONDS", 0.01)
    registry = MemoryRegistry()
    registry.is_down = True
    waiting = asyncio.create_task(await_model(registry, asyncio.Event()))
    await asyncio.sleep(0.05)
    registry.now, registry.damaged = Roles("damaged"), {"damaged"}
    registry.is_down = False
    await asyncio.sleep(0.05)

    await put_in_service(registry, MODEL)

    assert await asyncio.wait_for(waiting, PATIENCE) == MODEL


async def test_waiting_ends_when_told_to_stop() -> None:
    closing = asyncio.Event()
    closing.set()

    assert await await_model(MemoryRegistry(), closing) is None
