"""The stage: a shop's Portrait as processes on this machine, by the commands a shop would run."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from redis.asyncio import Redis

from demo.replay import progress_bar
from portrait.adapters.parquet_archive import ParquetArchive
from portrait.adapters.redis_progress import RedisOffsets
from portrait.archive.segment import covered
from portrait.events.event import Action
from portrait.events.progress import UPDATE_GROUP
from portrait.events.topics import ITEMS, event_topic
from sandbox.planted.life import profile_key
from sandbox.ports import free_port
from sandbox.processes import Process, finish, python, running
from sandbox.servers import Servers, start_servers

PORT, KAFKA_PORT = 8_000, 9_092  # others are taken if these are not free
START_SECONDS = 180.0  # for a first start on a slow machine
TRAIN_SECONDS = 1_800.0  # on a machine that is busy with something else
POLL_SECONDS = 0.1
HELD_OUT = "0.2"  # of few households a tenth says little
# Nine months of 500 households calibrate no head to .02, the default; a shop's logs would.
THRESHOLDS = '{"head_ece": 0.08}'

Fields = dict[str, object]


@dataclass(frozen=True, slots=True)
class Stage:
    """Running servers, and where the service will answer. Lives as long as its stack."""

    stack: ExitStack
    servers: Servers
    url: str
    settings: Mapping[str, str] = field(default_factory=dict)  # of every process

    @property
    def archive(self) -> str:
        """Where the archive worker writes."""
        return str(self.servers.directory / "archive")

    def start(self, name: str, command: list[str], **settings: str) -> Process:
        """Start a process; it is stopped with the stage."""
        folder = self.servers.directory
        environment = {
            **self.servers.environment,
            "PORTRAIT_PORT": self.url.rsplit(":", 1)[1],
            "PORTRAIT_ARCHIVE_URL": self.archive,
            "PORTRAIT_MODELS_URL": str(folder / "models"),
            "PORTRAIT_MODEL_CACHE": str(folder / "cache"),
            "PORTRAIT_TRAIN_FOLDER": str(folder / "training"),
            "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait leave the cores to the others
            **self.settings,
            **settings,
        }
        log = folder / f"{name}.log"
        return self.stack.enter_context(running(command, log, environment))


def open_stage(stack: ExitStack, logs: Path, **settings: str) -> Stage:
    """Start a broker and a Redis, create the topics, and start what waits for a catalogue.

    Args:
        stack: What is started ends with it.
        logs: Folder for logs, archive and models.
        **settings: Of every process, in variables of the environment.
    """
    kafka_port, port = free_port(KAFKA_PORT), free_port(PORT)
    for usual, taken in ((KAFKA_PORT, kafka_port), (PORT, port)):
        if usual != taken:
            print(f"Port {usual} is taken: {taken} is used instead.")
    with step("Starting a Kafka broker and a Redis"):
        servers = stack.enter_context(start_servers(logs, kafka_port))
        finish(python("workers", "topics"), logs / "topics.log", servers.environment)
    stage = Stage(stack, servers, f"http://127.0.0.1:{port}", settings)
    with step("Starting service, index worker and archive worker"):
        # Two threads for the encoder: nobody else has work yet.
        stage.start("index", python("workers", "index"), PORTRAIT_ENCODER_THREADS="2")
        stage.start("archive", python("workers", "archive"), PORTRAIT_ARCHIVE_WAIT="PT2S")
        stage.start("service", python("service"))
    return stage


async def publish(kafka: str, events: Sequence[Fields], title: str) -> None:
    """Publish events as fast as the broker takes them."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=5, acks="all")
    await producer.start()
    with progress_bar(title, len(events), " events") as bar:
        for event in events:
            topic = event_topic(Action(str(event["type"])))
            await producer.send(topic, json.dumps(event).encode(), profile_key(event).encode())
            bar.update()
        await producer.flush()
    await producer.stop()


