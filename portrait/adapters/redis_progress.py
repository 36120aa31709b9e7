"""How far the log is folded, and what it made popular, on Redis."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from portrait.adapters.redis_common import (
    LIFE,
    life_of,
    number,
    readable,
    script,
    text,
    translated,
)
from portrait.adapters.redis_damage import Damage, mended
from portrait.events.progress import LARGEST_LOG, LogName, StoredOffsets

PROGRESS = {"progress": "hash"}

Fields = dict[str | bytes | bytearray | memoryview | int | float, str | bytes]


class RedisProgress:
    """A `ProgressStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._damage = Damage("progress")

    async def mark(self, reached: Mapping[int, int]) -> None:
        """Note the moments."""
        moments: Fields = {str(at): str(moment) for at, moment in reached.items()}
        if moments:
            await mended(
                self._redis, PROGRESS, lambda: self._redis.hset("progress", mapping=moments)
            )

    async def reached(self) -> dict[int, int]:
        """Return the moments; of a partition whose moment cannot be read, none."""
        found = await mended(self._redis, PROGRESS, lambda: self._redis.hgetall("progress"))
        read = {field: (number(field), number(value)) for field, value in found.items()}
        self._damage.say([field for field, both in read.items() if None in both])
        return {
            partition: moment
            for partition, moment in read.values()
            if partition is not None and moment is not None
        }


class RedisOffsets:
    """An `OffsetStore`, and an `OffsetReader`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._save = script(redis, "save_offsets.lua")
        self._damage = Damage("offset")

    async def load(self, group: str) -> StoredOffsets:
        """Return a group's offsets. One that cannot be read is not there: to read again is safe."""
        server, token, found = await self._read(group)
        if readable(token) is None:  # from now on this Redis is in a life that ends with its keys
            async with translated():
                await self._redis.set(LIFE, uuid4().hex, nx=token is None)
            server, token, found = await self._read(group)
        return self._stored(life_of(server, token), found)

    async def look(self, group: str) -> StoredOffsets:
        """Return a group's offsets."""
        key = f"offsets:{group}"
        found = await mended(self._redis, {key: "hash"}, lambda: self._redis.hgetall(key))
        return self._stored("", found)

    def _stored(self, life: str, found: Mapping[Any, Any]) -> StoredOffsets:
        """Read what lies there."""
        ends: dict[tuple[str, int], int] = {}
        logs: dict[tuple[str, int], LogName] = {}
        damaged = []
        for field, value in found.items():
            place, kept = _PLACE.fullmatch(field), _KEPT.fullmatch(value)
            if kept is not None and int(kept[2] or 0) > LARGEST_LOG:
                kept = None
            is_end = kept is not None and _END.fullmatch(kept[1]) is not None
            if place is None or not is_end:
                damaged.append(field)
            if place is None or kept is None or (not is_end and kept[2] is None):
                continue
            at = text(place[1]), int(place[2])
            ends[at] = int(kept[1]) if is_end else 0  # which log it is of is still known
            if kept[2] is not None:  # older versions wrote the end alone
                logs[at] = LogName(int(kept[2]), text(kept[3]))
        self._damage.say(damaged)
        return StoredOffsets(life, ends, logs)

    async def save(self, group: str, offsets: StoredOffsets) -> bool:
        """Move a group's offsets forward."""
        args: list[str | int] = [offsets.life]
        for (topic, partition), end in offsets.ends.items():
            log = offsets.logs.get((topic, partition), LogName())
            args += (f"{topic}:{partition}", end, log.number, log.id)
        keys = [f"offsets:{group}", LIFE]
        return bool(
            await mended(self._redis, _types(group), lambda: self._save(keys=keys, args=args))
        )

    async def forget(self, group: str) -> None:
        """Forget a group's offsets: it reads from the beginning when it next asks."""
        async with translated():
            await self._redis.delete(f"offsets:{group}")

    async def _read(self, group: str) -> list[Any]:
        async def ask() -> list[Any]:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.info("server")
                pipe.get(LIFE)
                pipe.hgetall(f"offsets:{group}")
                answers: list[Any] = await pipe.execute()
            return answers

        return await mended(self._redis, _types(group), ask)


# What `save_offsets.lua` takes for an offset, and for where it belongs.
_KEPT = re.compile(rb"([!-~]*)(?: ([0-9]{1,9}) ([!-~]*))?")
_END = re.compile(rb"[0-9]{1,18}")
_PLACE = re.compile(rb"([!-~]+):([0-9]{1,9})")


def _types(group: str) -> dict[str, str]:
    return {f"offsets:{group}": "hash", LIFE: "string"}
