"""What is popular, with everybody and in groups of whom the same is declared, on Redis."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import nlargest
from operator import itemgetter
from typing import Any

from redis.asyncio import Redis

from portrait.adapters.redis_common import number, readable, script, slices, translated
from portrait.adapters.redis_damage import Damage, mended
from portrait.catalogue.declared_groups import (
    FEWEST,
    MOST_GROUPS,
    MOST_NEW,
    WEEKS,
    marks_of,
)
from portrait.catalogue.popularity import WantedAmong, diminished
from portrait.times import DAY_MS

WEIGHTS_AT_ONCE = 2_000  # of one command: a weight is less work than a record
WEIGHTS_READ = 500  # likewise: a millisecond of a service that has others to answer
DAYS_KEPT = 28  # of popularity
ANEW_SECONDS = 3_600.0  # until popularity is read again, changed or not
EVERYBODY = "{popular}"
GROUPS, NEW = f"{EVERYBODY}:groups", f"{EVERYBODY}:groups:new"
OF = f"{EVERYBODY}:of:"  # begins the names of a group's keys
SECONDS_KEPT = DAYS_KEPT * DAY_MS // 1_000
GROUPS_AT_ONCE = 100  # of one round trip
MOST_WANTED = 5_000  # items of a group that are told, the most wanted


class RedisPopularity:
    """A `PopularityStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._everybody = _Weights(redis, EVERYBODY)
        self._join = script(redis, "join_group.lua")

    async def add(
        self, day: int, weights: Mapping[str, int], strangers: Mapping[str, int] | None = None
    ) -> None:
        """Add to a day's weights, by Redis's clock not one to come."""
        await self._everybody.add(day, weights, strangers)

    async def newest(self, days: int) -> Mapping[str, int]:
        """Return the sums over the newest days on which anything happened."""
        return await self._everybody.newest(days)

    async def add_among(self, wanted: Mapping[tuple[str, int], WantedAmong]) -> None:
        """Add to what groups want, and note who it is; many in one round trip."""
        for some in slices(list(wanted.items()), GROUPS_AT_ONCE):
            types = {GROUPS: "zset", NEW: "zset"}
            for (group, week), _ in some:
                days, sums, strangers = self._of(group).keys_of(week)
                types |= {days: "zset", sums: "hash", strangers: "hash", f"{sums}:people": "string"}
            await mended(self._redis, types, partial(self._add_some, some))

    async def _add_some(self, wanted: Sequence[tuple[tuple[str, int], WantedAmong]]) -> None:
        pipe = self._redis.pipeline(transaction=False)
        for (group, week), each in wanted:
            weights, marks = self._of(group), marks_of(each.people, group)
            days, sums, _ = weights.keys_of(week)
            args: list[str | int]
            args = [group, week, MOST_GROUPS, MOST_NEW, SECONDS_KEPT, FEWEST, OF, *marks]
            await self._join([GROUPS, NEW, days, f"{sums}:people"], args, pipe)
            await weights.add_in(pipe, week, each.regulars, each.strangers)
        await pipe.execute()

    async def among(self) -> Mapping[str, Mapping[str, int]]:
        """Return what the groups want that are told of."""
        ask = partial(self._redis.zrange, GROUPS, 0, -1)
        found = await mended(self._redis, {GROUPS: "zset"}, ask)
        told: dict[str, Mapping[str, int]] = {}
        for group in [name for name in map(readable, found) if name is not None]:
            weights = self._of(group)
            if await weights.people_of(WEEKS) >= FEWEST:
                wanted = await weights.newest(WEEKS)
                told[group] = dict(nlargest(MOST_WANTED, wanted.items(), key=itemgetter(1)))
        return told

    def _of(self, group: str) -> "_Weights":
        return _Weights(self._redis, f"{OF}{group}", SECONDS_KEPT)


@dataclass(frozen=True, slots=True, eq=False)
class _Sum:
    """What some hashes add up to, and what they were like when they were read."""

    stamps: Sequence[object]
    weights: Mapping[str, int]
    read_at: float  # s, of the process's clock


class _Weights:
    """Weights of items by day, of everybody or of a group."""

    def __init__(self, redis: Redis, of: str, seconds: int = 0) -> None:
        self._redis = redis
        self._of = of  # begins the names of its keys
        self._seconds = seconds  # that a key outlives what was last added to it; 0: for good
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

    async def add_in(
        self, pipe: Redis, day: int, weights: Mapping[str, int], strangers: Mapping[str, int]
    ) -> None:
        """Add to a day's weights with other commands, a batch's at most."""
        said = json.dumps(dict(weights)), json.dumps(dict(strangers))
        await self._add(self.keys_of(day), [day, DAYS_KEPT, *said, self._seconds], pipe)

    def keys_of(self, day: int) -> list[str]:
        """Name the keys of a day: the days, its weights, and those of strangers."""
        return [f"{self._of}:days", f"{self._of}:{day}", f"{self._of}:{day}:strangers"]

    async def people_of(self, days: int) -> int:
        """Return how many people at least wanted something on the newest days."""
        keys = [f"{key}:people" for key in await self._newest_keys(days)]
        if not keys:
            return 0
        ask = partial(self._redis.mget, keys)
        found = await mended(self._redis, dict.fromkeys(keys, "string"), ask)
        marks = 0
        for sketch in found:
            if isinstance(sketch, bytes):
                marks |= int.from_bytes(sketch[:8].ljust(8, b"\0"))
        return marks.bit_count()

    async def _newest_keys(self, days: int) -> list[str]:
        ask = partial(self._redis.zrange, f"{self._of}:days", 0, days - 1, desc=True)
        found = await mended(self._redis, {f"{self._of}:days": "zset"}, ask)
        return [key for key in map(readable, found) if key is not None]

    async def _add_some(self, day: int, weights: str, strangers: str) -> None:
        keys = self.keys_of(day)
        types = dict(zip(keys, ("zset", "hash", "hash"), strict=True))
        args: list[str | int] = [day, DAYS_KEPT, weights, strangers, self._seconds]
        await mended(self._redis, types, lambda: self._add(keys=keys, args=args))

    async def newest(self, days: int) -> Mapping[str, int]:
        """Return the sums over the newest days on which anything happened.

        What nobody has added to since is not read again: the newest day, and all others together.
        """
        of_days = await self._newest_keys(days)
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
