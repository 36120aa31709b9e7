"""How many people took which path: the same suite on the fake and on Redis."""

import time

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_paths import RedisPaths
from portrait.audiences.behaviour import ERROR
from portrait.audiences.cohorts import week_of
from portrait.audiences.paths import (
    LEFT,
    MOST_KEPT,
    WEEKS_KEPT,
    Commonest,
    Kind,
    Path,
    PathStore,
    Walked,
    Week,
)
from tests.support.memory_paths import MemoryPaths

NOW = week_of(int(time.time()) // 86_400)
WEEKS = range(NOW - WEEKS_KEPT + 1, NOW + 1)


def people(count: int) -> set[str]:
    return {f"user {n} é" for n in range(count)}


class PathContract:
    async def test_people_are_counted_once_however_often_and_in_which_week_they_come(
        self, store: PathStore
    ) -> None:
        walked: Walked = {
            Week(Kind.STEPS, NOW): {"a>b": people(30), "a>c": people(40)},
            Week(Kind.STEPS, NOW - 1): {"a>b": people(50)},
        }
        await store.walk(walked)
        await store.walk(walked)

        found = await store.commonest(Kind.STEPS, WEEKS, 10)
        assert found == Commonest([Path("a>b", 50), Path("a>c", 40)], 0)

    async def test_the_first_are_told_and_kinds_are_apart(self, store: PathStore) -> None:
        await store.walk(
            {
                Week(Kind.STEPS, NOW): {"a>b": people(3), "b>c": people(3), "c>d": people(9)},
                Week(Kind.CATEGORIES, NOW): {"x>y": people(5)},
            }
        )

        found = await store.commonest(Kind.STEPS, WEEKS, 2)
        assert found.paths == [Path("c>d", 9), Path("a>b", 3)]

    async def test_nothing_is_nothing(self, store: PathStore) -> None:
        await store.walk({})

        assert await store.commonest(Kind.STEPS, WEEKS, 10) == Commonest([], 0)

    async def test_what_is_rare_is_dropped_and_said_to_be_missing(self, store: PathStore) -> None:
        week = Week(Kind.CATEGORIES, NOW)
        rare = {f"{n:04}>x": people(2) for n in range(MOST_KEPT - 1)}
        await store.walk({week: {"usual>x": people(40), **rare}})
        full = await store.commonest(Kind.CATEGORIES, WEEKS, MOST_KEPT + 100)
        await store.walk({week: {"more>x": people(3)}})

        found = await store.commonest(Kind.CATEGORIES, WEEKS, MOST_KEPT + 100)
        assert (len(full.paths), full.missing) == (MOST_KEPT, 0)
        assert (len(found.paths), found.missing) == (LEFT, 2)
        assert found.paths[:2] == [Path("usual>x", 40), Path("more>x", 3)]


class TestMemoryPaths(PathContract):
    @pytest.fixture
    def store(self) -> PathStore:
        return MemoryPaths()


class TestRedisPaths(PathContract):
    @pytest.fixture
    def store(self, redis: Redis) -> PathStore:
        return RedisPaths(redis)

    async def test_a_count_of_many_is_as_near_as_is_said(self, store: PathStore) -> None:
        await store.walk({Week(Kind.STEPS, NOW): {"a>b": people(40_000)}})

        (path,) = (await store.commonest(Kind.STEPS, WEEKS, 10)).paths
        assert path.people == pytest.approx(40_000, rel=4 * ERROR)

    async def test_nothing_of_it_stays_for_ever_and_no_week_that_is_over_comes_back(
        self, store: PathStore, redis: Redis
    ) -> None:
        rare = {f"{n:04}>x": people(2) for n in range(MOST_KEPT + 1)}
        weeks = NOW - WEEKS_KEPT + 1, NOW - WEEKS_KEPT, NOW + 2
        await store.walk({Week(Kind.STEPS, week): rare for week in weeks})

        keys = await redis.keys("*")
        assert len(keys) == LEFT + 2  # each path, their order, and what is missing
        assert all([0 < await redis.ttl(key) <= 7 * 86_400 for key in keys])

    async def test_keys_of_another_type_hold_up_nobody(
        self, store: PathStore, redis: Redis
    ) -> None:
        for key in ("", ":a>b", ":missing"):
            await redis.hset(f"paths:steps:{NOW}{key}", "a", "b")

        await store.walk({Week(Kind.STEPS, NOW): {"a>b": people(3)}})

        assert await store.commonest(Kind.STEPS, WEEKS, 10) == Commonest([Path("a>b", 3)], 0)
