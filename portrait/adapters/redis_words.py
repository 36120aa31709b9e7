"""The words that matter, on Redis.

words:wanted      list: what was asked for and not yet taken, [space, item id, ref, ref]; minutes
words:kept:<n>    what was asked, and what came of it, as JSON; a day. n: one of MOST_KEPT places
"""

import json
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from redis.asyncio import Redis

from portrait.adapters.redis_common import translated
from portrait.adapters.redis_damage import Damage, mended
from portrait.catalogue.words import (
    KEPT,
    MOST_KEPT,
    MOST_LAID,
    WAITS,
    WordShares,
    WordsQuestion,
)

WANTED = "words:wanted"
TAKE_SECONDS = 1  # that a worker waits for something to do

_LIST = {WANTED: "list"}
_ENTRY = TypeAdapter(tuple[WordsQuestion, WordShares])
_QUESTION = TypeAdapter(WordsQuestion)


class RedisWords:
    """A `WordsDesk`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("words")

    async def find(self, asked: Sequence[WordsQuestion]) -> list[WordShares | None]:
        """Read all in one round trip; what is about something else in its place is not there."""
        if not asked:
            return []
        async with translated():
            values = await self._redis.mget([_key(each) for each in asked])
        return [self._read(each, value) for each, value in zip(asked, values, strict=True)]

    async def ask(self, asked: Sequence[WordsQuestion]) -> None:
        """Lay them there: one round trip."""
        if not asked:
            return

        async def lay() -> None:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.rpush(WANTED, *map(json.dumps, asked))
                pipe.ltrim(WANTED, -MOST_LAID, -1)
                pipe.expire(WANTED, WAITS)
                await pipe.execute()

        await mended(self._redis, _LIST, lay)

    async def take(self) -> WordsQuestion | None:
        """Take the oldest, waiting for it."""

        async def take() -> Any:  # noqa: ANN401 - what Redis answers
            return await self._redis.blpop([WANTED], timeout=TAKE_SECONDS)

        taken = await mended(self._redis, _LIST, take)
        if taken is None:
            return None
        try:
            return _QUESTION.validate_json(taken[1])
        except ValidationError:
            self._damage.say([WANTED])
            return None

    async def put(self, asked: WordsQuestion, found: WordShares) -> None:
        """Keep it, in the place of whatever was there."""
        async with translated():
            await self._redis.set(_key(asked), to_json((asked, found)), ex=KEPT)

    def _read(self, asked: WordsQuestion, value: object) -> WordShares | None:
        if not isinstance(value, bytes):
            return None
        try:
            about, found = _ENTRY.validate_json(value)
        except ValidationError:
            self._damage.say([_key(asked)])
            return None
        return found if about == asked else None


def _key(asked: WordsQuestion) -> str:
    digest = blake2b(json.dumps(asked).encode(), digest_size=8).digest()
    return f"words:kept:{int.from_bytes(digest, 'little') % MOST_KEPT}"
