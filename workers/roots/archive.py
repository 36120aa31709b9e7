"""Composition root of the archive worker. It needs no torch."""

import asyncio
from argparse import Namespace
from contextlib import aclosing

import structlog

from portrait.adapters.audit_files import AuditFiles
from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.parquet_archive import ParquetArchive
from portrait.adapters.redis_audit import RedisAudit
from portrait.adapters.redis_store import connect_redis
from portrait.archive.tidy import Rules
from portrait.events.consent import DEFAULTS
from portrait.events.stream import Notes
from portrait.events.topics import ARCHIVED
from portrait.health import serve_health
from portrait.reading.dialect import Dialect
from portrait.rights.receipt import read_key
from portrait.settings import Settings
from portrait.tls import context_of
from workers.archive import Bounds, archive, check, keep_tidy
from workers.audit import keep_audit
from workers.privacy.belongings import Places
from workers.privacy.clerk import Clerk
from workers.roots.bounds import bounds_of
from workers.roots.groups import ARCHIVE_GROUP
from workers.roots.privacy import places_of
from workers.roots.registry import spoken
from workers.roots.stop import told_to_stop

log = structlog.get_logger()


async def run(settings: Settings, _options: Namespace) -> None:
    """Write events to files until told to stop."""
    closing = told_to_stop()
    redis = await connect_redis(str(settings.redis_url), settings.shop)
    store = ParquetArchive(settings.archive_url, DEFAULTS[settings.consent])
    rules = Rules(
        retention=settings.archive_retention,
        most_bytes=settings.archive_size_limit,
        file_bytes=settings.archive_file_bytes,
    )
    checks = {"archive": lambda: check(store)}
    clerk = _clerk(settings, places_of(settings, redis, store, closing))
    log.info("worker_started", worker="archive")
    async with (
        aclosing(redis),
        spoken(settings) as dialect,
        serve_health(
            settings.health_host,
            settings.health_port,
            checks,
            notes := Notes(),
            context_of(settings),
            settings.shop,
        ),
        open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=ARCHIVE_GROUP,
            topics=ARCHIVED,
            closing=closing,
            notes=notes,
        ) as stream,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(keep_tidy(store, rules, settings.archive_tidy, closing))
        tasks.create_task(clerk.run(closing))
        tasks.create_task(keep_audit(RedisAudit(redis), AuditFiles(settings.archive_url), closing))
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


def _clerk(settings: Settings, places: Places) -> Clerk:
    """Give the clerk a key, if there is one.

    Raises:
        SettingsInvalidError: It is no private key of Ed25519.
    """
    file = settings.receipt_key_file
    key = None if file is None else read_key(file.read_bytes(), private=True)
    return Clerk(places, key, settings.shop)
