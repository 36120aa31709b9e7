"""Composition root of the experiment worker. It needs neither an encoder nor torch."""

from argparse import Namespace

import structlog

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.redis_lists import RedisLists
from portrait.adapters.redis_progress import RedisOffsets
from portrait.adapters.redis_store import RedisProfiles
from portrait.events.consent import DEFAULTS
from portrait.events.resume import Resume
from portrait.events.topics import ERASURES, IMPRESSIONS, event_topic
from portrait.settings import Settings
from workers.experiments.reading import DEEDS
from workers.experiments.worker import Experiments, count_lists
from workers.following import Following
from workers.roots.bounds import bounds_of
from workers.roots.groups import EXPERIMENTS_GROUP
from workers.roots.registry import spoken
from workers.roots.wires import connected

TOPICS = (IMPRESSIONS, *map(event_topic, DEEDS), ERASURES)

log = structlog.get_logger()


async def run(settings: Settings, _options: Namespace) -> None:
    """Join and count until told to stop."""
    async with spoken(settings) as dialect, connected(settings) as wires:
        del wires.checks["model"]  # it needs none
        experiments = Experiments(
            store=RedisLists(wires.redis),
            profiles=RedisProfiles(wires.redis, settings.profile_ttl),
            catalogue=wires.catalogue,
            following=Following(
                publisher=wires.publisher,
                resume=Resume(RedisOffsets(wires.redis), EXPERIMENTS_GROUP),
                outage=settings.outage_limit,
                future_tolerance=settings.future_tolerance,
                dialect=dialect,
            ),
            unsaid=DEFAULTS[settings.consent],
        )
        log.info("worker_started", worker="experiments")
        async with open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=EXPERIMENTS_GROUP,
            topics=TOPICS,
            closing=wires.closing,
            resume=experiments.following.resume,
            notes=wires.notes,
        ) as stream:
            await count_lists(stream, experiments)
    log.info("worker_stopped", worker="experiments")
