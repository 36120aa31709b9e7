"""Where audiences lie: the same suite on the fake and on Redis."""

from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_audiences import RedisAudiences
from portrait.audiences.best import Member
from portrait.audiences.job import (
    MEMBERS_AT_ONCE,
    AudienceJob,
    AudienceJobs,
    AudienceNotFoundError,
    State,
)
from portrait.rights.erasure_job import AUDIENCES_LAST
from tests.support.memory_audiences import MemoryAudiences

ID = "5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b"
JOB = AudienceJob(id=ID, asked_at=datetime(2026, 11, 27, 9, 30, tzinfo=UTC))
READY = JOB.model_copy(update={"state": State.READY, "size": 2, "left_out": {"anonymous": 3}})
MINUTE = 60


def members(count: int) -> list[Member]:
    return [Member(1 - place / count, f'user "{place}", é') for place in range(count)]


async def read(store: AudienceJobs, id: str) -> list[list[Member]]:
    return [part async for part in store.read(id)]


class AudienceJobsContract:
    async def test_a_job_is_kept_as_it_was_put_last(self, store: AudienceJobs) -> None:
        await store.put(JOB)
        await store.put(READY)

        assert await store.get(ID) == READY

    async def test_there_is_no_other(self, store: AudienceJobs) -> None:
        with pytest.raises(AudienceNotFoundError):
            await store.get("0" * 32)
        assert await read(store, "0" * 32) == []

    async def test_members_are_read_in_order_and_in_parts(self, store: AudienceJobs) -> None:
        written = members(2 * MEMBERS_AT_ONCE + 5)

        await store.write(ID, written)

        parts = await read(store, ID)
        assert [len(part) for part in parts] == [MEMBERS_AT_ONCE, MEMBERS_AT_ONCE, 5]
        assert [member for part in parts for member in part] == written

    async def test_members_replace_those_before(self, store: AudienceJobs) -> None:
        await store.write(ID, members(MEMBERS_AT_ONCE + 1))
        await store.write(ID, members(3))

        assert await read(store, ID) == [members(3)]


class TestMemoryAudiences(AudienceJobsContract):
    @pytest.fixture
    def store(self) -> AudienceJobs:
        return MemoryAudiences()


class TestRedisAudiences(AudienceJobsContract):
    @pytest.fixture
    def store(self, redis: Redis) -> AudienceJobs:
        return RedisAudiences(redis)

    async def test_nothing_of_it_stays_for_longer_than_an_erasure_says(
        self, store: AudienceJobs, redis: Redis
    ) -> None:
        await store.put(READY)
        await store.write(ID, members(MEMBERS_AT_ONCE + 1))

        for key in (f"audience:{ID}", f"audience:{ID}:members"):
            assert 0 < await redis.ttl(key) <= AUDIENCES_LAST.total_seconds()

    async def test_one_that_runs_is_forgotten_a_minute_after_its_last_word(
        self, store: AudienceJobs, redis: Redis
    ) -> None:
        await store.put(JOB)

        assert 0 < await redis.ttl(f"audience:{ID}") <= MINUTE

    @pytest.mark.parametrize("damaged", [b"\xff{", b"{}", b"[]"])
    async def test_a_damaged_one_is_as_good_as_none(
        self, store: AudienceJobs, redis: Redis, damaged: bytes
    ) -> None:
        await redis.set(f"audience:{ID}", damaged)

        with pytest.raises(AudienceNotFoundError):
            await store.get(ID)

    async def test_a_key_of_another_type_holds_up_nobody(
        self, store: AudienceJobs, redis: Redis
    ) -> None:
        await redis.hset(f"audience:{ID}", "a", "b")
        with pytest.raises(AudienceNotFoundError):
            await store.get(ID)

        await store.put(READY)

        assert await store.get(ID) == READY
