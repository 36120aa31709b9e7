"""Composition root of the workers.

`python -m workers update | index | archive | train | topics | replay-dead`
"""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import structlog
import uvloop
from redis.asyncio import Redis
from threadpoolctl import threadpool_limits

from portrait.adapters.kafka_publisher import PatientPublisher, open_publisher
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.kafka_topics import create_topics
from portrait.adapters.parquet_archive import ParquetArchive
from portrait.adapters.redis_catalogue import Memory, RedisCatalogue
from portrait.adapters.redis_desk import RedisDesk
from portrait.adapters.redis_live import RedisLive
from portrait.adapters.redis_models import RedisModels
from portrait.adapters.redis_progress import RedisOffsets, RedisPopularity, RedisProgress
from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import RedisProfiles, connect_redis, eviction
from portrait.archive.tidy import Rules
from portrait.errors import EncoderInvalidError, ModelMissingError, StoreUnavailableError
from portrait.events.resume import Resume
from portrait.events.stream import Notes, Publisher
from portrait.events.topics import DEAD, ERASURES, EVENT_TOPICS, ITEMS, read_topics
from portrait.lifecycle.lease import stopped
from portrait.logs import configure_logs, leaves, report_failure
from portrait.model.encoder import TextEncoder
from portrait.settings import Settings
from portrait.text.text_encoder import BertEncoder, from_anywhere, load_encoder, name_of
from portrait.training.loop.distributed import is_follower
from workers.another_encoder import AnotherEncoder
from workers.archive import Bounds, archive, check, keep_tidy
from workers.desk import keep_read
from workers.encoders import Encoders, Sources
from workers.health import Check, serve_health
from workers.index import Indexer, index
from workers.origin import Completeness, Origin, Shop, Stores
from workers.painter import await_painter
from workers.repaint import keep_repainted
from workers.replay_dead import replay_dead
from workers.spaces import Spaces
from workers.unread import Unread
from workers.update import Limits, Ports, assemble, update
from workers.upkeep import Upkeep

UPDATE_GROUP, INDEX_GROUP = "portrait-update", "portrait-index"
YOUNG_OBJECTS = 50_000  # between two collections: a batch's events die together, without cycles

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wires:
    """What both long-running workers are connected to."""

    redis: Redis
    publisher: PatientPublisher
    registry: RedisRegistry
    models: RedisModels
    catalogue: RedisCatalogue
    closing: asyncio.Event
    checks: dict[str, Check]
    notes: Notes


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Wires]:
    """Connect, and answer health checks and signals from the first moment."""
    async with AsyncExitStack() as stack:
        redis = await connect_redis(str(settings.redis_url))
        stack.push_async_callback(redis.aclose)
        closing = _told_to_stop()
        connection = await stack.enter_async_context(open_publisher(settings))
        publisher = PatientPublisher(connection, settings.outage_limit, closing)
        registry = RedisRegistry(redis)

        async def model() -> None:
            if await registry.champion() is None:
                raise ModelMissingError

        notes = Notes()
        checks: dict[str, Check] = {
            "redis": lambda: _sound(redis, notes),
            "kafka": publisher.check,
            "model": model,
        }
        await stack.enter_async_context(
            serve_health(settings.health_host, settings.health_port, checks, notes)
        )
        await _warn(redis)
        yield Wires(
            redis,
            publisher,
            registry,
            RedisModels(redis),
            RedisCatalogue(redis, Memory(settings.unknown_items, settings.unknown_ttl)),
            closing,
            checks,
            notes,
        )


async def _sound(redis: Redis, notes: Notes) -> None:
    """Raise unless Redis answers; note what it may forget."""
    notes.hold("eviction", await eviction(redis))


async def _warn(redis: Redis) -> None:
    """Say at the start what Redis may forget; while it is away, only who asks is told."""
    with suppress(StoreUnavailableError):
        if reason := await eviction(redis):
            log.warning("redis_may_evict", reason=reason)


async def run_update(settings: Settings) -> None:
    """Fold events into profiles until told to stop."""
    async with connected(settings) as wires, asyncio.TaskGroup() as tasks:
        encoders = _encoders(settings, wires)
        painter = await await_painter(wires.registry, wires.catalogue, encoders.of, wires.closing)
        if painter is None:
            return
        ports = update_ports(settings, wires.redis, wires.publisher, wires.catalogue)
        updater = assemble(ports, painter, encoders.of, limits_of(settings), UPDATE_GROUP)
        studio = updater.studio
        log.info("worker_started", worker="update", model_version=painter.model.version)
        async with open_stream(
            settings,
            group=UPDATE_GROUP,
            topics=(*EVENT_TOPICS, ERASURES),
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
        popularity=RedisPopularity(redis),
        progress=RedisProgress(redis),
        offsets=RedisOffsets(redis),
        live=RedisLive(redis),
        publisher=publisher,
        registry=RedisRegistry(redis),
        catalogue=catalogue,
    )


def limits_of(settings: Settings) -> Limits:
    """Read what bounds a batch and an outage."""
    return Limits(
        settings.future_tolerance,
        settings.batch_tokens,
        settings.outage_limit,
        encode_wait=settings.encode_wait,
        offer_unknown=settings.offer_unknown,
    )


