"""Audiences on a real Redis: all profiles are walked, and those of one shop alone."""

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_shops import RedisShops
from portrait.adapters.redis_store import RedisProfiles, connect_redis
from portrait.audiences.gather import AudienceTooNarrowError, gather
from portrait.audiences.wanted import Subject, Wanted
from portrait.events.consent import WITHDRAWN, Consent
from portrait.events.unwanted import FOR_GOOD, Unwanted, What, Word, thing_of
from portrait.profiles.store import Write
from portrait.shops.shop import Quotas
from sandbox.servers import Servers
from tests.unit.test_audience import BOUGHT_CHEESE, READER, named, nobody_listens, of_kind

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
SUBJECT = Subject("cheese")
KINDS = ("cheese", "milk", "dog")
MANY = 3_000  # so that a walk takes several turns


async def fill(redis: Redis, people: int, prefix: str = "") -> RedisProfiles:
    profiles = RedisProfiles(redis, timedelta(days=1))
    writes = [
        Write(f"{prefix}{KINDS[n % 3]}-{n}", b"", of_kind(KINDS[n % 3], n)) for n in range(people)
    ]
    assert await profiles.save(writes) == []
    return profiles


async def test_all_profiles_are_walked_and_each_is_in_it_once(redis: Redis) -> None:
    profiles = await fill(redis, MANY)
    told: list[int] = []

    async def tell(looked_at: int) -> None:
        told.append(looked_at)

    gathered = await gather(Wanted(BOUGHT_CHEESE, MANY), profiles, READER, None, tell)

    others = {f"{KINDS[n % 3]}-{n}" for n in range(MANY) if n % 3}
    assert named(gathered) == others
    assert len(gathered.members) == len(others)
    assert gathered.leaders == MANY // 3
    assert told == sorted(told)
    assert MANY <= told[-1] < 2 * MANY  # each once, though there are two walks


async def test_what_was_said_of_consent_and_of_what_is_not_wanted_counts(redis: Redis) -> None:
    profiles = await fill(redis, 300)
    await profiles.agree({"milk-1": Consent(1_000, WITHDRAWN.withdrawn)})
    said = Unwanted({thing_of(What.ITEM, "cheese"): Word(1, FOR_GOOD)})
    await profiles.refuse({"milk-4": said})
    wanted = Wanted(BOUGHT_CHEESE, 300)

    gathered = await gather(wanted, profiles, READER, None, nobody_listens)
    assert "milk-1" not in named(gathered)
    assert "milk-4" in named(gathered)  # nobody said that it is about cheese

    about = Wanted(BOUGHT_CHEESE, 300, subject=SUBJECT)
    gathered = await gather(about, profiles, READER, None, nobody_listens)
    assert named(gathered).isdisjoint({"milk-1", "milk-4"})


async def test_nobody_of_another_shop_is_in_it_or_leads(redis: Redis, servers: Servers) -> None:
    shops = RedisShops(redis)
    for name in ("acme", "beta", "empty"):
        await shops.create(name, Quotas(), NOW)
    acme, beta, empty = [
        await connect_redis(servers.redis, name) for name in ("acme", "beta", "empty")
    ]
    try:
        await fill(beta, 300, "beta-")
        profiles = await fill(acme, 300, "acme-")
        gathered = await gather(
            Wanted(BOUGHT_CHEESE, 1_000), profiles, READER, None, nobody_listens
        )
        assert gathered.leaders == 100
        assert {user.partition("-")[0] for user in named(gathered)} == {"acme"}

        nothing = RedisProfiles(empty, timedelta(days=1))
        with pytest.raises(AudienceTooNarrowError):
            await gather(Wanted(BOUGHT_CHEESE, 20), nothing, READER, None, nobody_listens)
    finally:
        for each in (acme, beta, empty):
            await each.aclose()
