"""Wires: what update worker, index worker and trainer are connected to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import PatientPublisher, open_publisher
from portrait.adapters.redis_catalogue import Memory, RedisCatalogue
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import connect_redis, eviction
from portrait.errors import ModelMissingError, StoreUnavailableError
from portrait.events.stream import Notes
from portrait.health import Check, serve_health
from portrait.settings import Settings, variable
from portrait.tls import context_of
from workers.roots.stop import told_to_stop

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wires:
    """What both long-running workers are connected to."""

    redis: Redis
    publisher: PatientPublisher
    registry: RedisRegistry
    catalogue: RedisCatalogue
    closing: asyncio.Event
    checks: dict[str, Check]
    notes: Notes


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Wires]:
    """Connect, and answer health checks and signals from the first moment."""
    async with AsyncExitStack() as stack:
        redis = await connect_redis(str(settings.redis_url), settings.shop)
        stack.push_async_callback(redis.aclose)
        closing = told_to_stop()
        connection = await stack.enter_async_context(open_publisher(cluster_of(settings)))
        publisher = PatientPublisher(connection, settings.outage_limit, closing)
        registry = RedisRegistry(redis)

        async def model() -> None:
            if await registry.champion() is None:
                raise ModelMissingError

        notes = Notes()
        checks: dict[str, Check] = {
            "redis": lambda: _sound(redis, notes),
            "kafka": publisher.check,
            "model": model,
        }
        await stack.enter_async_context(
            serve_health(
                settings.health_host,
                settings.health_port,
                checks,
                notes,
                context_of(settings),
                settings.shop,
            )
        )
        await _warn(redis)
        yield Wires(
            redis,
            publisher,
            registry,
            RedisCatalogue(redis, Memory(settings.unknown_items, settings.unknown_ttl)),
            closing,
            checks,
            notes,
        )


async def _sound(redis: Redis, notes: Notes) -> None:
    """Raise unless Redis answers; note what it may forget."""
    notes.hold("eviction", await eviction(redis))


async def _warn(redis: Redis) -> None:
    """Say at the start why Redis does not serve, or what it may forget."""
    try:
        if reason := await eviction(redis):
            log.warning("redis_may_evict", reason=reason)
    except StoreUnavailableError as error:
        log.warning("redis_away", reason=f"{variable('redis_url')}: {error}")
