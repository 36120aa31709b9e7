"""Nothing of a model's or a catalogue's size is hashed, copied or converted by request or batch.

Measured in bytes, which no other load on the machine changes: what one request, or one batch,
allocates with a small catalogue, and with one of eight times as many items.
"""

import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.service.shop import Shop as Stock
from benchmarks.service.shop import catalogue_of, fill_catalogue, open_shop, records_of
from portrait.catalogue.mirror import Mirror
from portrait.catalogue.texts import TextReader
from portrait.model.behaviour import Behaviour
from portrait.model.model import Model
from portrait.profiles.facts import Facts
from portrait.reading.decode import decode
from portrait.reading.records import Clock
from tests.support import shop as shops
from tests.support.fake_training import MemoryLiveCounts
from tests.support.fakes import HashEncoder, MemoryCatalogue
from tests.support.promotions import put_in_service
from tests.support.records import event_record
from tests.support.streams import ListStream, memory_updater
from workers.painter import Painter
from workers.update.prequential import Prequential
from workers.update.updater import Updater
from workers.update.worker import update

SMALL, LARGE = 500, 12_000  # items: so many that a byte of each is more than what peaks vary by
NUMBERS = (
    128  # bytes that a ranking may hold of each item: scores, places, traits; a vector has 1,024
)
TIMES = 5  # that an act is done
NOTHING = 0.5  # bytes of each item: none of its numbers, not even whether it is offered
BODY = {"user_id": "user-1", "session": {"items": ["item-3"], "texts": ["brabel"]}, "explain": True}


async def peak(act: Callable[[], Awaitable[object]]) -> int:
    """Return how many bytes an act holds at most, once it has been done before.

    The least of a few times: a table that happens to grow in one of them is not the act's.
    """
    await act()
    peaks = []
    for _ in range(TIMES):
        tracemalloc.start()
        try:
            await act()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return min(peaks)


@asynccontextmanager
async def serving(stock: Stock) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a stock of the benchmark's."""
    shop = shops.Shop()
    await fill_catalogue(shop.items, stock)
    await put_in_service(shop.registry, stock.model)
    for records in records_of(stock, catalogue_of(stock)):
        shop.profiles.records |= records
    async with shops.open_shop(shop) as client:
        yield client


async def updating(stock: Stock) -> Updater:
    """Let an updater paint with a stock of the benchmark's."""
    store, updater = MemoryCatalogue(), await memory_updater()
    await fill_catalogue(store, stock)
    mirror = Mirror(store, stock.model)
    await mirror.load()
    texts = TextReader(HashEncoder(), stock.model.space, store)
    updater.studio.painter = Painter(stock.model, mirror, texts)
    return updater


@pytest.mark.parametrize("is_learned", [False, True], ids=["pretrained", "learned"])
async def test_a_request_holds_a_few_numbers_of_each_item_and_never_its_vectors(
    is_learned: bool,  # noqa: FBT001 - a parameter
) -> None:
    recommended, read = [], []
    for items in (SMALL, LARGE):
        stock = open_shop(items, 20, is_learned=is_learned)
        async with serving(stock) as client:

            async def recommend(client: httpx.AsyncClient = client) -> None:
                answer = await client.post("/recommend", json=BODY)
                assert answer.json()["strategy"] == "session_and_profile"

            async def profile(client: httpx.AsyncClient = client) -> None:
                assert (await client.get("/profile/user-1?recent=9")).status_code == 200

            recommended.append(await peak(recommend))
            read.append(await peak(profile))

    assert recommended[1] - recommended[0] < NUMBERS * (LARGE - SMALL)
    assert read[1] - read[0] < NOTHING * (LARGE - SMALL)


@pytest.mark.parametrize("is_learned", [False, True], ids=["pretrained", "learned"])
async def test_a_batch_holds_nothing_of_the_items_that_it_is_not_about(
    is_learned: bool,  # noqa: FBT001 - a parameter
) -> None:
    held = []
    for items in (SMALL, LARGE):
        updater = await updating(open_shop(items, 20, is_learned=is_learned))
        offsets = iter(range(1_000))

        async def batch(updater: Updater = updater, offsets: Any = offsets) -> None:  # noqa: ANN401
            records = [event_record(next(offsets), item_id=f"item-{n}") for n in range(20)]
            await update(ListStream(records), updater)

        held.append(await peak(batch))

    assert held[1] - held[0] < NOTHING * (LARGE - SMALL)


async def test_choosing_what_to_ask_holds_nothing_of_the_other_items() -> None:
    (batch,) = decode(
        [event_record(offset, item_id=f"item-{offset}") for offset in range(5)],
        clock=Clock.of_system(0),
        most_tokens=10_000,
    )
    held = []
    for items in (SMALL, LARGE):
        updater = await updating(open_shop(items, 20, is_learned=False))

        async def choose(updater: Updater = updater) -> None:
            asks = Prequential(MemoryLiveCounts())
            asks.choose(Facts.empty(1), batch.columns, updater.studio.painter)

        held.append(await peak(choose))

    assert held[1] - held[0] < NOTHING * (LARGE - SMALL)


class CountingBehaviour(Behaviour):
    """A behaviour encoder that counts how often it is taken apart: for a hash, or a copy."""

    taken_apart: ClassVar[list[str]] = []

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        self.taken_apart.append("whole")
        return super().to_arrays()


def counted(stock: Stock) -> Stock:
    """Return a stock whose model counts how often it is hashed."""
    learned = stock.model.learned
    assert learned is not None
    behaviour = CountingBehaviour.from_arrays(learned.behaviour.to_arrays())
    model = Model(stock.model.version, stock.model.space, replace(learned, behaviour=behaviour))
    CountingBehaviour.taken_apart.clear()
    return replace(stock, model=model)


async def test_a_model_is_hashed_once_however_much_is_asked_of_the_service() -> None:
    async with serving(counted(open_shop(200, 20, is_learned=True))) as client:
        for user in range(5):
            await client.post("/recommend", json={"user_id": f"user-{user}", "explain": True})
            await client.get(f"/profile/user-{user}")

    assert CountingBehaviour.taken_apart == ["whole"]


async def test_a_model_is_hashed_once_however_many_batches_are_painted() -> None:
    updater = await updating(counted(open_shop(200, 20, is_learned=True)))

    for offset in range(3):
        await update(ListStream([event_record(offset, item_id="item-1")]), updater)

    assert CountingBehaviour.taken_apart == ["whole"]


def test_models_that_differ_in_one_number_have_different_names() -> None:
    model = open_shop(50, 20, is_learned=True).model
    learned = model.learned
    assert learned is not None
    vectors = learned.behaviour.item_vectors.copy()
    vectors[0, 0] += 1
    other = replace(learned, behaviour=replace(learned.behaviour, item_vectors=vectors))

    names = {model.space_id, Model("v", model.space, other).space_id, model.space.id}

    assert len(names) == 3
    assert Model("w", model.space, learned).space_id == model.space_id
    np.testing.assert_array_equal(model.space_id, replace(model, version="x").space_id)
