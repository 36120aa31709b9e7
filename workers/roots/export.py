"""Composition root of `export`."""

import sys
from argparse import Namespace
from datetime import UTC, datetime

from portrait.access.audit import about_user, line_of_command
from portrait.adapters.parquet_archive import ParquetArchive
from portrait.adapters.redis_audit import RedisAudit
from portrait.adapters.redis_store import connect_redis
from portrait.events.consent import DEFAULTS
from portrait.settings import Settings
from workers.privacy.gather import gather
from workers.roots.privacy import places_of
from workers.roots.stop import told_to_stop


async def run(settings: Settings, options: Namespace) -> None:
    """Print all that is kept of somebody; first it is written down that it was."""
    archive = ParquetArchive(settings.archive_url, DEFAULTS[settings.consent])
    redis = await connect_redis(str(settings.redis_url), settings.shop)
    try:
        line = line_of_command("export", about_user(options.user), datetime.now(UTC))
        await RedisAudit(redis).add(line)
        places = places_of(settings, redis, archive, told_to_stop())
        async for part in gather(options.user, places):
            sys.stdout.buffer.write(part)
    finally:
        await redis.aclose()
