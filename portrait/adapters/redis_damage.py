"""Damage on Redis: values that none of our programs wrote so, beside profiles (`record.py`).

Each is as good as none, said once by each process that finds it, and replaced by whoever writes it
next. A key of another type takes no write, so it is deleted if what it held can be had again; of
another one is said what it is and what to do, and it is waited for.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeVar

import structlog
from redis.asyncio import Redis

from portrait import metrics
from portrait.adapters.redis_common import text, translated
from portrait.errors import StoreDamagedError

SAID_AT_MOST = 10_000  # places that are remembered, so that each is said once

T = TypeVar("T")

log = structlog.get_logger()


class Damage:
    """What an adapter has found of one kind. Lives as long as the adapter."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._said: set[object] = set()

    def say(self, places: Collection[object]) -> None:
        """Say that there are damaged values in these places, unless that was said before."""
        new = set(places) - self._said
        if not new or len(self._said) > SAID_AT_MOST:
            return
        self._said |= new
        metrics.values_damaged.labels(self._kind).inc(len(new))
        log.warning("values_damaged", kind=self._kind, values=len(new))


async def mended(redis: Redis, spare: Mapping[str, str], ask: Callable[[], Awaitable[T]]) -> T:
    """Ask Redis; if a key is of another type than it should be, delete it and ask again.

    Args:
        redis: Whom to ask.
        spare: Keys that can be done without, and their types. They are named in the log.
        ask: The commands.

    Raises:
        StoreDamagedError: It is none of those.
        StoreUnavailableError: Redis does not answer.
    """
    try:
        async with translated():
            return await ask()
    except StoreDamagedError:
        for key, type in spare.items():
            await _drop_unless(redis, key, type)
    async with translated():
        return await ask()


async def drop(redis: Redis, key: str, value: bytes) -> None:
    """Delete a key that nobody can read, unless it holds something else by now."""
    async with translated():
        dropped = await redis.eval(_DROP_VALUE, 1, key, value)
    if dropped:
        metrics.values_damaged.labels("key").inc()
        log.warning("key_deleted", key=key, reason="nobody can read it")


async def _drop_unless(redis: Redis, key: str, type: str) -> None:
    """Delete a key that is of another type, in one step."""
    async with translated():
        dropped = await redis.eval(_DROP, 1, key, type)
    if dropped:
        metrics.values_damaged.labels("key").inc()
        log.warning("key_deleted", key=key, reason=f"it was a {text(dropped)}, not a {type}")


_DROP_VALUE = """
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
_DROP = """
local type = redis.call('TYPE', KEYS[1]).ok
if type == ARGV[1] or type == 'none' then return false end
redis.call('DEL', KEYS[1])
return type
"""
