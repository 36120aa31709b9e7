"""Where segments lie: the same suite on the fake and on Redis."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_segments import RedisSegments
from portrait.errors import OvertakenError
from portrait.segments.segment import MOST_SEGMENTS, Crossing, Member, Segment
from portrait.segments.store import MOST_WAITING, Moved, SegmentStore, TooManySegmentsError
from tests.support.memory_segments import MemorySegments

AT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
NOW = 1_795_771_800_000
TEA = Segment(name="tea", version=1, expression="purchases > 0", webhook=True, author="ann", at=AT)
WINE = TEA.model_copy(update={"name": "wine", "webhook": False})
PEOPLE = [f'user "{n}", é' for n in range(1_203)]


def as_it_is(segment: Segment, _before: Segment | None) -> Segment:
    return segment


async def put(store: SegmentStore, *segments: Segment) -> None:
    for segment in segments:
        await store.put(segment.name, partial(as_it_is, segment))


async def enter(store: SegmentStore, segment: Segment, *users: str, now: int = NOW) -> None:
    opened = await store.open(users)
    await store.settle(opened, [Moved(segment, user, is_in=True) for user in users], now)


async def members(store: SegmentStore, name: str) -> set[Member]:
    return {member async for part in store.members(name) for member in part}


class SegmentStoreContract:
    async def test_segments_are_kept_by_name(self, store: SegmentStore) -> None:
        await put(store, WINE, TEA)
        second = TEA.model_copy(update={"version": 2})
        changed = await store.put("tea", lambda known: second if known == TEA else TEA)

        assert changed == second
        assert await store.all() == [second, WINE]
        assert not await store.remove("other")

    async def test_there_are_no_more_than_so_many(self, store: SegmentStore) -> None:
        each = [TEA.model_copy(update={"name": f"s{n}"}) for n in range(MOST_SEGMENTS)]
        await put(store, *each)

        with pytest.raises(TooManySegmentsError):
            await put(store, TEA)
        await put(store, each[0])

    async def test_who_has_entered_is_in_it_since_then_until_they_leave(
        self, store: SegmentStore
    ) -> None:
        await put(store, TEA, WINE)
        await enter(store, TEA, *PEOPLE)

        opened = await store.open([*PEOPLE[:2], "nobody"])
        await store.settle(opened, [Moved(TEA, PEOPLE[0], is_in=False)], NOW + 5)

        assert opened.since == [dict.fromkeys(PEOPLE[:2], NOW), {}]
        assert await store.sizes(["tea", "wine", "other"]) == [len(PEOPLE) - 1, 0, 0]
        assert await members(store, "tea") == {Member(user, NOW) for user in PEOPLE[1:]}
        assert await store.of_users(PEOPLE[:2]) == [{}, {"tea": NOW}]

    async def test_whoever_was_overtaken_stores_nothing(self, store: SegmentStore) -> None:
        await put(store, TEA)
        opened = await store.open(["ann"])
        await enter(store, TEA, "bob")

        with pytest.raises(OvertakenError):
            await store.settle(opened, [Moved(TEA, "ann", is_in=True)], NOW)

        assert await members(store, "tea") == {Member("bob", NOW)}
        assert len(await store.waiting("topic", 10)) == 1

    async def test_a_segment_that_is_changed_meanwhile_overtakes_too(
        self, store: SegmentStore
    ) -> None:
        await put(store, TEA)
        opened = await store.open(["ann"])
        assert await store.remove("tea")

        with pytest.raises(OvertakenError):
            await store.settle(opened, [Moved(TEA, "ann", is_in=True)], NOW)

    async def test_a_segment_that_is_put_overtakes_nobody(self, store: SegmentStore) -> None:
        await put(store, TEA)
        opened = await store.open(["ann"])
        await put(store, TEA, TEA.model_copy(update={"version": 2}), WINE)

        await store.settle(opened, [Moved(TEA, "ann", is_in=True)], NOW)

        assert await members(store, "tea") == {Member("ann", NOW)}

    async def test_where_all_can_be_read_nobody_is_forgotten(self, store: SegmentStore) -> None:
        await put(store, TEA)
        await enter(store, TEA, "ann")
        opened = await store.open(["ann"])

        assert await store.forget_unreadable() == []

        assert await members(store, "tea") == {Member("ann", NOW)}
        await store.settle(opened, [], NOW)

    async def test_with_a_segment_goes_who_is_in_it(self, store: SegmentStore) -> None:
        await put(store, TEA)
        await enter(store, TEA, "ann")

        assert await store.remove("tea")
        await put(store, TEA)

        assert await members(store, "tea") == set()

    async def test_a_change_waits_for_each_way_that_it_leaves_by(self, store: SegmentStore) -> None:
        await put(store, TEA, WINE)
        await enter(store, TEA, "ann")
        await enter(store, WINE, "ann", now=NOW - 60_000)  # a clock that went back

        by_topic, by_webhook = [await store.waiting(way, 10) for way in ("topic", "webhook")]
        await store.sent("topic", by_topic[:1])

        assert [each.segment for each in by_topic] == ["tea", "wine"]
        assert by_webhook == by_topic[:1]
        assert by_topic[0].change is Crossing.ENTERED
        assert by_topic[0].position < by_topic[1].position
        assert await store.waiting("topic", 10) == by_topic[1:]
        assert [await store.queued(way) for way in ("topic", "webhook")] == [1, 1]

    async def test_who_moves_twice_is_told_of_twice_under_two_ids(
        self, store: SegmentStore
    ) -> None:
        await put(store, TEA)
        await enter(store, TEA, "ann")
        opened = await store.open(["ann"])
        await store.settle(opened, [Moved(TEA, "ann", is_in=False)], NOW)

        waiting = await store.waiting("webhook", 10)

        assert [each.change for each in waiting] == [Crossing.ENTERED, Crossing.LEFT]
        assert len({each.change_id for each in waiting}) == 2

    async def test_a_walk_counts_for_what_is_as_it_was(self, store: SegmentStore) -> None:
        await put(store, TEA, WINE)
        other = WINE.model_copy(update={"version": 2})
        await put(store, other)

        await store.note_walk([TEA, WINE, TEA.model_copy(update={"name": "gone"})], AT)

        assert await store.all() == [TEA.model_copy(update={"walked_at": AT}), other]

    async def test_a_walk_counts_whatever_is_changed_but_the_expression(
        self, store: SegmentStore
    ) -> None:
        quiet = TEA.model_copy(update={"webhook": False})
        anew = WINE.model_copy(update={"at": AT + timedelta(seconds=1)})  # deleted, and put again
        await put(store, quiet, anew)

        await store.note_walk([TEA, WINE], AT)

        assert await store.all() == [quiet.model_copy(update={"walked_at": AT}), anew]


class TestMemorySegments(SegmentStoreContract):
    @pytest.fixture
    def store(self) -> SegmentStore:
        return MemorySegments()


class TestRedisSegments(SegmentStoreContract):
    @pytest.fixture
    def store(self, redis: Redis) -> SegmentStore:
        return RedisSegments(redis)

    @pytest.mark.parametrize("damaged", [b"\xff{", b"{}", b"[]"])
    async def test_a_damaged_one_is_as_good_as_none(
        self, store: SegmentStore, redis: Redis, damaged: bytes
    ) -> None:
        await put(store, TEA)
        await redis.hset("segments", "wine", damaged)
        await redis.zadd("segments:outbox:topic", {damaged: 1})
        await redis.hset("segment:tea", "ann", damaged)

        assert await store.all() == [TEA]
        assert await store.waiting("topic", 10) == []
        assert (await store.open(["ann"])).since == [{"ann": 0}]
        await put(store, WINE)
        assert await store.all() == [TEA, WINE]

    @pytest.mark.parametrize("name", [b"wine", b"\xff"])
    async def test_who_is_in_one_that_nobody_can_read_is_forgotten_and_the_rest_stays(
        self, store: SegmentStore, redis: Redis, name: bytes
    ) -> None:
        await put(store, TEA)
        await enter(store, TEA, "ann")
        await redis.hset("segments", name, b'{"of": "a newer version"}')
        await redis.hset(b"segment:" + name, "ann", NOW)
        opened = await store.open(["ann"])

        assert len(await store.forget_unreadable()) == 1
        assert await store.forget_unreadable() == []

        assert not await redis.exists(b"segment:" + name)
        assert await redis.hget("segments", name) == b'{"of": "a newer version"}'
        assert await members(store, "tea") == {Member("ann", NOW)}
        with pytest.raises(OvertakenError):  # who looked before
            await store.settle(opened, [], NOW)

    async def test_a_key_of_another_type_holds_up_nobody(
        self, store: SegmentStore, redis: Redis
    ) -> None:
        await put(store, TEA)
        await redis.set("segment:tea", "x")

        assert (await store.open(["ann"])).since == [{}]

    async def test_of_a_webhook_that_takes_nothing_the_oldest_are_lost(
        self, store: SegmentStore, redis: Redis
    ) -> None:
        await put(store, TEA)
        await redis.zadd("segments:outbox:webhook", {str(n): n for n in range(MOST_WAITING)})
        await enter(store, TEA, "ann")

        assert await redis.zcard("segments:outbox:webhook") == MOST_WAITING
        assert await redis.zscore("segments:outbox:webhook", "0") is None

    async def test_what_another_program_wrote_leaves_once(
        self, store: SegmentStore, redis: Redis
    ) -> None:
        await put(store, TEA)
        await enter(store, TEA, "ann")
        kept: Any = await redis.zrange("segments:outbox:topic", 0, -1, withscores=True)
        ((ours, position),) = kept
        await redis.delete("segments:outbox:topic")
        theirs = ours[:-1] + b', "of_a_newer_version": 1}'
        await redis.zadd("segments:outbox:topic", {theirs: position})

        waiting = await store.waiting("topic", 10)
        await store.sent("topic", waiting)

        assert [each.user_id for each in waiting] == ["ann"]
        assert await store.waiting("topic", 10) == []

    async def test_a_member_whom_nobody_can_name_is_none(
        self, store: SegmentStore, redis: Redis
    ) -> None:
        await put(store, TEA)
        await enter(store, TEA, "ann")
        await redis.hset("segment:tea", b"\xff\xfe", 1)

        assert await members(store, "tea") == {Member("ann", NOW)}
        assert await store.sizes(["tea"]) == [1]
