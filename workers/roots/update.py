"""Composition root of the update worker."""

import asyncio
from argparse import Namespace

import structlog
from redis.asyncio import Redis

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.redis_behaviour import RedisBehaviour
from portrait.adapters.redis_catalogue import RedisCatalogue
from portrait.adapters.redis_cohorts import RedisCohorts
from portrait.adapters.redis_identities import RedisIdentities
from portrait.adapters.redis_live import RedisLive
from portrait.adapters.redis_paths import RedisPaths
from portrait.adapters.redis_popularity import RedisPopularity
from portrait.adapters.redis_progress import RedisOffsets, RedisProgress
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import RedisProfiles
from portrait.events.consent import DEFAULTS
from portrait.events.progress import UPDATE_GROUP
from portrait.events.stream import Publisher
from portrait.events.topics import FOLDED
from portrait.lifecycle.lease import stopped
from portrait.reading.dialect import Dialect
from portrait.settings import Settings
from workers.painter import await_painter
from workers.roots.bounds import bounds_of
from workers.roots.encoders import encoders_of
from workers.roots.registry import spoken
from workers.roots.wires import connected
from workers.update.repaint import keep_repainted
from workers.update.updater import Limits, Ports, assemble
from workers.update.worker import update

log = structlog.get_logger()


async def run(settings: Settings, _options: Namespace) -> None:
    """Fold events into profiles until told to stop."""
    async with (
        spoken(settings) as dialect,
        connected(settings) as wires,
        asyncio.TaskGroup() as tasks,
    ):
        encoders = encoders_of(settings, wires)
        painter = await await_painter(
            wires.registry, wires.catalogue, encoders.of, wires.closing, encoders.reader_of
        )
        if painter is None:
            return
        ports = update_ports(settings, wires.redis, wires.publisher, wires.catalogue)
        limits = limits_of(settings, dialect)
        updater = assemble(ports, painter, encoders.of, limits, UPDATE_GROUP, encoders.reader_of)
        studio = updater.studio
        log.info("worker_started", worker="update", model_version=painter.model.version)
        async with open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=UPDATE_GROUP,
            topics=FOLDED,
            closing=wires.closing,
            resume=updater.resume,
            notes=wires.notes,
        ) as stream:
            repainting = keep_repainted(updater.profiles, studio, lambda: stream.partitions)
            beside = [tasks.create_task(studio.follow()), tasks.create_task(repainting)]
            await update(stream, updater)
            for task in beside:
                await stopped(task)
    log.info("worker_stopped", worker="update")


def update_ports(
    settings: Settings, redis: Redis, publisher: Publisher, catalogue: RedisCatalogue
) -> Ports:
    """Connect an updater to Redis, but for what it publishes."""
    return Ports(
        profiles=RedisProfiles(redis, settings.profile_ttl),
        identities=RedisIdentities(redis, settings.profile_ttl),
        popularity=RedisPopularity(redis),
        behaviour=RedisBehaviour(redis),
        cohorts=RedisCohorts(redis),
        paths=RedisPaths(redis),
        progress=RedisProgress(redis),
        offsets=RedisOffsets(redis),
        live=RedisLive(redis),
        publisher=publisher,
        registry=RedisRegistry(redis),
        catalogue=catalogue,
    )


def limits_of(settings: Settings, dialect: Dialect) -> Limits:
    """Read what bounds a batch and an outage."""
    return Limits(
        settings.future_tolerance,
        settings.batch_tokens,
        settings.outage_limit,
        encode_wait=settings.encode_wait,
        offer_unknown=settings.offer_unknown,
        dialect=dialect,
        unsaid=DEFAULTS[settings.consent],
        declared=settings.declared,
    )
