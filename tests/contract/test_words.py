"""What every desk of words promises: the same suite on the fake and on Redis."""

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_common import text
from portrait.adapters.redis_words import WANTED, RedisWords
from portrait.catalogue.words import (
    KEPT,
    MOST_KEPT,
    MOST_LAID,
    WAITS,
    Word,
    WordsDesk,
    WordShares,
    WordsQuestion,
)
from tests.support.memory_words import MemoryWords

TEA = WordsQuestion("0" * 16, "tea", 2**64 - 1, 7)
RICE = TEA._replace(item_id="米", toward=8)
FOUND = WordShares((Word("green", 0.25), Word("茶", -0.5)), 0.125, 0.0, -0.125)


class WordsContract:
    """What is laid is taken once; what is put is found by its question alone."""

    async def test_what_is_laid_is_taken_once_the_oldest_first(self, desk: WordsDesk) -> None:
        await desk.ask([TEA, RICE])
        await desk.ask([])

        assert [await desk.take() for _ in range(3)] == [TEA, RICE, None]

    async def test_what_is_put_is_found_by_its_question_alone(self, desk: WordsDesk) -> None:
        await desk.put(TEA, FOUND)

        assert await desk.find([RICE, TEA, TEA._replace(text=1)]) == [None, FOUND, None]
        assert await desk.find([]) == []

    async def test_so_many_wait_and_no_more(self, desk: WordsDesk) -> None:
        await desk.ask([TEA])
        await desk.ask([RICE] * MOST_LAID)

        assert await desk.take() == RICE


class TestMemoryWords(WordsContract):
    @pytest.fixture
    def desk(self) -> WordsDesk:
        return MemoryWords()


class TestRedisWords(WordsContract):
    @pytest.fixture
    def desk(self, redis: Redis) -> WordsDesk:
        return RedisWords(redis)

    async def test_all_of_it_goes_and_there_is_never_much(
        self, desk: WordsDesk, redis: Redis
    ) -> None:
        await desk.ask([TEA])
        await desk.put(TEA, FOUND)

        assert 0 < await redis.ttl(WANTED) <= WAITS.total_seconds()
        (kept,) = await redis.keys("words:kept:*")
        assert 0 < await redis.ttl(kept) <= KEPT.total_seconds()
        assert 0 <= int(text(kept).rsplit(":", 1)[1]) < MOST_KEPT

    @pytest.mark.parametrize("damaged", [b"", b"garbage", b"[1]", b"\xff", b'["a","b",-1,"c"]'])
    async def test_what_none_of_ours_wrote_is_as_good_as_nothing(
        self, desk: WordsDesk, redis: Redis, damaged: bytes
    ) -> None:
        await desk.put(TEA, FOUND)
        (kept,) = await redis.keys("words:kept:*")
        await redis.set(kept, damaged)
        await redis.rpush(WANTED, damaged)
        await desk.ask([RICE])

        assert await desk.find([TEA]) == [None]
        assert [await desk.take() for _ in range(2)] == [None, RICE]

    async def test_keys_of_another_type_are_made_anew(self, desk: WordsDesk, redis: Redis) -> None:
        await redis.set(WANTED, "garbage")

        await desk.ask([TEA])

        assert await desk.take() == TEA
