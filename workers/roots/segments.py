"""Composition root of the segment worker. It needs neither an encoder nor torch."""

import asyncio
from argparse import Namespace
from functools import partial

import structlog

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.redis_progress import RedisOffsets
from portrait.adapters.redis_segments import RedisSegments
from portrait.adapters.redis_store import RedisProfiles
from portrait.adapters.webhook import Webhook
from portrait.events.consent import DEFAULTS
from portrait.events.resume import Resume
from portrait.events.topics import NOTICES
from portrait.lifecycle.lease import stopped
from portrait.settings import Settings
from workers.following import Following
from workers.roots.bounds import bounds_of
from workers.roots.groups import SEGMENTS_GROUP
from workers.roots.wires import connected
from workers.segments.telling import Send, by_topic, by_webhook, into_nothing, keep_telling
from workers.segments.walk import keep_walking
from workers.segments.worker import Segments, follow_people

log = structlog.get_logger()


async def run(settings: Settings, _options: Namespace) -> None:
    """Keep segments, and tell of them, until told to stop."""
    webhook = _webhook(settings)
    async with connected(settings) as wires, asyncio.TaskGroup() as tasks:
        del wires.checks["model"]  # without one nothing is foretold
        segments = Segments(
            store=RedisSegments(wires.redis),
            profiles=RedisProfiles(wires.redis, settings.profile_ttl),
            registry=wires.registry,
            unsaid=DEFAULTS[settings.consent],
        )
        following = Following(
            publisher=wires.publisher,
            resume=Resume(RedisOffsets(wires.redis), SEGMENTS_GROUP),
            outage=settings.outage_limit,
            future_tolerance=settings.future_tolerance,
        )
        log.info("worker_started", worker="segments")
        async with open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=SEGMENTS_GROUP,
            topics=(NOTICES,),
            closing=wires.closing,
            resume=following.resume,
            notes=wires.notes,
        ) as stream:
            tell = partial(keep_telling, store=segments.store, closing=wires.closing)
            ways = {"topic": by_topic(wires.publisher), "webhook": webhook}
            beside = [
                tasks.create_task(tell(way, send=send, news=segments.news[way]))
                for way, send in ways.items()
            ]
            walking = keep_walking(segments, settings.segment_walk, wires.closing)
            beside.append(tasks.create_task(walking))
            await follow_people(stream, segments, following)
            for task in beside:
                await stopped(task)
    log.info("worker_stopped", worker="segments")


def _webhook(settings: Settings) -> Send:
    if settings.segment_webhook is None:
        return into_nothing
    secret = settings.segment_webhook_secret
    return by_webhook(
        Webhook(
            settings.segment_webhook.get_secret_value(),
            secret.get_secret_value() if secret else "",
            may_be_private=settings.segment_webhook_private,
            setting="segment_webhook",
        ).post
    )
