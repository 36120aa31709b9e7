"""Shops of a process: opened when asked for, never too many, and closed when they are gone."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from portrait.errors import BusyError, StoreUnavailableError
from portrait.shops.shop import Quotas, Shop
from portrait.shops.store import ShopNotFoundError
from service.live import Live
from service.shops.known import KnownShops
from service.shops.shops import Opened, Shops
from tests.support.memory_shops import MemoryShops
from tests.support.shop import Shop as FakeShop

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
MOST = 2


class Doors:
    """Opens shops on fakes, and remembers which are open."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.opened: list[str] = []
        self.lives: dict[str, weakref.ref[Live]] = {}
        self.error: Exception | None = None

    @asynccontextmanager
    async def __call__(self, shop: Shop) -> AsyncIterator[Opened]:
        if self.error is not None:
            raise self.error
        parts = FakeShop().parts
        live = Live(parts)
        async with live.running():
            self.lives[shop.name] = weakref.ref(live)
            self.open.append(shop.name)
            self.opened.append(shop.name)
            yield Opened(parts, live)
            self.open.remove(shop.name)


class World:
    def __init__(self) -> None:
        self.store = MemoryShops()
        self.known = KnownShops(self.store, None)
        self.doors = Doors()
        self.shops = Shops(self.known, self.doors, MOST)

    async def make(self, *names: str) -> None:
        for name in names:
            await self.store.create(name, Quotas(), NOW)
        await self.known.read()

    async def use(self, *names: str) -> None:
        for name in names:
            self.shops.give_back(await self.shops.take(name))
        await asyncio.sleep(0.01)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    it = World()
    yield it
    await it.shops.close()
    assert it.doors.open == []


async def test_a_shop_is_opened_once_however_many_ask(world: World) -> None:
    await world.make("acme")

    await asyncio.gather(*(world.use("acme") for _ in range(20)))

    assert world.doors.opened == ["acme"]


async def test_the_one_that_was_asked_for_longest_ago_gives_way(world: World) -> None:
    await world.make("a", "b", "c")

    await world.use("a", "b", "a", "c")

    assert sorted(world.doors.open) == ["a", "c"]


async def test_what_is_in_use_is_never_closed(world: World) -> None:
    await world.make("a", "b", "c")

    first = await world.shops.take("a")
    await world.use("b", "c")
    assert "a" in world.doors.open
    second = await world.shops.take("c")
    with pytest.raises(BusyError):
        await world.use("b")

    world.shops.give_back(first)
    world.shops.give_back(second)
    await world.use("b")
    assert world.doors.open[-1] == "b"


async def test_there_is_no_shop_that_is_not_known(world: World) -> None:
    await world.make("acme")

    with pytest.raises(ShopNotFoundError):
        await world.use("beta")

    assert world.doors.opened == []


async def test_only_those_that_are_named_are_served() -> None:
    store = MemoryShops()
    known = KnownShops(store, {"acme"})
    for name in ("acme", "beta"):
        await store.create(name, Quotas(users=5), NOW)

    await known.read()

    assert {*known.by_name} == {"acme"}
    assert known.quotas_of("acme").users == 5
    assert known.quotas_of("beta").users is None


async def test_a_shop_that_is_being_deleted_is_closed(world: World) -> None:
    await world.make("a", "b")
    await world.use("a", "b")

    await world.store.close("a")
    await world.known.read()
    await world.shops.follow()
    await asyncio.sleep(0.01)

    assert world.doors.open == ["b"]
    with pytest.raises(ShopNotFoundError):
        await world.use("a")


async def test_another_shop_of_the_same_name_is_another(world: World) -> None:
    await world.make("a")
    first = await world.shops.take("a")
    await world.store.forget(await world.store.close("a"))
    await world.make("a")

    second = await world.shops.take("a")

    assert second.opened.parts is not first.opened.parts


async def test_what_cannot_be_opened_is_tried_again_when_it_is_asked_for(world: World) -> None:
    await world.make("a")
    world.doors.error = StoreUnavailableError()
    with pytest.raises(StoreUnavailableError):
        await world.use("a")

    world.doors.error = None
    await world.use("a")

    assert world.doors.open == ["a"]
    assert world.shops.is_sound


async def test_what_a_closed_shop_held_is_let_go_of_without_a_search_for_garbage(
    world: World,
) -> None:
    """Its catalogue was frozen when it was loaded: no search would find it."""
    await world.make("a", "b", "c")
    gc.disable()
    try:
        await world.use("a", "b", "c")
        held = world.doors.lives["a"]
        await asyncio.sleep(0.01)
        assert held() is None
    finally:
        gc.enable()


async def test_who_leaves_while_a_shop_is_opened_takes_nothing_from_others(world: World) -> None:
    await world.make("a")
    leaving = asyncio.create_task(world.use("a"))
    staying = asyncio.create_task(world.use("a"))
    await asyncio.sleep(0)

    leaving.cancel()
    await staying

    assert world.doors.open == ["a"]
