"""Reading straight: MGET on a connection that the pool gave a moment ago, past the pool.

kept, or from the pool ─▶ MGET ─▶ answer ─▶ kept for the next, for a while; then given back
                             └─ anything else: closed; was it lost, the usual way asks again

Going through the pool and its retries costs the processor as much again as the reading itself.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as LostError

KEPT_SECONDS = 1.0  # then the pool looks at it, and whoever else needs one may have it
MOST_KEPT = 8


class Straight:
    """Reads keys. Lives as long as its pool."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._pool = redis.connection_pool
        self._kept: list[tuple[float, Any]] = []  # until when, and which

    async def mget(self, keys: Sequence[str]) -> list[bytes | str | None]:
        """Return what lies at these keys."""
        until, connection = self._kept.pop() if self._kept else (0.0, None)
        if monotonic() > until:
            if connection is not None:
                await self._pool.release(connection)
            until, connection = monotonic() + KEPT_SECONDS, await self._pool.get_connection()
        try:
            await connection.send_command("MGET", *keys)
            found: list[bytes | str | None] = await connection.read_response()
        except BaseException as error:  # an answer may still be on its way: nobody is to read it
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)
            if isinstance(error, LostError):
                return await self._redis.mget(keys)
            raise
        if len(self._kept) < MOST_KEPT:
            self._kept.append((until, connection))
        else:
            await self._pool.release(connection)
        return found
