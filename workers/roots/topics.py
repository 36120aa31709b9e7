"""Composition root of `topics`."""

from argparse import Namespace

import structlog

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_topics import create_topics
from portrait.events.topics import read_topics
from portrait.settings import Settings

log = structlog.get_logger()


async def run(settings: Settings, _options: Namespace) -> None:
    """Create the topics that are missing."""
    created = await create_topics(cluster_of(settings), read_topics(settings.topics_file))
    log.info("topics_created", topics=created)
