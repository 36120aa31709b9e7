"""Values in Redis that none of our programs wrote: as good as none, said once, and replaced."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import numpy as np
import pytest
from redis.asyncio import Redis

from portrait import metrics
from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_live import RedisLive
from portrait.adapters.redis_popularity import RedisPopularity
from portrait.adapters.redis_progress import RedisOffsets, RedisProgress
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import RedisProfiles
from portrait.errors import ModelInvalidError, StoreUnavailableError
from portrait.events.item import Item
from portrait.events.progress import LogName, StoredOffsets
from portrait.lifecycle.registry import Roles
from portrait.monitoring.watch import Live
from portrait.profiles.store import Write
from tests.support.cards import card_of_model
from tests.support.models import learned_model

KEY = "text:s:0000000000000001"
SOUND = np.ones((1, 4), np.float32)
VECTORS: dict[str, Callable[[bytes], bytes]] = {
    "a byte short": lambda value: value[:-1],
    "half long": lambda value: value[:4],
    "empty": lambda _: b"",
    "garbage": lambda _: b"abc",
    "too long": lambda value: value * 2,
    "no numbers": lambda value: b"\xff" * len(value),
    "infinite": lambda value: value[:-2] + np.float16(np.inf).tobytes(),
}


def said_so_far(kind: str) -> float:
    return float(metrics.values_damaged.labels(kind)._value.get())  # noqa: SLF001 - its only reader


@pytest.mark.parametrize("ttl", [None, timedelta(days=1)])
@pytest.mark.parametrize("name", VECTORS)
async def test_a_damaged_vector_is_not_there_until_it_is_stored_again(
    redis: Redis, name: str, ttl: timedelta | None
) -> None:
    store, before = RedisCatalogue(redis), said_so_far("vector")
    await store.put_vectors("s", [1, 2], np.r_[SOUND, SOUND])
    await redis.set(KEY, VECTORS[name](SOUND.astype("<f2").tobytes()))

    for _ in range(2):
        damaged, whole = await store.get_vectors("s", [1, 2], 4)
        assert damaged is None
        assert whole is not None
    assert said_so_far("vector") == before + 1
    await store.put_vectors("s", [1], SOUND, ttl=ttl)

    (mended,) = await store.get_vectors("s", [1], 4)
    np.testing.assert_array_equal(mended, SOUND[0])


async def test_a_key_of_another_type_is_no_vector(redis: Redis) -> None:
    store = RedisCatalogue(redis)
    await redis.rpush(KEY, "garbage")

    assert await store.get_vectors("s", [1], 4) == [None]
    await store.put_vectors("s", [1], SOUND, ttl=timedelta(days=1))

    (mended,) = await store.get_vectors("s", [1], 4)
    assert mended is not None


async def test_a_key_that_is_no_text_is_nobodys_profile(redis: Redis) -> None:
    profiles, before = RedisProfiles(redis, timedelta(days=1)), said_so_far("profile_key")
    await profiles.save([Write("ann", b"", bytes(8))])
    await redis.set(b"profile:{\xff\xfe}", "x")

    found = [user async for some in profiles.scan() for user in some]

    assert found == ["ann"]
    assert said_so_far("profile_key") == before + 1


@pytest.mark.parametrize("field", [b"0", b"abc", b"\xff", b""])
@pytest.mark.parametrize("value", [b"abc", b"", b"1.5", b"\xff", b"9" * 30])
async def test_a_moment_that_cannot_be_read_is_none(
    redis: Redis, field: bytes, value: bytes
) -> None:
    store, before = RedisProgress(redis), said_so_far("progress")
    await store.mark({3: 7})
    await redis.hset("progress", field, value)

    assert await store.reached() == await store.reached() == {3: 7}
    assert said_so_far("progress") == before + 1
    await store.mark({0: 5})

    assert await store.reached() == {0: 5, 3: 7}


async def test_moments_under_another_type_are_deleted(redis: Redis) -> None:
    store = RedisProgress(redis)
    for call in (store.reached, lambda: store.mark({0: 5})):
        await redis.delete("progress")
        await redis.rpush("progress", "garbage")
        await call()

    assert await store.reached() == {0: 5}


@pytest.mark.parametrize("suffix", ["", ":strangers"])
@pytest.mark.parametrize("value", [b"abc", b"", b"1.5", b"-5", b"\xff", b"9" * 30])
async def test_a_damaged_weight_counts_nothing_and_is_replaced(
    redis: Redis, suffix: str, value: bytes
) -> None:
    store = RedisPopularity(redis)
    await store.add(100, {"milk": 1, "tuna": 5}, {"milk": 1})
    await redis.hset("{popular}:100" + suffix, "milk", value)
    await redis.hset("{popular}:100" + suffix, b"\xff", 1)

    assert await store.newest(1) == await RedisPopularity(redis).newest(1)
    assert (await store.newest(1))["tuna"] == 5
    assert (await store.newest(1))["milk"] < 100
    await store.add(100, {"milk": 1_000}, {"milk": 1_000})

    assert 900 < (await store.newest(1))["milk"] < 3_000


@pytest.mark.parametrize("key", ["{popular}:days", "{popular}:100", "{popular}:100:strangers"])
async def test_popularity_under_another_type_is_deleted(redis: Redis, key: str) -> None:
    store = RedisPopularity(redis)
    for call in (lambda: store.newest(1), lambda: store.add(100, {"milk": 1}, {"milk": 1})):
        await store.add(100, {"milk": 1}, {"milk": 1})
        await redis.delete(key)
        await redis.set(key, "garbage")
        await call()

    await store.add(100, {"milk": 10})
    assert (await store.newest(1))["milk"] >= 10


async def test_days_that_are_no_text_are_passed_over(redis: Redis) -> None:
    store = RedisPopularity(redis)
    await store.add(100, {"milk": 1})
    await redis.zadd("{popular}:days", {b"\xff": 101})

    assert await store.newest(2) == {"milk": 1}


GARBAGE = [
    b"abc",
    b"",
    b"\xff",
    b"-5 0 0a",
    b"1.5",
    b"5 x 0a",
    b"5 0",
    b"9" * 30,
    b"5  0a",
    b"5 0 a b",
    b"5 32768 0a",  # beyond the numbers that logs can have
    b"5 99999999999 0a",
]


@pytest.mark.parametrize("value", GARBAGE)
async def test_an_offset_that_cannot_be_read_is_not_there_and_is_replaced(
    redis: Redis, value: bytes
) -> None:
    store, before = RedisOffsets(redis), said_so_far("offset")
    life = (await store.load("group")).life
    log = LogName(0, "0a")
    await store.save("group", StoredOffsets(life, {("a.b", 0): 9, ("c", 1): 4}))
    await redis.hset("offsets:group", "a.b:0", value)
    await redis.hset("offsets:group", b"\xff", "5 0 0a")
    await redis.hset("offsets:group", "nowhere", "5 0 0a")

    stored = await store.load("group")
    assert stored.life == life
    assert {at: end for at, end in stored.ends.items() if end} == {("c", 1): 4}
    assert said_so_far("offset") == before + 3
    assert await store.save("group", StoredOffsets(life, {("a.b", 0): 2}, {("a.b", 0): log}))

    stored = await store.load("group")
    assert stored.ends == {("a.b", 0): 2, ("c", 1): 4}
    assert stored.logs["a.b", 0] == log


async def test_of_an_offset_that_cannot_be_read_the_log_may_still_be_known(redis: Redis) -> None:
    store = RedisOffsets(redis)
    life = (await store.load("group")).life
    await redis.hset("offsets:group", "a:0", "abc 2 0c")

    stored = await store.load("group")
    assert stored == StoredOffsets(life, {("a", 0): 0}, {("a", 0): LogName(2, "0c")})
    await store.save("group", stored)
    assert await redis.hget("offsets:group", "a:0") == b"0 2 0c"


@pytest.mark.parametrize("key", ["offsets:group", "life"])
async def test_offsets_under_another_type_are_deleted(redis: Redis, key: str) -> None:
    store = RedisOffsets(redis)
    life = (await store.load("group")).life
    for call in (
        lambda: store.load("group"),
        lambda: store.save("group", StoredOffsets(life, {("a", 0): 5})),
    ):
        await redis.delete(key)
        await redis.rpush(key, "garbage")
        await call()

    stored = await store.load("group")
    assert await store.save("group", StoredOffsets(stored.life, {("a", 0): 6}))
    assert (await store.load("group")).ends == {("a", 0): 6}


async def test_a_life_that_is_no_text_ends(redis: Redis) -> None:
    store = RedisOffsets(redis)
    life = (await store.load("group")).life
    await redis.set("life", b"\xff")

    await RedisProfiles(redis, timedelta(days=1)).load_living(["ann"])
    begun = (await store.load("group")).life

    assert begun != life
    assert await store.save("group", StoredOffsets(begun, {("a", 0): 6}))


POINTERS = ["model:champion", "model:previous", "model:wanted"]


@pytest.mark.parametrize("key", POINTERS)
@pytest.mark.parametrize("is_text", [True, False])
async def test_a_pointer_that_nobody_can_read_gives_way_to_the_ledger(
    redis: Redis, key: str, *, is_text: bool
) -> None:
    registry = RedisRegistry(redis)
    await registry.store(learned_model("one"))
    await (redis.rpush(key, "garbage") if is_text else redis.set(key, b"\xff\xfe"))

    assert await registry.champion() is None
    assert await registry.roles() == Roles()
    assert await registry.restore("one", "two")

    assert await registry.roles() == Roles("one", "two")
    champion = await registry.champion()
    assert champion is not None


async def test_a_wish_is_noted_and_withdrawn_over_a_pointer_of_another_type(redis: Redis) -> None:
    registry, model = RedisRegistry(redis), learned_model("one")
    await registry.add(card_of_model(model))
    await registry.store(model)
    await redis.rpush("model:wanted", "garbage")

    await registry.want("one")
    assert await registry.roles() == Roles(wanted="one")
    await redis.delete("model:wanted")
    await redis.rpush("model:wanted", "garbage")
    await registry.refuse("one", "no folder")

    assert await registry.roles() == Roles()


async def test_a_champion_that_nobody_can_read_is_rolled_back(redis: Redis) -> None:
    registry = RedisRegistry(redis)
    for name in ("one", "two"):
        model = learned_model(name)
        await registry.add(card_of_model(model))
        await registry.store(model)
        await registry.want(name)
        await registry.switch(name)
    await redis.delete("model:two")
    await redis.rpush("model:two", "garbage")

    assert await registry.roll_back("it is damaged") == "one"

    assert await registry.roles() == Roles("one")


@pytest.mark.parametrize("key", ["champion", "retired", "index", "one"])
async def test_a_first_model_is_put_in_service_over_keys_of_another_type(
    redis: Redis, key: str
) -> None:
    registry, model = RedisRegistry(redis), learned_model("one")
    await redis.xadd(f"model:{key}", {"gar": "bage"})

    assert await registry.begin(model, card_of_model(model))

    assert await registry.champion() is not None
    assert [each.role for each in await registry.entries()] == ["champion"]


async def test_a_model_under_another_type_is_damaged_and_can_be_stored_again(redis: Redis) -> None:
    registry, model = RedisRegistry(redis), learned_model("one")
    await registry.add(card_of_model(model))
    await redis.delete("model:one")
    await redis.rpush("model:one", "garbage")

    with pytest.raises(ModelInvalidError, match="model:one is no hash"):
        await registry.model("one")
    assert await registry.entries() == []
    await registry.add(card_of_model(model))
    await registry.store(model)

    assert await registry.model("one") is not None
    assert [each.card.version for each in await registry.entries()] == ["one"]


async def test_an_item_that_lies_under_the_id_of_another_is_not_there(redis: Redis) -> None:
    store = RedisCatalogue(redis)
    await redis.hset("items", "milk", b'{"id":"tuna","title":"Tuna"}')

    assert await store.get_items(["milk"]) == [None]


@pytest.mark.parametrize("much", [b"1e400", b'"nan"', b'"0x7fffffff"', b"-5", b"256"])
async def test_what_an_introduced_item_claims_to_say_beyond_bounds_is_replaced(
    redis: Redis, much: bytes
) -> None:
    store = RedisCatalogue(redis)
    await redis.hset("items:introduced", "odd", b'{"id":"odd","said":%s}' % much)

    await store.introduce_items([Item(id="odd", title="Odd")])

    (item,) = await store.get_items(["odd"])
    assert item is not None
    assert item.title == "Odd"


@pytest.mark.parametrize("key", ["items:introduced", "items:introduced:at", "items:changes"])
async def test_what_lies_beside_the_catalogue_is_deleted_under_another_type(
    redis: Redis, key: str
) -> None:
    store, milk = RedisCatalogue(redis), Item(id="milk", title="Milk")
    await store.put_items([milk])
    cursor = await store.cursor()
    await redis.delete(key)
    await redis.set(key, "garbage")

    await store.changed_since(cursor)
    assert await store.all_ids() == ["milk"]
    assert await store.get_items(["milk", "odd"]) == [milk, None]
    await store.introduce_items([Item(id="odd", title="Odd")])
    await store.put_items([milk])

    assert await store.all_ids() == ["milk", "odd"]


async def test_spellings_that_cannot_be_read_are_kept_anew(redis: Redis) -> None:
    store, tea = RedisCatalogue(redis), Item(id="tea", category="Grocery > Tea")
    await redis.set("items:categories", "garbage")

    assert await store.spelled([tea], keep=True) == [tea]
    assert await redis.hget("items:categories", "grocery > tea") == b"Grocery > Tea"

    await redis.hset("items:categories", "grocery > tea", b"\xff")
    assert await store.spelled([tea], keep=True) == [tea]


async def test_names_of_brands_that_cannot_be_read_say_nothing_until_they_are_learned_anew(
    redis: Redis,
) -> None:
    store = RedisCatalogue(redis)
    await redis.set("items:brands", "garbage")
    assert await store.known_brands("") is None

    await store.know_brands({"farm": "Farm"})
    await redis.hset("items:brands", mapping={"version": "damaged", "said": b"\xff"})
    assert await store.known_brands("") == ("damaged", {})

    await store.know_brands({"farm": "Farm"})
    known = await store.known_brands("damaged")
    assert known is not None
    assert known[1] == {"farm": "Farm"}


async def test_a_catalogue_under_another_type_is_waited_for_and_says_what_to_do(
    redis: Redis,
) -> None:
    store = RedisCatalogue(redis)
    await redis.set("items", "garbage")
    calls: list[Callable[[], Awaitable[object]]] = [
        store.all_ids,
        lambda: store.get_items(["milk"]),
        lambda: store.put_items([Item(id="milk", title="Milk")]),
    ]

    for call in calls:
        with pytest.raises(StoreUnavailableError, match="redis-cli DEL items"):
            await call()


async def test_ids_that_are_no_text_are_passed_over(redis: Redis) -> None:
    store = RedisCatalogue(redis)
    cursor = await store.cursor()
    await redis.xadd("items:changes", {b"odd": 1}, id="0-1")
    await store.put_items([Item(id="milk", title="Milk")])
    await redis.hset("items", b"\xff", "{}")
    await redis.xadd("items:changes", {"id": b"\xff"})

    assert await store.all_ids() == ["milk"]
    changes = await store.changed_since(cursor)
    assert changes is not None
    assert changes[1] == ["milk"]


async def test_sums_of_hits_that_are_no_numbers_begin_anew(redis: Redis) -> None:
    counts = RedisLive(redis)
    await counts.add("one", Live(trials=3, hits=1))
    await redis.hset("live:one", "hits", "abc")
    assert await counts.read("one") == Live(trials=3, hits=0)

    await counts.add("one", Live(trials=2, hits=2))

    assert await counts.read("one") == Live(trials=2, hits=2)
