"""New texts: what nobody has searched for before is read while the request waits, if it can be."""

import asyncio
from collections.abc import Sequence

import pytest

from portrait import metrics
from portrait.catalogue.desk import PATIENCE
from portrait.catalogue.texts import SEARCH_TTL
from portrait.errors import StoreUnavailableError
from portrait.ref import search_ref
from service.new_texts import MOST_TEXTS, MOST_WAITING, NewTexts
from tests.support.catalogues import ITEMS, SPACE
from tests.support.fakes import MemoryCatalogue, MemoryDesk
from tests.support.shop import Shop, open_shop
from tests.support.streams import memory_spaces
from workers.index.desk import keep_read, read_once

SLOW = 50  # times as patient, on a busy machine


class Desk:
    """A `ReadingDesk` where everybody is, or nobody is."""

    def __init__(self, *, is_attended: bool) -> None:
        self.is_attended = is_attended
        self.asked: list[Sequence[str]] = []

    async def ask(self, texts: Sequence[str]) -> bool:
        self.asked.append(texts)
        await asyncio.sleep(0)
        return self.is_attended


async def session(shop: Shop, *texts: str) -> list[dict[str, str]]:
    async with open_shop(shop) as client:
        asked = {"session": {"texts": [*texts]}}
        answer = (await client.post("/recommend", json=asked)).json()
    read: list[dict[str, str]] = answer["session_texts"]
    return read


async def test_a_search_that_nobody_made_before_is_read_by_a_worker_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.support.fakes.PATIENCE", SLOW * PATIENCE)
    shop = Shop()
    await shop.stock()
    spaces, _ = await memory_spaces(shop.items)
    await spaces.look()
    worker = asyncio.create_task(keep_read(shop.desk, spaces))

    read = await session(shop, "dog food of a new kind")
    worker.cancel()

    assert read == [{"text": "dog food of a new kind", "read": "vector"}]
    (vector,) = await shop.items.get_vectors(SPACE.id, [search_ref(read[0]["text"])], SPACE.dim)
    assert vector is not None


async def test_where_nobody_reads_in_time_it_stands_for_items_that_share_its_words() -> None:
    shop = Shop()
    await shop.stock()

    assert await session(shop, "dog food of a new kind") == [
        {"text": "dog food of a new kind", "read": "words"}
    ]


async def test_what_is_read_already_is_not_asked_for() -> None:
    shop = Shop()
    await shop.stock(searches=("cat toys",))

    assert await session(shop, "cat toys") == [{"text": "cat toys", "read": "vector"}]
    assert shop.desk.laid == []


async def test_after_a_vain_wait_one_alone_tries_again_after_a_pause(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("service.new_texts.monotonic", lambda: now)
    nobody = Desk(is_attended=False)
    texts = NewTexts(nobody)  # type: ignore[arg-type] # nobody takes or tells

    late = metrics.searches_late._value.get()  # noqa: SLF001 - its only reader
    assert not await texts.read(["secret"])
    assert not await texts.read(["secret"])
    assert len(nobody.asked) == 1
    assert metrics.searches_late._value.get() == late + 2  # noqa: SLF001

    now = 106.0
    nobody.is_attended = True
    assert sorted(await asyncio.gather(*(texts.read(["secret"]) for _ in range(3)))) == [
        False,
        False,
        True,
    ]
    assert await texts.read(["secret"])
    said = capsys.readouterr().out
    assert "texts_not_read" in said
    assert "secret" not in said


async def test_a_store_that_takes_no_writes_is_no_reason_not_to_recommend() -> None:
    class Full(MemoryDesk):
        async def ask(self, texts: Sequence[str]) -> bool:
            del texts
            msg = "Redis is full: try again later."
            raise StoreUnavailableError(msg)

    shop = Shop(desk=Full())
    await shop.stock()

    (read,) = await session(shop, "dog food of a new kind")

    assert read["read"] == "words"


async def test_so_many_requests_wait_and_so_many_texts_of_each_are_read() -> None:
    attended = Desk(is_attended=True)
    texts = NewTexts(attended)  # type: ignore[arg-type] # nobody takes or tells

    waited = await asyncio.gather(
        *(texts.read([str(n) for n in range(20)]) for _ in range(MOST_WAITING + 3))
    )

    assert waited == [True] * MOST_WAITING + [False] * 3
    assert attended.asked == [["16", "17", "18", "19"]] * MOST_WAITING
    assert len(attended.asked[0]) == MOST_TEXTS
    assert not await texts.read([])


class Noting(MemoryCatalogue):
    """Remembers for how long vectors were to be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.ttls: list[object] = []

    async def put_vectors(self, *args: object, **named: object) -> None:
        self.ttls.append(named.get("ttl"))
        await super().put_vectors(*args, **named)  # type: ignore[arg-type] # handed on


async def test_what_is_read_at_the_desk_is_kept_as_long_as_what_events_bring() -> None:
    store, laid = Noting(), MemoryDesk()
    await store.put_items(ITEMS)
    spaces, _ = await memory_spaces(store)
    await spaces.look()
    store.ttls.clear()
    asking = asyncio.create_task(laid.ask(["a search"]))
    await asyncio.sleep(0)

    await read_once(laid, spaces)

    assert await asking
    assert store.ttls == [SEARCH_TTL]
