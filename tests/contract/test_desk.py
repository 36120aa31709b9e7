"""What every desk promises: the same suite on the fake and on Redis."""

import asyncio

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_desk import RedisDesk
from portrait.catalogue.desk import MOST_LAID, PATIENCE, TAKEN_AT_ONCE, ReadingDesk, ReadingRequest
from tests.support.fakes import MemoryDesk

WANTED = "texts:wanted"


async def taken(desk: ReadingDesk) -> list[tuple[str, ...]]:
    return [each.texts for each in await desk.take()]


class DeskContract:
    """Whoever asks is told, or does not wait for long."""

    async def test_who_asks_is_told_once_it_has_been_read(
        self, desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in ("tests.support.fakes", "portrait.adapters.redis_desk"):
            monkeypatch.setattr(f"{module}.PATIENCE", 50 * PATIENCE)
        asking = asyncio.create_task(desk.ask(["cat toys", "紫砂壶"]))
        asked: list[ReadingRequest] = []
        while not asked:
            asked = await desk.take()

        await desk.tell(asked)

        assert await asking
        assert [each.texts for each in asked] == [("cat toys", "紫砂壶")]

    async def test_who_is_not_told_waits_no_longer_than_patience(self, desk: ReadingDesk) -> None:
        assert not await desk.ask(["cat toys"])

    async def test_the_oldest_is_taken_first_and_each_once(self, desk: ReadingDesk) -> None:
        await asyncio.gather(*(desk.ask([str(n)]) for n in range(3)))

        assert sorted(await taken(desk)) == [("0",), ("1",), ("2",)]
        assert await taken(desk) == []

    async def test_so_many_are_laid_and_so_many_taken(self, desk: ReadingDesk) -> None:
        first = asyncio.create_task(desk.ask(["first"]))
        await first
        await asyncio.gather(*(desk.ask([str(n)]) for n in range(MOST_LAID)))

        some = await taken(desk)
        rest = [await taken(desk) for _ in range(MOST_LAID // TAKEN_AT_ONCE - 1)]

        assert len(some) == TAKEN_AT_ONCE
        assert ("first",) not in [*some, *(each for part in rest for each in part)]
        assert sum(map(len, rest)) == MOST_LAID - TAKEN_AT_ONCE


class TestMemoryDesk(DeskContract):
    @pytest.fixture
    def desk(self) -> ReadingDesk:
        return MemoryDesk()


class TestRedisDesk(DeskContract):
    @pytest.fixture
    def desk(self, redis: Redis) -> ReadingDesk:
        return RedisDesk(redis)

    async def test_nothing_of_it_stays(self, desk: ReadingDesk, redis: Redis) -> None:
        await desk.ask(["secret"])
        assert 0 < await redis.ttl(WANTED) <= 5

        asked = await desk.take()
        await desk.tell(asked)

        (answer,) = await redis.keys("texts:*")
        assert 0 < await redis.ttl(answer) <= 5

    @pytest.mark.parametrize("damaged", [b"", b"garbage", b"3", b"[1, 2]", b"\xff", b"[]", b"{}"])
    async def test_what_none_of_ours_laid_there_is_passed_over(
        self, desk: ReadingDesk, redis: Redis, damaged: bytes
    ) -> None:
        await redis.rpush(WANTED, damaged, '["id", "cat toys"]')

        assert await taken(desk) == [("cat toys",)]

    async def test_a_key_of_another_type_is_deleted(self, desk: ReadingDesk, redis: Redis) -> None:
        await redis.set(WANTED, "garbage")
        assert not await desk.ask(["cat toys"])
        assert await taken(desk) == [("cat toys",)]

        await redis.set(WANTED, "garbage")
        assert await taken(desk) == []
