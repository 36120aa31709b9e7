"""Shelves: what lacks a category is put where the model that serves reads that it lies."""

from collections.abc import Sequence

from portrait.errors import ModelInvalidError
from portrait.events.item import Item
from portrait.model.model import Model
from tests.support.catalogues import SPACE, catalogue
from tests.support.fakes import MemoryCatalogue
from tests.support.memory_registry import MemoryRegistry
from tests.support.streams import memory_spaces
from workers.index.shelves import ReadPlaces, Shelves
from workers.index.spaces import Spaces

TEA = Item(id="tea", title="green tea")
SOAP = Item(id="soap", title="soap", category="House > Bath")
OTHER, PLAIN = Model("other-model", SPACE), Model("plain-model", SPACE)


class Readers:
    """What reads places, by the version of who serves."""

    def __init__(self, **rules: dict[str, str]) -> None:
        self.rules = rules
        self.asked: list[str] = []
        self.is_away = False

    async def __call__(self, version: str) -> ReadPlaces | None:
        if self.is_away:
            raise ModelInvalidError
        rule = self.rules.get(version.partition("-")[0])
        return None if rule is None else lambda texts: self.read(rule, texts)

    def read(self, rule: dict[str, str], texts: Sequence[str]) -> list[str]:
        self.asked += texts
        return [rule.get(text, "") for text in texts]


async def shelved(readers: Readers, *items: Item) -> tuple[MemoryCatalogue, Spaces, MemoryRegistry]:
    store = MemoryCatalogue()
    await store.put_items(items)
    return store, *await memory_spaces(store, OTHER, PLAIN, shelves=Shelves(store, readers))


async def read_of(store: MemoryCatalogue, *ids: str) -> list[str]:
    return [item.category_read for item in await store.get_items(ids) if item is not None]


async def test_an_item_without_a_category_lies_where_it_is_read() -> None:
    readers = Readers(test={"green tea": "Food > Tea", "soap": "Food"})
    store, spaces, _ = await shelved(readers, TEA, SOAP)

    (tea, soap) = await store.get_items(["tea", "soap"])

    assert tea is not None
    assert (tea.category, tea.category_read, tea.lies_in) == ("", "Food > Tea", "Food > Tea")
    assert soap == SOAP
    assert readers.asked == ["green tea"]
    assert tea.text == TEA.text
    await spaces.look()
    assert readers.asked == ["green tea"]  # once


async def test_what_comes_or_changes_later_is_read_and_what_the_shop_says_counts() -> None:
    readers = Readers(test={"green tea": "Food > Tea", "soap": "House > Bath"})
    store, spaces, _ = await shelved(readers, TEA)

    bare = Item(id="soap", title="soap")
    await store.put_items([bare, TEA.model_copy(update={"title": "what is that"})])
    await spaces.look()
    assert await read_of(store, "soap", "tea") == ["House > Bath", ""]

    await store.put_items([bare.model_copy(update={"category": "Shop > Other"})])
    await spaces.look()
    (soap,) = await store.get_items(["soap"])
    assert soap is not None
    assert (soap.lies_in, soap.category_read) == ("Shop > Other", "")


async def test_another_model_reads_anew_a_rollback_too_and_one_without_a_reader_takes_back() -> (
    None
):
    readers = Readers(test={"green tea": "Food > Tea"}, other={"green tea": "Drinks"})
    store, spaces, registry = await shelved(readers, TEA)

    await registry.want("other-model")
    await spaces.look()  # promotes
    await spaces.look()
    assert await read_of(store, "tea") == ["Drinks"]

    await registry.roll_back("it was better before")
    await spaces.look()
    assert await read_of(store, "tea") == ["Food > Tea"]

    await registry.want("plain-model")
    await spaces.look()
    await spaces.look()
    assert await read_of(store, "tea") == [""]


async def test_a_reader_that_cannot_be_loaded_leaves_what_was_read() -> None:
    readers = Readers(test={"green tea": "Food > Tea"})
    store, spaces, registry = await shelved(readers, TEA)
    readers.is_away = True

    await registry.want("other-model")
    await spaces.look()
    await spaces.look()

    assert registry.now.champion == "other-model"
    assert await read_of(store, "tea") == ["Food > Tea"]


def test_a_mirror_takes_what_was_read_for_where_the_item_lies() -> None:
    read = TEA.with_read("Food > Tea")

    mirror = catalogue(read, SOAP)

    row = mirror.row(int(mirror.rows["ref"][0]))
    assert [*mirror.interests][mirror.rows["interest"][row]] == "Food > Tea"
    assert mirror.traits.category[row] == mirror.rows["interest"][row]
