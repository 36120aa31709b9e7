"""Composition root of the service: settings ─▶ adapters ─▶ app ─▶ uvicorn."""

import sys
from argparse import Namespace
from contextlib import AsyncExitStack
from dataclasses import replace

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.redis_store import connect_redis
from portrait.health import serve_health
from portrait.reading.dialect import dialect_of
from portrait.settings import Settings
from portrait.tls import context_of
from service.app import create_app
from service.roots.serving import (
    body_limits_of,
    border_of,
    check_access,
    check_port,
    guard_of,
    parts_of,
    serve,
)

LOCK_SECONDS = 0.000_5  # that a ranking may keep the loop from Python's lock; of itself it is 0.005


async def run(settings: Settings, _options: Namespace) -> None:
    """Serve until SIGTERM or SIGINT; then answer what is in flight, and leave."""
    check_access(settings)
    tls = context_of(settings)
    sys.setswitchinterval(LOCK_SECONDS)
    async with AsyncExitStack() as stack:
        redis = await connect_redis(str(settings.redis_url))
        stack.push_async_callback(redis.aclose)
        publisher = await stack.enter_async_context(open_publisher(cluster_of(settings)))
        parts = parts_of(settings, redis, publisher)
        border = replace(
            border_of(settings),
            future_tolerance=settings.future_tolerance,
            dialect=dialect_of(settings),
        )
        check_port(settings.host, settings.port, "port")
        limits, guard = body_limits_of(settings), guard_of(settings, redis)
        app = create_app(parts, body_limits=limits, border=border, guard=guard)
        checks = {"redis": parts.ping_store, "kafka": parts.publisher.check}
        async with serve_health(settings.health_host, settings.health_port, checks, tls=tls):
            await serve(settings, app, border, settings.port, tls)
