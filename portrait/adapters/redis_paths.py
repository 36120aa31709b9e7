"""How many people took which path, on Redis.

paths:<kind>:<week>          sorted set of paths, each with its people as last counted
paths:<kind>:<week>:<path>   HyperLogLog of users, 12 KB at most
paths:<kind>:<week>:missing  sorted set of one number: how many people any path may have more,
                             since it was dropped

All of them until WEEKS_KEPT after their week began.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from redis.asyncio import Redis

from portrait.adapters.redis_common import readable, slices, translated
from portrait.adapters.redis_damage import mended
from portrait.audiences.cohorts import first_day, week_of
from portrait.audiences.paths import (
    LEFT,
    MOST_KEPT,
    WEEKS_KEPT,
    Commonest,
    Kind,
    Path,
    Walked,
    Week,
)

DAY_SECONDS = 86_400
PEOPLE = "people"  # the number that is missing: what is no number cannot be a score
LOOKED_AT = 2  # times as many of each week as are asked for: over all weeks another may be first


class RedisPaths:
    """A `PathStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def walk(self, walked: Walked) -> None:
        """Add to the weeks that are kept: two pipelined round trips for each kind and week."""
        today = int(time.time()) // DAY_SECONDS
        kept = range(week_of(today) - WEEKS_KEPT + 1, week_of(today + 1) + 1)
        for week, people in walked.items():
            if week.week in kept:
                await self._add(_Keys(week), people)

    async def _add(self, keys: "_Keys", people: Mapping[str, set[str]]) -> None:
        async def add() -> None:
            async with self._redis.pipeline(transaction=False) as pipe:
                for name, users in people.items():
                    for some in slices([*users]):
                        pipe.pfadd(keys.of(name), *some)
                    pipe.expireat(keys.of(name), keys.ends)
                for name in people:
                    pipe.pfcount(keys.of(name))
                counts = (await pipe.execute())[-len(people) :]
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zadd(keys.ranked, dict(zip(people, counts, strict=True)))
                pipe.expireat(keys.ranked, keys.ends)
                pipe.zcard(keys.ranked)
                *_, size = await pipe.execute()
            if size > MOST_KEPT:
                await self._drop(keys, size - LEFT)

        spare = {keys.of(name): "string" for name in people}
        await mended(self._redis, spare | {keys.ranked: "zset", keys.missing: "zset"}, add)

    async def _drop(self, keys: "_Keys", most: int) -> None:
        """Forget those with the fewest people; of several workers each takes others."""
        popped: Any = await self._redis.zpopmin(keys.ranked, most)
        dropped: list[tuple[bytes, float]] = popped
        if not dropped:
            return
        async with self._redis.pipeline(transaction=False) as pipe:
            for some in slices([name for name, _ in dropped]):
                pipe.delete(*(keys.of(readable(name) or "") for name in some))
            pipe.zincrby(keys.missing, max(people for _, people in dropped), PEOPLE)
            pipe.expireat(keys.missing, keys.ends)
            await pipe.execute()

    async def commonest(self, kind: Kind, weeks: range, most: int) -> Commonest:
        """Look at the first of each week, and count those over all weeks: two round trips."""
        each = [_Keys(Week(kind, week)) for week in weeks]
        async with translated():
            async with self._redis.pipeline(transaction=False) as pipe:
                for keys in each:
                    pipe.zrevrange(keys.ranked, 0, LOOKED_AT * most - 1)
                for keys in each:
                    pipe.zscore(keys.missing, PEOPLE)
                found = await pipe.execute()
            ranked, missing = found[: len(each)], found[len(each) :]
            read = (readable(name) for names in ranked for name in names)
            names = [*dict.fromkeys(name for name in read if name is not None)]
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.pfcount(*(keys.of(name) for keys in each))
                counts = await pipe.execute()
        paths = sorted(map(Path, names, counts), key=lambda path: (-path.people, path.name))
        return Commonest(paths[:most], sum(int(people or 0) for people in missing))


class _Keys(NamedTuple):
    """Where the paths of a week lie, and until when."""

    week: Week

    @property
    def ranked(self) -> str:
        return f"paths:{self.week.kind}:{self.week.week}"

    @property
    def missing(self) -> str:
        return f"{self.ranked}:missing"

    @property
    def ends(self) -> int:
        return first_day(self.week.week + WEEKS_KEPT) * DAY_SECONDS

    def of(self, name: str) -> str:
        return f"{self.ranked}:{name}"
