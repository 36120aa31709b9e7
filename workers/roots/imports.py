"""Composition root of `import`."""

import json
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import structlog

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_history import open_history
from portrait.adapters.kafka_publisher import PatientPublisher, open_publisher
from portrait.adapters.redis_edges import RedisEdges
from portrait.adapters.redis_imports import RedisImports
from portrait.adapters.redis_store import connect_redis
from portrait.catalogue.edges import tabled
from portrait.events.topics import event_topic
from portrait.reading.files import Source, sources_of
from portrait.reading.records import Clock
from portrait.reading.report import End
from portrait.settings import Settings
from portrait.times import MILLISECOND
from workers.imports import items as import_items
from workers.imports.edges import read_edges
from workers.imports.events import Publication, read_history
from workers.imports.look import (
    EDGES,
    ITEMS,
    DeadRows,
    Rows,
    bar,
    is_agreed,
    is_wanted,
    look,
    name_of,
    write_dead,
)
from workers.imports.summary import Summary
from workers.roots.dialect import dialect_for
from workers.roots.stop import told_to_stop

log = structlog.get_logger()


async def run(settings: Settings, options: Namespace) -> None:
    """Publish what is in files, after a look at all of it; the last line printed is JSON."""
    started = time.monotonic()
    options.items = options.kind == ITEMS
    sources = [source for place in options.files for source in sources_of(place)]
    if options.kind == EDGES:
        await _edges(settings, sources, options)
        return
    clock = Clock.of_system(settings.future_tolerance // MILLISECOND)
    rows = Rows(sources, options, clock, dialect_for(settings, options))
    with TemporaryDirectory(prefix="portrait-import-") as folder:
        publish = _items if options.items else _events
        summary, sent = await publish(settings, rows, Path(folder))
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


async def _events(settings: Settings, rows: Rows, folder: Path) -> tuple[Summary, int]:
    """Import events. Returns what was read, and how many events of it the log has now."""
    redis = await connect_redis(str(settings.redis_url), settings.shop)
    ledger, name = RedisImports(redis), name_of(rows)
    try:
        imported = await ledger.read(name)
        if imported is not None and imported.is_finished and not rows.asked.dry_run:
            log.warning("imported_before", events=imported.done, sent=0)
            return Summary(), 0
        with bar("reading", rows.bytes, "B") as advance:
            first, *others = read_history(rows, folder, advance)
        summary, order, dead = first
        for part in others:
            summary.join(part.summary)
            order.join(part.order)
        path = write_dead([dead, *(part.dead for part in others)], rows.asked.files[0])
        _tell(summary, path)
        if not is_wanted(rows.asked, summary, path):
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


async def _items(settings: Settings, rows: Rows, folder: Path) -> tuple[Summary, int]:
    """Import items. Returns what was read, and how many messages were sent."""
    whole, dead = import_items.Whole(), DeadRows(folder / "dead")
    with bar("reading", rows.bytes, "B") as advance:
        summary = look(rows, whole.add, dead, advance)
    path = write_dead([dead.path], rows.asked.files[0])
    _tell(summary, path)
    if not is_wanted(rows.asked, summary, path):
        return summary, 0
    async with open_publisher(cluster_of(settings)) as connection:
        publisher = PatientPublisher(connection, settings.outage_limit, told_to_stop())
        with bar("publishing", rows.bytes, "B") as advance:
            again = (report for *_, report in rows.reports(advance))
            sent = await import_items.publish(again, whole, publisher)
    return summary, sent


async def _edges(settings: Settings, sources: Sequence[Source], options: Namespace) -> None:
    """Import edges: what files have of them, instead of those there are."""
    found = read_edges(sources, options.encoding)
    for line in found.lines():
        print(line)  # noqa: T201 - what was asked for
    found.check(options.dead_share)
    version = 0
    if is_agreed(options, f"Replace all edges by these {len(found.edges):,}?"):
        redis = await connect_redis(str(settings.redis_url), settings.shop)
        try:
            version = await RedisEdges(redis).replace(tabled(found.edges))
        finally:
            await redis.aclose()
    told = {"read": found.rows, "edges": len(found.edges), "dead": sum(found.dead.values())}
    print(json.dumps({**told, "version": version}))  # noqa: T201 - likewise


def _tell(summary: Summary, dead: Path | None) -> None:
    for line in summary.lines():
        print(line)  # noqa: T201 - what was asked for
    if dead is not None:
        print(f"The dead rows are in {dead}, with the reasons.")  # noqa: T201 - likewise
    sys.stdout.flush()
