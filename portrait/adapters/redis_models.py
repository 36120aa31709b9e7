"""The index of models on Redis, beside what `RedisRegistry` keeps of each.

model:index    versions by creation (ms)    model:champion, model:previous, model:wanted
model:retired  versions by when they left   model:<version>  card, rolled_back, refused, ...
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from time import time

from redis.asyncio import Redis

from portrait.adapters.redis_common import script, text, translated
from portrait.model_index import (
    Card,
    Listed,
    ModelNotFoundError,
    NoFormerModelError,
    Standing,
    require_promotable,
    role_of,
)

INDEX, RETIRED = "model:index", "model:retired"
POINTERS = ("model:wanted", "model:champion", "model:previous")
FIELDS = ("card", "rolled_back", "refused")


class RedisModels:
    """A `ModelIndex`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._switch = script(redis, "switch_model.lua")
        self._roll_back = script(redis, "roll_back_model.lua")
        self._forget = script(redis, "forget_model.lua")
        self._refuse = script(redis, "refuse_model.lua")
        self._restore = script(redis, "restore_model.lua")

    async def add(self, card: Card) -> None:
        """Write the card, then list it, in one transaction."""
        written = card.model_dump_json(exclude={"rolled_back", "refused"})
        created = int(card.created_at.timestamp() * 1_000)
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(_key(card.version), "card", written)
            pipe.zadd(INDEX, {card.version: created})
            await pipe.execute()

    async def listed(self) -> list[Listed]:
        """Return all models, newest first: two round trips."""
        async with translated():
            versions = await self._redis.zrange(INDEX, 0, -1, desc=True)
        return await self._read([text(version) for version in versions])

    async def get(self, version: str) -> Listed:
        """Return one model."""
        async with translated():
            is_listed = await self._redis.zscore(INDEX, version) is not None
        found = await self._read([version] if is_listed else [])
        if not found:
            raise ModelNotFoundError
        return found[0]

    async def standing(self) -> Standing:
        """Return the pointers."""
        async with translated():
            return _standing(await self._redis.mget(POINTERS))

    async def want(self, version: str, *, insist: bool = False) -> None:
        """Look whether it may serve, then point to it."""
        listed = await self.get(version)
        async with translated():
            if listed.role == "champion":
                await self._redis.delete("model:wanted")
                return
            require_promotable(listed.card, is_kept=listed.role != "retired", insist=insist)
            await self._redis.set("model:wanted", version)

    async def switch(self, version: str) -> bool:
        """Move the pointers, in one step."""
        async with translated():
            keys = [*POINTERS, RETIRED, _key(version)]
            return bool(await self._switch(keys=keys, args=[version, _now()]))

    async def refuse(self, version: str, reason: str) -> None:
        """Withdraw the wish, and write down why, in one step."""
        async with translated():
            await self._refuse(keys=[POINTERS[0], _key(version)], args=[version, reason])

    async def restore(self, champion: str, former: str | None, lost: str | None = None) -> bool:
        """Set the pointers, in one step."""
        args: list[str | int] = [champion, former or "", lost or "", _now()]
        async with translated():
            return bool(await self._restore(keys=[*POINTERS, RETIRED], args=args))

    async def roll_back(self, reason: str, champion: str | None = None) -> str:
        """Move the pointers back, in one step."""
        async with translated():
            args: list[str | int] = [reason, _now(), champion or ""]
            former = await self._roll_back(keys=[*POINTERS, RETIRED], args=args)
        if former is None:
            raise NoFormerModelError
        return text(former)

    async def expired(self, grace: timedelta, now: datetime) -> list[str]:
        """Return whose time is over."""
        until = int((now - grace).timestamp() * 1_000)
        async with translated():
            over = await self._redis.zrangebyscore(RETIRED, "-inf", until)
        return [text(version) for version in over]

    async def forget(self, version: str) -> None:
        """Remove the arrays; of a model in service nothing is removed."""
        async with translated():
            await self._forget(keys=[*POINTERS, RETIRED, _key(version)], args=[version])

    async def _read(self, versions: Sequence[str]) -> list[Listed]:
        async with translated(), self._redis.pipeline(transaction=True) as pipe:
            pipe.mget(POINTERS)
            for version in versions:
                pipe.hmget(_key(version), FIELDS)
                pipe.hexists(_key(version), "space")
            pointers, *answers = await pipe.execute()
        standing = _standing(pointers)
        fields, kept = answers[::2], answers[1::2]
        return [
            _listed(card, told, standing, is_kept=bool(is_kept))
            for (card, *told), is_kept in zip(fields, kept, strict=True)
            if card is not None
        ]


def _listed(
    written: bytes, told: Sequence[bytes | None], standing: Standing, *, is_kept: bool
) -> Listed:
    reasons = {name: why.decode() for name, why in zip(FIELDS[1:], told, strict=True) if why}
    card = Card.model_validate_json(written).model_copy(update=reasons)
    return Listed(card, role_of(card, standing, is_kept=is_kept))


def _standing(pointers: Sequence[object]) -> Standing:
    wanted, champion, former = (None if one is None else text(one) for one in pointers)
    return Standing(champion, former, wanted)


def _key(version: str) -> str:
    return f"model:{version}"


def _now() -> int:
    return int(time() * 1_000)
