"""How many people there were, on Redis.

behaviour:<day>:<stage>   HyperLogLog of users, 12 KB at most; DAYS_KEPT days after its day
"""

import time
from collections.abc import Sequence

from redis.asyncio import Redis

from portrait.adapters.redis_common import slices, translated
from portrait.adapters.redis_damage import mended
from portrait.audiences.behaviour import DAYS_KEPT, Met, Span, Stage

DAY_SECONDS = 86_400


class RedisBehaviour:
    """A `BehaviourStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def meet(self, met: Met) -> None:
        """Add to the days that are kept: one pipelined round trip."""
        today = int(time.time()) // DAY_SECONDS
        kept = {key: users for key, users in met.items() if today - DAYS_KEPT < key[0] <= today + 1}
        if not kept:
            return

        async def add() -> None:
            async with self._redis.pipeline(transaction=False) as pipe:
                for (day, stage), users in kept.items():
                    key = _key(day, stage)
                    for some in slices(users):
                        pipe.pfadd(key, *some)
                    pipe.expireat(key, (day + DAYS_KEPT + 1) * DAY_SECONDS)
                await pipe.execute()

        await mended(self._redis, {_key(*each): "string" for each in kept}, add)

    async def count(self, spans: Sequence[Span]) -> list[int]:
        """Ask Redis for the union of each span's days: one pipelined round trip."""
        keys = [[_key(day, span.stage) for day in span.days] for span in spans]
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for some in keys:
                pipe.pfcount(*some)
            counts: list[int] = await pipe.execute()
        return counts


def _key(day: int, stage: Stage) -> str:
    return f"behaviour:{day}:{stage}"
