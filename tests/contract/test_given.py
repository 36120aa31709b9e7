"""What all stores of what lists gave promise: the fake and Redis."""

from datetime import timedelta

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_given import RedisGiven, given_key
from portrait.experiments.given import (
    MOST_GIVEN,
    PAGED_FOR,
    Given,
    GivenStore,
    ListPassedError,
    list_name,
    person_name,
)
from portrait.times import DAY_MS, MILLISECOND
from tests.support.memory_given import MemoryGiven

ANN, BOB, FIRST, OTHER = 2**64 - 1, 7, 2**63 + 5, 6
NOW = 1_790_000_000_000
DAY = timedelta(days=1)
PAGED_MS = PAGED_FOR // MILLISECOND


def paged(*items: int, given: Given | None = None, list: int = FIRST) -> Given:
    return (given or Given()).adding(list, items, NOW, is_first=True)


class GivenContract:
    """Read as it was written; whoever was slower writes nothing; forgotten at once."""

    async def test_what_was_given_is_told_to_whoever_goes_on(self, store: GivenStore) -> None:
        assert await store.put(person_name(ANN), paged(3, 2**64 - 2), PAGED_FOR)
        more = (await store.given(person_name(ANN))).adding(FIRST, [9], NOW, is_first=False)
        assert await store.put(person_name(ANN), more, PAGED_FOR)

        given = await store.given(person_name(ANN))

        assert given.after(FIRST, NOW) == [3, 2**64 - 2, 9]
        assert not len((await store.given(person_name(BOB))).rows)
        assert not len((await store.given(list_name(ANN))).rows)

    async def test_who_was_slower_writes_nothing(self, store: GivenStore) -> None:
        before = await store.given(person_name(ANN))
        assert await store.put(person_name(ANN), paged(3, given=before), PAGED_FOR)

        assert not await store.put(person_name(ANN), paged(4, given=before), PAGED_FOR)

        assert (await store.given(person_name(ANN))).after(FIRST, NOW) == [3]

    async def test_who_is_forgotten_was_given_nothing(self, store: GivenStore) -> None:
        await store.put(person_name(ANN), paged(3), PAGED_FOR)
        await store.put(person_name(BOB), paged(3), PAGED_FOR)

        assert await store.forget([ANN, 11]) == 1

        assert not len((await store.given(person_name(ANN))).rows)
        assert len((await store.given(person_name(BOB))).rows)
        assert await store.forget([ANN]) == await store.forget([]) == 0


class TestMemoryGiven(GivenContract):
    @pytest.fixture
    def store(self) -> MemoryGiven:
        return MemoryGiven()


class TestRedisGiven(GivenContract):
    @pytest.fixture
    def store(self, redis: Redis) -> RedisGiven:
        return RedisGiven(redis)

    async def test_it_expires_and_no_sooner_than_anybody_was_told(self, redis: Redis) -> None:
        store, key = RedisGiven(redis), given_key(person_name(ANN))
        await store.put(person_name(ANN), paged(3), DAY)
        rest = (await store.given(person_name(ANN))).adding(OTHER, [4], NOW, is_first=True)
        await store.put(person_name(ANN), rest, PAGED_FOR)
        assert DAY_MS - 60_000 < await redis.pttl(key) <= DAY_MS

        await store.put(person_name(BOB), paged(3), PAGED_FOR)

        assert 0 < await redis.pttl(given_key(person_name(BOB))) <= PAGED_MS

    @pytest.mark.parametrize("value", [b"", b"{}", b"12345678" + b"x" * 25, b"\xff" * 80_000])
    async def test_what_nobody_can_read_is_nothing_and_is_replaced(
        self, redis: Redis, value: bytes
    ) -> None:
        store, key = RedisGiven(redis), given_key(person_name(ANN))
        await redis.set(key, value)

        given = await store.given(person_name(ANN))

        assert not len(given.rows)
        assert await store.put(person_name(ANN), paged(3, given=given), PAGED_FOR)
        assert (await store.given(person_name(ANN))).after(FIRST, NOW) == [3]

    async def test_a_key_of_another_type_is_mended(self, redis: Redis) -> None:
        await redis.hset(given_key(person_name(ANN)), "a", "b")

        assert not len((await RedisGiven(redis).given(person_name(ANN))).rows)


def test_a_list_is_gone_on_with_for_half_an_hour_after_the_newest_that_followed() -> None:
    given = paged(3).adding(FIRST, [4], NOW + PAGED_MS, is_first=False)

    assert given.after(FIRST, NOW + 2 * PAGED_MS) == [3, 4]
    with pytest.raises(ListPassedError):
        given.after(FIRST, NOW + 2 * PAGED_MS + 1)


def test_of_a_list_that_is_not_remembered_whole_nothing_is_said() -> None:
    given = paged(1, 2)
    kept = given.adding(OTHER, range(10, 10 + MOST_GIVEN - 3), NOW, is_first=False)
    assert kept.after(FIRST, NOW) == [1, 2]

    full = kept.adding(OTHER, [9], NOW, is_first=False)

    assert len(full.rows) == MOST_GIVEN
    with pytest.raises(ListPassedError):
        full.after(FIRST, NOW)


def test_a_list_that_only_rotated_cannot_be_gone_on_with() -> None:
    with pytest.raises(ListPassedError):
        Given().adding(FIRST, [1], NOW, is_first=False).after(FIRST, NOW)


def test_what_was_given_counts_less_and_comes_back_evenly() -> None:
    lasting = timedelta(hours=1)
    given = paged(1).adding(OTHER, [2, 1], NOW + 900_000, is_first=False)

    assert given.faded(0.5, lasting, NOW + 900_000) == {1: 0.5, 2: 0.5}
    assert given.faded(0.5, lasting, NOW + 2_700_000) == {1: 0.25, 2: 0.25}
    assert given.faded(0.5, lasting, NOW + 4_500_000) == {}
    assert paged(1).faded(1.0, lasting, NOW - 5_000) == {1: 1.0}  # a clock that is behind
