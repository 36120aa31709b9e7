"""The registry of models on Redis.

model:index    versions by creation (ms)    model:champion, model:previous, model:wanted
model:basis    what the next training stands on
model:retired  versions by when they left   model:<version>  card, history, rolled_back, ...,
                                            and its arrays: `redis_model_arrays.py`
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from time import time
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from portrait.adapters.redis_common import readable, script, text, translated
from portrait.adapters.redis_damage import drop, mended
from portrait.adapters.redis_model_arrays import (
    ARRAYS,
    Fields,
    further_fields,
    read_fields,
    write_fields,
)
from portrait.errors import ModelInvalidError, StoreDamagedError
from portrait.lifecycle.registry import (
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
from portrait.model.model import Model

INDEX, RETIRED = "model:index", "model:retired"
POINTERS = ("model:wanted", "model:champion", "model:previous")
BASIS = "model:basis"
CHAMPION = {"model:champion": "string"}
TYPES = dict.fromkeys([*POINTERS, BASIS], "string") | {INDEX: "zset", RETIRED: "zset"}
FIELDS = ("card", "rolled_back", "refused", "history")
NOTES = TypeAdapter(tuple[Note, ...])

T = TypeVar("T")


class RedisRegistry:
    """A `Registry`. Remembers the champion it read last: a version does not change."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._last: Model | None = None
        self._begin = script(redis, "begin_model.lua")
        self._want = script(redis, "want_model.lua")
        self._switch = script(redis, "switch_model.lua")
        self._roll_back = script(redis, "roll_back_model.lua")
        self._forget = script(redis, "forget_model.lua")
        self._refuse = script(redis, "refuse_model.lua")
        self._restore = script(redis, "restore_model.lua")

    async def champion(self) -> Model | None:
        """Return the model in service."""
        found = await mended(self._redis, CHAMPION, lambda: self._redis.get("model:champion"))
        version = readable(found)
        if version is None:  # or no text: the index worker names who served
            return None
        if self._last is None or self._last.version != version:
            self._last = await self.model(version)
        return self._last

    async def model(self, version: str) -> Model | None:
        """Return a model whose arrays are kept."""
        try:
            async with translated():
                found = await self._redis.hmget(_key(version), ARRAYS)
                names = further_fields(found)
                further = await self._redis.hmget(_key(version), names) if names else ()
        except StoreDamagedError as error:
            msg = f"{version}: in Redis {_key(version)} is no hash"
            raise ModelInvalidError(msg) from error
        return read_fields(version, found, further)

    async def store(self, model: Model) -> None:
        """Keep a model's arrays. It is there with the last of them."""
        key = _key(model.version)
        fields, before = write_fields(model)
        for some in (*before, fields):
            await self._put(key, some)

    async def _put(self, key: str, fields: Fields) -> None:
        await mended(self._redis, {key: "hash"}, lambda: self._redis.hset(key, mapping=fields))

    async def add(self, card: Card) -> None:
        """Write the card, then list it, in one transaction."""

        async def ask() -> None:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(_key(card.version), "card", _written(card))
                pipe.zadd(INDEX, {card.version: _created(card)})
                await pipe.execute()

        await mended(self._redis, {INDEX: "zset", _key(card.version): "hash"}, ask)

    async def entries(self) -> list[Entry]:
        """Return all models, newest first: two round trips."""
        found = await self._ask(lambda: self._redis.zrange(INDEX, 0, -1, desc=True))
        versions = [readable(version) for version in found]
        return await self._read([version for version in versions if version is not None])

    async def entry(self, version: str) -> Entry:
        """Return one model's card and role."""
        score = await self._ask(lambda: self._redis.zscore(INDEX, version))
        is_listed = score is not None
        found = await self._read([version] if is_listed else [])
        if not found:
            raise ModelNotFoundError
        return found[0]

    async def roles(self) -> Roles:
        """Return the pointers. One that nobody can read is deleted: the ledger has another."""
        async with translated():
            pointers = await self._redis.mget(POINTERS)
        for key, value in zip(POINTERS, pointers, strict=True):
            if isinstance(value, bytes) and readable(value) is None:
                await drop(self._redis, key, value)
        return _roles(pointers)

    async def begin(self, model: Model, card: Card, lost: str | None = None) -> bool:
        """Write arrays and card, list the model and point to it, in one step.

        What of the arrays is too large for that is there before, and nobody looks for it.
        """
        key = _key(model.version)
        last, before = write_fields(model)
        for some in before:
            await self._put(key, some)
        fields = {**last, "card": _written(card)}
        told: list[str | bytes | int] = [model.version, _created(card), lost or ""]
        args = [*told, *chain.from_iterable(fields.items())]
        keys, types = ["model:champion", RETIRED, INDEX, key], TYPES | {key: "hash"}
        return bool(await mended(self._redis, types, lambda: self._begin(keys=keys, args=args)))

    async def want(self, version: str, *, insist: bool = False, reason: str | None = None) -> None:
        """Look whether it may serve, then point to it and note why, in one step."""
        entry = await self.entry(version)
        if entry.role == "champion":
            async with translated():
                await self._redis.delete("model:wanted")
            return
        require_promotable(
            entry.card, is_kept=entry.role != "retired", insist=insist, reason=reason
        )
        keys = [POINTERS[0], _key(version)]
        history = NOTES.dump_json(noted(entry.card, reason, datetime.now(UTC)))
        await self._ask(lambda: self._want(keys=keys, args=[version, history]))

    async def switch(self, version: str) -> bool:
        """Move the pointers, in one step."""
        keys = [*POINTERS, RETIRED, _key(version)]
        return bool(await self._ask(lambda: self._switch(keys=keys, args=[version, _now()])))

    async def refuse(self, version: str, reason: str) -> None:
        """Withdraw the wish, and write down why, in one step."""
        keys = [POINTERS[0], _key(version)]
        await self._ask(lambda: self._refuse(keys=keys, args=[version, reason]))

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
        roles = _roles(pointers)
        fields, kept = answers[::2], answers[1::2]
        entries = [
            _entry(told, roles, is_kept=bool(is_kept))
            for told, is_kept in zip(fields, kept, strict=True)
        ]
        return [entry for entry in entries if entry is not None]


def _entry(
    told: Sequence[bytes | None] | RedisError, roles: Roles, *, is_kept: bool
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
    return Entry(card, role_of(card, roles, is_kept=is_kept))


def _history(notes: bytes | None) -> tuple[Note, ...]:
    """Read the notes; none where nobody can read them."""
    try:
        return () if notes is None else NOTES.validate_json(notes)
    except ValidationError:
        return ()


def _roles(pointers: Sequence[object]) -> Roles:
    wanted, champion, former = (readable(one) for one in pointers)
    return Roles(champion, former, wanted)


def _written(card: Card) -> str:
    """Return a card without what is told beside it."""
    return card.model_dump_json(exclude={*FIELDS})


def _created(card: Card) -> int:
    return int(card.created_at.timestamp() * 1_000)


def _key(version: str) -> str:
    return f"model:{version}"


def _now() -> int:
    return int(time() * 1_000)
