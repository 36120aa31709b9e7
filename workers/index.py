"""Index: keep the catalogue and its vectors complete while items change.

batch ─▶ decode ─▶ dead letters ─▶ spell ─▶ encode new text ─▶ store and announce ─▶ mark ─▶ commit

The last message about an item wins; a tombstone withdraws it. Replaying changes nothing, so
whatever Redis may have lost is read again.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from portrait import metrics
from portrait.catalogue.store import CatalogueStore
from portrait.errors import StoreRestartedError, StoreUnavailableError
from portrait.events.item import IntroducedItem, Item
from portrait.events.letter import joined, records_of, topic_of
from portrait.events.reading import FIRST, Logs, put_aside, read_item
from portrait.events.resume import Resume
from portrait.events.stream import Batch, EventStream, Message, Publisher, Record
from portrait.outage import Outage
from workers.origin import Completeness
from workers.spaces import Spaces
from workers.upkeep import Upkeep

TEXTS_AT_ONCE = 500  # read between two announcements, so that a long batch becomes visible early

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch says of the catalogue."""

    items: list[Item]
    withdrawn: list[str]
    dead: list[Message]


@dataclass(frozen=True, slots=True)
class Indexer:
    """Everything that indexing touches. Lives as long as the process."""

    store: CatalogueStore
    spaces: Spaces
    publisher: Publisher
    resume: Resume
    complete: Completeness
    outage: timedelta  # how long Redis may be away
    upkeep: Upkeep


async def index(batches: AsyncIterator[Batch], stream: EventStream, indexer: Indexer) -> None:
    """Run until the batches end. Whatever else it raises is fatal: let the process restart."""
    total = 0
    outage = Outage(indexer.outage)
    async for batch in batches:
        started = time.perf_counter()
        try:
            if await indexer.upkeep.lacks_items(indexer.complete):
                indexer.complete.lost()
                stream.rewind()
                continue
            changes = await _store(batch, indexer)
            await indexer.resume.mark(batch.ends, batch.logs)
            if batch.records:
                await indexer.upkeep.count()
        except (StoreRestartedError, StoreUnavailableError) as error:
            log.warning("batch_put_back", records=len(batch.records), reason=str(error))
            indexer.complete.lost()
            indexer.upkeep.expect_nothing()
            if isinstance(error, StoreUnavailableError):
                if outage.is_over_limit():
                    raise
                await stream.pause(outage.pause())
            stream.rewind()
            continue
        outage.ends()
        indexer.complete.note(batch)
        if not batch.records:
            continue
        await stream.commit(batch)
        total += len(changes.items)
        metrics.items_indexed.inc(len(changes.items) + len(changes.withdrawn))
        for letter in changes.dead:
            metrics.dead_letters.labels(topic_of(letter)).inc(records_of(letter))
        log.info(
            "batch_stored",
            items=len(changes.items),
            withdrawn=len(changes.withdrawn),
            dead=sum(map(records_of, changes.dead)),
            total=total,
            seconds=round(time.perf_counter() - started, 4),
        )


async def _store(batch: Batch, indexer: Indexer) -> Changes:
    """Store what a batch says, some items at a time; what it does not say, is told before."""
    changes = decode_items(batch.records, batch.logs)
    if changes.dead:
        await indexer.publisher.publish(changes.dead)
    items = await _upon_what_is_known(changes.items, indexer.store)
    for start in range(0, len(items), TEXTS_AT_ONCE):
        some = await indexer.store.spelled(items[start : start + TEXTS_AT_ONCE], keep=True)
        async with indexer.spaces.reading(some):
            await indexer.store.put_items(some)
        log.info("items_indexed", items=len(some))
    await indexer.store.withdraw_items(changes.withdrawn)
    return changes


async def _upon_what_is_known(items: Sequence[Item], store: CatalogueStore) -> list[Item]:
    """Complete items that name no title by what the catalogue says of them."""
    ids = [item.id for item in items if not _names_title(item)]
    found = zip(ids, await store.get_items(ids) if ids else [], strict=True)
    known = {id: item for id, item in found if not isinstance(item, IntroducedItem)}
    return [item.upon(known.get(item.id)) for item in items]


def _names_title(item: Item) -> bool:
    return "title" in item.model_fields_set


def decode_items(records: Sequence[Record], logs: Logs = FIRST) -> Changes:
    """Read records of the `items` topic; of each item the last counts, upon those before it."""
    latest: dict[str, Item | None] = {}

    def take(record: Record) -> None:
        id, item = read_item(record)
        is_gone = id in latest and latest[id] is None
        if item is not None and is_gone and not _names_title(item):
            return  # it was withdrawn: a change of its price does not bring it back
        former = latest.pop(id, None)  # so that order is that of the last mention
        latest[id] = None if item is None else item.upon(former)

    letters = [put_aside(record, take, logs) for record in records]
    return Changes(
        [item for item in latest.values() if item is not None],
        [id for id, item in latest.items() if item is None],
        [*joined(letter for letter in letters if letter is not None)],
    )
