"""Archive: write the event log to files, for learning.

batches ─▶ rows ─▶ hold, up to a bound ─▶ erase ─▶ write files ─▶ commit

The order is the guarantee. The commit comes last, so a kill loses nothing; what is written again
after it has the same offsets, and readers take each offset once.
"""

import asyncio
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import structlog

from portrait import metrics
from portrait.archive.archive import Archive, ArchiveUnavailableError, erased, numbers
from portrait.archive.rows import HELD, cut, tabulate
from portrait.archive.segment import Segment, log_name
from portrait.archive.tidy import NOTHING, Rules, tidy
from portrait.events.consent import Consents, Purpose
from portrait.events.erasure import Erasures, Moments
from portrait.events.stream import Batch, EventStream
from portrait.outage import Outage, closes_within
from portrait.reading.dialect import AS_SENT, Dialect
from portrait.times import MILLISECOND
from workers.schemas import await_schemas

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What bounds a file, a wait and an outage."""

    rows: int
    bytes: int  # of the messages
    wait: timedelta  # of the first row held
    future_tolerance: timedelta
    outage: timedelta
    dialect: Dialect = AS_SENT


@dataclass(slots=True)
class Held:
    """What has been read and is not in a file yet."""

    rows: list[pa.Table] = field(default_factory=list)
    erased: dict[int, Moments] = field(default_factory=dict)  # by user_ref
    agreed: dict[int, int] = field(default_factory=dict)  # user_ref: what they let be done
    ends: dict[tuple[str, int], int] = field(default_factory=dict)  # to commit
    logs: dict[tuple[str, int], int] = field(default_factory=dict)  # of these offsets
    ids: dict[tuple[str, int], str] = field(default_factory=dict)
    last: Batch | None = None
    records: int = 0
    dead: int = 0  # of them, which the update worker sends
    bytes: int = 0
    since: float = 0.0  # monotonic time of the first record

    def take(self, batch: Batch, future_tolerance_ms: int, dialect: Dialect = AS_SENT) -> None:
        """Read a batch into it."""
        if not self.records:
            self.since = time.monotonic()
        said = tabulate(batch.records, future_tolerance_ms, batch.since, dialect)
        self.rows.append(said.rows)
        for user, moments in said.erased.items():
            self.erased[user] = moments.with_(self.erased.get(user, moments))
        for user, number in said.consents.items():
            self.agreed[user] = max(number, self.agreed.get(user, 0))
        self.dead += len(said.dead)
        self.ends |= batch.ends
        self.logs |= batch.logs
        self.ids |= batch.ids
        self.last = batch
        self.records += len(batch.records)
        self.bytes += sum(len(record.value or b"") for record in batch.records)

    def is_of_another_log(self, batch: Batch) -> bool:
        """Say whether a batch has the offsets of what is held once more: it does not go along."""
        return any(
            (self.logs.get(place, 0), self.ids.get(place, ""))
            != (batch.logs.get(place, 0), batch.ids.get(place, ""))
            for place in batch.ends.keys() & self.ends.keys()
        )

    def log_of(self, segment: Segment) -> str:
        """Name the log that a segment is of."""
        place = segment.topic, segment.partition
        return log_name(self.logs.get(place, 0), self.ids.get(place, ""))

    def is_due(self, bounds: Bounds) -> bool:
        """Say whether it is time to write: full, old enough, or somebody is to be forgotten."""
        waited = time.monotonic() - self.since
        return self.records > 0 and (
            self.records >= bounds.rows
            or self.bytes >= bounds.bytes
            or waited >= bounds.wait.total_seconds()
            or bool(self.erased)
        )


async def archive(stream: EventStream, store: Archive, bounds: Bounds) -> None:
    """Run until the stream closes. Whatever it raises is fatal: let the process restart."""
    held = Held()
    async for batch in stream.batches():
        if held.is_of_another_log(batch):
            await _store(stream, held, store, bounds)
            held = Held()
        if batch.records:
            await await_schemas(stream, batch.records, bounds.dialect.schemas, bounds.outage)
            held.take(batch, bounds.future_tolerance // MILLISECOND, bounds.dialect)
        if held.is_due(bounds) or (held.records and stream.is_handing_over):
            await _store(stream, held, store, bounds)
            held = Held()
    if held.records:
        await _store(stream, held, store, bounds)


async def _store(stream: EventStream, held: Held, store: Archive, bounds: Bounds) -> None:
    """Write what is held, as often as it fails, for as long as is allowed; then commit."""
    started, outage = time.monotonic(), Outage(bounds.outage)
    while True:
        try:
            rows, files = await asyncio.to_thread(_write, held, store)
            break
        except ArchiveUnavailableError as error:
            if outage.is_over_limit():
                raise
            pause = outage.pause()
            log.warning("archive_unavailable", reason=str(error), retry_seconds=pause)
            if not await stream.pause(pause):
                raise  # told to stop: what is not in a file is not committed
    await stream.commit(Batch((), held.ends, logs=held.logs, ids=held.ids))
    if held.last is not None:
        await stream.commit(held.last)  # tells the stream that nothing is in hand any more
    metrics.events_archived.inc(rows)
    log.info(
        "events_archived",
        records=held.records,
        rows=rows,
        files=files,
        dead=held.dead,
        erasures=len(held.erased),
        seconds=round(time.monotonic() - started, 4),
    )


def _write(held: Held, store: Archive) -> tuple[int, int]:
    """Write files. Returns how many rows, in how many files.

    What nobody may learn from is not written: it is there for learning.
    """
    store.erase(Erasures.of(held.erased))
    if held.agreed:
        store.agree(Consents.of(held.agreed))
    erasures, consents = store.erasures(), store.consents()
    rows = pa.concat_tables([HELD.empty_table(), *held.rows])
    gone = erased(rows, erasures)
    gone |= ~consents.allow(Purpose.TRAINING, numbers(rows["user_ref"]))
    files = 0
    for segment, part in cut(rows.filter(pa.array(~gone))):
        store.write(replace(segment, log=held.log_of(segment)), [part])
        files += 1
    return len(rows) - int(gone.sum()), files


async def check(store: Archive) -> None:
    """Raise ArchiveUnavailableError unless the files can be read."""
    await asyncio.to_thread(store.erasures)


async def keep_tidy(store: Archive, rules: Rules, every: timedelta, closing: asyncio.Event) -> None:
    """Retire, sweep and merge from time to time, beside the writing, until told to stop."""
    while not await closes_within(closing, every.total_seconds()):
        await _tidy_once(store, rules, closing)


async def _tidy_once(store: Archive, rules: Rules, closing: asyncio.Event) -> None:
    started = time.monotonic()
    try:
        done = await asyncio.to_thread(tidy, store, rules, datetime.now(UTC), closing.is_set)
        segments = await asyncio.to_thread(store.segments)
    except ArchiveUnavailableError as error:
        log.warning("archive_not_tidied", reason=str(error))
        return
    metrics.archive_files.set(len(segments))
    metrics.archive_bytes.set(sum(segment.bytes for segment in segments))
    if done == NOTHING:
        return
    log.info(
        "archive_tidied",
        retired=done.retired,
        swept=done.swept,
        merged=done.merged,
        seconds=round(time.monotonic() - started, 4),
    )
