"""Upkeep: a part that the store has lost is noticed, said and brought back."""

import pytest
from structlog.testing import capture_logs

from portrait import metrics
from portrait.catalogue.catalogue import texts_of
from portrait.events.item import Item
from portrait.events.resume import Resume
from portrait.events.stream import Batch, Notes
from portrait.ref import text_ref
from tests.support.catalogues import ITEMS, SPACE
from tests.support.fakes import MemoryCatalogue, MemoryOffsets
from tests.support.streams import MODEL, index_items, memory_spaces
from workers.index.origin import Completeness
from workers.index.upkeep import SAMPLE, Upkeep


async def read(offsets: MemoryOffsets | None = None) -> Completeness:
    """Return that the whole topic has been read."""
    resume = Resume(offsets or MemoryOffsets(), "index")
    await resume.points()
    complete = Completeness(resume, lambda: {0})
    complete.note(Batch((), reached={0: 1}))
    return complete


class Kept:
    """A catalogue that is looked after, and what was done for it."""

    def __init__(self) -> None:
        self.store, self.notes, self.forgot = MemoryCatalogue(), Notes(), 0
        self.upkeep = Upkeep(self.store, self.notes, self._forget, every=0)

    async def _forget(self) -> None:
        self.forgot += 1


def counted(kind: str) -> float:
    return float(metrics.values_damaged.labels(kind)._value.get())  # noqa: SLF001 - its only reader


async def test_fewer_items_than_there_were_are_said_once_and_their_topic_is_read_again() -> None:
    kept, complete, before = Kept(), await read(), counted("item_missing")
    await kept.store.put_items(ITEMS)
    assert not await kept.upkeep.lacks_items(complete)
    del kept.store.items[ITEMS[0].id], kept.store.items[ITEMS[1].id]

    with capture_logs() as logs:
        lacks = [await kept.upkeep.lacks_items(complete) for _ in range(3)]

    assert lacks == [True, False, False]
    assert kept.forgot == 1
    assert counted("item_missing") - before == 2
    assert [entry["event"] for entry in logs] == ["catalogue_incomplete"]
    (note,) = kept.notes.lately()
    assert "Items of the catalogue were missing; read again from their topic." in note


async def test_what_is_lost_before_the_first_look_is_missed_if_it_was_counted() -> None:
    kept, complete = Kept(), await read()
    await kept.store.put_items(ITEMS)
    await kept.upkeep.count()
    del kept.store.items[ITEMS[0].id]

    assert await kept.upkeep.lacks_items(complete)


async def test_a_catalogue_that_is_empty_at_the_start_is_read_again_once_and_blames_nobody() -> (
    None
):
    kept, complete = Kept(), await read()

    lacks = [await kept.upkeep.lacks_items(complete) for _ in range(3)]

    assert lacks == [True, False, False]
    assert kept.notes.lately() == []


async def test_another_life_of_the_store_has_lost_nothing_that_this_one_has() -> None:
    offsets = MemoryOffsets()
    kept, complete = Kept(), await read(offsets)
    await kept.store.put_items(ITEMS)
    await kept.upkeep.lacks_items(complete)
    kept.store.items.clear()
    offsets.life = "second"

    seen = await kept.upkeep.lacks_items(complete)
    kept.upkeep.expect_nothing()
    then = await kept.upkeep.lacks_items(await read())

    assert not seen
    assert not then
    assert kept.forgot == 0


async def test_lost_vectors_are_said_and_made_again() -> None:
    store = MemoryCatalogue()
    await index_items(store)
    spaces, _ = await memory_spaces(store)
    before, lost = counted("vector_missing"), set(list(store.vectors)[::2])
    whole, store.vectors = (
        set(store.vectors),
        {at: vector for at, vector in store.vectors.items() if at not in lost},
    )
    cursor = await store.cursor()

    await spaces.look()

    assert len(ITEMS) <= SAMPLE
    assert set(store.vectors) == whole
    assert counted("vector_missing") - before == len(lost)
    changes = await store.changed_since(cursor)
    assert changes is not None
    assert changes[1]  # whoever has lacked them is told


@pytest.mark.parametrize("items", [[], ITEMS])
async def test_of_a_whole_catalogue_nothing_is_said(items: list[Item]) -> None:
    kept, complete = Kept(), await read()
    await index_items(kept.store, items)
    if items:
        assert not await kept.upkeep.lacks_items(complete)

    assert not await kept.upkeep.lacks_vectors(MODEL)
    assert kept.notes.lately() == []


async def test_a_text_that_two_items_share_is_missed_once() -> None:
    kept, before = Kept(), counted("vector_missing")
    twins = [Item(id=id, title="sea salt") for id in ("a", "b")]
    await index_items(kept.store, twins)
    del kept.store.vectors[SPACE.id, text_ref(texts_of(twins[0])[0])]

    assert await kept.upkeep.lacks_vectors(MODEL)
    assert counted("vector_missing") - before == 1
