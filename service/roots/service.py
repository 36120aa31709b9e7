"""Composition root of the service: settings ─▶ adapters ─▶ app ─▶ uvicorn."""

import sys
from argparse import Namespace
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial

from fastapi import FastAPI
from redis.asyncio import Redis

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.redis_keys import RedisKeys
from portrait.adapters.redis_store import connect_redis, ping
from portrait.events.stream import Publisher
from portrait.health import Check, serve_health
from portrait.reading.dialect import dialect_of
from portrait.settings import Settings
from portrait.tls import context_of
from service.app import create_app
from service.http.border import Border
from service.roots.seats import seats_of
from service.roots.serving import (
    ALL,
    body_limits_of,
    border_of,
    check_access,
    check_port,
    guard_of,
    in_shop,
    known_of,
    parts_of,
    serve,
)
from service.roots.shops import shops_app

LOCK_SECONDS = 0.000_5  # that a ranking may keep the loop from Python's lock; of itself it is 0.005


async def run(settings: Settings, _options: Namespace) -> None:
    """Serve until SIGTERM or SIGINT; then answer what is in flight, and leave."""
    settings = alone(settings)
    check_access(settings)
    tls = context_of(settings)
    sys.setswitchinterval(LOCK_SECONDS)
    async with AsyncExitStack() as stack:
        redis = await connect_redis(str(settings.redis_url))
        stack.push_async_callback(redis.aclose)
        publisher = await stack.enter_async_context(open_publisher(cluster_of(settings)))
        border = replace(
            border_of(settings),
            future_tolerance=settings.future_tolerance,
            dialect=dialect_of(settings),
        )
        check_port(settings.host, settings.port, "port")
        if settings.shops is not None:
            app = shops_app(settings, redis, publisher, border)
        else:
            own = await connect_redis(str(settings.redis_url), settings.shop)
            stack.push_async_callback(own.aclose)
            app = _app(settings, own, redis, publisher, border)
        checks: dict[str, Check] = {"redis": partial(ping, redis), "kafka": publisher.check}
        async with serve_health(
            settings.health_host, settings.health_port, checks, tls=tls, shop=settings.shop
        ):
            await serve(settings, app, border, settings.port, tls)


def alone(settings: Settings) -> Settings:
    """Serve the one that is named as if there were but one: nobody has to say which."""
    match settings.shops:
        case (str(name),) if name != ALL:
            return settings.model_copy(update={"shop": name, "shops": None})
    return settings


def _app(
    settings: Settings, own: Redis, redis: Redis, publisher: Publisher, border: Border
) -> FastAPI:
    """Put together the app of one shop, or of none that has a name."""
    keys, known = RedisKeys(redis, settings.shop), known_of(settings, redis)
    parts = parts_of(settings, own, publisher, keys, settings.impressions)
    parts = in_shop(parts, settings.shop, known)
    guard = guard_of(settings, redis, known)
    return create_app(
        parts,
        body_limits=body_limits_of(settings),
        border=border,
        guard=guard,
        seats=seats_of(settings),
    )
