"""The live counters of every model on Redis: live:<version>, a hash of sums."""

from redis.asyncio import Redis

from portrait.adapters.redis_common import number, translated
from portrait.adapters.redis_damage import Damage, mended
from portrait.errors import StoreRefusedError
from portrait.monitoring.watch import Live

KEPT_SECONDS = 90 * 86_400  # after the last count: longer than anybody goes back to a model


class RedisLive:
    """A `LiveCounts`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("live")

    async def add(self, version: str, live: Live) -> None:
        """Add to the sums: one round trip, atomic. Damaged ones are begun anew."""
        key = f"live:{version}"

        async def ask() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hincrby(key, "trials", live.trials)
                pipe.hincrby(key, "hits", live.hits)
                pipe.expire(key, KEPT_SECONDS)
                await pipe.execute()

        try:
            await mended(self._redis, {key: "hash"}, ask)
        except StoreRefusedError:  # there is something else than a number
            self._damage.say([version])
            async with translated():
                await self._redis.delete(key)
                await ask()

    async def read(self, version: str) -> Live:
        """Return the sums."""
        key = f"live:{version}"
        found = await mended(self._redis, {key: "hash"}, lambda: self._redis.hgetall(key))
        trials, hits = (max(0, number(found.get(name)) or 0) for name in (b"trials", b"hits"))
        return Live(trials=trials, hits=hits)
