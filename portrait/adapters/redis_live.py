"""The live counters of every model on Redis: live:<version>, a hash of sums."""

from redis.asyncio import Redis

from portrait.adapters.redis_common import text, translated
from portrait.watch import BINS, EMPTY, Bin, Live

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
            for head, bins in live.bins.items():
                for place, sums in enumerate(bins):
                    for column, value in enumerate(sums):
                        if value:
                            pipe.hincrbyfloat(key, f"{place}:{column}:{head}", value)
            pipe.expire(key, KEPT_SECONDS)
            await pipe.execute()

    async def read(self, version: str) -> Live:
        """Return the sums."""
        async with translated():
            found = await self._redis.hgetall(f"live:{version}")
        sums = {text(name): float(value) for name, value in found.items()}
        trials, hits = (int(sums.pop(name, 0)) for name in ("trials", "hits"))
        cells: dict[str, list[list[float]]] = {}
        for name, value in sums.items():
            place, column, head = name.split(":", 2)
            bins = cells.setdefault(head, [list(EMPTY) for _ in range(BINS)])
            bins[int(place)][int(column)] = value
        return Live(
            trials=trials,
            hits=hits,
            bins={head: tuple(map(_bin, bins)) for head, bins in cells.items()},
        )


def _bin(sums: list[float]) -> Bin:
    count, predicted, happened, spread = sums
    return count, predicted, happened, spread
