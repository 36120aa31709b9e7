"""What all buckets promise: the fake and Redis."""

import asyncio

import pytest
from redis.asyncio import Redis

from portrait.access.buckets import BURST_SECONDS, Buckets, Taken
from portrait.adapters.redis_buckets import RedisBuckets
from tests.support.memory_keys import MemoryBuckets

RATE = 50.0


class BucketsContract:
    """A bucket fills as time goes by, and no further."""

    async def test_a_new_one_is_full(self, buckets: Buckets) -> None:
        assert await buckets.take("a", RATE, 1, 1_000) == Taken(int(RATE * BURST_SECONDS))

    async def test_no_more_is_taken_than_is_of_use(self, buckets: Buckets) -> None:
        assert await buckets.take("a", RATE, 1, 10) == Taken(10)
        assert (await buckets.take("a", RATE, 1, 1_000)).tokens in range(90, 100)

    async def test_of_an_empty_one_nothing_is_taken_and_it_says_how_long(
        self, buckets: Buckets
    ) -> None:
        await buckets.take("a", RATE, 1, 1_000)

        taken = await buckets.take("a", RATE, 10, 1_000)

        assert taken.tokens == 0
        assert 0 < taken.wait <= 10 / RATE + 0.01

    async def test_it_fills_by_its_rate(self, buckets: Buckets) -> None:
        await buckets.take("a", RATE, 1, 1_000)
        await asyncio.sleep(0.2)

        taken = await buckets.take("a", RATE, 1, 1_000)

        assert taken.tokens >= 9

    async def test_nobody_takes_of_another(self, buckets: Buckets) -> None:
        await buckets.take("a", RATE, 1, 1_000)

        assert (await buckets.take("b", RATE, 1, 5)).tokens == 5

    async def test_what_costs_more_than_it_holds_can_be_had_all_the_same(
        self, buckets: Buckets
    ) -> None:
        assert await buckets.take("a", 0.5, 4, 4) == Taken(4)


class TestMemoryBuckets(BucketsContract):
    @pytest.fixture
    def buckets(self) -> Buckets:
        return MemoryBuckets()


class TestRedisBuckets(BucketsContract):
    @pytest.fixture
    def buckets(self, redis: Redis) -> Buckets:
        return RedisBuckets(redis)

    async def test_what_nobody_of_us_wrote_is_a_full_one(
        self, buckets: Buckets, redis: Redis
    ) -> None:
        await redis.set("limit:a", "?")
        await redis.hset("limit:b", mapping={"tokens": "many", "at": "x"})
        await redis.hset("limit:c", mapping={"tokens": 0, "at": 99_999_999_999})

        for name in "abc":
            assert (await buckets.take(name, RATE, 1, 5)).tokens == 5

    async def test_an_idle_one_goes(self, buckets: Buckets, redis: Redis) -> None:
        await buckets.take("a", RATE, 1, 5)

        assert 0 < await redis.pttl("limit:a") <= 1_000 * BURST_SECONDS + 1_000

    async def test_many_who_take_at_once_get_no_more_than_there_is(self, buckets: Buckets) -> None:
        taken = await asyncio.gather(*(buckets.take("a", 1.0, 1, 1) for _ in range(50)))

        assert sum(each.tokens for each in taken) == BURST_SECONDS
