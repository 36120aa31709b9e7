"""The catalogue and the vectors of its texts on Redis."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from redis.asyncio import Redis

from portrait.adapters.redis_common import script, slices, text, translated
from portrait.errors import ItemInvalidError
from portrait.item import Item, parse_item
from portrait.space import Vectors

CHANGES_KEPT = 200_000  # a mirror further behind than this loads the catalogue again
CHANGES_AT_ONCE = 5_000
NO_CHANGES = "0-1"


class RedisCatalogue:
    """A `CatalogueStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._put = script(redis, "put_items.lua")

    async def put_items(self, items: Sequence[Item], *, overwrite: bool = True) -> None:
        """Store items and announce them, in one atomic step for every `KEYS_AT_ONCE`."""
        async with translated():
            for some in slices(items):
                args: list[str | int] = [int(overwrite), CHANGES_KEPT]
                for item in some:
                    args += (item.id, item.model_dump_json(exclude_defaults=True))
                await self._put(keys=["items", "items:changes"], args=args)

    async def withdraw_items(self, ids: Sequence[str]) -> None:
        """Mark items as gone. The index worker is the only writer of an item it withdraws."""
        found = [item for item in await self.get_items(ids) if item is not None]
        await self.put_items([item.model_copy(update={"withdrawn": True}) for item in found])

    async def get_items(self, ids: Sequence[str]) -> list[Item | None]:
        """Return items by id; one that this program cannot read is as good as none."""
        if not ids:
            return []
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for some in slices(ids):
                pipe.hmget("items", list(some))
            answers = await pipe.execute()
        return [_item(value) for values in answers for value in values]

    async def all_ids(self) -> list[str]:
        """Return every id. Walks the keys, so Redis goes on answering others."""
        async with translated():
            return [
                text(id)
                async for id in self._redis.hscan_iter("items", count=1_000, no_values=True)
            ]

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
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for some in slices(refs):
                pipe.mget([_text_key(space_id, ref) for ref in some])
            answers = await pipe.execute()
        return [
            None if value is None else np.frombuffer(value, "<f2").astype(np.float32)
            for values in answers
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
