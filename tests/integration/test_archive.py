"""The archive worker on a real broker: events and erasures become files."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from portrait.adapters.kafka_publisher import open_publisher
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.parquet_archive import ParquetArchive
from portrait.archive import scan
from portrait.settings import Settings
from portrait.stream import Message
from portrait.topics import ERASURES, EVENT_TOPICS
from tests.archives import BOUNDS
from tests.conftest import make_all_topics, make_topics
from tests.processes import until
from tests.records import payload
from workers.archive import archive


@pytest.fixture
def ann() -> str:
    """A user whom no other test knows."""
    return f"ann-{uuid4().hex}"


def users_of(store: ParquetArchive) -> list[str]:
    rows = scan(store, store.segments(), ["user"], erasures=store.erasures())
    return [user for batch in rows for user in batch["user"].to_pylist()]


async def publish_click(settings: Settings, user: str) -> None:
    body = payload(event_id=uuid4().hex, user_id=user, occurred_at="2026-09-01T00:00:00Z")
    async with open_publisher(settings) as publisher:
        await publisher.publish([Message("events.click", user.encode(), json.dumps(body).encode())])


async def publish_erasure(settings: Settings, user: str) -> None:
    async with open_publisher(settings) as publisher:
        await publisher.publish([Message(ERASURES, user.encode(), b"")])


async def test_what_is_published_is_archived_until_its_user_is_erased(
    settings: Settings, tmp_path: Path, ann: str
) -> None:
    await make_all_topics(settings)
    await make_topics(settings, erasures=6)
    store, closing = ParquetArchive(str(tmp_path)), asyncio.Event()
    topics = (*EVENT_TOPICS, ERASURES)

    async with (
        open_stream(settings, group=uuid4().hex, topics=topics, closing=closing) as stream,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(archive(stream, store, replace(BOUNDS, wait=timedelta(0))))
        await publish_click(settings, ann)
        await until(lambda: ann in users_of(store), "her click is archived")
        await publish_erasure(settings, ann)
        await until(lambda: ann not in users_of(store), "she is erased")
        await publish_click(settings, ann)
        await until(lambda: ann in users_of(store), "she has come back")
        closing.set()

    assert users_of(store).count(ann) == 1
