"""What lists gave lately, on Redis: all of it expires.

given:person:<ref>   revision (8 bytes), then `ROW`s, the oldest first; likewise
given:list:<ref>     what was given after a list that names nobody
"""

from collections.abc import Collection
from datetime import timedelta

import numpy as np
from redis.asyncio import Redis

from portrait.adapters.redis_common import script, translated
from portrait.adapters.redis_damage import Damage, mended
from portrait.experiments.given import MOST_GIVEN, ROW, Given, person_name
from portrait.times import MILLISECOND

REVISION_BYTES = 8
MOST_BYTES = MOST_GIVEN * ROW.itemsize


class RedisGiven:
    """A `GivenStore`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._put = script(redis, "put_given.lua")
        self._damage = Damage("given")

    async def given(self, whose: str) -> Given:
        """Return it: one round trip. What none of our programs wrote is nothing."""
        key = given_key(whose)

        async def ask() -> bytes | None:
            value: bytes | None = await self._redis.get(key)  # type: ignore[assignment] # bytes
            return value

        value = await mended(self._redis, {key: "string"}, ask)
        if value is None:
            return Given()
        if len(value) < REVISION_BYTES:
            self._damage.say([key])
            return Given()
        rows = value[REVISION_BYTES:]
        revision = int.from_bytes(value[:REVISION_BYTES], "little")
        if len(rows) % ROW.itemsize or len(rows) > MOST_BYTES:
            self._damage.say([key])
            return Given(revision)
        return Given(revision, np.frombuffer(rows, ROW))

    async def put(self, whose: str, given: Given, lasting: timedelta) -> bool:
        """Write it in one step: one round trip."""
        key = given_key(whose)
        value = _written(given.revision) + given.rows.tobytes()
        before, kept_ms = _written(given.revision - 1), lasting // MILLISECOND

        async def ask() -> object:
            return await self._put(keys=[key], args=[before, value, kept_ms])

        return bool(await mended(self._redis, {key: "string"}, ask))

    async def forget(self, people: Collection[int]) -> int:
        """Delete it: one round trip."""
        keys = [given_key(person_name(person)) for person in people]
        if not keys:
            return 0
        async with translated():
            return int(await self._redis.delete(*keys))


def given_key(whose: str) -> str:
    """Name the key of what was given."""
    return f"given:{whose}"


def _written(revision: int) -> bytes:
    return (revision % (1 << 8 * REVISION_BYTES)).to_bytes(REVISION_BYTES, "little")
