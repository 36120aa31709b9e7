"""The index of models on Redis, beside what `RedisRegistry` keeps of each.

model:index    versions by creation (ms)    model:champion, model:previous, model:wanted
model:basis    what the next training stands on
model:retired  versions by when they left   model:<version>  card, history, rolled_back, ...
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from time import time
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from portrait.adapters.redis_common import readable, script, text, translated
from portrait.adapters.redis_damage import drop, mended
from portrait.lifecycle.model_index import (
    Card,
    Entry,
    ModelNotFoundError,
    NoFormerModelError,
    Note,
    Roles,
    noted,
    require_promotable,
    role_of,
)

INDEX, RETIRED = "model:index", "model:retired"
POINTERS = ("model:wanted", "model:champion", "model:previous")
BASIS = "model:basis"
TYPES = dict.fromkeys([*POINTERS, BASIS], "string") | {INDEX: "zset", RETIRED: "zset"}
FIELDS = ("card", "rolled_back", "refused", "history")
NOTES = TypeAdapter(tuple[Note, ...])

T = TypeVar("T")


class RedisModels:
    """A `ModelIndex`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._want = script(redis, "want_model.lua")
        self._switch = script(redis, "switch_model.lua")
        self._roll_back = script(redis, "roll_back_model.lua")
        self._forget = script(redis, "forget_model.lua")
        self._refuse = script(redis, "refuse_model.lua")
        self._restore = script(redis, "restore_model.lua")

    async def add(self, card: Card) -> None:
        """Write the card, then list it, in one transaction."""
        written = card.model_dump_json(exclude={*FIELDS})
        created = int(card.created_at.timestamp() * 1_000)

        async def ask() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(_key(card.version), "card", written)
                pipe.zadd(INDEX, {card.version: created})
                await pipe.execute()

        await mended(self._redis, {INDEX: "zset", _key(card.version): "hash"}, ask)

    async def listed(self) -> list[Entry]:
        """Return all models, newest first: two round trips."""
        found = await self._ask(lambda: self._redis.zrange(INDEX, 0, -1, desc=True))
        versions = [readable(version) for version in found]
        return await self._read([version for version in versions if version is not None])

    async def get(self, version: str) -> Entry:
        """Return one model."""
        score = await self._ask(lambda: self._redis.zscore(INDEX, version))
        is_listed = score is not None
        found = await self._read([version] if is_listed else [])
        if not found:
            raise ModelNotFoundError
        return found[0]

    async def standing(self) -> Roles:
        """Return the pointers. One that nobody can read is deleted: the ledger has another."""
        async with translated():
            pointers = await self._redis.mget(POINTERS)
        for key, value in zip(POINTERS, pointers, strict=True):
            if isinstance(value, bytes) and readable(value) is None:
                await drop(self._redis, key, value)
        return _standing(pointers)

    async def want(self, version: str, *, insist: bool = False, reason: str | None = None) -> None:
        """Look whether it may serve, then point to it and note why, in one step."""
        listed = await self.get(version)
        async with translated():
            if listed.role == "champion":
                await self._redis.delete("model:wanted")
                return
            require_promotable(
                listed.card, is_kept=listed.role != "retired", insist=insist, reason=reason
            )
            history = NOTES.dump_json(noted(listed.card, reason, datetime.now(UTC)))
            await self._want(keys=[POINTERS[0], _key(version)], args=[version, history])

    async def switch(self, version: str) -> bool:
        """Move the pointers, in one step."""
        keys = [*POINTERS, RETIRED, _key(version)]
        return bool(await self._ask(lambda: self._switch(keys=keys, args=[version, _now()])))

    async def refuse(self, version: str, reason: str) -> None:
        """Withdraw the wish, and write down why, in one step."""
        async with translated():
            await self._refuse(keys=[POINTERS[0], _key(version)], args=[version, reason])

    async def restore(self, champion: str, former: str | None, lost: str | None = None) -> bool:
        """Set the pointers, in one step."""
        args: list[str | int] = [champion, former or "", lost or "", _now()]
        keys = [*POINTERS, RETIRED]
        return bool(await self._ask(lambda: self._restore(keys=keys, args=args)))

    async def roll_back(self, reason: str, champion: str | None = None) -> str:
        """Move the pointers back, in one step."""
        args: list[str | int] = [reason, _now(), champion or ""]
        keys = [*POINTERS, RETIRED]
        former = await self._ask(lambda: self._roll_back(keys=keys, args=args))
        if former is None:
            raise NoFormerModelError
        return text(former)

    async def expired(self, grace: timedelta, now: datetime) -> list[str]:
        """Return whose time is over."""
        until = int((now - grace).timestamp() * 1_000)
        over = await self._ask(lambda: self._redis.zrangebyscore(RETIRED, "-inf", until))
        versions = [readable(version) for version in over]
        return [version for version in versions if version is not None]

    async def forget(self, version: str) -> None:
        """Remove the arrays; of a model in service nothing is removed."""
        keys = [*POINTERS, RETIRED, _key(version)]
        types = TYPES | {_key(version): "hash"}
        await mended(self._redis, types, lambda: self._forget(keys=keys, args=[version]))

    async def basis(self) -> str | None:
        """Return what the next training stands on."""
        return readable(await self._ask(lambda: self._redis.get(BASIS)))

    async def build_on(self, version: str | None) -> None:
        """Point to it, or to nothing."""
        async with translated():
            await (self._redis.set(BASIS, version) if version else self._redis.delete(BASIS))

    async def _ask(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis of pointers and lists; of another type, they are lost, and begun anew."""
        return await mended(self._redis, TYPES, ask)

    async def _read(self, versions: Sequence[str]) -> list[Entry]:
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.mget(POINTERS)
            for version in versions:
                pipe.hmget(_key(version), FIELDS)
                pipe.hexists(_key(version), "space")
            pointers, *answers = await pipe.execute(raise_on_error=False)
        standing = _standing(pointers)
        fields, kept = answers[::2], answers[1::2]
        listed = [
            _listed(told, standing, is_kept=bool(is_kept))
            for told, is_kept in zip(fields, kept, strict=True)
        ]
        return [each for each in listed if each is not None]


def _listed(
    told: Sequence[bytes | None] | RedisError, standing: Roles, *, is_kept: bool
) -> Entry | None:
    """Read what is told of a model; None if it has no card, or one that cannot be read."""
    written, *why, notes = [None, None] if isinstance(told, RedisError) else told
    if written is None:
        return None
    known: dict[str, object] = {
        name: reason
        for name, each in zip(FIELDS[1:-1], why, strict=True)
        if (reason := readable(each))
    }
    try:
        card = Card.model_validate_json(written)
    except ValidationError:
        return None
    card = card.model_copy(update=known | {"history": _history(notes)})
    return Entry(card, role_of(card, standing, is_kept=is_kept))


def _history(notes: bytes | None) -> tuple[Note, ...]:
    """Read the notes; none where nobody can read them."""
    try:
        return () if notes is None else NOTES.validate_json(notes)
    except ValidationError:
        return ()


def _standing(pointers: Sequence[object]) -> Roles:
    wanted, champion, former = (readable(one) for one in pointers)
    return Roles(champion, former, wanted)


def _key(version: str) -> str:
    return f"model:{version}"


def _now() -> int:
    return int(time() * 1_000)
