"""Stock: items and vectors for a thread beside the loop; every text is read once."""

import asyncio

import numpy as np
import pytest

from portrait.catalogue.texts import TextReader
from portrait.dataset.stock import (
    AT_ONCE,
    StoredStock,
    place_searches,
    place_texts,
    stored_searches,
)
from portrait.events.item import Item
from portrait.ref import search_ref, text_ref
from tests.support.fakes import HashEncoder, MemoryCatalogue
from tests.support.training_shop import ListStock
from tests.unit.test_learner import PRETRAINED

SPACE = PRETRAINED.space


@pytest.mark.asyncio
async def test_a_thread_reads_the_store_of_the_loop() -> None:
    store = MemoryCatalogue()
    ids = [f"{n:05d}" for n in range(AT_ONCE + 7)]
    await store.put_items([Item(id=id, title=f"title {id}") for id in ids])
    await store.withdraw_items(ids[:3])
    vector = np.ones((1, SPACE.dim), np.float32)
    await store.put_vectors("a space", [5], vector)
    stock = StoredStock(store, asyncio.get_running_loop())

    items = await asyncio.to_thread(stock.items)
    vectors = await asyncio.to_thread(stock.vectors, "a space", [4, 5], SPACE.dim)

    assert sorted(item.id for item in items) == ids[3:]
    assert vectors[0] is None
    np.testing.assert_array_equal(vectors[1], vector[0])


def test_a_text_that_many_items_share_is_read_once() -> None:
    encoder = HashEncoder()

    placed = place_texts(["red shoe", "", "red shoe", "blue hat"], SPACE, ListStock(), encoder)

    assert encoder.texts_read == 2
    np.testing.assert_array_equal(placed[0], placed[2])
    assert not placed[1].any()
    np.testing.assert_allclose(np.linalg.norm(placed[[0, 3]], axis=1), 1, atol=1e-3)


def test_vectors_are_rounded_as_stores_round_them() -> None:
    placed = place_texts(["red shoe"], SPACE, ListStock(), HashEncoder())

    np.testing.assert_array_equal(placed, placed.astype("<f2").astype(np.float32))


def test_what_was_placed_before_is_taken_as_it_is() -> None:
    encoder, known = HashEncoder(), np.full(SPACE.dim, 0.25, np.float32)

    placed = place_texts(
        ["red shoe"], SPACE, ListStock(known={text_ref("red shoe"): known}), encoder
    )

    assert encoder.texts_read == 0
    np.testing.assert_array_equal(placed[0], known)


def test_without_the_encoder_of_a_space_the_rest_stays_unknown() -> None:
    assert not place_texts(["red shoe"], SPACE, ListStock(), None).any()


def test_searches_have_the_vectors_that_the_store_has() -> None:
    vector = np.arange(SPACE.dim, dtype=np.float32)

    placed = stored_searches([7, 8], SPACE, ListStock(known={8: vector}))

    assert not placed[0].any()
    np.testing.assert_array_equal(placed[1], vector)


async def test_a_training_places_searches_where_workers_do() -> None:
    store, encoder = MemoryCatalogue(), HashEncoder()
    searches = ["red shoe", "???? shoe", "blue hat"]
    await TextReader(encoder, SPACE, store).read(searches=searches)
    refs = [*map(search_ref, searches)]
    vectors = await store.get_vectors(SPACE.id, refs, SPACE.dim)
    stored = {ref: v for ref, v in zip(refs, vectors, strict=True) if v is not None}
    before = encoder.texts_read

    placed = place_searches(searches, SPACE, ListStock(), encoder)
    again = place_searches(searches, SPACE, ListStock(known=stored), encoder)

    assert [*stored] == [refs[0], refs[2]]
    np.testing.assert_allclose(placed[[0, 2]], np.stack([*stored.values()]), atol=2e-3)
    assert not placed[1].any()
    np.testing.assert_array_equal(again[[0, 2]], np.stack([*stored.values()]))
    assert encoder.texts_read == before + 2
