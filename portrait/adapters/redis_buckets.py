"""Buckets of tokens on Redis.

limit:<who>   hash: tokens, and when they were counted; goes when it would be full again
"""

from redis.asyncio import Redis

from portrait.access.buckets import BURST_SECONDS, Taken
from portrait.adapters.redis_common import script
from portrait.adapters.redis_damage import mended


class RedisBuckets:
    """`Buckets`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._take = script(redis, "take_tokens.lua")

    async def take(self, name: str, rate: float, least: int, most: int) -> Taken:
        """Take tokens: one round trip."""
        key, size = f"limit:{name}", max(least, rate * BURST_SECONDS)

        async def ask() -> list[int]:
            taken: list[int] = await self._take(keys=[key], args=[rate, size, least, most])
            return taken

        tokens, wait = await mended(self._redis, {key: "hash"}, ask)
        return Taken(tokens, wait / 1_000)
