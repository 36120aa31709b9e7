"""How far the log is folded, and what it made popular, on Redis."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from portrait.adapters.redis_common import LIFE, life_of, script, slices, text, translated
from portrait.store import LogName, StoredOffsets

WEIGHTS_AT_ONCE = 2_000  # of one command: a weight is less work than a record
DAYS_KEPT = 28  # of popularity


class RedisPopularity:
    """A `PopularityStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._add = script(redis, "add_popularity.lua")

    async def add(self, day: int, weights: Mapping[str, int]) -> None:
        """Add to a day's weights."""
        async with translated():
            for some in slices(list(weights.items()), WEIGHTS_AT_ONCE):
                args: list[str | int] = [day, DAYS_KEPT, json.dumps(dict(some))]
                await self._add(keys=["{popular}:days", f"{{popular}}:{day}"], args=args)

    async def newest(self, days: int) -> dict[str, int]:
        """Return the sums over the newest days on which anything happened."""
        async with translated():
            keys = await self._redis.zrange("{popular}:days", 0, days - 1, desc=True)
            found = [await self._redis.hgetall(text(key)) for key in keys]
        weights: dict[str, int] = {}
        for of_day in found:
            for id, weight in of_day.items():
                weights[text(id)] = weights.get(text(id), 0) + int(weight)
        return weights


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
