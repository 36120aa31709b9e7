"""The desk on Redis: a list of what is wanted, and a list for each answer; seconds later both go.

texts:wanted       what was asked and not yet taken: [id, texts]
texts:read:<id>    one element once it has been read
"""

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from portrait.adapters.redis_common import translated
from portrait.adapters.redis_damage import Damage, mended
from portrait.catalogue.desk import MOST_LAID, PATIENCE, TAKEN_AT_ONCE, ReadingRequest

WANTED = "texts:wanted"
KEPT_SECONDS = 5  # nobody waits for as long
TAKE_SECONDS = 1  # that a worker waits for something to do

_LIST = {WANTED: "list"}


class RedisDesk:
    """A `ReadingDesk`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("wanted_text")

    async def ask(self, texts: Sequence[str]) -> bool:
        """Ask and wait: one round trip on a connection of its own."""
        id = uuid4().hex

        async def ask() -> Any:  # noqa: ANN401 - what Redis answers
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.rpush(WANTED, json.dumps([id, *texts]))
                pipe.ltrim(WANTED, -MOST_LAID, -1)
                pipe.expire(WANTED, KEPT_SECONDS)
                pipe.blpop([_read_key(id)], timeout=PATIENCE.total_seconds())
                return (await pipe.execute())[-1]

        return await mended(self._redis, _LIST, ask) is not None

    async def take(self) -> list[ReadingRequest]:
        """Take the oldest, waiting for it, and those that lie there as well."""

        async def ask() -> list[bytes]:
            first = await self._redis.blpop([WANTED], timeout=TAKE_SECONDS)
            if first is None:
                return []
            return [first[1], *(await self._redis.lpop(WANTED, TAKEN_AT_ONCE - 1) or [])]

        values = await mended(self._redis, _LIST, ask)
        asked = [_asked(value) for value in values]
        if None in asked:
            self._damage.say([WANTED])
        return [one for one in asked if one is not None]

    async def tell(self, asked: Sequence[ReadingRequest]) -> None:
        """Answer each: one round trip."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for id, _ in asked:
                pipe.rpush(_read_key(id), 1)
                pipe.expire(_read_key(id), KEPT_SECONDS)
            await pipe.execute()


def _asked(value: bytes) -> ReadingRequest | None:
    """Read what was asked; None if none of our programs wrote it."""
    try:
        id, *texts = json.loads(value)
    except (TypeError, ValueError):
        return None
    if not all(isinstance(each, str) for each in (id, *texts)):
        return None
    return ReadingRequest(id, tuple(texts))


def _read_key(id: str) -> str:
    return f"texts:read:{id}"
