"""Damage in a real Redis: the update worker and the service go on, and so does who was damaged."""

from dataclasses import replace
from datetime import timedelta

from redis.asyncio import Redis

from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_identities import RedisIdentities
from portrait.adapters.redis_popularity import RedisPopularity
from portrait.adapters.redis_progress import RedisOffsets, RedisProgress
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import RedisProfiles
from portrait.catalogue.mirror import Mirror
from portrait.catalogue.texts import TextReader
from portrait.events.resume import Resume
from portrait.events.stream import Record
from portrait.profiles.profile import decode_profile
from portrait.ref import text_ref
from service.live import Live
from tests.support.catalogues import ITEMS, SPACE
from tests.support.damage import FACTS
from tests.support.fakes import HashEncoder
from tests.support.promotions import put_in_service
from tests.support.records import event_record
from tests.support.shop import Shop
from tests.support.streams import MODEL, ListStream, hash_encoder, index_items, memory_updater
from workers.painter import Painter, Studio
from workers.update.repaint import repaint
from workers.update.updater import Updater
from workers.update.worker import update

USERS = [f"user {n}" for n in range(len(FACTS))]


def log_of(first: int) -> list[Record]:
    """Return an event of each user, and of somebody else."""
    return [
        event_record(first + n, event_id=f"e{first + n}", user_id=user)
        for n, user in enumerate([*USERS, "bob"])
    ]


async def updater_on(redis: Redis) -> Updater:
    """Return an updater whose profiles and offsets lie in Redis."""
    resume = Resume(RedisOffsets(redis), "update")
    await resume.points()
    ttl = timedelta(days=1)
    updater = await memory_updater(
        RedisProfiles(redis, ttl), identities=RedisIdentities(redis, ttl)
    )
    return replace(updater, resume=resume)


async def test_the_worker_goes_on_over_every_kind_of_damage(redis: Redis) -> None:
    profiles = RedisProfiles(redis, timedelta(days=1))
    await update(ListStream(log_of(0)), await updater_on(redis))
    for user, damage in zip(USERS, FACTS.values(), strict=True):
        (record,) = await profiles.load([user])
        await redis.set(f"profile:{{{user}}}", damage(record or b""))
    stream = ListStream(log_of(100), log_of(200))

    await update(stream, await updater_on(redis))

    assert len(stream.committed) == 2
    found = [decode_profile(record or b"") for record in await profiles.load([*USERS, "bob"])]
    assert [profile.head["totals"].sum() for profile in found] == [2] * len(USERS) + [3]


async def test_a_key_that_is_no_string_is_nobodys_profile(redis: Redis) -> None:
    profiles = RedisProfiles(redis, timedelta(days=1))
    await redis.rpush("profile:{ann}", "garbage")

    assert await profiles.load(["ann"]) == [None]
    assert await profiles.load(["ann", "bob"]) == [None, None]
    await update(ListStream([event_record(1)]), await updater_on(redis))

    assert await profiles.load(["ann"]) != [None]
    assert await redis.ttl("profile:{ann}") > 0


async def damage_everything(redis: Redis, *, ref: int) -> None:
    """Put into Redis what none of our programs writes, of every kind but profiles."""
    key = f"text:{SPACE.id}:{ref:016x}"
    await redis.set(key, (await redis.get(key) or b"")[:-1])
    await redis.set(b"profile:{\xff\xfe}", "x")
    await redis.hset("progress", "0", "abc")
    await RedisPopularity(redis).add(20_000, {"milk": 5})
    await redis.hset("{popular}:20000", "milk", "abc")
    await redis.hset("offsets:update", "events.purchase:0", "abc")
    await redis.delete("items:changes")
    await redis.set("items:changes", "garbage")


async def test_the_worker_and_the_service_begin_over_every_kind_of_other_damage(
    redis: Redis,
) -> None:
    catalogue, profiles = RedisCatalogue(redis), RedisProfiles(redis, timedelta(days=1))
    registry = RedisRegistry(redis)
    await put_in_service(registry, MODEL)
    await index_items(catalogue)

    async def updater() -> Updater:
        mirror = Mirror(catalogue, MODEL)
        await mirror.load()
        reader = TextReader(HashEncoder(), SPACE, catalogue)
        studio = Studio(Painter(MODEL, mirror, reader), registry, catalogue, hash_encoder)
        return replace(
            await updater_on(redis),
            popularity=RedisPopularity(redis),
            progress=RedisProgress(redis),
            studio=studio,
        )

    await update(ListStream(log_of(0)), await updater())
    await damage_everything(redis, ref=text_ref(ITEMS[0].text))

    again = await updater()
    await repaint(profiles, again.studio.painter, [0])
    stream = ListStream(log_of(0), log_of(100))
    await update(stream, again)

    assert len(stream.committed) == 2
    (bob,) = await profiles.load(["bob"])
    assert decode_profile(bob or b"").head["totals"].sum() == 2
    live = Live(
        replace(
            Shop().parts,
            catalogue=catalogue,
            popularity=RedisPopularity(redis),
            progress=RedisProgress(redis),
            registry=registry,
        )
    )
    for learn in (live.follow_rules, live.follow_edges, live.follow_model):
        await learn()
    for follow in (live.follow_catalogue, live.follow_progress, live.follow_popularity):
        await follow()
    assert len(live.require().shelf) == len(ITEMS)
    assert not live.require().shelf.told.all()
    await index_items(catalogue)
    await live.follow_catalogue()
    assert live.require().shelf.told.all()
