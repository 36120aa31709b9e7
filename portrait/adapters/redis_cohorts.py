"""How many people of each cohort there were, on Redis.

cohort:<week>:<week>   HyperLogLog of users who first came in one and were there in the other, 12 KB
                       at most; until the last week that is kept of the cohort is over
"""

import time
from collections.abc import Sequence

from redis.asyncio import Redis

from portrait.adapters.redis_common import slices, translated
from portrait.adapters.redis_damage import mended
from portrait.audiences.cohorts import WEEKS_KEPT, Came, Week, first_day, week_of

DAY_SECONDS = 86_400


class RedisCohorts:
    """A `CohortStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def come(self, came: Came) -> None:
        """Add to the cohorts that are kept: one pipelined round trip."""
        today = int(time.time()) // DAY_SECONDS
        newest, oldest = week_of(today + 1), week_of(today) - WEEKS_KEPT
        kept = {
            each: users
            for each, users in came.items()
            if oldest <= each.cohort <= each.week <= newest
        }
        if not kept:
            return

        async def add() -> None:
            async with self._redis.pipeline(transaction=False) as pipe:
                for each, users in kept.items():
                    key = _key(each)
                    for some in slices(users):
                        pipe.pfadd(key, *some)
                    ends = first_day(each.cohort + WEEKS_KEPT + 1)
                    pipe.expireat(key, ends * DAY_SECONDS)
                await pipe.execute()

        await mended(self._redis, {_key(each): "string" for each in kept}, add)

    async def came(self, weeks: Sequence[Week]) -> list[int]:
        """Ask Redis for each: one pipelined round trip."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for each in weeks:
                pipe.pfcount(_key(each))
            counts: list[int] = await pipe.execute()
        return counts


def _key(each: Week) -> str:
    return f"cohort:{each.cohort}:{each.week}"
