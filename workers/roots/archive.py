"""Composition root of the archive worker. It needs no torch."""

import asyncio
from argparse import Namespace

import structlog

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.parquet_archive import ParquetArchive
from portrait.archive.tidy import Rules
from portrait.events.consent import DEFAULTS
from portrait.events.stream import Notes
from portrait.events.topics import READ_BY_USER
from portrait.health import serve_health
from portrait.reading.dialect import Dialect
from portrait.settings import Settings
from portrait.tls import context_of
from workers.archive import Bounds, archive, check, keep_tidy
from workers.roots.bounds import bounds_of
from workers.roots.registry import spoken
from workers.roots.stop import told_to_stop

GROUP = "portrait-archive"

log = structlog.get_logger()


async def run(settings: Settings, _options: Namespace) -> None:
    """Write events to files until told to stop."""
    closing = told_to_stop()
    store = ParquetArchive(settings.archive_url, DEFAULTS[settings.consent])
    rules = Rules(
        retention=settings.archive_retention,
        most_bytes=settings.archive_size_limit,
        file_bytes=settings.archive_file_bytes,
    )
    checks = {"archive": lambda: check(store)}
    log.info("worker_started", worker="archive")
    async with (
        spoken(settings) as dialect,
        serve_health(
            settings.health_host,
            settings.health_port,
            checks,
            notes := Notes(),
            context_of(settings),
        ),
        open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=GROUP,
            topics=READ_BY_USER,
            closing=closing,
            notes=notes,
        ) as stream,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(keep_tidy(store, rules, settings.archive_tidy, closing))
        await archive(stream, store, _bounds(settings, dialect))
    log.info("worker_stopped", worker="archive")


def _bounds(settings: Settings, dialect: Dialect) -> Bounds:
    return Bounds(
        rows=settings.archive_rows,
        bytes=settings.archive_bytes,
        wait=settings.archive_wait,
        future_tolerance=settings.future_tolerance,
        outage=settings.outage_limit,
        dialect=dialect,
    )
