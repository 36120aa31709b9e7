"""The live counters of every model on Redis: live:<version>, a hash of sums."""

from redis.asyncio import Redis

from portrait.adapters.redis_common import text, translated
from portrait.watch import Live

KEPT_SECONDS = 90 * 86_400  # after the last count: longer than anybody goes back to a model


class RedisLive:
    """A `LiveCounts`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, version: str, live: Live) -> None:
        """Add to the sums: one round trip, atomic."""
        key = f"live:{version}"
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hincrby(key, "trials", live.trials)
            pipe.hincrby(key, "hits", live.hits)
            pipe.expire(key, KEPT_SECONDS)
            await pipe.execute()

    async def read(self, version: str) -> Live:
        """Return the sums."""
        async with translated():
            found = await self._redis.hgetall(f"live:{version}")
        sums = {text(name): int(value) for name, value in found.items()}
        return Live(trials=sums.get("trials", 0), hits=sums.get("hits", 0))
