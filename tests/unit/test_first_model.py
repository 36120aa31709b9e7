"""The first model: a space as soon as there is enough of a catalogue."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta

from portrait.ref import text_ref
from portrait.stream import Batch
from tests.fake_training import MemoryModels
from tests.fakes import HashEncoder, MemoryCatalogue, MemoryRegistry
from tests.patience import PATIENCE
from tests.records import FakeRecord
from tests.streams import MODEL
from workers.first_model import await_model, chained, fit_first_model, gather_catalogue


def batch(*titles: str) -> Batch:
    records = [
        FakeRecord("items", json.dumps({"id": title, "title": title}).encode()) for title in titles
    ]
    return Batch(records)


async def batches(*given: Batch, then_quiet: bool = True) -> AsyncIterator[Batch]:
    for each in given:
        yield each
    while then_quiet:
        await asyncio.sleep(0.01)
        yield Batch([])


async def test_enough_texts_end_the_gathering() -> None:
    log = batches(batch("a", "b"), batch("c"), batch("d"))

    gathered = await gather_catalogue(log, enough=3, patience=timedelta(hours=1))

    assert len(gathered) == 2


async def test_quiet_ends_the_gathering_with_fewer() -> None:
    gathered = await gather_catalogue(
        batches(batch("a")), enough=1_000, patience=timedelta(milliseconds=50)
    )

    assert len(gathered) == 1


async def test_a_stream_that_ends_before_there_is_a_catalogue_gathers_nothing() -> None:
    log = batches(Batch([]), then_quiet=False)

    assert await gather_catalogue(log, enough=1, patience=timedelta()) == []


async def test_the_model_is_put_in_service() -> None:
    registry, models, store = MemoryRegistry(), MemoryModels(), MemoryCatalogue()

    model = await fit_first_model(
        [batch("a b", "c d", "e")], HashEncoder(), registry, models, store
    )

    assert await registry.champion() == model
    assert model.version.startswith("pretrained-")
    assert model.space.id[:8] in model.version
    assert (await models.get(model.version)).card.encoder == "hash"
    vectors = await store.get_vectors(model.space.id, [text_ref("a b"), text_ref("e")])
    assert all(vector is not None for vector in vectors)


async def test_what_was_gathered_is_indexed_first() -> None:
    first, second = batch("a"), batch("b")

    order = [each async for each in chained([first], batches(second, then_quiet=False))]

    assert order == [first, second]


async def test_waiting_ends_when_a_model_is_promoted() -> None:
    registry = MemoryRegistry()
    waiting = asyncio.create_task(await_model(registry, asyncio.Event()))
    await asyncio.sleep(0.05)
    assert not waiting.done()

    await registry.promote(MODEL)

    assert await asyncio.wait_for(waiting, PATIENCE) == MODEL


async def test_waiting_ends_when_told_to_stop() -> None:
    closing = asyncio.Event()
    closing.set()

    assert await await_model(MemoryRegistry(), closing) is None
