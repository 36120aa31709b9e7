"""The update worker on a log with transactions, and on a topic that gains partitions meanwhile."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import NewPartitions

from portrait.settings import Settings
from tests.support.kafka import administering
from tests.support.processes import (
    PARTITIONS,
    Portrait,
    catalogue,
    publish_items,
    running_portrait,
    until,
)

pytestmark = pytest.mark.e2e

CLICKS = "events.click"


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portrait]:
    with running_portrait(tmp_path_factory.mktemp("worker")) as portrait:
        asyncio.run(publish_items(portrait.kafka, catalogue(10)))
        asyncio.run(until(portrait.is_ready, "the service is ready"))
        yield portrait


async def send(producer: AIOKafkaProducer, user: str, partition: int | None = None) -> None:
    event = {
        "event_id": uuid4().hex,
        "type": "click",
        "user_id": user,
        "item_id": "item-1",
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    value = json.dumps(event).encode()
    await producer.send_and_wait(CLICKS, value, user.encode(), partition=partition)


def test_only_what_was_committed_is_folded_and_the_profile_is_fresh(portrait: Portrait) -> None:
    async def transact() -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=portrait.kafka, transactional_id=uuid4().hex
        ) as producer:
            async with producer.transaction():
                await send(producer, "ann")
            await producer.begin_transaction()
            await send(producer, "ann")
            await producer.abort_transaction()
            async with producer.transaction():
                await send(producer, "ann")

    asyncio.run(transact())

    portrait.profile("ann", folded=2)

    def is_fresh() -> bool:
        seconds: float | None = portrait.get("/profile/ann").json()["stale_seconds"]
        return seconds is not None and seconds < 5

    asyncio.run(until(is_fresh, "the worker says that it has read everything"))
    assert portrait.get("/profile/ann").json()["totals"]["click"] == 2


def test_what_lies_in_partitions_that_were_added_is_folded(portrait: Portrait) -> None:
    async def grow() -> None:
        settings = Settings.model_validate({"kafka_bootstrap": portrait.kafka})
        async with administering(settings) as admin:
            await admin.create_partitions({CLICKS: NewPartitions(PARTITIONS + 2)})
        async with AIOKafkaProducer(bootstrap_servers=portrait.kafka) as producer:
            for partition in range(PARTITIONS + 2):
                await send(producer, "bob", partition)

    asyncio.run(grow())

    assert portrait.profile("bob", folded=PARTITIONS + 2)["totals"]["click"] == PARTITIONS + 2
