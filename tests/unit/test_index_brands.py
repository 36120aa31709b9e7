"""Brands: what lacks a brand gets the one that its title says, as the shop's other items teach."""

import asyncio

import pytest

from portrait.catalogue.brands import REACH, brand_in
from portrait.events.item import Item
from tests.support.catalogues import catalogue
from tests.support.fakes import MemoryCatalogue
from tests.support.patience import PATIENCE
from workers.index import brands as module
from workers.index.brands import Brands, keep_brands

SAW = Item(id="saw", title="Acme saw", brand="Acme")
GLUE = Item(id="glue", title="Sticky glue", brand="Sticky")
DRILL = Item(id="drill", title="acme drill")
TAPE = Item(id="tape", title="Sticky tape")


@pytest.fixture(autouse=True)
def _without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0)
    monkeypatch.setattr(module, "REST", 0)


async def branded(*items: Item) -> tuple[MemoryCatalogue, Brands]:
    store = MemoryCatalogue()
    await store.put_items(items)
    brands = Brands(store)
    await brands.look()
    return store, brands


async def read_of(store: MemoryCatalogue, *ids: str) -> list[str]:
    return [item.brand_read for item in await store.get_items(ids) if item is not None]


async def test_an_item_without_a_brand_has_the_one_that_its_title_says() -> None:
    store, _ = await branded(SAW, DRILL, TAPE)

    drill, saw, tape = await store.get_items(["drill", "saw", "tape"])

    assert drill is not None
    assert (drill.brand, drill.brand_read, drill.made_by) == ("", "Acme", "Acme")
    assert drill.text == DRILL.text
    assert (saw, tape) == (SAW, TAPE)
    assert saw is not None
    assert saw.brand_read == ""


async def test_what_comes_or_changes_later_is_read_and_what_the_shop_says_counts() -> None:
    store, brands = await branded(SAW)

    await store.put_items([DRILL, TAPE])
    await brands.look()
    assert await read_of(store, "drill", "tape") == ["Acme", ""]

    await store.put_items([DRILL.model_copy(update={"title": "what is that"}), GLUE])
    await brands.look()
    assert await read_of(store, "drill", "tape") == ["", "Sticky"]

    await store.put_items([TAPE.model_copy(update={"brand": "Taping"})])
    await brands.look()
    (tape,) = await store.get_items(["tape"])
    assert tape is not None
    assert (tape.made_by, tape.brand_read) == ("Taping", "")


async def test_what_is_no_longer_taught_is_taken_back() -> None:
    store, brands = await branded(SAW, DRILL)

    await store.put_items([SAW.model_copy(update={"brand": "Other"})])
    await brands.look()

    assert await read_of(store, "drill") == [""]


async def test_nothing_is_learned_from_what_was_read_or_only_events_say() -> None:
    store, brands = await branded(SAW, DRILL)
    await store.introduce_items([GLUE, TAPE])

    await store.put_items([SAW.model_copy(update={"brand": ""})])
    await brands.look()

    assert await read_of(store, "saw", "drill", "tape") == ["", "", ""]
    assert store.known is not None
    assert store.known[1] == {}


async def test_one_item_of_a_brand_that_is_a_common_word_gives_it_to_nobody() -> None:
    odd = Item(id="odd", title="The saw", brand="The")
    bare = [Item(id=f"bare-{n}", title=f"The thing {n}") for n in range(REACH + 1)]

    store, _ = await branded(odd, *bare, SAW, DRILL)

    assert {*await read_of(store, *[item.id for item in bare])} == {""}
    assert await read_of(store, "drill") == ["Acme"]


async def test_it_is_learned_again_no_sooner_than_after_a_while_and_read_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 60)
    store, brands = await branded(SAW)
    await store.put_items([GLUE, TAPE, DRILL])

    await brands.look()

    assert await read_of(store, "drill", "tape") == ["Acme", ""]


async def test_workers_agree_on_what_one_of_them_has_learned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, first = await branded(SAW, DRILL)
    monkeypatch.setattr(module, "AGAIN_SECONDS", 60)  # the second learns no more after this
    second = Brands(store)
    await second.look()
    await store.put_items([GLUE, TAPE])
    await first.look()

    told = await store.cursor()
    await second.look()
    await first.look()

    assert await read_of(store, "drill", "tape") == ["Acme", "Sticky"]
    assert await store.cursor() == told  # nobody changes what the other says


async def test_a_log_that_was_cut_has_everything_read_again() -> None:
    store, brands = await branded(SAW)
    await store.put_items([DRILL])
    store.cut_log()

    await brands.look()

    assert await read_of(store, "drill") == ["Acme"]


async def test_many_items_are_read_and_what_changes_meanwhile_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "ITEMS_AT_ONCE", 2)
    bare = [DRILL.model_copy(update={"id": f"drill-{n}"}) for n in range(7)]

    store, _ = await branded(*bare, SAW)

    assert {*await read_of(store, *[item.id for item in bare])} == {"Acme"}


async def test_it_goes_on_when_the_store_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AWAY_SECONDS", 0)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0)
    store = MemoryCatalogue()
    await store.put_items([SAW, DRILL])
    store.is_down = True
    keeping = asyncio.create_task(keep_brands(Brands(store)))
    await asyncio.sleep(0.01)
    store.is_down = False

    async with asyncio.timeout(PATIENCE):
        while await read_of(store, "drill") != ["Acme"]:  # noqa: ASYNC110 - a store, no event
            await asyncio.sleep(0.01)
    keeping.cancel()


def test_a_mirror_takes_what_was_read_for_the_item_s_brand() -> None:
    read = DRILL.with_read("", brand_in(DRILL.title, {"acme": "Acme"}))

    mirror = catalogue(read, SAW)

    assert len({*mirror.rows["brand"].tolist()}) == 1
    assert [*mirror.brands] == ["Acme"]
