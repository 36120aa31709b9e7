"""Archives for tests: in memory, and filled with a log."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pyarrow as pa

from portrait.adapters.parquet_archive import ParquetArchive
from portrait.archive.archive import SCHEMA, Archive, numbers, scan
from portrait.archive.rows import cut, tabulate
from portrait.events.event import Action
from portrait.events.stream import Record
from portrait.ref import item_ref, user_ref
from portrait.times import EPOCH
from tests.support.records import RECEIVED, FakeRecord, encoded
from workers.archive import Bounds

DAY = timedelta(days=1)
RECEIVED_ON = (EPOCH + timedelta(milliseconds=RECEIVED)).date()
TOMORROW = datetime.combine(RECEIVED_ON + DAY, datetime.min.time(), UTC)
TOLERANCE_MS = 60_000
BOUNDS = Bounds(
    rows=1_000,
    bytes=1_000_000,
    wait=timedelta(hours=1),
    future_tolerance=timedelta(minutes=1),
    outage=timedelta(seconds=5),
)


def memory_archive() -> ParquetArchive:
    return ParquetArchive(f"memory://archive-{uuid4().hex}")


def click(
    offset: int, user: str = "ann", *, received: int = RECEIVED, **changes: object
) -> FakeRecord:
    """Return a record of a click, with an id of its own unless it is given one."""
    fields = {"event_id": f"e{offset}", "user_id": user} | changes
    return FakeRecord(
        "events.click", encoded(**fields), offset, timestamp=received, key=user.encode()
    )


def later(offset: int, user: str = "ann") -> Record:
    """Return a click that happened and was received after all others, however wrong clocks are."""
    return click(offset, user, received=RECEIVED + 600_000, occurred_at="2026-09-21T14:23:20Z")


def late(offset: int, user: str = "ann") -> Record:
    """Return a click that happened before, and was received then."""
    return click(offset, user, received=RECEIVED + 600_000)


def fill(archive: Archive, *batches: Sequence[Record]) -> None:
    """Write each batch as the worker would."""
    for records in batches:
        for segment, rows in cut(tabulate(records, TOLERANCE_MS).rows):
            archive.write(segment, [rows])


def offsets_of(archive: Archive) -> list[int]:
    """Return the offset of every row that a reader sees, sorted."""
    rows = scan(archive, archive.segments(), ["offset"], erasures=archive.erasures())
    return sorted(int(each) for batch in rows for each in numbers(batch["offset"]))


def synthetic_log(events: int, users: int, *, seed: int = 3) -> Iterator[pa.Table]:
    """Yield rows of a year, in parts; purchases are one in fifty, and users differ in activity."""
    random = np.random.default_rng(seed)
    names = np.array([f"user-{n}" for n in range(users)])
    user_refs = np.array([user_ref(name) for name in names], np.uint64)
    items = np.array([f"item-{n}" for n in range(500)])
    item_refs = np.array([item_ref(name) for name in items], np.uint64)
    start, year_ms = RECEIVED, 365 * 86_400_000
    part = 20_000
    for first in range(0, events, part):
        count = min(part, events - first)
        user = (users * random.random(count) ** 2).astype(np.int64)
        item = random.integers(0, len(items), count)
        action = np.where(random.random(count) < 0.02, Action.PURCHASE.value, Action.CLICK.value)
        offset = np.arange(first, first + count)
        at = start + offset * year_ms // events
        columns = {
            "event_id": [f"event-{n}" for n in offset],
            "user": names[user],
            "user_ref": user_refs[user],
            "item": items[item],
            "item_ref": item_refs[item],
            "action": action,
            "occurred_at": at,
            "received_at": at,
            "topic": np.full(count, "events.click"),
            "partition": np.zeros(count, np.int32),
            "offset": offset,
        }
        arrays = [
            pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(count, f.type)
            for f in SCHEMA
        ]
        yield pa.Table.from_arrays(arrays, schema=SCHEMA)
