"""Composition root of `portrait keys`."""

from argparse import Namespace

from portrait.adapters.redis_audit import RedisAudit
from portrait.adapters.redis_keys import RedisKeys
from portrait.adapters.redis_store import connect_redis
from portrait.settings import Settings
from service.access.command import run_task


async def run(settings: Settings, options: Namespace) -> None:
    """Make, list or revoke keys."""
    redis = await connect_redis(str(settings.redis_url))
    try:
        for line in await run_task(RedisKeys(redis), RedisAudit(redis), options):
            print(line)  # noqa: T201 - what was asked for
    finally:
        await redis.aclose()
