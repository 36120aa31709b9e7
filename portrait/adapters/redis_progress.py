"""How far the log is folded, and what it made popular, on Redis."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from portrait.adapters.redis_common import LIFE, life_of, script, slices, text, translated
from portrait.popularity import diminished
from portrait.store import LogName, StoredOffsets

WEIGHTS_AT_ONCE = 2_000  # of one command: a weight is less work than a record
DAYS_KEPT = 28  # of popularity


class RedisPopularity:
    """A `PopularityStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._add = script(redis, "add_popularity.lua")

    async def add(
        self, day: int, weights: Mapping[str, int], strangers: Mapping[str, int] | None = None
    ) -> None:
        """Add to a day's weights, by Redis's clock not one to come."""
        of_day = f"{{popular}}:{day}"
        keys = ["{popular}:days", of_day, f"{of_day}:strangers"]
        async with translated():
            for some in slices(list(weights.items()), WEIGHTS_AT_ONCE):
                await self._add(keys=keys, args=[day, DAYS_KEPT, json.dumps(dict(some)), "{}"])
            for some in slices(list((strangers or {}).items()), WEIGHTS_AT_ONCE):
                await self._add(keys=keys, args=[day, DAYS_KEPT, "{}", json.dumps(dict(some))])

    async def newest(self, days: int) -> dict[str, int]:
        """Return the sums over the newest days on which anything happened."""
        async with translated():
            keys = await self._redis.zrange("{popular}:days", 0, days - 1, desc=True)
            of_days = [text(key) for key in keys]
            weights = await self._sums(of_days)
            strangers = await self._sums([f"{of_day}:strangers" for of_day in of_days])
        for id, weight in strangers.items():
            weights[id] = weights.get(id, 0) + diminished(weight)
        return weights

    async def _sums(self, keys: Sequence[str]) -> dict[str, int]:
        """Add up the fields of several hashes."""
        sums: dict[str, int] = {}
        for key in keys:
            for id, weight in (await self._redis.hgetall(key)).items():
                sums[text(id)] = sums.get(text(id), 0) + int(weight)
        return sums


class RedisProgress:
    """A `ProgressStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def mark(self, reached: Mapping[int, int]) -> None:
        """Note the moments."""
        async with translated():
            if reached:
                await self._redis.hset(
                    "progress", mapping={str(at): moment for at, moment in reached.items()}
                )

    async def reached(self) -> dict[int, int]:
        """Return the moments."""
        async with translated():
            found = await self._redis.hgetall("progress")
        return {int(partition): int(moment) for partition, moment in found.items()}


class RedisOffsets:
    """An `OffsetStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._save = script(redis, "save_offsets.lua")

    async def load(self, group: str) -> StoredOffsets:
        """Return a group's offsets."""
        server, token, found = await self._read(group)
        if token is None:  # an empty Redis: from now on it is in a life that ends with its keys
            async with translated():
                await self._redis.set(LIFE, uuid4().hex, nx=True)
            server, token, found = await self._read(group)
        ends: dict[tuple[str, int], int] = {}
        logs: dict[tuple[str, int], LogName] = {}
        for place, value in found.items():
            topic, partition = text(place).rsplit(":", 1)
            end, *of = text(value).split(" ")
            ends[topic, int(partition)] = int(end)
            if of:  # older versions wrote the end alone
                logs[topic, int(partition)] = LogName(int(of[0]), of[1])
        return StoredOffsets(life_of(server, token), ends, logs)

    async def save(self, group: str, offsets: StoredOffsets) -> bool:
        """Move a group's offsets forward."""
        args: list[str | int] = [offsets.life]
        for (topic, partition), end in offsets.ends.items():
            log = offsets.logs.get((topic, partition), LogName())
            args += (f"{topic}:{partition}", end, log.number, log.id)
        async with translated():
            return bool(await self._save(keys=[f"offsets:{group}", LIFE], args=args))

    async def _read(self, group: str) -> list[Any]:
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.info("server")
            pipe.get(LIFE)
            pipe.hgetall(f"offsets:{group}")
            answers: list[Any] = await pipe.execute()
        return answers
