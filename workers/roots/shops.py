"""Composition root of `portrait shops`."""

import asyncio
import json
from argparse import Namespace
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from redis.asyncio import Redis

from portrait.access.audit import line_of_command
from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_shop import KafkaShop
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.places import empty_place
from portrait.adapters.redis_audit import RedisAudit
from portrait.adapters.redis_shops import RedisShops
from portrait.adapters.redis_store import connect_redis
from portrait.errors import SettingsInvalidError
from portrait.events.topics import ALL, read_topics
from portrait.settings import Settings, of_shop, variable
from workers.roots.groups import ALL_GROUPS
from workers.shops.command import name_in, quotas_in, table
from workers.shops.delete import Holdings, delete


async def run(settings: Settings, options: Namespace) -> None:
    """Make, list, limit or delete shops."""
    if settings.shop is not None:
        msg = (
            f"{variable('shop')}: this is about all shops; unset it, and name one behind the task."
        )
        raise SettingsInvalidError(msg)
    redis = await connect_redis(str(settings.redis_url))
    try:
        for line in await _done(settings, redis, options):
            print(line)  # noqa: T201 - what was asked for
    finally:
        await redis.aclose()


async def _done(settings: Settings, redis: Redis, options: Namespace) -> list[str]:
    """Do what is asked for. Returns the lines to print."""
    shops = RedisShops(redis)
    if options.task == "list":
        return table(await shops.all())
    name = name_in(options)
    own = of_shop(settings.model_copy(update={"shop": name}))
    if options.task == "delete":
        told = await _deleted(name, shops, own, options)
    elif options.task == "limit":
        told = table([await shops.limit(name, quotas_in(options))])
    else:
        quotas, topics = quotas_in(options), read_topics(settings.topics_file)
        shop = await shops.create(name, quotas, datetime.now(UTC))
        await create_topics(cluster_of(own), topics)
        told = table([shop])
    # Into the log of the installation: that of the shop goes with it.
    line = line_of_command(f"shops {options.task}", name, datetime.now(UTC))
    await RedisAudit(redis).add(line)
    return told


async def _deleted(name: str, shops: RedisShops, own: Settings, options: Namespace) -> list[str]:
    """Delete a shop, if that is meant."""
    if not options.yes:
        msg = f"--yes: all that is kept of {name} goes, and nothing brings it back."
        raise SettingsInvalidError(msg)
    holdings = Holdings(shops, KafkaShop(cluster_of(own), ALL, ALL_GROUPS), _places(own))
    gone = await delete(name, holdings, force=options.force)
    return [json.dumps({"deleted": name, **gone})]


def _places(settings: Settings) -> dict[str, Callable[[], Awaitable[int]]]:
    """Return what empties each place that a shop has for itself."""
    places = {
        "archive": settings.archive_url,
        "models": settings.models_url,
        "model_cache": settings.model_cache,
        "trainings": settings.train_folder,
        "tracking": settings.tracking_folder,
        "assist_models": settings.assist_models,
    }
    return {
        name: partial(asyncio.to_thread, empty_place, str(place)) for name, place in places.items()
    }
