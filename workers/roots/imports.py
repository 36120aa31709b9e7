"""Composition root of `import`."""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import structlog

from portrait.adapters.kafka_history import open_history
from portrait.adapters.kafka_publisher import PatientPublisher, open_publisher
from portrait.adapters.redis_imports import RedisImports
from portrait.adapters.redis_store import connect_redis
from portrait.events.topics import event_topic
from portrait.reading.files import Row, Source, sources_of
from portrait.reading.records import Clock
from portrait.reading.report import End, Report
from portrait.settings import Settings
from portrait.times import MILLISECOND
from workers import import_items
from workers.import_events import Publication, add_to, past_reader
from workers.imports import ITEMS, bar, dead_rows_of, is_wanted, look, name_of
from workers.roots.dialect import dialect_for
from workers.roots.kafka import cluster_of
from workers.roots.stop import told_to_stop
from workers.summary import Summary
from workers.time_order import TimeOrder
from workers.try_out import reader_of

Read = Callable[[Row], Report]

log = structlog.get_logger()


async def run(settings: Settings, options: Namespace) -> None:
    """Publish what is in files, after a look at all of it; the last line printed is JSON."""
    started = time.monotonic()
    sources = [source for place in options.files for source in sources_of(place)]
    clock = Clock.of_system(settings.future_tolerance // MILLISECOND)
    options.items = options.kind == ITEMS
    read = reader_of(options, clock, dialect_for(settings, options))
    if options.items:
        summary, sent = await _items(settings, options, sources, read)
    else:
        summary, sent = await _events(settings, options, sources, past_reader(read, clock))
    seconds = time.monotonic() - started
    ended = {
        "read": summary.ends[End.READ],
        options.kind: sent,
        "passed_over": summary.ends[End.PASSED_OVER],
        "dead": summary.ends[End.DEAD],
        "seconds": round(seconds, 3),
        f"{options.kind}_per_second": round(sent / seconds),
    }
    print(json.dumps(ended))  # noqa: T201 - what was asked for


async def _events(
    settings: Settings, options: Namespace, sources: Sequence[Source], read: Read
) -> tuple[Summary, int]:
    """Import events. Returns what was read, and how many events the log has of it."""
    redis = await connect_redis(str(settings.redis_url))
    ledger = RedisImports(redis)
    try:
        name = name_of(sources, options, dialect_for(settings, options))
        imported = await ledger.read(name)
        if imported is not None and imported.is_finished and not options.dry_run:
            log.warning("imported_before", events=imported.done, sent=0)
            return Summary(), 0
        with TemporaryDirectory(prefix="portrait-import-") as folder:
            order = TimeOrder(Path(folder))
            dead = dead_rows_of(options.files[0])
            summary = await look(sources, options, read, partial(add_to, order), dead)
            _tell(summary)
            if not is_wanted(options, summary, dead):
                return summary, 0
            topics = [event_topic(action) for action in sorted(order.actions)]
            async with open_history(cluster_of(settings), name, topics) as history:
                publication = Publication(
                    name, uuid4().hex, history, ledger, settings.outage_limit, told_to_stop()
                )
                with bar("publishing", len(order), "event") as advance:
                    await publication.publish(order, advance)
            return summary, len(order)
    finally:
        await redis.aclose()


async def _items(
    settings: Settings, options: Namespace, sources: Sequence[Source], read: Read
) -> tuple[Summary, int]:
    """Import items. Returns what was read, and how many messages were sent."""
    whole, dead = import_items.Whole(), dead_rows_of(options.files[0])
    summary = await look(sources, options, read, whole.add, dead)
    _tell(summary)
    if not is_wanted(options, summary, dead):
        return summary, 0
    async with open_publisher(cluster_of(settings)) as connection:
        publisher = PatientPublisher(connection, settings.outage_limit, told_to_stop())
        again = (read(row) for source in sources for row in source.rows(options.encoding))
        with bar("publishing", summary.messages, "row") as advance:
            sent = await import_items.publish(again, whole, publisher, advance)
    return summary, sent


def _tell(summary: Summary) -> None:
    for line in summary.lines():
        print(line)  # noqa: T201 - what was asked for
    sys.stdout.flush()
