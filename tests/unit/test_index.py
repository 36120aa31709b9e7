"""Index: the catalogue follows its topic."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portrait.errors import StoreUnavailableError
from portrait.events.item import PATCH_HEADER, Item
from portrait.events.resume import Resume
from portrait.events.topics import DEAD
from portrait.reading.records import read_item
from portrait.ref import text_ref
from tests.support.catalogues import SPACE
from tests.support.fakes import HashEncoder, ListPublisher, MemoryCatalogue, MemoryOffsets
from tests.support.records import FakeRecord
from tests.support.streams import ListStream, memory_spaces, memory_upkeep
from workers.index.origin import Completeness
from workers.index.spaces import Spaces
from workers.index.worker import Indexer, decode_items, index


def upsert(id: str, offset: int = 0, **fields: object) -> FakeRecord:
    body = {"id": id, "title": f"title of {id}", **fields}
    return FakeRecord("items", json.dumps(body).encode(), offset, key=id.encode())


def tombstone(id: str) -> FakeRecord:
    return FakeRecord("items", None, key=id.encode())


async def resumed() -> Resume:
    resume = Resume(MemoryOffsets(), "index")
    await resume.points()
    return resume


async def indexer(
    store: MemoryCatalogue,
    spaces: Spaces,
    publisher: ListPublisher | None = None,
    *,
    resume: Resume | None = None,
    outage: int = 10,
) -> Indexer:
    resume = resume or await resumed()
    complete = Completeness(resume, lambda: {0})
    return Indexer(
        store,
        spaces,
        publisher or ListPublisher(),
        resume,
        complete,
        timedelta(seconds=outage),
        memory_upkeep(store),
    )


async def run(*batches: list[FakeRecord]) -> tuple[MemoryCatalogue, ListPublisher, ListStream]:
    store, publisher, stream = MemoryCatalogue(), ListPublisher(), ListStream(*batches)
    spaces, _ = await memory_spaces(store)
    await index(stream.batches(), stream, await indexer(store, spaces, publisher))
    return store, publisher, stream


async def test_an_item_is_stored_with_the_vectors_it_needs() -> None:
    store, _, stream = await run([upsert("milk", category="Grocery > Dairy > Milk")])

    vectors = await store.get_vectors(
        SPACE.id,
        [text_ref("title of milk. Grocery, Dairy, Milk"), text_ref("Grocery > Dairy")],
        SPACE.dim,
    )
    assert (await store.get_items(["milk"]))[0] == Item(
        id="milk", title="title of milk", category="Grocery > Dairy > Milk"
    )
    assert all(vector is not None for vector in vectors)
    assert len(stream.committed) == 1


async def test_the_last_word_about_an_item_counts() -> None:
    first, second = upsert("milk", title="old"), upsert("milk", title="new")

    store, _, _ = await run([first, upsert("tuna"), second])

    (item,) = await store.get_items(["milk"])
    assert item is not None
    assert item.title == "new"


async def test_a_tombstone_withdraws_an_item_and_it_can_come_back() -> None:
    gone, _, _ = await run([upsert("milk")], [tombstone("milk")])
    back, _, _ = await run([upsert("milk")], [tombstone("milk"), upsert("milk")])

    (withdrawn,), (returned,) = await gone.get_items(["milk"]), await back.get_items(["milk"])
    assert withdrawn is not None
    assert withdrawn.withdrawn
    assert returned is not None
    assert not returned.withdrawn


def patch(id: str, **fields: object) -> FakeRecord:
    return FakeRecord("items", json.dumps({"id": id, **fields}).encode(), key=id.encode())


@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_what_names_no_title_changes_what_it_names(is_one_batch: bool) -> None:  # noqa: FBT001
    records = [upsert("milk", brand="Alm", price=2), patch("milk", price=3), patch("milk")]

    store, _, _ = await run(*([records] if is_one_batch else [[each] for each in records]))

    expected = Item(id="milk", title="title of milk", brand="Alm", price=3)
    assert await store.get_items(["milk"]) == [expected]


def with_header(record: FakeRecord) -> FakeRecord:
    return replace(record, headers=((PATCH_HEADER, b"1"),))


TEA = {"brand": "Uji", "price": 8.9, "attributes": {"size": "100 g", "colour": "green"}}


@pytest.mark.parametrize("is_one_batch", [True, False])
@pytest.mark.parametrize("is_by_header", [True, False])
async def test_a_message_that_says_it_is_a_patch_changes_what_it_names(
    is_one_batch: bool,  # noqa: FBT001 - cases
    is_by_header: bool,  # noqa: FBT001
) -> None:
    changes: list[dict[str, object]] = [
        {"title": "Sencha"},
        {"price": None, "brand": None, "attributes": {"colour": None, "origin": "Japan"}},
        {"attributes": {}},
    ]
    patches = [
        with_header(patch("tea", **each)) if is_by_header else patch("tea", patch=True, **each)
        for each in changes
    ]
    records = [patch("tea", title="title of tea", **TEA), *patches]

    store, _, _ = await run(*([records] if is_one_batch else [[each] for each in records]))

    attributes = {"size": "100 g", "origin": "Japan"}
    assert await store.get_items(["tea"]) == [Item(id="tea", title="Sencha", attributes=attributes)]


@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_after_attributes_are_taken_back_the_next_ones_are_all(is_one_batch: bool) -> None:  # noqa: FBT001
    records = [
        patch("tea", title="title of tea", **TEA),
        patch("tea", attributes=None),  # says nothing: it does not call itself a patch
        patch("tea", attributes=None, patch=True),
        patch("tea", attributes={"size": "1 kg"}),
    ]

    store, _, _ = await run(*([records] if is_one_batch else [[each] for each in records]))

    (item,) = await store.get_items(["tea"])
    assert item is not None
    assert item.attributes == {"size": "1 kg"}


@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_a_whole_message_says_all_of_an_item(is_one_batch: bool) -> None:  # noqa: FBT001
    records = [
        patch("tea", title="title of tea", **TEA),
        patch("tea", price=3),
        upsert("tea", brand=None),
    ]

    store, _, _ = await run(*([records] if is_one_batch else [[each] for each in records]))

    assert await store.get_items(["tea"]) == [Item(id="tea", title="title of tea")]


async def test_an_item_sold_out_and_back_keeps_all_that_was_said_of_it() -> None:
    sold_out, back = patch("tea", available=False), patch("tea", available=True)

    out, _, _ = await run([patch("tea", title="title of tea", **TEA)], [sold_out])
    again, _, _ = await run([patch("tea", title="title of tea", **TEA)], [sold_out], [back])

    whole = Item.model_validate({"id": "tea", "title": "title of tea", **TEA})
    assert await again.get_items(["tea"]) == [whole]
    assert await out.get_items(["tea"]) == [whole.model_copy(update={"available": False})]


@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_a_patch_brings_back_what_was_withdrawn_if_it_says_so(is_one_batch: bool) -> None:  # noqa: FBT001
    records = [tombstone("tea"), patch("tea", withdrawn=False)]
    batches = [records] if is_one_batch else [[each] for each in records]

    store, _, _ = await run([patch("tea", title="title of tea", **TEA)], *batches)

    whole = Item.model_validate({"id": "tea", "title": "title of tea", **TEA})
    assert await store.get_items(["tea"]) == [whole]


async def test_a_patch_of_what_events_alone_know_is_no_word_of_theirs() -> None:
    store = MemoryCatalogue()
    await store.introduce_items([Item(id="tea", title="scam")])
    stream = ListStream([patch("tea", price=3)])
    spaces, _ = await memory_spaces(store)

    await index(stream.batches(), stream, await indexer(store, spaces))

    assert await store.get_items(["tea"]) == [Item(id="tea", price=3)]


async def test_a_title_that_is_empty_is_not_said() -> None:
    store, _, _ = await run([upsert("milk", brand="Alm")], [upsert("milk", title="")])

    assert await store.get_items(["milk"]) == [Item(id="milk", title="title of milk", brand="Alm")]


@pytest.mark.parametrize("is_one_batch", [True, False])
async def test_a_new_price_does_not_bring_back_what_was_withdrawn(is_one_batch: bool) -> None:  # noqa: FBT001
    records = [tombstone("milk"), patch("milk", price=3)]
    batches = [records] if is_one_batch else [[each] for each in records]

    store, _, _ = await run([upsert("milk")], *batches)

    (item,) = await store.get_items(["milk"])
    assert item is not None
    assert item.withdrawn


@pytest.mark.parametrize(
    "fields",
    [
        {"event_id": "e-1"},
        {"occurred_at": "2026-07-01T07:31:00Z"},
        {"type": "purchase", "user_id": "u-1"},
        {"eventType": "browse", "anonymousId": "a-1", "item": {"title": "of another"}},
    ],
)
async def test_an_event_among_the_items_is_a_letter_and_blanks_nothing(
    fields: dict[str, object],
) -> None:
    event = FakeRecord("items", json.dumps({"item_id": "milk", **fields}).encode(), 7)

    store, publisher, _ = await run([upsert("milk")], [event])

    (item,), (letter,) = await store.get_items(["milk"]), publisher.messages
    assert item is not None
    assert item.title == "title of milk"
    assert b"payload: an event, and no item" in b"".join(v or b"" for _, v in letter.headers)


async def test_an_item_with_a_title_is_one_whatever_else_it_has() -> None:
    store, publisher, _ = await run([upsert("milk", event_id="e-1", type="purchase", user_id="u")])

    assert await store.get_items(["milk"]) == [Item(id="milk", title="title of milk")]
    assert publisher.messages == []


async def test_what_can_never_be_an_item_is_dead_lettered() -> None:
    bad = FakeRecord("items", b"{", 5, key=b"milk")
    unnamed = FakeRecord("items", None, 6, key=None)
    scrambled = FakeRecord("items", None, 7, key=b"\xff")

    _, publisher, stream = await run([bad, unnamed, scrambled, upsert("tuna")])

    reasons = [dict(letter.headers)["portrait-reason"] for letter in publisher.messages]
    assert [letter.topic for letter in publisher.messages] == [DEAD] * 3
    assert reasons == [b"payload: not UTF-8 JSON", b"key: missing or too long", b"key: not UTF-8"]
    assert len(stream.committed) == 1


async def test_categories_that_mean_the_same_are_shown_as_the_first_was_written() -> None:
    ways = "Grocery > Tea", "Grocery>Tea", "grocery/tea", "GROCERY > TEA", "electronics.phone"
    items = [upsert(f"item-{n}", category=way) for n, way in enumerate(ways)]

    store, _, _ = await run(items[:2], items[2:])

    stored = await store.get_items([f"item-{n}" for n in range(5)])
    assert [item and item.category for item in stored] == ["Grocery > Tea"] * 4 + [
        "electronics.phone"
    ]
    text = text_ref("title of item-2. Grocery, Tea")  # what is stored is what was read
    assert (SPACE.id, text) in store.vectors


async def test_a_text_that_is_known_is_not_read_again() -> None:
    store = MemoryCatalogue()
    encoder = HashEncoder()
    for offset in range(3):
        stream = ListStream([upsert("milk", offset), upsert("more milk", title="title of milk")])
        spaces, _ = await memory_spaces(store, encoder=encoder)
        await index(stream.batches(), stream, await indexer(store, spaces))

    assert encoder.texts_read == 1 + 3  # of which three are to see whether it can read


async def test_a_store_that_started_again_is_given_the_batch_again() -> None:
    offsets = MemoryOffsets()

    class Restarting(MemoryCatalogue):
        async def put_items(self, items: Sequence[Item]) -> None:
            await super().put_items(items)
            offsets.life = "second"

    store, resume = Restarting(), Resume(offsets, "index")
    stream = ListStream([upsert("milk")], resume=resume)
    spaces, _ = await memory_spaces(store)

    await index(stream.batches(), stream, await indexer(store, spaces, resume=resume))

    assert stream.rewinds == 1
    assert offsets.ends == {"index": {("items", 0): 1}}


async def test_a_store_that_is_away_is_given_the_batch_again() -> None:
    store, stream = MemoryCatalogue(), ListStream([upsert("milk")])
    spaces, _ = await memory_spaces(store)
    store.is_down = True
    stream.at_pause = lambda: setattr(store, "is_down", False)

    await index(stream.batches(), stream, await indexer(store, spaces))

    assert stream.rewinds == len(stream.pauses) == 1
    assert len(stream.committed) == 1
    assert await store.all_ids() == ["milk"]


async def test_a_store_that_is_away_for_too_long_ends_the_worker() -> None:
    store, stream = MemoryCatalogue(), ListStream([upsert("milk")])
    spaces, _ = await memory_spaces(store)
    store.is_down = True

    with pytest.raises(StoreUnavailableError):
        await index(stream.batches(), stream, await indexer(store, spaces, outage=-1))


def test_an_empty_batch_says_nothing() -> None:
    changes = decode_items([])

    assert (changes.items, changes.withdrawn, changes.dead) == ([], [], [])


WORDS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["a", "b"]),
        "price": st.sampled_from([1, 2, None]),
        "attributes": st.none()
        | st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["1", None])),
        "patch": st.just(True),  # noqa: FBT003 - a value
    },
)


@settings(max_examples=500)
@given(st.lists(WORDS, max_size=6))
def test_patches_in_one_batch_change_what_they_change_one_by_one(
    said: list[dict[str, Any]],
) -> None:
    records = [FakeRecord("items", json.dumps({"id": "i"} | each).encode()) for each in said]
    one_by_one = at_once = Item(id="i", title="t", attributes={"x": "0", "w": "0"}, price=9)
    for record in records:
        (word,) = read_item(record).items
        one_by_one = word.upon(one_by_one)

    for words in decode_items(records).items:
        for word in words:
            at_once = word.upon(at_once)

    assert at_once == one_by_one


def test_very_many_patches_of_one_item_are_read_in_the_time_of_as_many_others() -> None:
    def seconds(ids: int) -> float:
        patches = [[{"id": f"i{n % ids}", "price": n} for n in range(1_000)] for _ in range(20)]
        records = [FakeRecord("items", json.dumps(each).encode()) for each in patches]
        began = process_time()
        decode_items(records)
        return process_time() - began

    assert seconds(1) < 3 * seconds(1_000)
