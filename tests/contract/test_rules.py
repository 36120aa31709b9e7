"""What every store of rules promises: the fake and Redis."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from portrait.adapters.redis_rules import BOOKS, VERSION, RedisRules
from portrait.errors import StoreUnavailableError
from portrait.rules.rule import RuleBook
from portrait.rules.store import MOST_BOOKS, NO_RULES, RulesChangedError, RuleStore
from tests.support.memory_rules import MemoryRules

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def book(version: int, note: str = "") -> RuleBook:
    return RuleBook.model_validate(
        {
            "version": version,
            "author": "key 3f9c1a20b7de",
            "at": NOW + timedelta(minutes=version),
            "note": note,
            "rules": (
                {
                    "id": "茶".encode().hex(),
                    "note": "茶",
                    "from": NOW,
                    "when": {"not": {"declared": {"age": {"min": 18}}}},
                    "where": {"any": ({"brand": "茶"}, {"price": {"max": 3.0}})},
                    "do": {"exclude": True},
                },
                {"id": "carts", "until": NOW, "do": {"count": {"cart": 2.0, "wish": 0.0}}},
            ),
        }
    )


class RulesContract:
    """The newest counts, nobody overwrites what they have not seen, and there is an end to them."""

    async def test_without_a_book_there_are_no_rules(self, rules: RuleStore) -> None:
        assert await rules.newest() == NO_RULES
        assert await rules.version() == 0
        assert [*await rules.history()] == []

    async def test_books_come_back_as_they_were_put_the_newest_first(
        self, rules: RuleStore
    ) -> None:
        await rules.put(book(1), 0)
        await rules.put(book(2, "再来"), 1)

        assert await rules.newest() == book(2, "再来")
        assert await rules.version() == 2
        assert [*await rules.history()] == [book(2, "再来"), book(1)]

    async def test_whoever_has_not_seen_the_newest_changes_nothing(self, rules: RuleStore) -> None:
        await rules.put(book(1), 0)

        for expected in (0, 2):
            with pytest.raises(RulesChangedError):
                await rules.put(book(2), expected)

        assert [*await rules.history()] == [book(1)]

    async def test_of_two_at_once_one_is_told(self, rules: RuleStore) -> None:
        both = [rules.put(book(1, name), 0) for name in ("one", "other")]

        ended = await asyncio.gather(*both, return_exceptions=True)

        assert [isinstance(each, RulesChangedError) for each in ended].count(True) == 1
        assert len(await rules.history()) == 1

    async def test_the_oldest_go(self, rules: RuleStore) -> None:
        for version in range(MOST_BOOKS + 3):
            await rules.put(book(version + 1), version)

        kept = [each.version for each in await rules.history()]
        assert kept == [*range(MOST_BOOKS + 3, 3, -1)]


class TestMemoryRules(RulesContract):
    @pytest.fixture
    def rules(self) -> RuleStore:
        return MemoryRules()


class TestRedisRules(RulesContract):
    @pytest.fixture
    def rules(self, redis: Redis) -> RuleStore:
        return RedisRules(redis)

    async def test_of_damaged_books_the_newest_that_can_be_read_counts(
        self, rules: RuleStore, redis: Redis
    ) -> None:
        await rules.put(book(1), 0)
        await redis.lpush(BOOKS, b"\xff", b'{"version": 2}')

        assert await rules.newest() == book(1)
        assert [*await rules.history()] == [book(1)]

    async def test_a_version_that_is_no_number_is_none(
        self, rules: RuleStore, redis: Redis
    ) -> None:
        await redis.set(VERSION, b"\xff")

        assert await rules.version() == 0
        await rules.put(book(1), 0)
        assert await rules.version() == 1

    async def test_a_key_of_another_type_is_waited_for(
        self, rules: RuleStore, redis: Redis
    ) -> None:
        await redis.set(BOOKS, "garbage")

        with pytest.raises(StoreUnavailableError):
            await rules.newest()
