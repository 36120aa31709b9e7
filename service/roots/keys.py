"""Composition root of `portrait keys`."""

from argparse import Namespace
from contextlib import AsyncExitStack

from portrait.adapters.redis_audit import RedisAudit
from portrait.adapters.redis_keys import RedisKeys
from portrait.adapters.redis_store import connect_redis
from portrait.settings import Settings
from service.access.command import run_task


async def run(settings: Settings, options: Namespace) -> None:
    """Make, list or revoke keys: of a shop, if one is named."""
    shop = options.shop or settings.shop
    async with AsyncExitStack() as stack:
        redis = await connect_redis(str(settings.redis_url))
        stack.push_async_callback(redis.aclose)
        own = await connect_redis(str(settings.redis_url), shop)
        stack.push_async_callback(own.aclose)
        for line in await run_task(RedisKeys(redis, shop), RedisAudit(own), options):
            print(line)  # noqa: T201 - what was asked for
