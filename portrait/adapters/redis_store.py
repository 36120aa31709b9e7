"""Every port of `store.py` on Redis.

profile:{user}              record of one user            text:<space>:<ref>   vector, float16
items, items:changes        catalogue and its change log  model:*              champion, spaces
{popular}:days, :<day>      weights of items by day       progress             partition → ms
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.resources import files
from io import BytesIO
from typing import TypeVar

import numpy as np
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import (
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - what redis-py calls it
    NoScriptError,
    TimeoutError,  # noqa: A004 - what redis-py calls it
)

from portrait.errors import ItemInvalidError, StoreUnavailableError
from portrait.item import Item, parse_item
from portrait.space import Space, Vectors
from portrait.store import Model, Write

KEYS_AT_ONCE = 500  # of one command: a millisecond of Redis, so others are not kept waiting
WEIGHTS_AT_ONCE = 2_000  # likewise: a weight is less work than a record
CHANGES_KEPT = 200_000  # a mirror further behind than this loads the catalogue again
CHANGES_AT_ONCE = 5_000
DAYS_KEPT = 28  # of popularity
NO_CHANGES = "0-1"
NONE_STORED = bytes(8)

T = TypeVar("T")


async def connect_redis(url: str) -> Redis:
    """Open a pool of connections. Nothing is sent until the first command."""
    return Redis.from_url(url, protocol=2)


async def ping(redis: Redis) -> None:
    """Raise StoreUnavailableError unless Redis answers."""
    async with _translated():
        await redis.ping()


class RedisProfiles:
    """A `ProfileStore`."""

    def __init__(self, redis: Redis, ttl: timedelta) -> None:
        self._redis = redis
        self._ttl = int(ttl.total_seconds())
        self._save = _script(redis, "save_profiles.lua")

    async def load(self, users: Sequence[str]) -> list[bytes | None]:
        """Return the users' records: one round trip."""
        if len(users) == 1:  # half the client's work, for whoever reads one profile
            async with _translated():
                record = await self._redis.get(_profile_key(users[0]))
            return [record if isinstance(record, bytes) else None]
        async with _translated(), self._redis.pipeline(transaction=False) as pipe:
            for some in _slices(users):
                pipe.mget([_profile_key(user) for user in some])
            return [record for records in await pipe.execute() for record in records]

    async def save(self, writes: Sequence[Write]) -> list[int]:
        """Compare and set: one pipelined round trip. Returns the places of those refused."""
        try:
            answers = await self._send(writes)
        except NoScriptError:  # Redis forgets scripts when it restarts, and then stores nothing
            async with _translated():
                await self._redis.script_load(self._save.script)
            answers = await self._send(writes)
        return [
            part * KEYS_AT_ONCE + place for part, refused in enumerate(answers) for place in refused
        ]

    async def _send(self, writes: Sequence[Write]) -> list[list[int]]:
        async with _translated(), self._redis.pipeline(transaction=False) as pipe:
            for some in _slices(writes):
                keys = [_profile_key(write.user) for write in some]
                values = [(write.expected or NONE_STORED) + write.record for write in some]
                pipe.evalsha(self._save.sha, len(keys), *keys, self._ttl, *values)
            answers: list[list[int]] = await pipe.execute()
        return answers


