"""The catalogue and the vectors of its texts on Redis."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import Any, TypeVar

import numpy as np
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json
from redis.asyncio import Redis

from portrait.adapters.redis_common import readable, script, slices, text, translated
from portrait.adapters.redis_damage import Damage, mended
from portrait.adapters.redis_straight import Straight
from portrait.errors import StoreDamagedError
from portrait.events.category import as_written, spelled
from portrait.events.item import IntroducedItem, Item
from portrait.model.space import Vectors
from portrait.times import MILLISECOND

CHANGES_KEPT = 200_000  # a mirror further behind than this loads the catalogue again
CHANGES_AT_ONCE = 5_000
NO_CHANGES = "0-1"
READ = "items:read"  # where items without a category lie, as a model reads it, by id
READ_BRANDS = "items:brands-read"  # of items without a brand, as they stand in titles, by id
KEYS = ["items", "items:introduced", "items:introduced:at", "items:changes", READ, READ_BRANDS]
CATEGORIES = "items:categories"  # how each is written, by meaning
BRANDS = "items:brands"  # what known names of brands say in titles, and its version
MOST_CATEGORIES = 50_000  # that are kept so; beyond, each is shown as its item has it
HALF = 2  # bytes of a number of a vector
SPARE = {
    "items:introduced": "hash",
    "items:introduced:at": "zset",
    "items:changes": "stream",
    CATEGORIES: "hash",
    READ: "hash",
    READ_BRANDS: "hash",
    BRANDS: "hash",
}
ADVICE = (
    "The key items in Redis is no hash, so the catalogue is lost. Bring Redis back from its backup,"
    " or say `redis-cli DEL items offsets:portrait-index life`: then the index worker reads it"
    " again from the topic."
)


T = TypeVar("T")
_TABLE = TypeAdapter(dict[str, str])


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
        self._spell = script(redis, "spell_categories.lua")
        self._put_vectors = script(redis, "put_passing_vectors.lua")
        self._damage, self._damage_of_items = Damage("vector"), Damage("item")

    async def put_items(self, items: Sequence[Item]) -> None:
        """Store items and announce them, in one atomic step for every `KEYS_AT_ONCE`."""
        for some in slices(items):
            args: list[str | int] = [CHANGES_KEPT, *_written(some)]
            await self._ask(partial(self._put, keys=KEYS, args=args))

    async def spelled(self, items: Sequence[Item], *, keep: bool) -> list[Item]:
        """Return items with their categories as the shop first wrote them."""
        if keep and not await self._ask(lambda: self._redis.exists(CATEGORIES)):
            await self._spell_what_is_there()
        written = await self._spelling([item.category for item in items], keep=keep)
        return [item.model_copy(update={"category": written[item.category]}) for item in items]

    async def _spell_what_is_there(self) -> None:
        """Keep the spellings of a catalogue that is older than they are: the commonest first."""
        ids, common = await self.all_ids(), Counter[str]()
        for some in slices(ids):
            found = await self.get_items(some)
            common.update(
                item.category
                for item in found
                if item is not None and not isinstance(item, IntroducedItem)
            )
        await self._spelling([path for path, _ in common.most_common()], keep=True)

    async def _spelling(self, paths: Iterable[str], *, keep: bool) -> dict[str, str]:
        """Return how each of these paths is written, and keep what nobody had written, or not."""
        unique = list(dict.fromkeys(paths))
        known = await self._known(meaning for path in unique for meaning in spelled(path, {}))
        new: dict[str, str] = {}
        for path in unique:
            new |= spelled(path, new | known)
        if keep:
            known = await self._kept({m: path for m, path in new.items() if m not in known})
        return {path: as_written(path, new | known) for path in unique}

    async def _known(self, meanings: Iterable[str]) -> dict[str, str]:
        """Return how some paths are written, by meaning; those that are known."""
        unique = list(dict.fromkeys(meanings))
        values = map(readable, await self._values(CATEGORIES, unique))
        return {m: path for m, path in zip(unique, values, strict=True) if path is not None}

    async def _kept(self, new: Mapping[str, str]) -> dict[str, str]:
        """Keep how paths are written, by meaning; who was faster is right. Returns all."""
        kept = dict(new)
        for some in slices([*new.items()]):
            args: list[str | int] = [MOST_CATEGORIES, *chain.from_iterable(some)]
            held = await self._ask(partial(self._spell, keys=[CATEGORIES], args=args))
            told = zip(some, map(readable, held), strict=True)
            kept |= {meaning: path for (meaning, _), path in told if path is not None}
        return kept

    async def put_places(self, read: Mapping[str, str]) -> None:
        """Keep where items lie as was read, and announce them."""
        await self._put_read(READ, read)

    async def put_brands(self, read: Mapping[str, str]) -> None:
        """Keep the brands of items as they were read, and announce them."""
        await self._put_read(READ_BRANDS, read)

    async def know_brands(self, said: Mapping[str, str]) -> None:
        """Keep what names of brands say, in one command with its version."""
        table = to_json(dict(sorted(said.items())))
        version = blake2b(table, digest_size=8).hexdigest()
        known: list[str | bytes] = ["version", version, "said", table]
        await self._ask(lambda: self._redis.hset(BRANDS, items=known))

    async def known_brands(self, version: str) -> tuple[str, dict[str, str]] | None:
        """Return what names of brands say; what is damaged says nothing."""
        (newest,) = map(readable, await self._ask(lambda: self._redis.hmget(BRANDS, ["version"])))
        if newest is None or newest == version:
            return None
        both = await self._ask(lambda: self._redis.hmget(BRANDS, ["version", "said"]))
        newest, said = map(readable, both)
        return None if newest is None else (newest, _table(said))

    async def _put_read(self, key: str, read: Mapping[str, str]) -> None:
        """Keep what was read and announce it, in one round trip for every `KEYS_AT_ONCE`."""
        for some in slices([*read.items()]):
            await self._ask(partial(self._put_some, key, dict(some)))

    async def _put_some(self, key: str, read: Mapping[str, str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for id, value in read.items():
                if value:
                    pipe.hset(key, id, value)
                else:
                    pipe.hdel(key, id)
                pipe.xadd("items:changes", {"id": id}, maxlen=CHANGES_KEPT, approximate=True)
            await pipe.execute()

    async def announce(self, ids: Sequence[str]) -> None:
        """Add items to the log of changes, in one round trip for every `KEYS_AT_ONCE`."""
        for some in slices(ids):
            await self._ask(partial(self._announce, some))

    async def introduce_items(self, items: Sequence[Item]) -> None:
        """Remember items for a while; none: forget those whose time is over."""
        bounds = [CHANGES_KEPT, self._memory.most, self._memory.ttl // MILLISECOND]
        for some in slices(items) or [()]:
            args: list[str | int] = [*bounds, *_remembered(some)]
            await self._ask(partial(self._introduce, keys=KEYS, args=args))

    async def withdraw_items(self, ids: Sequence[str]) -> None:
        """Mark items as gone. The index worker is the only writer of an item it withdraws."""
        found = [item for item in await self.get_items(ids) if item is not None]
        await self.put_items([item.model_copy(update={"withdrawn": True}) for item in found])

    async def get_items(self, ids: Sequence[str]) -> list[Item | None]:
        """Return items by id; one that this program cannot read is as good as none."""
        found = [_item(value) for value in await self._values("items", ids)]
        found = [
            None if item is not None and item.id != id else item  # another's in its place
            for id, item in zip(ids, found, strict=True)
        ]
        absent = [id for id, item in zip(ids, found, strict=True) if item is None]
        introduced = iter(await self._values("items:introduced", absent))
        found = [_introduced(next(introduced)) if item is None else item for item in found]
        return await self._with_read(found)

    async def _with_read(self, items: Sequence[Item | None]) -> list[Item | None]:
        """Return items with what was read of those that lack it, and of no others."""
        there = [item for item in items if item is not None]
        places = await self._read(READ, [item.id for item in there if item.lacks_category])
        brands = await self._read(READ_BRANDS, [item.id for item in there if item.lacks_brand])
        return [
            None
            if item is None
            else item.with_read(places.get(item.id, ""), brands.get(item.id, ""))
            for item in items
        ]

    async def _read(self, key: str, ids: Sequence[str]) -> dict[str, str]:
        """Return what was read of some items, by id."""
        values = map(readable, await self._values(key, ids) if ids else [])
        return {id: value for id, value in zip(ids, values, strict=True) if value is not None}

    async def all_ids(self) -> list[str]:
        """Return every id. Walks the keys, so Redis goes on answering others."""
        found: dict[str, None] = {}
        for key in ("items", "items:introduced"):
            ids = await self._ask(partial(self._walk, key))
            sound = {id: name for id in ids if (name := readable(id)) is not None}
            self._damage_of_items.say([id for id in ids if id not in sound])
            found |= dict.fromkeys(sound.values())
        return [*found]

    async def _walk(self, key: str) -> list[object]:
        return [id async for id in self._redis.hscan_iter(key, count=1_000, no_values=True)]

    async def count(self) -> int:
        """Return how many items the catalogue has."""
        return int(await self._ask(lambda: self._redis.hlen("items")))

    async def sample(self, most: int) -> list[str]:
        """Return ids at random."""
        ids = await self._ask(lambda: self._redis.hrandfield("items", most))
        return [name for id in ids or [] if (name := readable(id)) is not None]

    async def cursor(self) -> str:
        """Return the id of the newest change."""
        newest = await self._ask(lambda: self._redis.xrevrange("items:changes", count=1))
        return text(newest[0][0]) if newest else NO_CHANGES

    async def changed_since(self, cursor: str) -> tuple[str, list[str]] | None:
        """Return a later cursor and the ids changed between, or None if the log has been cut."""
        oldest, changes, newest = await self._ask(partial(self._changes, cursor))
        end = text(newest[0][0]) if newest else NO_CHANGES
        if _order(end) < _order(cursor):  # another log: Redis was emptied
            return None
        if oldest and _order(text(oldest[0][0])) > _order(cursor):
            return None
        if not changes:
            return cursor, []
        ids = [readable(fields.get(b"id")) for _, fields in changes]
        return text(changes[-1][0]), [id for id in ids if id is not None]

    async def _announce(self, ids: Sequence[str]) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            for id in ids:
                pipe.xadd("items:changes", {"id": id}, maxlen=CHANGES_KEPT, approximate=True)
            await pipe.execute()

    async def _changes(self, cursor: str) -> list[Any]:
        """Return the oldest change, those after a cursor, and the newest."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xrange("items:changes", count=1)
            pipe.xrange("items:changes", min=f"({cursor}", count=CHANGES_AT_ONCE)
            pipe.xrevrange("items:changes", count=1)
            answers: list[Any] = await pipe.execute()
        return answers

    async def get_vectors(
        self, space_id: str, refs: Sequence[int], dim: int
    ) -> list[Vectors | None]:
        """Return text vectors by their refs; one that is damaged is not there."""
        async with translated():
            values = await self._straight.mget([_text_key(space_id, ref) for ref in refs])
        vectors = [None if value is None else _vector(value, dim) for value in values]
        found = zip(refs, values, vectors, strict=True)
        self._damage.say(
            [
                (space_id, ref)
                for ref, value, vector in found
                if value is not None and vector is None
            ]
        )
        return vectors

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
        """Store text vectors; with a time to live, one that is there and sound stays as it is."""
        keys = [_text_key(space_id, ref) for ref in refs]
        values = [vector.tobytes() for vector in vectors.astype("<f2")]
        pairs = list(zip(keys, values, strict=True))
        if ttl is not None:
            await self._put_passing(pairs, int(ttl.total_seconds()))
            return
        async with translated(), self._redis.pipeline(transaction=False) as pipe:
            for key, value in pairs:
                pipe.set(key, value)
            await pipe.execute()

    async def _put_passing(self, pairs: Sequence[tuple[str, bytes]], seconds: int) -> None:
        async with translated():
            for some in slices(pairs):
                keys, values = [key for key, _ in some], [value for _, value in some]
                await self._put_vectors(keys=keys, args=[seconds, *values])

    async def _values(self, key: str, ids: Sequence[str]) -> list[bytes | None]:
        """Return fields of a hash, in their order."""

        async def ask() -> list[Any]:
            async with self._redis.pipeline(transaction=False) as pipe:
                for some in slices(ids):
                    pipe.hmget(key, list(some))
                answers: list[Any] = await pipe.execute()
            return answers

        return [value for values in await self._ask(ask) for value in values]

    async def _ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis of items; what lies beside the catalogue itself can be done without.

        Raises:
            StoreDamagedError: The catalogue is no hash; says what to do.
        """
        try:
            return await mended(self._redis, SPARE, ask)
        except StoreDamagedError:
            raise StoreDamagedError(ADVICE) from None


def _written(items: Sequence[Item]) -> list[str]:
    """Return what a script reads: id, item, id, item ..."""
    return [
        written
        for item in items
        for written in (item.id, item.model_dump_json(exclude_defaults=True))
    ]


def _remembered(items: Sequence[Item]) -> list[str | int]:
    """Return what a script reads of introduced items: id, item, how much it says, id ..."""
    return [
        written
        for item in items
        for written in (
            item.id,
            to_json({**item.model_dump(exclude_defaults=True), "said": item.said}).decode(),
            item.said,
        )
    ]


def _table(value: str | None) -> dict[str, str]:
    """Read what names of brands say; nothing, if it is damaged."""
    try:
        return _TABLE.validate_json(value or "")
    except ValidationError:
        return {}


def _text_key(space_id: str, ref: int) -> str:
    return f"text:{space_id}:{ref:016x}"


def _vector(value: bytes, dim: int) -> Vectors | None:
    """Read a vector; None if it is of another length, or not of numbers."""
    if len(value) != dim * HALF:
        return None
    vector = np.frombuffer(value, "<f2").astype(np.float32)
    return vector if np.isfinite(vector).all() else None


def _order(change: str) -> tuple[int, ...]:
    return tuple(int(part) for part in change.split("-"))


def _item(value: bytes | None) -> Item | None:
    if value is None:
        return None
    try:
        return Item.model_validate_json(value)
    except ValidationError:
        return None


def _introduced(value: bytes | None) -> Item | None:
    item = _item(value)
    return None if item is None else IntroducedItem.model_construct(**dict(item))
