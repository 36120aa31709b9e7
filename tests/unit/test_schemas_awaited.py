"""Schemas awaited: who reads the log waits for a registry that is away, and loses nothing by it."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from portrait.adapters.parquet_archive import ParquetArchive
from portrait.errors import SchemasUnavailableError
from portrait.events.item import Item
from portrait.events.resume import Resume
from portrait.events.stream import Record
from portrait.events.topics import ITEMS
from portrait.reading.avro import avro
from portrait.reading.dialect import Dialect
from portrait.reading.schemas import NO_REGISTRY
from tests.support.fakes import ListPublisher, MemoryCatalogue, MemoryOffsets, MemorySchemas
from tests.support.records import FakeRecord, event_record
from tests.support.registries import CLICK, framed, in_avro
from tests.support.streams import ListStream, memory_spaces, memory_updater, memory_upkeep
from workers.archive import Bounds, archive
from workers.index.origin import Completeness
from workers.index.worker import Indexer, index
from workers.schemas import await_schemas
from workers.update.worker import update

LIMIT = timedelta(seconds=5)
CLICKED = {
    "event_id": "e-1",
    "type": "CLICK",
    "user_id": "bob",
    "item_id": "milk",
    "price": None,
    "occurred_at": 1_782_891_060_000,
}
FRAMED = FakeRecord("events.click", framed(7, in_avro(CLICK, CLICKED)), 1)
KEY = framed(8, in_avro("string", "milk"))
LOG: list[Record] = [event_record(0), FRAMED, event_record(2)]


class Flaky(MemorySchemas):
    """A registry that is away so many times."""

    def __init__(self, times: int) -> None:
        super().__init__(_7=avro(json.dumps(CLICK)), _8=avro('"string"'))
        self.times = times

    async def fetch(self, ids: Sequence[int]) -> None:
        self.is_down = self.times > 0
        self.times -= 1
        await super().fetch(ids)


async def test_a_registry_that_is_away_is_waited_for_and_nothing_is_dead() -> None:
    updater = await memory_updater()
    updater = replace(updater, limits=replace(updater.limits, dialect=Dialect(schemas=Flaky(2))))
    stream = ListStream(LOG)

    with capture_logs() as logs:
        await update(stream, updater)

    assert stream.pauses == [0.1, 0.2]
    told = [each for each in logs if each["event"] == "schema_registry_unavailable"]
    assert [each["retry_seconds"] for each in told] == [0.1, 0.2]
    assert isinstance(updater.publisher, ListPublisher)
    assert "events.dead" not in {each.topic for each in updater.publisher.messages}
    assert {*updater.profiles.records} == {"ann", "bob"}  # type: ignore[attr-defined]
    assert [batch.ends for batch in stream.committed] == [{("events.click", 0): 3}]


async def test_the_archive_waits_too(tmp_path: Path) -> None:
    stream, store = ListStream(LOG), ParquetArchive(str(tmp_path))
    bounds = Bounds(9, 9_999, timedelta(0), timedelta(minutes=5), LIMIT, Dialect(schemas=Flaky(1)))

    await archive(stream, store, bounds)

    assert stream.pauses == [0.1]
    assert sum(segment.end - segment.first for segment in store.segments()) == 3


async def test_the_index_waits_too() -> None:
    store, stream = MemoryCatalogue(), ListStream([FakeRecord(ITEMS, None, key=KEY)])
    spaces, _ = await memory_spaces(store)
    await store.put_items([Item(id="milk", title="Milk")])
    resume = Resume(MemoryOffsets(), "index")
    await resume.points()
    indexer = Indexer(
        store,
        spaces,
        ListPublisher(),
        resume,
        Completeness(resume, lambda: {0}),
        LIMIT,
        memory_upkeep(store),
        Dialect(schemas=Flaky(1)),
    )

    await index(stream.batches(), stream, indexer)

    assert stream.pauses == [0.1]
    assert store.items["milk"].withdrawn


async def test_a_registry_that_stays_away_ends_the_worker_as_redis_does() -> None:
    with pytest.raises(SchemasUnavailableError):
        await await_schemas(ListStream(), LOG, Flaky(99), timedelta(0))


async def test_who_is_told_to_stop_waits_no_longer() -> None:
    stream = ListStream()
    stream.closing.set()

    with pytest.raises(SchemasUnavailableError):
        await await_schemas(stream, LOG, Flaky(99), LIMIT)

    assert stream.pauses == [0.1]


async def test_nothing_is_fetched_that_is_at_hand_or_that_nobody_names() -> None:
    schemas = Flaky(0)
    item = FakeRecord(ITEMS, b"{}", key=framed(8, b""))

    for records in ([], [event_record(0)], LOG, LOG, [item, FRAMED]):
        await await_schemas(ListStream(), records, schemas, LIMIT)
    await await_schemas(ListStream(), LOG, NO_REGISTRY, LIMIT)

    assert schemas.fetched == [[7], [7, 8]]


async def test_what_is_not_there_is_not_asked_for_by_every_batch() -> None:
    schemas = MemorySchemas()

    for _ in range(3):
        await await_schemas(ListStream(), LOG, schemas, LIMIT)

    assert schemas.fetched == [[7]]
