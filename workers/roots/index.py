"""Composition root of the index worker."""

import asyncio
from argparse import Namespace
from functools import partial

import structlog

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.redis_desk import RedisDesk
from portrait.adapters.redis_progress import RedisOffsets
from portrait.adapters.redis_words import RedisWords
from portrait.events.resume import Resume
from portrait.events.topics import ITEMS
from portrait.lifecycle.lease import stopped
from portrait.model.encoder import TextEncoder
from portrait.settings import Settings
from portrait.text.text_encoder import from_anywhere
from workers.attributers import Attributers
from workers.encoders import Encoders
from workers.index.another_encoder import AnotherEncoder
from workers.index.brands import Brands, keep_brands
from workers.index.desk import keep_read
from workers.index.origin import Completeness, Origin, Shop, Stores
from workers.index.shelves import Shelves
from workers.index.spaces import Spaces
from workers.index.unread import Unread
from workers.index.upkeep import Upkeep
from workers.index.words import Wordings, keep_attributed
from workers.index.worker import Indexer, index
from workers.roots.bounds import bounds_of
from workers.roots.encoders import encoders_of
from workers.roots.groups import INDEX_GROUP
from workers.roots.registry import spoken
from workers.roots.wires import Wires, connected

log = structlog.get_logger()


async def run(settings: Settings, _options: Namespace) -> None:
    """Keep the catalogue indexed until told to stop."""
    async with (
        spoken(settings) as dialect,
        connected(settings) as wires,
        asyncio.TaskGroup() as tasks,
    ):
        encoders = encoders_of(settings, wires)
        base = await encoders.base()
        log.info("worker_started", worker="index")
        offsets = RedisOffsets(wires.redis)
        resume = Resume(offsets, INDEX_GROUP)
        upkeep = Upkeep(wires.catalogue, wires.notes, partial(offsets.forget, INDEX_GROUP))
        async with open_stream(
            cluster_of(settings),
            bounds_of(settings),
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
                tasks.create_task(keep_attributed(_wordings(wires, encoders))),
                tasks.create_task(keep_brands(Brands(wires.catalogue))),
            ]
            indexer = Indexer(
                wires.catalogue,
                spaces,
                wires.publisher,
                resume,
                complete,
                settings.outage_limit,
                upkeep,
                dialect,
            )
            await index(stream.batches(), stream, indexer)
            for task in beside:
                await stopped(task)
    log.info("worker_stopped", worker="index")


def _wordings(wires: Wires, encoders: Encoders) -> Wordings:
    desk, attributers = RedisWords(wires.redis), Attributers(encoders)
    return Wordings(desk, wires.catalogue, wires.registry, attributers.of)


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
    stores = Stores(wires.registry, wires.catalogue)
    origin = Origin(shop, stores, base, complete)
    another = AnotherEncoder(stores, base, origin)
    unread = Unread(wires.catalogue, encoders.of, wires.notes)
    onlookers = another.look, unread.look
    return Spaces(
        stores,
        encoders.of,
        origin,
        onlookers,
        upkeep=upkeep,
        shelves=Shelves(wires.catalogue, encoders.places_of),
        grace=settings.model_grace,
    )
