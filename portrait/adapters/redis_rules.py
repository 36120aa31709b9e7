"""The shop's rules on Redis.

rules:version   string: the version of the newest book
rules:books     list: books as JSON, the newest first; the oldest go beyond so many
"""

from collections.abc import Sequence

from pydantic import ValidationError
from redis.asyncio import Redis

from portrait.adapters.redis_common import number, readable, script, translated
from portrait.adapters.redis_damage import Damage
from portrait.rules.rule import RuleBook
from portrait.rules.store import MOST_BOOKS, NO_RULES, RulesChangedError

VERSION, BOOKS = "rules:version", "rules:books"


class RedisRules:
    """A `RuleStore`. The newest book that can be read counts; a damaged one is said, and passed."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._put = script(redis, "put_rules.lua")
        self._damage = Damage("rules")

    async def version(self) -> int:
        """Return the version of the newest book; one that is no number is 0."""
        async with translated():
            return number(await self._redis.get(VERSION)) or 0

    async def newest(self) -> RuleBook:
        """Return the newest book that can be read."""
        async with translated():
            stored = await self._redis.lrange(BOOKS, 0, 0)
        if not stored:
            return NO_RULES
        return _read(stored[0]) or next(iter(await self.history()), NO_RULES)

    async def history(self) -> Sequence[RuleBook]:
        """Return all books that can be read."""
        async with translated():
            stored = await self._redis.lrange(BOOKS, 0, -1)
        books = [_read(value) for value in stored]
        self._damage.say([value for value, book in zip(stored, books, strict=True) if not book])
        return [book for book in books if book is not None]

    async def put(self, book: RuleBook, expected: int) -> None:
        """Keep a book as the newest."""
        written = book.model_dump_json(exclude_none=True)
        async with translated():
            is_kept = await self._put(
                keys=[VERSION, BOOKS], args=[expected, book.version, written, MOST_BOOKS]
            )
        if not is_kept:
            raise RulesChangedError


def _read(value: object) -> RuleBook | None:
    try:
        return RuleBook.model_validate_json(readable(value) or "")
    except ValidationError:
        return None
