"""The catalogue and the vectors of its texts on Redis."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from redis.asyncio import Redis

from portrait.adapters.redis_common import script, slices, text, translated
from portrait.adapters.redis_straight import Straight
from portrait.errors import ItemInvalidError
from portrait.item import IntroducedItem, Item, parse_item
from portrait.space import Vectors

CHANGES_KEPT = 200_000  # a mirror further behind than this loads the catalogue again
CHANGES_AT_ONCE = 5_000
NO_CHANGES = "0-1"
KEYS = ["items", "items:introduced", "items:introduced:at", "items:changes"]
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Memory:
    """How many items that only events know are remembered, and how long after the last event."""

    most: int = 10_000
    ttl: timedelta = timedelta(days=30)


class RedisCatalogue:
    """A `CatalogueStore`."""

    def __init__(self, redis: Redis, memory: Memory | None = None) -> None:
        self._redis = redis
        self._straight = Straight(redis)
        self._memory = memory or Memory()
        self._put = script(redis, "put_items.lua")
        self._introduce = script(redis, "introduce_items.lua")

    async def put_items(self, items: Sequence[Item]) -> None:
        """Store items and announce them, in one atomic step for every `KEYS_AT_ONCE`."""
        async with translated():
            for some in slices(items):
                await self._put(keys=KEYS, args=[CHANGES_KEPT, *_written(some)])

    async def introduce_items(self, items: Sequence[Item]) -> None:
        """Remember items for a while; none: forget those whose time is over."""
        bounds = [CHANGES_KEPT, self._memory.most, self._memory.ttl // MILLISECOND]
        async with translated():
            for some in slices(items) or [()]:
                await self._introduce(keys=KEYS, args=[*bounds, *_written(some)])

    async def withdraw_items(self, ids: Sequence[str]) -> None:
        """Mark items as gone. The index worker is the only writer of an item it withdraws."""
        found = [item for item in await self.get_items(ids) if item is not None]
        await self.put_items([item.model_copy(update={"withdrawn": True}) for item in found])

    async def get_items(self, ids: Sequence[str]) -> list[Item | None]:
        """Return items by id; one that this program cannot read is as good as none."""
        found = [_item(value) for value in await self._values("items", ids)]
        absent = [id for id, item in zip(ids, found, strict=True) if item is None]
        introduced = iter(await self._values("items:introduced", absent))
        return [_introduced(next(introduced)) if item is None else item for item in found]

    async def all_ids(self) -> list[str]:
        """Return every id. Walks the keys, so Redis goes on answering others."""
        async with translated():
            found = {
                text(id): None
                for key in ("items", "items:introduced")
                async for id in self._redis.hscan_iter(key, count=1_000, no_values=True)
            }
        return [*found]

    async def cursor(self) -> str:
        """Return the id of the newest change."""
        async with translated():
            newest = await self._redis.xrevrange("items:changes", count=1)
        return text(newest[0][0]) if newest else NO_CHANGES

    async def changed_since(self, cursor: str) -> tuple[str, list[str]] | None:
        """Return a later cursor and the ids changed between, or None if the log has been cut."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.xrange("items:changes", count=1)
            pipe.xrange("items:changes", min=f"({cursor}", count=CHANGES_AT_ONCE)
            pipe.xrevrange("items:changes", count=1)
            oldest, changes, newest = await pipe.execute()
        end = text(newest[0][0]) if newest else NO_CHANGES
        if _order(end) < _order(cursor):  # another log: Redis was emptied
            return None
        if oldest and _order(text(oldest[0][0])) > _order(cursor):
            return None
        if not changes:
            return cursor, []
        return text(changes[-1][0]), [text(fields[b"id"]) for _, fields in changes]

    async def get_vectors(self, space_id: str, refs: Sequence[int]) -> list[Vectors | None]:
        """Return text vectors by text_ref."""
        async with translated():
            values = await self._straight.mget([_text_key(space_id, ref) for ref in refs])
        return [
            None if value is None else np.frombuffer(value, "<f2").astype(np.float32)
            for value in values
        ]

    async def forget_vectors(self, space_id: str) -> None:
        """Remove a space's vectors. Walks the keys, so that Redis goes on answering others."""
        cursor = 0
        while True:
            async with translated():
                cursor, keys = await self._redis.scan(
                    cursor, match=f"text:{space_id}:*", count=1_000
                )
                if keys:
                    await self._redis.unlink(*keys)
            if cursor == 0:
                return

    async def put_vectors(
        self,
        space_id: str,
        refs: Sequence[int],
        vectors: Vectors,
        *,
        ttl: timedelta | None = None,
    ) -> None:
        """Store text vectors; with a time to live, one that is there stays as it is."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for ref, vector in zip(refs, vectors.astype("<f2"), strict=True):
                pipe.set(_text_key(space_id, ref), vector.tobytes(), ex=ttl, nx=ttl is not None)
            await pipe.execute()

    async def _values(self, key: str, ids: Sequence[str]) -> list[bytes | None]:
        """Return fields of a hash, in their order."""
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for some in slices(ids):
                pipe.hmget(key, list(some))
            answers = await pipe.execute()
        return [value for values in answers for value in values]


def _written(items: Sequence[Item]) -> list[str]:
    """Return what a script reads: id, item, id, item ..."""
    return [
        written
        for item in items
        for written in (item.id, item.model_dump_json(exclude_defaults=True))
    ]


def _text_key(space_id: str, ref: int) -> str:
    return f"text:{space_id}:{ref:016x}"


def _order(change: str) -> tuple[int, ...]:
    return tuple(int(part) for part in change.split("-"))


def _item(value: bytes | None) -> Item | None:
    if value is None:
        return None
    try:
        return parse_item(value)
    except ItemInvalidError:
        return None


def _introduced(value: bytes | None) -> Item | None:
    item = _item(value)
    return None if item is None else IntroducedItem.model_construct(**dict(item))