async def run_index(settings: Settings) -> None:
    """Keep the catalogue indexed until told to stop."""
    async with connected(settings) as wires, asyncio.TaskGroup() as tasks:
        encoders = _encoders(settings, wires)
        base = await encoders.base()
        log.info("worker_started", worker="index")
        offsets = RedisOffsets(wires.redis)
        resume = Resume(offsets, INDEX_GROUP)
        upkeep = Upkeep(wires.catalogue, wires.notes, partial(offsets.forget, INDEX_GROUP))
        async with open_stream(
            settings,
            group=INDEX_GROUP,
            topics=(ITEMS,),
            closing=wires.closing,
            resume=resume,
            notes=wires.notes,
        ) as stream:
            complete = Completeness(resume, lambda: stream.partitions)
            spaces = _spaces(settings, wires, encoders, base, complete, upkeep)
            wires.checks["model"] = spaces.check
            beside = [
                tasks.create_task(spaces.follow()),
                tasks.create_task(keep_read(RedisDesk(wires.redis), spaces)),
            ]
            indexer = Indexer(
                wires.catalogue,
                spaces,
                wires.publisher,
                resume,
                complete,
                settings.outage_limit,
                upkeep,
            )
            await index(stream.batches(), stream, indexer)
            for task in beside:
                await stopped(task)
    log.info("worker_stopped", worker="index")


def _spaces(  # noqa: PLR0913, PLR0917 - all that it looks after
    settings: Settings,
    wires: Wires,
    encoders: Encoders,
    base: TextEncoder,
    complete: Completeness,
    upkeep: Upkeep,
) -> Spaces:
    shop = Shop(
        settings.models_url,
        settings.model_cache,
        settings.fit_items,
        settings.fit_patience,
        from_anywhere(settings.encoder),
    )
    stores = Stores(wires.registry, wires.models, wires.catalogue)
    origin = Origin(shop, stores, base, complete)
    another = AnotherEncoder(stores, base, origin)
    unread = Unread(wires.catalogue, encoders.of, wires.notes)
    onlookers = another.look, unread.look
    return Spaces(stores, encoders.of, origin, onlookers, upkeep=upkeep, grace=settings.model_grace)


async def run_archive(settings: Settings) -> None:
    """Write events to files until told to stop."""
    closing = _told_to_stop()
    store = ParquetArchive(settings.archive_url)
    bounds = Bounds(
        rows=settings.archive_rows,
        bytes=settings.archive_bytes,
        wait=settings.archive_wait,
        future_tolerance=settings.future_tolerance,
        outage=settings.outage_limit,
    )
    rules = Rules(
        retention=settings.archive_retention,
        most_bytes=settings.archive_size_limit,
        file_bytes=settings.archive_file_bytes,
    )
    checks = {"archive": lambda: check(store)}
    log.info("worker_started", worker="archive")
    async with (
        serve_health(settings.health_host, settings.health_port, checks, notes := Notes()),
        open_stream(
            settings,
            group="portrait-archive",
            topics=(*EVENT_TOPICS, ERASURES),
            closing=closing,
            notes=notes,
        ) as stream,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(keep_tidy(store, rules, settings.archive_tidy, closing))
        await archive(stream, store, bounds)
    log.info("worker_stopped", worker="archive")


async def run_train(settings: Settings) -> None:
    """Train, judge, promote and watch until told to stop."""
    os.nice(settings.train_nice)  # before there are threads: they inherit it
    trainer = import_module("workers.trainer")  # others need no MLflow: seconds and 100 MB
    if is_follower():
        trainer.follow(settings)
        return
    async with connected(settings) as wires:
        encoders = _encoders(settings, wires)
        await trainer.run(settings, wires.redis, encoders, wires.closing)


async def run_topics(settings: Settings) -> None:
    """Create the topics that are missing."""
    created = await create_topics(settings, read_topics(settings.topics_file))
    log.info("topics_created", topics=created)


async def run_replay_dead(settings: Settings) -> None:
    """Send dead letters back."""
    closing = _told_to_stop()
    async with (
        open_publisher(settings) as publisher,
        open_stream(
            settings, group="portrait-replay-dead", topics=(DEAD,), closing=closing
        ) as stream,
    ):
        await replay_dead(stream, PatientPublisher(publisher, settings.outage_limit, closing))


COMMANDS: dict[str, Callable[[Settings], Coroutine[None, None, None]]] = {
    "update": run_update,
    "index": run_index,
    "archive": run_archive,
    "train": run_train,
    "topics": run_topics,
    "replay-dead": run_replay_dead,
}


def main() -> None:
    """Run the worker named on the command line."""
    report_failure()
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    command = COMMANDS[parser.parse_args().command]
    settings = Settings()
    configure_logs(settings.log_format)
    tune_garbage_collection()
    with threadpool_limits(1), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        reason = ""
        try:
            runner.run(command(settings))
        except* EncoderInvalidError as group:
            (*_, error) = leaves(group)
            reason = str(error)
    if reason:
        log.critical("worker_not_started", reason=reason)
        sys.exit(1)


def tune_garbage_collection() -> None:
    """Leave what was loaded out of every collection, and collect less often."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


def _encoders(settings: Settings, wires: Wires) -> Encoders:
    """Say where encoders are to be found; they are loaded as they are needed."""
    sources = Sources(settings.encoder, partial(_encoder, settings), name_of)
    return Encoders(sources, wires.models, settings.model_cache)


def _encoder(settings: Settings, source: str) -> BertEncoder:
    return load_encoder(
        source,
        backend=settings.encoder_backend,
        most_tokens=settings.encoder_tokens,
        threads=settings.encoder_threads,
    )


def _told_to_stop() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set: finish the batch in hand, commit, leave."""
    closing = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, closing.set)
    return closing


if __name__ == "__main__":
    main()
