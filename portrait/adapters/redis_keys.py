"""API keys on Redis, without their secrets.

keys        hash: id to the key as JSON; keys:of:<shop>, where there are shops
keys:used   hash: id to when it was used last, ms; keys:used:of:<shop>
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pydantic import ValidationError
from redis.asyncio import Redis

from portrait.access.key import MOST_KEYS, ApiKey
from portrait.access.store import KeyNotFoundError, TooManyKeysError
from portrait.adapters.redis_common import number, readable, script, translated
from portrait.adapters.redis_damage import Damage
from portrait.times import to_moment, to_ms

KEYS, USED = "keys", "keys:used"
_LATEST = to_ms(datetime(9999, 1, 1, tzinfo=UTC))


class RedisKeys:
    """A `KeyStore`."""

    def __init__(self, redis: Redis, shop: str | None = None) -> None:
        self._redis = redis
        self._keys, self._uses = keys_of(shop)
        self._add = script(redis, "add_key.lua")
        self._note = script(redis, "note_key_uses.lua")
        self._damage = Damage("api_key")

    async def add(self, key: ApiKey) -> None:
        """Keep a new key, instead of the oldest that opens nothing if there is no room."""
        if await self._put(key):
            return
        useless = [each for each in await self.all() if not each.is_good(key.created_at)]
        if useless:
            async with translated():
                await self._redis.hdel(self._keys, useless[0].id)
        if not useless or not await self._put(key):
            msg = f"There are {MOST_KEYS:,} keys that open something: revoke one first."
            raise TooManyKeysError(msg)

    async def _put(self, key: ApiKey) -> bool:
        async with translated():
            return bool(await self._add(keys=[self._keys], args=[MOST_KEYS, key.id, _written(key)]))

    async def all(self) -> Sequence[ApiKey]:
        """Return every key by when it was made; a damaged one lets nobody in."""
        async with translated():
            stored = await self._redis.hgetall(self._keys)
        keys = {id: _read(id, value) for id, value in stored.items()}
        self._damage.say([readable(id) for id, key in keys.items() if key is None])
        known = [key for key in keys.values() if key is not None]
        return sorted(known, key=lambda key: (key.created_at, key.id))

    async def revoke(self, id: str, now: datetime) -> ApiKey:
        """Write when it was revoked; nothing else of a key ever changes."""
        async with translated():
            value = await self._redis.hget(self._keys, id)
        key = None if value is None else _read(id, value)
        if key is None:
            raise KeyNotFoundError
        if key.revoked_at is None:
            key = key.model_copy(update={"revoked_at": now})
            async with translated():
                await self._redis.hset(self._keys, id, _written(key))
        return key

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Remember when keys were used last."""
        if uses:
            args = [part for id, at in uses.items() for part in (id, to_ms(at))]
            async with translated():
                await self._note(keys=[self._keys, self._uses], args=args)

    async def uses(self) -> Mapping[str, datetime]:
        """Return when each was used last."""
        async with translated():
            stored = await self._redis.hgetall(self._uses)
        moments = {readable(id) or "": number(at) for id, at in stored.items()}
        return {
            id: to_moment(at) for id, at in moments.items() if at is not None and 0 < at < _LATEST
        }


def keys_of(shop: str | None) -> tuple[str, str]:
    """Return where keys lie, and when they were used."""
    of = "" if shop is None else f":of:{shop}"
    return KEYS + of, USED + of


def _written(key: ApiKey) -> str:
    return key.model_dump_json(exclude_none=True)


def _read(id: object, value: object) -> ApiKey | None:
    """Read a key; None if it is not one that we wrote under this id."""
    try:
        key = ApiKey.model_validate_json(readable(value) or "")
    except ValidationError:
        return None
    return key if key.id == readable(id) else None