async def load_catalogue(
    stage: Stage, items: Sequence[Fields], seconds: float = START_SECONDS
) -> None:
    """Publish the catalogue, and wait until it is read, for so many seconds at most."""
    producer = AIOKafkaProducer(bootstrap_servers=stage.servers.kafka, linger_ms=5)
    await producer.start()
    for item in items:
        await producer.send(ITEMS, json.dumps(item).encode(), str(item["id"]).encode())
    await producer.stop()
    redis = Redis.from_url(stage.servers.redis)
    ends = time.monotonic() + seconds
    with progress_bar("Storing the catalogue", len(items), " items") as bar:
        while bar.n < len(items):
            bar.update(await redis.hlen("items") - bar.n)
            await pause(ends, "the catalogue was not indexed; see build/demo/index.log")
    with step("Reading it with BERT"):
        while not await redis.exists("model:champion"):
            await pause(ends, "no model was fitted; see build/demo/index.log")
    await redis.aclose()


async def await_ready(stage: Stage) -> None:
    """Wait until update worker and service are at work."""
    redis = Redis.from_url(stage.servers.redis)
    ends = time.monotonic() + START_SECONDS
    while not await redis.exists("progress"):
        await pause(ends, "the update worker did not start; see build/demo/update.log")
    await redis.aclose()
    async with httpx.AsyncClient(base_url=stage.url) as http:
        while not await _is_ready(http):
            await pause(ends, "the service is not ready; see build/demo/service.log")


async def await_archived(stage: Stage, events: int) -> None:
    """Wait until so many events are in the archive's files."""
    archive = ParquetArchive(stage.archive)
    ends = time.monotonic() + START_SECONDS
    while sum(end - first for first, end in covered(archive.segments()).values()) < events:
        await pause(ends, "events were not archived; see build/demo/archive.log")


async def await_read(stage: Stage) -> None:
    """Wait until all that was published is folded, and no new text of it is read any more.

    What takes long to read is folded first; offsets are stored up to what is still being read.
    """
    redis = Redis.from_url(stage.servers.redis)
    consumer = AIOKafkaConsumer(bootstrap_servers=stage.servers.kafka)
    await consumer.start()
    stored = (await RedisOffsets(redis).look(UPDATE_GROUP)).ends
    published = await consumer.end_offsets([TopicPartition(*place) for place in stored])
    await consumer.stop()
    ends = time.monotonic() + START_SECONDS
    while any(stored[place] < end for place, end in published.items()):
        await pause(ends, "new texts were not read; see build/demo/update.log")
        stored = (await RedisOffsets(redis).look(UPDATE_GROUP)).ends
    await redis.aclose()


async def train(stage: Stage, trainer: Process, reason: str) -> Fields:
    """Ask for a training over HTTP, and follow it to its verdict. Returns the job."""
    async with httpx.AsyncClient(base_url=stage.url, timeout=30) as http:
        asked = await http.post("/models/train", json={"reason": reason})
        return await follow(http, trainer, str(asked.raise_for_status().json()["id"]))


async def follow(http: httpx.AsyncClient, trainer: Process, job_id: str) -> Fields:
    """Show the stages of a training until it is over."""
    ends, shown = time.monotonic() + TRAIN_SECONDS, None
    started = time.monotonic()
    while True:
        job: Fields = (await http.get(f"/models/jobs/{job_id}")).raise_for_status().json()
        if job["stage"] != shown and job["stage"] is not None:
            shown = job["stage"]
            print(f"  {time.monotonic() - started:5.1f} s  {shown}")
        if job["state"] in {"promoted", "refused", "failed", "cancelled"}:
            print(f"  {time.monotonic() - started:5.1f} s  {job['state']}: {job['outcome']}")
            return job
        if trainer.poll() is not None:
            ends = 0
        await pause(ends, "the training did not end; see build/demo/train.log")


async def await_champion(stage: Stage, version: str) -> None:
    """Wait until a model serves."""
    ends = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient(base_url=stage.url, timeout=30) as http:
        while (await http.get("/models")).raise_for_status().json()["champion"] != version:
            await pause(ends, "the model was not put in service; see build/demo/index.log")


async def pause(ends: float, failure: str) -> None:
    """Wait a moment; past the end, give up with a word that says where to look."""
    if time.monotonic() > ends:
        raise SystemExit(failure)
    await asyncio.sleep(POLL_SECONDS)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"{title} …", end="", flush=True)
    started = time.monotonic()
    yield
    print(f" {time.monotonic() - started:.1f} s", flush=True)


async def _is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
