"""Damaged profiles in a real Redis: the update worker goes on, and so does who was damaged."""

from dataclasses import replace
from datetime import timedelta

from redis.asyncio import Redis

from portrait.adapters.redis_progress import RedisOffsets
from portrait.adapters.redis_store import RedisProfiles
from portrait.profile import decode_profile
from portrait.resume import Resume
from portrait.stream import Record
from tests.damage import FACTS
from tests.records import event_record
from tests.streams import ListStream, memory_updater
from workers.update import Updater, update

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
    return replace(await memory_updater(RedisProfiles(redis, timedelta(days=1))), resume=resume)


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
