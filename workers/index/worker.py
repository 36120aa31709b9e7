"""Index: keep the catalogue and its vectors complete while items change.

batch ─▶ decode ─▶ dead letters ─▶ spell ─▶ encode new text ─▶ store and announce ─▶ mark ─▶ commit

The last message about an item wins; a tombstone withdraws it. Replaying changes nothing, so
whatever Redis may have lost is read again.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from portrait import metrics
from portrait.catalogue.store import CatalogueStore
from portrait.errors import StoreRestartedError, StoreUnavailableError
from portrait.events.item import IntroducedItem, Item
from portrait.events.letter import joined, records_of, topic_of
from portrait.events.resume import Resume
from portrait.events.stream import Batch, EventStream, Message, Publisher, Record
from portrait.outage import Outage
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.reading.records import FIRST, Logs, put_aside, read_item, require_whole
from workers.index.origin import Completeness
from workers.index.spaces import Spaces
from workers.index.upkeep import Upkeep
from workers.schemas import await_schemas

TEXTS_AT_ONCE = 500  # read between two announcements, so that a long batch becomes visible early

WITHDRAWAL = {"id", "withdrawn", "patch"}  # what a message names that says no more

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch says of the catalogue."""

    items: list[list[Item]]  # of each what is said since its last whole message, in order
    withdrawn: list[str]
    dead: list[Message]
    left_out: Counter[str]  # fields that could not be read


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
    dialect: Dialect = AS_SENT


async def index(batches: AsyncIterator[Batch], stream: EventStream, indexer: Indexer) -> None:
    """Run until the batches end. Whatever else it raises is fatal: let the process restart."""
    total = 0
    outage = Outage(indexer.outage)
    async for batch in batches:
        started = time.perf_counter()
        await await_schemas(stream, batch.records, indexer.dialect.schemas, indexer.outage)
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
        for field, times in changes.left_out.items():
            metrics.fields_left_out.labels(field).inc(times)
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
    read = partial(decode_items, batch.records, batch.logs, indexer.dialect)
    changes = await asyncio.to_thread(read)  # a thousand items a record take seconds
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


async def _upon_what_is_known(said: Sequence[Sequence[Item]], store: CatalogueStore) -> list[Item]:
    """Return items after what is said of each: patches change what the catalogue knows of it."""
    ids = [first.id for first, *_ in said if first.is_patch]
    found = zip(ids, await store.get_items(ids) if ids else [], strict=True)
    known = {id: item for id, item in found if not isinstance(item, IntroducedItem)}
    items: list[Item] = []
    for first, *more in said:
        item = first.upon(known.get(first.id))
        for each in more:
            item = each.upon(item)
        items.append(item)
    return items


def decode_items(
    records: Sequence[Record], logs: Logs = FIRST, dialect: Dialect = AS_SENT
) -> Changes:
    """Read records of the `items` topic; of each item what counts since it was last told whole."""
    said: dict[str, list[Item]] = {}
    left_out: Counter[str] = Counter()

    def take(record: Record) -> None:
        read = read_item(record, dialect)
        for item in [*read.items, *map(_withdrawal, read.withdrawn)]:
            before = said.pop(item.id, [])  # so that order is that of the last mention
            said[item.id] = _after(before, item) if item.is_patch else [item]
        for fields in read.left_out:
            left_out.update(fields.keys())
        require_whole(read)

    letters = [put_aside(record, take, logs) for record in records]
    return Changes(
        [each for each in said.values() if not _is_withdrawal(each)],
        [id for id, each in said.items() if _is_withdrawal(each)],
        [*joined(letter for letter in letters if letter is not None)],
        left_out,
    )


def _after(before: list[Item], patch: Item) -> list[Item]:
    """Return what counts of an item after one more patch: in one message, if that can say it."""
    last = before.pop() if before else None
    if last is None:
        return [patch]
    joined = last.and_then(patch) if last.is_patch else patch.upon(last.upon(None))
    before += [last, patch] if joined is None else [joined]
    return before


def _withdrawal(id: str) -> Item:
    """Return the word that an item is gone: a change of its price does not bring it back."""
    return Item.model_construct({*WITHDRAWAL}, id=id, withdrawn=True, patch=True)


def _is_withdrawal(said: Sequence[Item]) -> bool:
    """Say whether of an item nothing is said but that it is gone."""
    return all(item.withdrawn and item.model_fields_set == WITHDRAWAL for item in said)
