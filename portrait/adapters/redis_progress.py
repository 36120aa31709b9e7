"""How far the log is folded, and what it made popular, on Redis."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from portrait.adapters.redis_common import (
    LIFE,
    life_of,
    number,
    readable,
    script,
    slices,
    text,
    translated,
)
from portrait.adapters.redis_damage import Damage, mended
from portrait.catalogue.popularity import diminished
from portrait.events.progress import LARGEST_LOG, LogName, StoredOffsets

WEIGHTS_AT_ONCE = 2_000  # of one command: a weight is less work than a record
WEIGHTS_READ = 500  # likewise: a millisecond of a service that has others to answer
DAYS_KEPT = 28  # of popularity
ANEW_SECONDS = 3_600.0  # until popularity is read again, changed or not
PROGRESS = {"progress": "hash"}

Fields = dict[str | bytes | bytearray | memoryview | int | float, str | bytes]


@dataclass(frozen=True, slots=True, eq=False)
class _Sum:
    """What some hashes add up to, and what they were like when they were read."""

    stamps: Sequence[object]
    weights: Mapping[str, int]
    read_at: float  # s, of the process's clock


class RedisPopularity:
    """A `PopularityStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._add = script(redis, "add_popularity.lua")
        self._damage = Damage("popularity")
        self._sums = [_Sum((), {}, 0.0) for _ in range(4)]  # see `newest`
        self._weights: Mapping[str, int] = {}

    async def add(
        self, day: int, weights: Mapping[str, int], strangers: Mapping[str, int] | None = None
    ) -> None:
        """Add to a day's weights, by Redis's clock not one to come."""
        for some in slices(list(weights.items()), WEIGHTS_AT_ONCE):
            await self._add_some(day, json.dumps(dict(some)), "{}")
        for some in slices(list((strangers or {}).items()), WEIGHTS_AT_ONCE):
            await self._add_some(day, "{}", json.dumps(dict(some)))

    async def _add_some(self, day: int, weights: str, strangers: str) -> None:
        of_day = f"{{popular}}:{day}"
        keys = ["{popular}:days", of_day, f"{of_day}:strangers"]
        types = dict(zip(keys, ("zset", "hash", "hash"), strict=True))
        args: list[str | int] = [day, DAYS_KEPT, weights, strangers]
        await mended(self._redis, types, lambda: self._add(keys=keys, args=args))

    async def newest(self, days: int) -> Mapping[str, int]:
        """Return the sums over the newest days on which anything happened.

        What nobody has added to since is not read again: the newest day, and all others together.
        """
        keys = await mended(
            self._redis,
            {"{popular}:days": "zset"},
            lambda: self._redis.zrange("{popular}:days", 0, days - 1, desc=True),
        )
        of_days = [key for key in map(readable, keys) if key is not None]
        of_strangers = [f"{key}:strangers" for key in of_days]
        parts = of_days[:1], of_days[1:], of_strangers[:1], of_strangers[1:]
        sums = [await self._sum(place, keys) for place, keys in enumerate(parts)]
        if sums != self._sums:
            # In a thread: of very many items it would hold up everybody.
            weights = await asyncio.to_thread(_added, *(each.weights for each in sums))
            self._sums, self._weights = sums, weights
        return self._weights

    async def _sum(self, place: int, keys: Sequence[str]) -> "_Sum":
        """Add up the fields of several hashes, unless the last sum is still right."""
        stamps, last = await self._stamps(keys), self._sums[place]
        is_old = time.monotonic() - last.read_at > ANEW_SECONDS  # older programs leave no stamps
        if None not in stamps and stamps == last.stamps and not is_old:
            return last
        sums: dict[str, int] = {}
        for key in keys:
            await self._add_up(key, sums)
        return _Sum(stamps, sums, time.monotonic())

    async def _stamps(self, keys: Sequence[str]) -> Sequence[object]:
        """Return what changes whenever somebody adds to a hash; None where it has nothing of it."""
        pipe = self._redis.pipeline(transaction=False)
        for key in keys:
            pipe.exists(key)
            pipe.hget(key, "")
        async with translated():
            found = await pipe.execute(raise_on_error=False) if keys else []
        return [
            (key, stamp) if isinstance(stamp, bytes) or not is_there else None
            for key, is_there, stamp in zip(keys, found[::2], found[1::2], strict=True)
        ]

    async def _add_up(self, key: str, sums: dict[str, int]) -> None:
        """Add the fields of a hash; one that is no weight of an item counts nothing."""
        damaged, counted = [], {""}
        async for page in self._pages(key):
            for name, value in page.items():
                id, weight = readable(name), number(value)
                if id in counted:  # the stamp; and a hash that grows may show one twice
                    continue
                if id is None or weight is None or weight < 0:
                    damaged.append((key, name))
                else:
                    counted.add(id)
                    sums[id] = sums.get(id, 0) + weight
        self._damage.say(damaged)

    async def _pages(self, key: str) -> AsyncIterator[dict[bytes, bytes]]:
        """Walk a hash, so that others have their turn between its parts: it may be of all items."""
        cursor = 0
        while True:
            step = partial(self._redis.hscan, key, cursor, count=WEIGHTS_READ)
            answer: Any = await mended(self._redis, {key: "hash"}, step)
            cursor, page = answer
            yield page
            if cursor == 0:
                return


def _added(
    newest: Mapping[str, int],
    older: Mapping[str, int],
    by_strangers: Mapping[str, int],
    by_strangers_before: Mapping[str, int],
) -> Mapping[str, int]:
    """Add up what everybody wants on the newest day and on those before, and what strangers do."""
    weights, strangers = Counter(older), Counter(by_strangers_before)
    weights.update(newest)
    strangers.update(by_strangers)
    weights.update({id: diminished(weight) for id, weight in strangers.items()})
    return dict(weights)


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
