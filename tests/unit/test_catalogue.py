"""The catalogue in memory, and the mirror that keeps it current."""

from collections.abc import Sequence

import numpy as np
import pytest
from prometheus_client import REGISTRY

from portrait.arrays import MISSING
from portrait.catalogue.catalogue import FORGOTTEN_ROWS, Catalogue
from portrait.catalogue.mirror import Mirror
from portrait.errors import StoreUnavailableError
from portrait.events.item import IntroducedItem, Item
from portrait.ref import item_ref, search_ref, text_ref
from tests.support.catalogues import ITEMS, SPACE, catalogue
from tests.support.fakes import MemoryCatalogue
from tests.support.models import learned_model
from tests.support.streams import MODEL, index_items


def test_an_item_is_a_row_with_its_codes() -> None:
    built = catalogue()

    row = built.rows[built.row(item_ref("tuna"))]
    assert built.vectors.refs[row["text"]] == text_ref(ITEMS[3].text)
    assert list(built.interests)[row["interest"]] == "Pets > Cat"
    assert list(built.brands)[row["brand"]] == "Purr"
    assert row["price"] == 2
    assert row["offered"]


def test_a_replaced_item_keeps_its_row() -> None:
    built = catalogue()
    before = built.row(item_ref("milk"))

    built.put(Item(id="milk", title="whole milk", available=False))

    assert built.row(item_ref("milk")) == before
    assert len(built) == len(ITEMS)
    assert not built.rows[before]["offered"]


def test_a_withdrawn_item_is_known_and_not_offered() -> None:
    built = catalogue(Item(id="old", title="old", withdrawn=True))

    assert built.item(item_ref("old")) is not None
    assert not built.rows["offered"].any()


def test_it_grows() -> None:
    built = catalogue(*(Item(id=f"i{n}", title="same") for n in range(3_000)))

    assert len(built) == 3_000
    assert len(built.vectors) == 1
    assert built.row(item_ref("i2999")) == 2_999


def test_forgetting_searches_keeps_what_items_stand_on() -> None:
    built = catalogue(searches=("one", "two"))
    vector = built.vectors.matrix[built.rows["text"][2]].copy()
    size = len(built.vectors)

    built.forget_searches()

    assert len(built.vectors) == size - 2
    assert built.vectors.row(text_ref("one")) == MISSING
    assert built.vectors.row(text_ref("Pets > Cat")) != MISSING
    np.testing.assert_array_equal(built.vectors.matrix[built.rows["text"][2]], vector)


async def test_a_mirror_holds_what_the_store_holds() -> None:
    store = MemoryCatalogue()
    await index_items(store)
    mirror = Mirror(store, MODEL)

    await mirror.load()

    assert mirror.catalogue.items == list(ITEMS)
    assert (mirror.catalogue.rows["text"] != MISSING).all()


async def test_a_mirror_follows_changes() -> None:
    store = MemoryCatalogue()
    mirror = Mirror(store, MODEL)
    await mirror.load()
    await index_items(store)

    await mirror.catch_up()
    await store.withdraw_items(["milk"])
    await mirror.catch_up()

    milk = mirror.catalogue.row(item_ref("milk"))
    assert len(mirror.catalogue) == len(ITEMS)
    assert not mirror.catalogue.rows["offered"][milk]


async def test_a_mirror_that_was_left_behind_loads_again() -> None:
    store = MemoryCatalogue()
    mirror = Mirror(store, MODEL)
    await mirror.load()
    await index_items(store)
    store.cut_log()

    await mirror.catch_up()

    assert len(mirror.catalogue) == len(ITEMS)


async def test_searches_are_forgotten_beyond_a_bound() -> None:
    store = MemoryCatalogue()
    reader = await index_items(store)
    mirror = Mirror(store, MODEL)
    await mirror.load()
    size = len(mirror.catalogue.vectors)
    searches = [f"search {n}" for n in range(20)]
    await reader.read(searches=searches)
    await mirror.fetch_texts([search_ref(text) for text in searches])
    assert len(mirror.catalogue.vectors) == size + 20

    mirror.bound_searches(10)

    assert len(mirror.catalogue.vectors) == size


async def test_a_text_that_the_store_lacks_is_named() -> None:
    mirror = Mirror(MemoryCatalogue(), MODEL)

    assert await mirror.fetch_texts([5, 5, 7]) == [5, 7]


