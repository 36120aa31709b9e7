"""Index: keep the catalogue and its vectors complete while items change.

batch ─▶ decode ─▶ encode new text ─▶ store and announce ─▶ mark ─▶ commit

The last message about an item wins; a tombstone withdraws it. Replaying changes nothing, so
whatever Redis may have lost is read again.
"""

import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from portrait import metrics
from portrait.batch import dead_letter
from portrait.errors import ItemInvalidError, StoreRestartedError, StoreUnavailableError
from portrait.item import Item, parse_item
from portrait.resume import Resume
from portrait.store import CatalogueStore
from portrait.stream import Batch, EventStream, Message, Publisher, Record
from workers.origin import Completeness
from workers.spaces import Spaces

BACKOFF = (0.1, 5.0)  # seconds: first and longest pause while Redis is away
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


async def index(batches: AsyncIterator[Batch], stream: EventStream, indexer: Indexer) -> None:
    """Run until the batches end. Whatever else it raises is fatal: let the process restart."""
    total = 0
    outage = _Outage(indexer.outage)
    async for batch in batches:
        started = time.perf_counter()
        try:
            changes = await _store(batch, indexer)
            await indexer.resume.mark(batch.ends)
        except (StoreRestartedError, StoreUnavailableError) as error:
            log.warning("batch_put_back", records=len(batch.records), reason=str(error))
            indexer.complete.lost()
            if isinstance(error, StoreUnavailableError):
                if outage.is_too_long():
                    raise
                await stream.pause(outage.pause())
            stream.rewind()
            continue
        outage.end()
        indexer.complete.note(batch)
        if not batch.records:
            continue
        await stream.commit(batch)
        total += len(changes.items)
        metrics.items_indexed.inc(len(changes.items) + len(changes.withdrawn))
        log.info(
            "batch_stored",
            items=len(changes.items),
            withdrawn=len(changes.withdrawn),
            dead=len(changes.dead),
            total=total,
            seconds=round(time.perf_counter() - started, 4),
        )


class _Outage:
    """How long Redis has been away, and how long it is waited for."""

    def __init__(self, most: timedelta) -> None:
        self._most = most.total_seconds()
        self.end()

    def end(self) -> None:
        """Redis answers."""
        self._since: float | None = None
        self._pause = BACKOFF[0]

    def is_too_long(self) -> bool:
        """Redis does not answer: return whether that is to be borne no longer."""
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since > self._most

    def pause(self) -> float:
        """Return how many seconds to wait: longer each time."""
        pause, self._pause = self._pause, min(2 * self._pause, BACKOFF[1])
        return pause


async def _store(batch: Batch, indexer: Indexer) -> Changes:
    """Store what a batch says, some items at a time."""
    changes = decode_items(batch.records)
    for start in range(0, len(changes.items), TEXTS_AT_ONCE):
        some = changes.items[start : start + TEXTS_AT_ONCE]
        async with indexer.spaces.reading(some):
            await indexer.store.put_items(some)
        log.info("items_indexed", items=len(some))
    await indexer.store.withdraw_items(changes.withdrawn)
    await indexer.publisher.publish(changes.dead)
    return changes


def decode_items(records: Sequence[Record]) -> Changes:
    """Read records of the `items` topic; of each item only the last counts."""
    latest: dict[str, Item | None] = {}
    dead: list[Message] = []
    for record in records:
        try:
            id, item = _parse(record)
        except ItemInvalidError as error:
            dead.append(dead_letter(record, str(error)))
            continue
        latest.pop(id, None)  # so that order is that of the last mention
        latest[id] = item
    return Changes(
        [item for item in latest.values() if item is not None],
        [id for id, item in latest.items() if item is None],
        dead,
    )


def _parse(record: Record) -> tuple[str, Item | None]:
    if record.value is not None:
        item = parse_item(record.value)
        return item.id, item
    if not record.key:
        msg = "key: missing"
        raise ItemInvalidError(msg)
    try:
        return record.key.decode(), None
    except UnicodeDecodeError as error:
        msg = "key: not UTF-8"
        raise ItemInvalidError(msg) from error
