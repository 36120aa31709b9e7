"""How many people of each cohort there were: the same suite on the fake and on Redis."""

import time

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_cohorts import RedisCohorts
from portrait.audiences.behaviour import ERROR
from portrait.audiences.cohorts import WEEKS_KEPT, Came, CohortStore, Week, week_of
from tests.support.memory_cohorts import MemoryCohorts

NOW = week_of(int(time.time()) // 86_400)


def people(count: int) -> list[str]:
    return [f"user {n} é" for n in range(count)]


class CohortContract:
    async def test_people_are_counted_once_however_often_they_come(
        self, store: CohortStore
    ) -> None:
        came: Came = {Week(NOW - 2, NOW - 2): people(80), Week(NOW - 2, NOW): people(30)}
        await store.come(came)
        await store.come(came)

        asked = [Week(NOW - 2, NOW), Week(NOW - 2, NOW - 2), Week(NOW - 1, NOW)]
        assert await store.came(asked) == [30, 80, 0]

    async def test_nothing_is_nobody(self, store: CohortStore) -> None:
        await store.come({})

        assert await store.came([Week(NOW, NOW)]) == [0]
        assert await store.came([]) == []


class TestMemoryCohorts(CohortContract):
    @pytest.fixture
    def store(self) -> CohortStore:
        return MemoryCohorts()


class TestRedisCohorts(CohortContract):
    @pytest.fixture
    def store(self, redis: Redis) -> CohortStore:
        return RedisCohorts(redis)

    async def test_a_count_of_many_is_as_near_as_is_said(self, store: CohortStore) -> None:
        await store.come({Week(NOW, NOW): people(40_000)})

        assert await store.came([Week(NOW, NOW)]) == [pytest.approx(40_000, rel=4 * ERROR)]

    async def test_nothing_of_it_stays_for_ever_and_no_cohort_that_is_over_comes_back(
        self, store: CohortStore, redis: Redis
    ) -> None:
        oldest = NOW - WEEKS_KEPT
        weeks = Week(oldest, NOW), Week(oldest - 1, NOW), Week(NOW, NOW + 9), Week(NOW, NOW - 1)
        await store.come({week: people(3) for week in weeks})

        (key,) = await redis.keys("cohort:*")
        assert await store.came([Week(oldest, NOW)]) == [3]
        assert 0 < await redis.ttl(key) <= 7 * 86_400
        assert await redis.strlen(key) < 12_400

    async def test_a_key_of_another_type_holds_up_nobody(
        self, store: CohortStore, redis: Redis
    ) -> None:
        await redis.hset(f"cohort:{NOW}:{NOW}", "a", "b")

        await store.come({Week(NOW, NOW): people(3)})

        assert await store.came([Week(NOW, NOW)]) == [3]
