"""Unread: what an encoder cannot read is measured, said, and left to words."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from structlog.testing import capture_logs

from portrait import metrics
from portrait.arrays import Floats
from portrait.catalogue.texts import MOST_UNREAD, TextReader
from portrait.errors import ModelInvalidError
from portrait.events.item import Item
from portrait.events.stream import Notes
from portrait.lifecycle.registry import Roles
from portrait.model.model import Model
from portrait.model.space import Space
from portrait.ref import search_ref, text_ref
from tests.support.catalogues import SPACE
from tests.support.fakes import HashEncoder, MemoryCatalogue
from tests.support.streams import MODEL, hash_encoder
from workers.index.unread import Unread

NOW = Roles(MODEL.version)


async def looked(*titles: str) -> tuple[Notes, list[str]]:
    """Let a catalogue of these titles be measured; `?` is what the fake encoder cannot read."""
    store, notes = MemoryCatalogue(), Notes()
    await store.put_items([Item(id=f"{n}", title=title) for n, title in enumerate(titles)])
    with capture_logs() as logs:
        await Unread(store, hash_encoder, notes).look(NOW, MODEL)
    return notes, [entry["event"] for entry in logs if entry["log_level"] == "warning"]


def share() -> float:
    return float(metrics.texts_unread._value.get())  # noqa: SLF001 - its only reader


async def test_more_than_a_tenth_unread_is_said_with_the_remedy() -> None:
    notes, warned = await looked("????", "????", *["tea"] * 8)

    assert share() == pytest.approx(0.2)
    assert warned == ["texts_unread"]
    (note,) = notes.lately()
    assert "20%" in note
    assert "PORTRAIT_ENCODER" in note
    assert "multilingual" in note


async def test_a_tenth_is_borne() -> None:
    notes, warned = await looked("????", *["tea"] * 9)

    assert share() == pytest.approx(0.1)
    assert not [*notes.lately(), *warned]


async def test_a_model_of_another_encoder_takes_the_note_away() -> None:
    class Everything(HashEncoder):
        def unread(self, texts: Sequence[str]) -> Floats:
            return np.zeros(len(texts), np.float32)

    async def encoder_of(model: Model) -> HashEncoder:
        return HashEncoder() if model is MODEL else Everything()

    store, notes = MemoryCatalogue(), Notes()
    await store.put_items([Item(id="1", title="????")])
    unread = Unread(store, encoder_of, notes)
    await unread.look(NOW, MODEL)
    before = len(notes.lately())

    await unread.look(NOW, Model("next", SPACE))

    assert (before, notes.lately(), share()) == (1, [], 0)


async def test_what_cannot_be_measured_yet_is_measured_later() -> None:
    is_there = False

    async def encoder_of(_: Model) -> HashEncoder:
        if not is_there:
            raise ModelInvalidError
        return HashEncoder()

    store, notes = MemoryCatalogue(), Notes()
    unread = Unread(store, encoder_of, notes)
    await unread.look(NOW, MODEL)
    await store.put_items([Item(id="1", title="????")])
    await unread.look(NOW, MODEL)
    is_there = True

    await unread.look(NOW, MODEL)

    assert len(notes.lately()) == 1


async def test_a_search_that_cannot_be_read_gets_no_vector_and_an_item_keeps_its_own() -> None:
    store = MemoryCatalogue()
    reader = TextReader(HashEncoder(), SPACE, store)
    search, item = "???? tea", "???? pot"

    new = await reader.read([item], searches=[search, "tea"], ttl=timedelta(days=1))

    refs = [search_ref(search), text_ref(item), search_ref("tea")]
    vectors = await store.get_vectors(SPACE.id, refs, SPACE.dim)
    assert new == 2
    assert [vector is not None for vector in vectors] == [False, True, True]


async def test_a_quarter_of_a_search_may_be_unread() -> None:
    store = MemoryCatalogue()
    reader = TextReader(HashEncoder(), SPACE, store)
    search = "?tea"
    assert HashEncoder().unread([search])[0] == MOST_UNREAD

    assert await reader.read(searches=[search]) == 1


async def test_a_text_lies_elsewhere_as_a_search_than_as_an_item() -> None:
    store = MemoryCatalogue()
    width = HashEncoder.dim
    space = Space(
        "hash", np.zeros(width, np.float32), np.diag(np.linspace(0.2, 3, width, dtype="f"))
    )
    reader = TextReader(HashEncoder(), space, store)
    (embedding,) = HashEncoder().encode(["dog food"])

    new = await reader.read(["dog food"], searches=["dog food"])

    refs = [text_ref("dog food"), search_ref("dog food")]
    item, search = await store.get_vectors(space.id, refs, space.dim)
    assert new == 2
    assert item == pytest.approx(space.place(embedding[None])[0], abs=1e-3)
    assert search == pytest.approx(space.place_searches(embedding[None])[0], abs=1e-3)
    assert item != pytest.approx(search, abs=1e-2)


@pytest.mark.parametrize("search", ["...", "\uff1f", "12", "[phone]", "[email] [id]"])
async def test_a_search_that_says_nothing_has_no_vector(search: str) -> None:
    store = MemoryCatalogue()

    read = await TextReader(HashEncoder(), SPACE, store).read(searches=[search, "tea"])

    assert read == 1
    assert await store.get_vectors(SPACE.id, [search_ref(search)], SPACE.dim) == [None]
