"""Several shops, put together: each with connections, topics and keys of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI
from redis.asyncio import Redis

from portrait.adapters.kafka_names import Names
from portrait.adapters.kafka_publisher import ShopPublisher
from portrait.adapters.redis_keys import RedisKeys
from portrait.adapters.redis_store import connect_redis, ping
from portrait.events.stream import Publisher
from portrait.metrics import ShopSeries
from portrait.settings import Settings
from portrait.shops.name import prefix_of
from portrait.shops.shop import Shop
from service.http.border import Border
from service.live import Figures, Live
from service.roots.seats import seats_of
from service.roots.serving import (
    body_limits_of,
    in_shop,
    known_of,
    limits_of,
    parts_of,
    tokens_of,
)
from service.shops.app import create_shops_app
from service.shops.guard import ShopsGuard
from service.shops.shops import Opened, Shops


def shops_app(settings: Settings, redis: Redis, publisher: Publisher, border: Border) -> FastAPI:
    """Put together the app of the shops that the settings name.

    Args:
        settings: Of the process.
        redis: Connected to the database in which it is kept which shops there are.
        publisher: Of topics by their whole names.
        border: Who may come in at all.
    """
    known, series = known_of(settings, redis), ShopSeries()

    @asynccontextmanager
    async def opened(shop: Shop) -> AsyncIterator[Opened]:
        own = await connect_redis(str(settings.redis_url), shop.name)
        try:
            log = ShopPublisher(publisher, Names(prefix_of(shop.name)))
            keys = RedisKeys(redis, shop.name)
            parts = parts_of(settings, own, log, keys, settings.impressions)
            parts = in_shop(parts, shop.name, known)
            figures = Figures(series.items.labels(shop.name), series.unattended.labels(shop.name))
            live = Live(parts, figures)
            async with live.running():
                yield Opened(parts, live)
        finally:
            series.forget(shop.name)
            await own.aclose()

    shops = Shops(known, opened, settings.most_shops)
    guard = ShopsGuard(
        known, partial(RedisKeys, redis), tokens_of(settings), limits_of(settings, redis, known)
    )
    return create_shops_app(
        shops,
        guard,
        partial(ping, redis),
        publisher,
        series,
        body_limits=body_limits_of(settings),
        border=border,
        seats=seats_of(settings),
    )
