"""Shops on a real Redis: who is in one reaches no other, and nobody stays in one that is gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_shops import RedisShops
from portrait.adapters.redis_store import RedisProfiles, connect_redis, ping
from portrait.errors import StoreUnavailableError
from portrait.profiles.store import Write
from portrait.shops.shop import Quotas
from portrait.shops.store import NoRoomForShopError, ShopExistsError, ShopNotFoundError
from sandbox.servers import Servers, start_redis
from tests.support.secured import RULES

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
NONE = Quotas()

Connect = Callable[[str | None], Awaitable[Redis]]


@pytest.fixture
async def connect(servers: Servers) -> AsyncIterator[Connect]:
    async with AsyncExitStack() as stack:

        async def connect(shop: str | None) -> Redis:
            redis = await connect_redis(servers.redis, shop)
            stack.push_async_callback(redis.aclose)
            return redis

        yield connect


@pytest.fixture
def shops(redis: Redis) -> RedisShops:
    return RedisShops(redis)


async def keep(redis: Redis, user: str, record: bytes) -> None:
    assert await RedisProfiles(redis, timedelta(days=1)).save([Write(user, b"", record)]) == []


async def kept(redis: Redis, user: str) -> bytes | None:
    (record,) = await RedisProfiles(redis, timedelta(days=1)).load([user])
    return record


async def test_the_same_user_of_two_shops_is_two(shops: RedisShops, connect: Connect) -> None:
    await shops.create("acme", NONE, NOW)
    await shops.create("beta", NONE, NOW)
    acme, beta, nobody = await connect("acme"), await connect("beta"), await connect(None)

    await keep(acme, "u-1", b"of acme")
    await keep(beta, "u-1", b"of beta")

    assert await kept(acme, "u-1") == b"of acme"
    assert await kept(beta, "u-1") == b"of beta"
    assert await kept(nobody, "u-1") is None


async def test_scans_and_counts_are_of_one_shop(shops: RedisShops, connect: Connect) -> None:
    for shop in ("acme", "beta"):
        await shops.create(shop, NONE, NOW)
        await keep(await connect(shop), f"u-of-{shop}", b"record")

    profiles = RedisProfiles(await connect("acme"), timedelta(days=1))

    assert [users async for users in profiles.scan()] == [["u-of-acme"]]


async def test_who_was_in_a_shop_that_is_closed_is_not_any_more(
    shops: RedisShops, connect: Connect
) -> None:
    await shops.create("acme", NONE, NOW)
    acme = await connect("acme")
    await keep(acme, "u-1", b"record")

    closed = await shops.close("acme")

    with pytest.raises(StoreUnavailableError, match="no such shop"):
        await ping(acme)
    await shops.forget(closed)
    made = await shops.create("beta", NONE, NOW)
    assert made.database == closed.database
    with pytest.raises(StoreUnavailableError, match="no such shop"):
        await keep(acme, "u-1", b"record")
    assert await (await connect("beta")).keys("*") == [b"shop"]


async def test_who_was_in_a_database_before_redis_was_emptied_is_in_no_other_shop(
    shops: RedisShops, redis: Redis, connect: Connect
) -> None:
    first = await shops.create("acme", NONE, NOW)
    acme = await connect("acme")
    await ping(acme)
    await redis.flushall()

    second = await shops.create("beta", NONE, NOW)

    assert second.database == first.database
    with pytest.raises(StoreUnavailableError, match="no such shop"):
        await keep(acme, "u-1", b"record")
    assert await (await connect("beta")).keys("*") == [b"shop"]
    await shops.create("acme", NONE, NOW)
    await keep(acme, "u-1", b"record")  # it finds its way to the new place by itself


async def test_who_went_on_in_a_redis_that_was_emptied_comes_to_the_shop_that_is_made_again(
    shops: RedisShops, redis: Redis, connect: Connect
) -> None:
    await shops.create("acme", NONE, NOW)
    acme = await connect("acme")
    await ping(acme)
    await redis.flushall()
    await keep(acme, "u-1", b"left behind")

    made = await shops.create("acme", NONE, NOW)
    await keep(acme, "u-2", b"record")

    assert made.database == 2  # something lies in the first
    assert await kept(await connect("acme"), "u-2") == b"record"
    assert await kept(acme, "u-1") is None


async def test_a_database_in_which_something_lies_is_given_to_nobody(
    shops: RedisShops, servers: Servers
) -> None:
    beside = Redis.from_url(servers.redis.replace("/0", "/1"))
    await beside.set("of", "somebody else")

    made = await shops.create("acme", NONE, NOW)

    assert made.database == 2
    assert await beside.keys("*") == [b"of"]
    await beside.aclose()


async def test_there_is_one_shop_of_a_name(shops: RedisShops) -> None:
    first = await shops.create("acme", NONE, NOW)

    with pytest.raises(ShopExistsError):
        await shops.create("acme", NONE, NOW)

    assert await shops.all() == [first]


async def test_shops_that_are_made_at_once_have_a_database_each(shops: RedisShops) -> None:
    made = await asyncio.gather(*(shops.create(f"shop-{n}", NONE, NOW) for n in range(8)))

    assert sorted(shop.database for shop in made) == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_who_is_sent_to_the_database_of_another_shop_does_not_stay(
    shops: RedisShops, redis: Redis, connect: Connect
) -> None:
    """As where what says which shops there are is older than they: it was restored, say."""
    await shops.create("acme", NONE, NOW)
    beta = await shops.create("beta", NONE, NOW)
    acme = await connect("acme")
    wrong = (await shops.all())[0].model_copy(update={"database": beta.database})

    await redis.hset("shops", "acme", wrong.model_dump_json(exclude_none=True))
    await acme.connection_pool.disconnect()

    with pytest.raises(StoreUnavailableError, match="no such shop"):
        await keep(acme, "u-1", b"record")
    assert await kept(await connect("beta"), "u-1") is None


async def test_no_shop_is_opened_that_there_is_not(shops: RedisShops, connect: Connect) -> None:
    assert await shops.all() == []
    with pytest.raises(ShopNotFoundError, match="portrait shops create acme"):
        await connect("acme")


async def test_deleting_one_deletes_its_keys_and_nothing_of_another(
    shops: RedisShops, redis: Redis, connect: Connect
) -> None:
    for shop in ("acme", "beta"):
        await shops.create(shop, NONE, NOW)
        await keep(await connect(shop), "u-1", b"record")
        await redis.hset(f"keys:of:{shop}", "id", "key")

    await shops.forget(await shops.close("acme"))

    assert {*await redis.keys("*")} == {b"shops", b"keys:of:beta"}
    assert await kept(await connect("beta"), "u-1") == b"record"
    with pytest.raises(ShopNotFoundError):
        await shops.close("acme")


async def test_a_shop_that_is_not_closed_is_not_forgotten(
    shops: RedisShops, connect: Connect
) -> None:
    shop = await shops.create("acme", NONE, NOW)
    await keep(await connect("acme"), "u-1", b"record")

    await shops.forget(shop.model_copy(update={"is_closing": True}))

    assert await kept(await connect("acme"), "u-1") == b"record"


async def test_quotas_are_kept(shops: RedisShops) -> None:
    await shops.create("acme", NONE, NOW)

    await shops.limit("acme", Quotas(users=5, requests=0.5))

    (shop,) = await shops.all()
    assert shop.quotas == Quotas(users=5, requests=0.5)


async def test_where_redis_has_no_database_left_is_said_what_to_set(tmp_path: Path) -> None:
    with start_redis(tmp_path) as url:
        redis = await connect_redis(url)
        shops = RedisShops(redis)
        for number in range(15):  # of the 16 that it has by default, one is everybody's
            await shops.create(f"shop-{number}", NONE, NOW)

        with pytest.raises(NoRoomForShopError, match="databases"):
            await shops.create("acme", NONE, NOW)

        await redis.aclose()


async def test_who_works_in_a_shop_need_not_be_who_makes_and_deletes_them(tmp_path: Path) -> None:
    """With the access lists that deploy/README.md asks for."""
    with start_redis(tmp_path) as url:
        operator = await connect_redis(url)
        more = "+client|list", "+client|kill", "+flushdb"
        for user, rules in (("worker", RULES), ("maker", (*RULES, *more))):
            command = "ACL", "SETUSER", user, "on", ">geheim", *rules
            await operator.execute_command(*command)  # type: ignore[no-untyped-call] # redis-py's own
        worker = url.replace("redis://", "redis://worker:geheim@")
        maker = await connect_redis(url.replace("redis://", "redis://maker:geheim@"))
        made = await RedisShops(maker).create("acme", NONE, NOW)

        inside = await connect_redis(worker, "acme")
        await keep(inside, "u-1", b"record")
        outside = await connect_redis(worker)
        with pytest.raises(StoreUnavailableError, match="does not permit"):
            await RedisShops(outside).create("beta", NONE, NOW)
        assert await kept(inside, "u-1") == b"record"
        await RedisShops(maker).forget(await RedisShops(maker).close("acme"))

        assert made.database == 1
        assert await operator.keys("*") == []
        for redis in (operator, maker, inside, outside):
            await redis.aclose()
