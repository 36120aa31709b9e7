"""How many people there were: the same suite on the fake and on Redis."""

import time

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_behaviour import RedisBehaviour
from portrait.audiences.behaviour import DAYS_KEPT, ERROR, BehaviourStore, Met, Span, Stage
from tests.support.memory_behaviour import MemoryBehaviour

TODAY = int(time.time()) // 86_400
DAYS = range(TODAY - 6, TODAY + 1)


def people(count: int) -> list[str]:
    return [f"user {n} é" for n in range(count)]


class BehaviourContract:
    async def test_people_are_counted_once_however_often_they_come(
        self, store: BehaviourStore
    ) -> None:
        met: Met = {(TODAY, Stage.ACTIVE): people(50), (TODAY - 1, Stage.ACTIVE): people(80)}
        await store.meet(met)
        await store.meet(met)

        spans = [Span(Stage.ACTIVE, days) for days in (DAYS, range(TODAY, TODAY + 1), range(1))]
        assert await store.count(spans) == [80, 50, 0]

    async def test_stages_are_kept_apart(self, store: BehaviourStore) -> None:
        await store.meet({(TODAY, Stage.SEEN): people(9), (TODAY, Stage.BOUGHT): people(4)})

        assert await store.count([Span(stage, DAYS) for stage in Stage]) == [0, 9, 0, 4]

    async def test_nothing_is_nobody(self, store: BehaviourStore) -> None:
        await store.meet({})

        assert await store.count([Span(Stage.CART, DAYS)]) == [0]
        assert await store.count([]) == []


class TestMemoryBehaviour(BehaviourContract):
    @pytest.fixture
    def store(self) -> BehaviourStore:
        return MemoryBehaviour()


class TestRedisBehaviour(BehaviourContract):
    @pytest.fixture
    def store(self, redis: Redis) -> BehaviourStore:
        return RedisBehaviour(redis)

    async def test_a_count_of_many_is_as_near_as_is_said(self, store: BehaviourStore) -> None:
        await store.meet({(TODAY, Stage.ACTIVE): people(40_000)})

        (counted,) = await store.count([Span(Stage.ACTIVE, DAYS)])
        assert counted == pytest.approx(40_000, rel=4 * ERROR)

    async def test_nothing_of_it_stays_for_ever_and_no_day_that_is_over_comes_back(
        self, store: BehaviourStore, redis: Redis
    ) -> None:
        days = (TODAY, TODAY - DAYS_KEPT, TODAY + 400)
        await store.meet({(day, Stage.ACTIVE): people(3) for day in days})

        (key,) = await redis.keys("behaviour:*")
        assert 0 < await redis.ttl(key) <= (DAYS_KEPT + 1) * 86_400
        assert await redis.strlen(key) < 12_400

    async def test_a_key_of_another_type_holds_up_nobody(
        self, store: BehaviourStore, redis: Redis
    ) -> None:
        await redis.hset(f"behaviour:{TODAY}:active", "a", "b")

        await store.meet({(TODAY, Stage.ACTIVE): people(3)})

        assert await store.count([Span(Stage.ACTIVE, DAYS)]) == [3]
