"""The index of very many items: when there is one, whose it is, and what is said without it."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from portrait.errors import IndexNotBuiltError
from portrait.events.item import Item
from portrait.inference import candidates, index
from portrait.inference.index import Index
from portrait.inference.shelf import Shelf
from portrait.model.model import Model
from portrait.model.space import Space
from portrait.ref import text_ref
from service.app import create_app
from service.live import Live
from tests.support.catalogues import SPACE
from tests.support.fakes import HashEncoder
from tests.support.patience import PATIENCE
from tests.support.promotions import put_in_service
from tests.support.shop import Shop, look, open_shop, with_state_of

BEYOND = 30
ITEMS = [
    Item(id=f"tea-{n}", title=f"tea number {n}", category=f"Tea > {n % 4}", price=1 + n % 7)
    for n in range(2 * BEYOND)
]
NARROW = Space(SPACE.encoder, SPACE.mean, SPACE.axes[:, : SPACE.dim - 3].copy())
OTHER = Model("narrow", NARROW)
LIMIT = 10
ASKED = {"session": {"items": ["tea-1", "tea-2"]}, "limit": LIMIT}


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small shop go by its index."""
    monkeypatch.setattr(candidates, "FEW", 0)
    monkeypatch.setattr(candidates, "FOUND", (2 * LIMIT, 2 * LIMIT))
    monkeypatch.setattr(index, "LEAST_CODED", 16)
    monkeypatch.setattr("service.indexed.INDEX_BEYOND", BEYOND)


async def stocked() -> Shop:
    shop = Shop()
    await shop.stock(*ITEMS)
    await read_into(NARROW, shop)
    return shop


async def read_into(space: Space, shop: Shop) -> None:
    """Store the vectors of another space beside those of the champion's."""
    texts = [item.text for item in ITEMS] + [f"Tea > {n}" for n in range(4)]
    vectors = space.place(HashEncoder().encode(texts))
    await shop.items.put_vectors(space.id, [*map(text_ref, texts)], vectors)


async def live_of(shop: Shop) -> Live:
    live = Live(shop.parts)
    await look(live)
    return live


async def test_very_many_items_have_an_index_and_until_then_a_note_says_so() -> None:
    live = await live_of(await stocked())

    before, notes = live.require(), live.notes
    await live.follow_index()
    after = live.require()

    assert before.shelf.finder is None
    (note,) = notes
    assert note.startswith("The index of 60 items is not ready: until there is one, each list is")
    assert isinstance(after.shelf.finder, Index)
    assert after.source is before.source
    assert live.notes == ()


async def test_a_shop_of_fewer_has_none_and_needs_none() -> None:
    shop = Shop()
    await shop.stock(*ITEMS[:BEYOND])
    live = await live_of(shop)

    await live.follow_index()

    assert live.require().shelf.finder is None
    assert live.notes == ()


async def test_another_space_serves_with_its_own_index_from_its_first_moment() -> None:
    shop = await stocked()
    live = await live_of(shop)
    await live.follow_index()
    before = live.require().shelf.finder

    await put_in_service(shop.registry, OTHER)
    await look(live)

    view = live.require()
    assert view.model.version == OTHER.version
    assert isinstance(view.shelf.finder, Index)
    assert view.shelf.finder is not before
    assert view.source.indexed.is_on(view.shelf)


async def test_a_new_item_is_known_as_new_and_many_bring_another_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.indexed.MOST_FRESH", 1)
    shop = await stocked()
    live = await live_of(shop)
    await live.follow_index()
    first = live.require().shelf.finder

    await shop.items.put_items([Item(id="fresh", title="fresh tea")])
    await live.follow_catalogue()
    one = live.require().shelf
    await live.follow_index()
    assert live.require().shelf.finder is first
    assert one.fresh.tolist() == [len(ITEMS)]

    await shop.items.put_items([Item(id="fresher", title="fresher tea")])
    await live.follow_catalogue()
    await live.follow_index()

    shelf = live.require().shelf
    assert shelf.finder is not first
    assert isinstance(shelf.finder, Index)
    assert len(shelf.finder) == len(shelf) == len(ITEMS) + 2
    assert not len(shelf.fresh)


async def test_without_an_index_lists_are_made_and_the_reason_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_shelf: Shelf) -> Index:
        msg = "not enough memory"
        raise IndexNotBuiltError(msg)

    monkeypatch.setattr("service.indexed.build", refuse)
    shop = await stocked()

    async with open_shop(shop) as client:
        said = await until_said("could not be built", client)
        answer = await client.post("/recommend", json=ASKED)

    assert "The index of 60 items could not be built (not enough memory): until there is" in said
    assert len(answer.json()["items"]) == LIMIT


async def until_said(part: str, client: httpx.AsyncClient) -> str:
    """Wait until the service says something of itself."""
    async with asyncio.timeout(PATIENCE):
        while part not in (said := (await client.get("/readyz")).text):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    return said


@pytest.fixture
def asked() -> Iterator[list[httpx.Response]]:
    """What was answered meanwhile."""
    answers: list[httpx.Response] = []
    yield answers
    assert {answer.status_code for answer in answers} == {200}
    assert {len(answer.json()["items"]) for answer in answers} == {LIMIT}


async def test_switches_under_load_never_ask_the_index_of_another_space(
    asked: list[httpx.Response],
) -> None:
    """An index of other dimensions would refuse the question: 500."""
    shop = await stocked()
    app = create_app(shop.parts)
    async with app.router.lifespan_context(app) as state:
        live: Live = dict(state or {})["live"]
        await look(live)
        await live.follow_index()
        transport = httpx.ASGITransport(with_state_of(app, dict(state or {})))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            is_over = asyncio.Event()

            async def load() -> None:
                while not is_over.is_set():
                    asked.append(await client.post("/recommend", json=ASKED))

            async with asyncio.TaskGroup() as group:
                for _ in range(4):
                    group.create_task(load())
                for version in ("a", "b", "c", "d"):
                    space = NARROW if version in "ac" else SPACE
                    await put_in_service(shop.registry, Model(version, space))
                    await live.follow_model()
                    await live.follow_catalogue()
                    answered = len(asked)
                    while len(asked) < answered + 8:  # noqa: ASYNC110 - they tell nobody
                        await asyncio.sleep(0)
                    assert live.require().shelf.finder is not None
                is_over.set()

    assert {answer.json()["model_version"] for answer in asked} >= {"a", "b", "c", "d"}
