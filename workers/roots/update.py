"""Composition root of the update worker."""

import asyncio
from argparse import Namespace

import structlog

from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.redis_live import RedisLive
from portrait.adapters.redis_progress import RedisOffsets, RedisPopularity, RedisProgress
from portrait.adapters.redis_store import RedisProfiles
from portrait.events.resume import Resume
from portrait.events.topics import ERASURES, EVENT_TOPICS
from portrait.lifecycle.lease import stopped
from portrait.settings import Settings
from workers.painter import Studio, await_painter
from workers.prequential import Prequential
from workers.repaint import keep_repainted
from workers.roots.bounds import bounds_of
from workers.roots.encoders import encoders_of
from workers.roots.kafka import cluster_of
from workers.roots.wires import connected
from workers.update import Limits, Updater, update

GROUP = "portrait-update"

log = structlog.get_logger()


async def run(settings: Settings, _options: Namespace) -> None:
    """Fold events into profiles until told to stop."""
    async with connected(settings) as wires, asyncio.TaskGroup() as tasks:
        encoders = encoders_of(settings, wires)
        painter = await await_painter(wires.registry, wires.catalogue, encoders.of, wires.closing)
        if painter is None:
            return
        studio = Studio(painter, wires.registry, wires.catalogue, encoders.of)
        profiles = RedisProfiles(wires.redis, settings.profile_ttl)
        resume = Resume(RedisOffsets(wires.redis), GROUP)
        updater = Updater(
            profiles=profiles,
            popularity=RedisPopularity(wires.redis),
            progress=RedisProgress(wires.redis),
            resume=resume,
            publisher=wires.publisher,
            studio=studio,
            prequential=Prequential(RedisLive(wires.redis)),
            limits=Limits(
                settings.future_tolerance,
                settings.batch_tokens,
                settings.outage_limit,
                encode_wait=settings.encode_wait,
                offer_unknown=settings.offer_unknown,
            ),
        )
        log.info("worker_started", worker="update", model_version=painter.model.version)
        async with open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=GROUP,
            topics=(*EVENT_TOPICS, ERASURES),
            closing=wires.closing,
            resume=resume,
            notes=wires.notes,
        ) as stream:
            beside = [
                tasks.create_task(studio.follow()),
                tasks.create_task(keep_repainted(profiles, studio, lambda: stream.partitions)),
            ]
            await update(stream, updater)
            for task in beside:
                await stopped(task)
    log.info("worker_stopped", worker="update")
