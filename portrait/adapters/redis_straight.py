"""Reading straight: MGET on a connection that the pool gave a moment ago, past the pool.

kept, or from the pool ─▶ MGET ─▶ answer ─▶ kept for the next, for a while; then given back
                             └─ anything else: closed; was it lost, the usual way asks again

Going through the pool and its retries costs the processor as much again as the reading itself.
"""

from collections.abc import Sequence
from time import monotonic

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as LostError

from portrait.adapters.redis_common import KEYS_AT_ONCE, slices

KEPT_SECONDS = 1.0  # then the pool looks at it, and whoever else needs one may have it
MOST_KEPT = 8

Found = list[bytes | None]


class Straight:
    """Reads keys. Lives as long as its pool."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._pool = redis.connection_pool
        self._kept: list[tuple[float, AbstractConnection]] = []  # until when, and which

    async def mget(self, keys: Sequence[str]) -> Found:
        """Return what lies at these keys: one round trip."""
        if 0 < len(keys) <= KEYS_AT_ONCE:
            return await self._few(keys)
        async with self._redis.pipeline(transaction=False) as pipe:
            for some in slices(keys):
                pipe.mget(some)
            return [found for answer in await pipe.execute() for found in answer]

    async def _few(self, keys: Sequence[str]) -> Found:
        until, connection = await self._taken()
        try:
            await connection.send_command("MGET", *keys)
            found: Found = await connection.read_response()
        except BaseException as error:  # an answer may still be on its way: nobody is to read it
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)
            if isinstance(error, LostError):
                return [_bytes(value) for value in await self._redis.mget(keys)]
            raise
        if len(self._kept) < MOST_KEPT:
            self._kept.append((until, connection))
        else:
            await self._pool.release(connection)
        return found

    async def _taken(self) -> tuple[float, AbstractConnection]:
        """Take a connection: one that is kept, unless it has been for too long."""
        while self._kept:
            until, connection = self._kept.pop()
            if monotonic() <= until:
                return until, connection
            await self._pool.release(connection)
        connection = await self._pool.get_connection()  # type: ignore[no-untyped-call] # redis-py's own
        return monotonic() + KEPT_SECONDS, connection


def _bytes(value: bytes | str | None) -> bytes | None:
    return value if isinstance(value, bytes) else None