async def test_texts_read_and_texts_known_are_counted() -> None:
    store = MemoryCatalogue()
    reader = await index_items(store)
    before = REGISTRY.get_sample_value("portrait_texts_encoded_total") or 0

    await reader.read(["never seen", ITEMS[0].text])

    assert REGISTRY.get_sample_value("portrait_texts_encoded_total") == before + 1
    assert SPACE.id == MODEL.space.id


async def test_changes_that_could_not_be_read_are_read_again() -> None:
    store = MemoryCatalogue()
    mirror = Mirror(Flaky(store), MODEL)
    await mirror.load()
    await index_items(store)

    with pytest.raises(StoreUnavailableError):
        await mirror.catch_up()
    await mirror.catch_up()

    assert len(mirror.catalogue) == len(ITEMS)


class Flaky(MemoryCatalogue):
    """Fails the first time that items are fetched."""

    def __init__(self, store: MemoryCatalogue) -> None:
        super().__init__()
        self.__dict__.update(store.__dict__)
        self._store = store
        self._failed = False

    async def cursor(self) -> str:
        return await self._store.cursor()

    async def changed_since(self, cursor: str) -> tuple[str, list[str]] | None:
        return await self._store.changed_since(cursor)

    async def get_items(self, ids: Sequence[str]) -> list[Item | None]:
        if not self._failed:
            self._failed = True
            raise StoreUnavailableError
        return await self._store.get_items(ids)


def test_an_introduced_item_that_is_forgotten_leaves_its_id_and_no_more() -> None:
    built = catalogue(*ITEMS, IntroducedItem(**ITEMS[0].model_dump() | {"id": "scam"}))
    refs = np.array([item_ref("scam"), item_ref("milk")], np.uint64)
    assert built.introduced() == ["scam"]

    built.forget("scam")
    built.forget("milk")
    built.forget("never seen")

    gone, kept = built.find(refs).tolist()
    assert built.items[gone] == Item(id="scam", available=False, withdrawn=True)
    assert built.items[kept] == ITEMS[0]  # the catalogue's own: whatever a store lost
    assert built.rows["offered"][[gone, kept]].tolist() == [False, True]
    assert built.rows["text"][gone] == MISSING
    assert built.touch(refs, now_ms=2, again_ms=1) == [item_ref("scam")]


def test_an_introduced_item_is_touched_again_after_a_while() -> None:
    built = catalogue(*ITEMS, IntroducedItem(id="scam"))
    refs = np.array([item_ref("scam"), item_ref("milk"), item_ref("never seen")], np.uint64)
    unknown = [item_ref("scam"), item_ref("never seen")]

    assert built.touch(refs, now_ms=1_000, again_ms=500) == unknown
    assert built.touch(refs, now_ms=1_200, again_ms=700) == unknown[1:]
    assert built.touch(refs, now_ms=2_000, again_ms=1_500) == unknown


def test_nothing_is_touched_in_an_empty_catalogue() -> None:
    assert Catalogue(MODEL).touch(np.array([7], np.uint64), 2, 1) == [7]


def test_a_catalogue_full_of_forgotten_items_says_so() -> None:
    built = catalogue(*ITEMS)
    for number in range(FORGOTTEN_ROWS + 3):
        assert not built.is_littered
        built.put(IntroducedItem(id=f"scam-{number}"))
        built.forget(f"scam-{number}")

    assert built.is_littered


def test_an_item_whose_price_changes_for_ever_takes_no_more_room() -> None:
    built = catalogue(model=learned_model("learned"))
    before = len(built.placed)

    for price in range(1, 50):
        built.put(ITEMS[0].model_copy(update={"price": price}))
        built.place()

    assert len(built.placed) == before
    assert built.rows["place"][built.row(item_ref("milk"))] != MISSING


def test_a_catalogue_full_of_former_places_says_so() -> None:
    built = catalogue(model=learned_model("learned"))
    many = FORGOTTEN_ROWS + 100
    assert not built.is_littered

    built.placed.replace([7] * many, np.zeros((many, built.placed.dim), np.float32))

    assert built.is_littered


def test_an_item_that_has_changed_is_seen_where_it_was_until_it_is_placed_anew() -> None:
    built = catalogue(model=learned_model("learned"))
    before = built.rows["place"][0], built.rows["neighbour"][0]

    built.put(built.items[0].model_copy(update={"price": 99}))

    assert (built.rows["place"][0], built.rows["neighbour"][0]) == before != (MISSING, MISSING)