class RedisCatalogue:
    """A `CatalogueStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._put = _script(redis, "put_items.lua")

    async def put_items(self, items: Sequence[Item], *, overwrite: bool = True) -> None:
        """Store items and announce them, in one atomic step for every `KEYS_AT_ONCE`."""
        async with _translated():
            for some in _slices(items):
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
        async with _translated(), self._redis.pipeline(transaction=False) as pipe:
            for some in _slices(ids):
                pipe.hmget("items", list(some))
            answers = await pipe.execute()
        return [_item(value) for values in answers for value in values]

    async def all_ids(self) -> list[str]:
        """Return every id. Walks the keys, so Redis goes on answering others."""
        async with _translated():
            return [
                _text(id)
                async for id in self._redis.hscan_iter("items", count=1_000, no_values=True)
            ]

    async def cursor(self) -> str:
        """Return the id of the newest change."""
        async with _translated():
            newest = await self._redis.xrevrange("items:changes", count=1)
        return _text(newest[0][0]) if newest else NO_CHANGES

    async def changed_since(self, cursor: str) -> tuple[str, list[str]] | None:
        """Return a later cursor and the ids changed between, or None if the log has been cut."""
        async with _translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.xrange("items:changes", count=1)
            pipe.xrange("items:changes", min=f"({cursor}", count=CHANGES_AT_ONCE)
            oldest, changes = await pipe.execute()
        if oldest and _order(_text(oldest[0][0])) > _order(cursor):
            return None
        if not changes:
            return cursor, []
        return _text(changes[-1][0]), [_text(fields[b"id"]) for _, fields in changes]

    async def get_vectors(self, space_id: str, refs: Sequence[int]) -> list[Vectors | None]:
        """Return text vectors by text_ref."""
        async with _translated(), self._redis.pipeline(transaction=False) as pipe:
            for some in _slices(refs):
                pipe.mget([_text_key(space_id, ref) for ref in some])
            answers = await pipe.execute()
        return [
            None if value is None else np.frombuffer(value, "<f2").astype(np.float32)
            for values in answers
            for value in values
        ]

    async def put_vectors(
        self,
        space_id: str,
        refs: Sequence[int],
        vectors: Vectors,
        *,
        ttl: timedelta | None = None,
    ) -> None:
        """Store text vectors; with a time to live, one that is there stays as it is."""
        async with _translated(), self._redis.pipeline(transaction=False) as pipe:
            for ref, vector in zip(refs, vectors.astype("<f2"), strict=True):
                pipe.set(_text_key(space_id, ref), vector.tobytes(), ex=ttl, nx=ttl is not None)
            await pipe.execute()


class RedisPopularity:
    """A `PopularityStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._add = _script(redis, "add_popularity.lua")

    async def add(self, day: int, weights: Mapping[str, int]) -> None:
        """Add to a day's weights."""
        async with _translated():
            for some in _slices(list(weights.items()), WEIGHTS_AT_ONCE):
                args: list[str | int] = [day, DAYS_KEPT, json.dumps(dict(some))]
                await self._add(keys=["{popular}:days", f"{{popular}}:{day}"], args=args)

    async def newest(self, days: int) -> dict[str, int]:
        """Return the sums over the newest days on which anything happened."""
        async with _translated():
            keys = await self._redis.zrange("{popular}:days", 0, days - 1, desc=True)
            found = [await self._redis.hgetall(_text(key)) for key in keys]
        weights: dict[str, int] = {}
        for of_day in found:
            for id, weight in of_day.items():
                weights[_text(id)] = weights.get(_text(id), 0) + int(weight)
        return weights


class RedisProgress:
    """A `ProgressStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def mark(self, reached: Mapping[int, int]) -> None:
        """Note the moments."""
        async with _translated():
            if reached:
                await self._redis.hset(
                    "progress", mapping={str(at): moment for at, moment in reached.items()}
                )

    async def reached(self) -> dict[int, int]:
        """Return the moments."""
        async with _translated():
            found = await self._redis.hgetall("progress")
        return {int(partition): int(moment) for partition, moment in found.items()}


class RedisRegistry:
    """A `ModelRegistry`. Remembers the champion it read last: a version does not change."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._last: Model | None = None

    async def champion(self) -> Model | None:
        """Return the model in service."""
        async with _translated():
            version = await self._redis.get("model:champion")
            if self._last is not None and version == self._last.version.encode():
                return self._last
            manifest, packed = (
                await self._redis.hmget(f"model:{_text(version)}", ["manifest", "space"])
                if version
                else (None, None)
            )
        if not isinstance(manifest, bytes) or not isinstance(packed, bytes):
            return None
        manifest = json.loads(manifest)
        with np.load(BytesIO(packed), allow_pickle=False) as arrays:
            space = Space(manifest["encoder"], arrays["mean"], arrays["axes"])
        self._last = Model(manifest["version"], space)
        return self._last

    async def promote(self, model: Model) -> None:
        """Store the model, then point to it, in one transaction."""
        arrays = BytesIO()
        np.savez(arrays, mean=model.space.mean, axes=model.space.axes)
        manifest = {
            "version": model.version,
            "encoder": model.space.encoder,
            "space_id": model.space.id,
        }
        fields: dict[str | bytes | bytearray | memoryview | int | float, str | bytes] = {
            "manifest": json.dumps(manifest),
            "space": arrays.getvalue(),
        }
        async with _translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(f"model:{model.version}", mapping=fields)
            pipe.set("model:champion", model.version)
            await pipe.execute()


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Turn Redis being away into our error; whatever else it says is a bug, and is raised as is."""
    try:
        yield
    except (ConnectionError, TimeoutError, BusyLoadingError) as error:
        raise StoreUnavailableError from error


def _script(redis: Redis, name: str) -> AsyncScript:
    return redis.register_script(files(__package__).joinpath(name).read_text())


def _slices(values: Sequence[T], size: int = KEYS_AT_ONCE) -> list[Sequence[T]]:
    return [values[at : at + size] for at in range(0, len(values), size)]


def _text(value: object) -> str:
    """Decode what Redis sent: bytes, though its client's types allow for more."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _profile_key(user: str) -> str:
    return f"profile:{{{user}}}"


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
