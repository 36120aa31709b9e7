"""What a schema registry frames, on a real broker, with a real registry that comes late."""

import asyncio
import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from aiokafka import AIOKafkaProducer

from portrait.adapters.kafka_client import cluster_of
from portrait.adapters.kafka_stream import open_stream
from portrait.adapters.kafka_topics import create_topics
from portrait.events.topics import Topic, TopicsFile
from portrait.settings import Settings
from sandbox.servers import free_port, start_kafka
from tests.support.fakes import ListPublisher, MemoryProfiles
from tests.support.processes import until
from tests.support.records import encoded
from tests.support.registries import (
    CLICK,
    INT64,
    STRING,
    Registry,
    framed,
    in_avro,
    in_protobuf,
    proto,
    serialised,
    start_registry,
)
from tests.support.streams import memory_updater
from workers.roots.bounds import bounds_of
from workers.roots.registry import spoken
from workers.update.worker import update

TOPIC = "events.click"
AWAY_SECONDS = 2.0
AT = 1_782_891_060_000
OF_AVRO, OF_PROTOBUF, OF_JSON, UNKNOWN = 11, 12, 13, 99
PROTO = proto(
    "Click", {"event_id": STRING, "user_id": STRING, "item_id": STRING, "occurred_at": INT64}
)


def plain(user: str) -> bytes:
    return encoded(event_id=f"of-{user}", user_id=user)


def of_avro(user: str, schema: int = OF_AVRO) -> bytes:
    click = {"event_id": "e", "type": "CLICK", "item_id": "milk", "price": None, "occurred_at": AT}
    return framed(schema, in_avro(CLICK, click | {"user_id": user}))


def of_protobuf(user: str) -> bytes:
    click = {"event_id": "e", "item_id": "milk", "occurred_at": AT, "user_id": user}
    return framed(OF_PROTOBUF, in_protobuf(PROTO, **click))


async def test_framed_clicks_between_plain_ones_wait_for_the_registry_and_are_folded(
    tmp_path: Path,
) -> None:
    port, closing = free_port(), asyncio.Event()
    registry = Registry(tmp_path / "registry.json")
    registry.put(OF_AVRO, json.dumps(CLICK))
    registry.put(OF_PROTOBUF, serialised(PROTO), "PROTOBUF")
    registry.put(OF_JSON, "{}", "JSON")
    profiles = MemoryProfiles()
    with ExitStack() as stack:
        settings = Settings.model_validate(
            {
                "kafka_bootstrap": stack.enter_context(start_kafka(tmp_path)),
                "schema_registry": f"http://127.0.0.1:{port}",
            }
        )
        one = TopicsFile(replication=1, topics=(Topic(name=TOPIC, partitions=1),))
        await create_topics(cluster_of(settings), one)
        await send(settings.kafka_bootstrap)
        async with spoken(settings) as dialect, asyncio.TaskGroup() as tasks:
            updater = await memory_updater(profiles)
            limits = replace(updater.limits, dialect=dialect, outage=settings.outage_limit)
            updater = replace(updater, limits=limits)
            async with open_stream(
                cluster_of(settings),
                bounds_of(settings),
                group="framed",
                topics=(TOPIC,),
                closing=closing,
                resume=updater.resume,
            ) as stream:
                updating = tasks.create_task(update(stream, updater))
                await asyncio.sleep(AWAY_SECONDS)
                assert "avro" not in profiles.records

                stack.enter_context(start_registry(tmp_path / "registry.json", port))
                await until(lambda: "last" in profiles.records, "the last click is folded")
                closing.set()
                await updating

    assert {*profiles.records} == {"first", "avro", "protobuf", "json", "between", "last"}
    assert isinstance(updater.publisher, ListPublisher)
    reasons = [
        dict(each.headers)["portrait-reason"]
        for each in updater.publisher.messages
        if each.topic == "events.dead"
    ]
    assert reasons == [b"payload: schema 99 is unknown to the registry"]


async def send(kafka: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for value in (
            plain("first"),
            of_avro("avro"),
            of_protobuf("protobuf"),
            plain("between"),
            framed(OF_JSON, plain("json")),
            of_avro("nobody", UNKNOWN),
            plain("last"),
        ):
            await producer.send_and_wait(TOPIC, value, b"key")
