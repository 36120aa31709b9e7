"""The archive worker on a real broker: events and erasures become files."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.parquet_archive import ParquetArchive
from portrait.archive.archive import scan
from portrait.events.stream import Batch, EventStream, Message
from portrait.events.topics import ERASURES, EVENT_TOPICS
from portrait.settings import Settings
from tests.conftest import make_all_topics, make_topics
from tests.support.archives import BOUNDS
from tests.support.processes import until
from tests.support.records import payload
from workers.archive import archive
from workers.roots.bounds import bounds_of


@pytest.fixture
def ann() -> str:
    """A user whom no other test knows."""
    return f"ann-{uuid4().hex}"


class Noted:
    """An `EventStream` that notes the keys of what it yields."""

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self.keys: set[bytes | None] = set()

    @property
    def is_handing_over(self) -> bool:
        return self._stream.is_handing_over

    async def batches(self) -> AsyncIterator[Batch]:
        async for batch in self._stream.batches():
            self.keys |= {record.key for record in batch.records}
            yield batch

    async def commit(self, batch: Batch) -> None:
        await self._stream.commit(batch)

    async def pause(self, seconds: float) -> bool:
        return await self._stream.pause(seconds)

    def rewind(self) -> None:
        self._stream.rewind()


def users_of(store: ParquetArchive) -> list[str]:
    rows = scan(store, store.segments(), ["user"], erasures=store.erasures())
    return [user for batch in rows for user in batch["user"].to_pylist()]


async def publish_click(settings: Settings, user: str) -> None:
    body = payload(event_id=uuid4().hex, user_id=user, occurred_at=datetime.now(UTC).isoformat())
    async with open_publisher(cluster_of(settings)) as publisher:
        await publisher.publish([Message("events.click", user.encode(), json.dumps(body).encode())])


async def publish_erasure(settings: Settings, user: str) -> None:
    async with open_publisher(cluster_of(settings)) as publisher:
        await publisher.publish([Message(ERASURES, user.encode(), b"")])


async def test_what_is_published_is_archived_until_its_user_is_erased(
    settings: Settings, tmp_path: Path, ann: str
) -> None:
    await make_all_topics(settings)
    await make_topics(settings, erasures=6)
    store, closing = ParquetArchive(str(tmp_path)), asyncio.Event()
    topics = (*EVENT_TOPICS, ERASURES)
    # Until every log is read to its end, an erasure reaches as far ahead as clocks may be.
    bounds = replace(BOUNDS, wait=timedelta(0), future_tolerance=timedelta(0))

    async with (
        open_stream(
            cluster_of(settings),
            bounds_of(settings),
            group=uuid4().hex,
            topics=topics,
            closing=closing,
        ) as stream,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(archive(stream, store, bounds))
        await publish_click(settings, ann)
        await until(lambda: ann in users_of(store), "her click is archived")
        await publish_erasure(settings, ann)
        await until(lambda: ann not in users_of(store), "she is erased")
        await publish_click(settings, ann)
        await until(lambda: ann in users_of(store), "she has come back")
        closing.set()

    assert users_of(store).count(ann) == 1


@pytest.mark.e2e  # two rebalances, ten seconds each
async def test_what_one_archiver_holds_is_written_before_another_takes_over(
    settings: Settings, tmp_path: Path, ann: str
) -> None:
    await make_all_topics(settings)
    store, closing, group = ParquetArchive(str(tmp_path)), asyncio.Event(), uuid4().hex
    first = open_stream(
        cluster_of(settings), bounds_of(settings), group=group, topics=EVENT_TOPICS, closing=closing
    )
    second = open_stream(
        cluster_of(settings), bounds_of(settings), group=group, topics=EVENT_TOPICS, closing=closing
    )
    await publish_click(settings, ann)

    async with first as reading, asyncio.TaskGroup() as tasks:
        noted = Noted(reading)
        tasks.create_task(archive(noted, store, BOUNDS))
        await until(lambda: ann.encode() in noted.keys, "her click is held")
        held = ann not in users_of(store)
        async with second as joined:
            tasks.create_task(archive(joined, store, BOUNDS))
            await until(lambda: ann in users_of(store), "it is written")  # long before its time
            closing.set()

    assert held
