"""Two shops in one installation, in real processes: apart while they work, and when one goes."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient

from portrait.adapters.redis_store import connect_redis
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.events.topics import ITEMS, event_topic, read_topics
from portrait.shops.name import prefix_of
from sandbox.processes import finish, python
from sandbox.servers import ROOT, start_kafka, start_redis, start_servers
from tests.support.processes import (
    RECEIVED,
    Fields,
    asked,
    catalogue,
    environment,
    events,
    producing,
    profiles,
    until,
    with_path,
    worker,
)
from tests.support.topics import timeless

pytestmark = pytest.mark.e2e

ACME, BETA = "acme", "beta"
SHOPS = {ACME: 20, BETA: 35}  # and how many items each has
EVENTS = 4_000  # of each
USERS = 300  # who are called alike in both
RUNNING = "index", "update", "archive"
# The embedded broker never notices that a member of a group has left.
FORCED = () if os.environ.get("KAFKA") == "apache" else ("--force",)

Dumped = dict[bytes, bytes]


@dataclass(frozen=True)
class Installation:
    """Servers, and the processes of two shops on them."""

    kafka: str
    redis: str
    directory: Path
    settings: dict[str, str]
    stacks: dict[str, ExitStack]  # of its workers

    def asked(self, *command: str, shop: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command as an operator would, for a shop or for all."""
        of_shop = {} if shop is None else {"PORTRAIT_SHOP": shop}
        return asked(self.settings | of_shop, *command)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Make two shops by command, and let both work at once."""
    directory = tmp_path_factory.mktemp("shops")
    with start_servers(directory) as servers, ExitStack() as stack:
        stacks = {shop: stack.enter_context(ExitStack()) for shop in SHOPS}
        settings = settings_in(directory, servers.kafka, servers.redis)
        whole = Installation(servers.kafka, servers.redis, directory, settings, stacks)
        for shop, items in SHOPS.items():
            made = whole.asked("shops", "create", shop)
            assert made.returncode == 0, made.stderr
            asyncio.run(publish_items(servers.kafka, goods(shop, items), shop))
        for shop, items in SHOPS.items():
            start(whole, shop, "index", "archive")
            asyncio.run(until(partial(is_indexed, whole, shop, items), f"{shop} is indexed"))
        for shop in SHOPS:
            start(whole, shop, "update")
        asyncio.run(publish_both(servers.kafka))
        for shop in SHOPS:
            asyncio.run(until(partial(is_done, whole.redis, shop), f"{shop} is folded"))
        yield whole


def settings_in(directory: Path, kafka: str, redis: str) -> dict[str, str]:
    """Return settings of processes whose files lie in a folder; times are those of producers."""
    topics = timeless(read_topics(ROOT / "deploy" / "topics.yml")).model_dump(mode="json")
    file = directory / "topics.yml"
    file.write_text(yaml.safe_dump(topics))
    return environment(kafka, redis) | {
        "PORTRAIT_TOPICS_FILE": str(file),
        "PORTRAIT_ARCHIVE_URL": str(directory / "archive"),
        "PORTRAIT_ARCHIVE_WAIT": "PT0.5S",
        "PORTRAIT_MODELS_URL": str(directory / "models"),
        "PORTRAIT_MODEL_CACHE": str(directory / "cache"),
        "PORTRAIT_TRAIN_FOLDER": str(directory / "training"),
        "PORTRAIT_TRACKING_FOLDER": str(directory / "tracking"),
        "PORTRAIT_ASSIST_MODELS": str(directory / "assist"),
        "PORTRAIT_BATCH_EVENTS": "500",
    }


def start(whole: Installation, shop: str, *names: str) -> None:
    logs = whole.directory / f"logs-{shop}"
    logs.mkdir(exist_ok=True)
    for name in names:
        settings = whole.settings | {"PORTRAIT_SHOP": shop}
        whole.stacks[shop].enter_context(worker(name, settings, logs))


def goods(shop: str, count: int) -> list[Item]:
    """Return what a shop sells: ids that the other has, too, and other things."""
    return [
        item.model_copy(update={"title": f"{item.title} of {shop}"}) for item in catalogue(count)
    ]


def sent(shop: str) -> list[Fields]:
    return events(EVENTS, USERS, SHOPS[shop], seed=len(shop) + SHOPS[shop])


async def publish_items(kafka: str, items: list[Item], shop: str | None) -> None:
    async with producing(kafka) as producer:
        for item in items:
            value = item.model_dump_json().encode()
            await producer.send(prefix_of(shop) + ITEMS, value, item.id.encode())


async def publish_both(kafka: str) -> None:
    """Send the events of both in turn."""
    async with producing(kafka) as producer:
        for number, pair in enumerate(zip(*map(sent, SHOPS), strict=True)):
            for shop, event in zip(SHOPS, pair, strict=True):
                await producer.send(**message(number, event, shop))


async def publish_one(kafka: str, shop: str) -> None:
    """Send the events of one, as they were, to an installation that has no shops."""
    async with producing(kafka) as producer:
        for number, event in enumerate(sent(shop)):
            await producer.send(**message(number, event, None))


def message(number: int, event: Fields, shop: str | None) -> dict[str, object]:
    return {
        "topic": prefix_of(shop) + event_topic(Action(str(event["type"]))),
        "value": json.dumps(event).encode(),
        "key": str(event["user_id"]).encode(),
        "timestamp_ms": RECEIVED + number,
    }


async def is_indexed(whole: Installation, shop: str, items: int) -> bool:
    redis = await connect_redis(whole.redis, shop)
    try:
        return await redis.hlen("items") == items and bool(await redis.keys("model:champion*"))
    finally:
        await redis.aclose()


async def is_done(url: str, shop: str | None) -> bool:
    found = await stored(url, shop)
    return sum(int.from_bytes(record[:8], "big") for record in found.values()) == EVENTS


async def stored(url: str, shop: str | None) -> Dumped:
    redis = await connect_redis(url, shop)
    try:
        return await profiles(redis)
    finally:
        await redis.aclose()


async def dumped(url: str, shop: str | None) -> Dumped:
    """Return all that a database holds, as Redis writes it down."""
    redis = await connect_redis(url, shop)
    try:
        keys = sorted([key async for key in redis.scan_iter(count=1_000)])
        values = [await redis.dump(key) for key in keys]
        return {key: value for key, value in zip(keys, values, strict=True) if value is not None}
    finally:
        await redis.aclose()


@pytest.mark.parametrize("shop", SHOPS)
def test_profiles_are_those_of_an_installation_of_its_own(
    whole: Installation, shop: str, tmp_path: Path
) -> None:
    beside = asyncio.run(stored(whole.redis, shop))
    with start_kafka(tmp_path) as kafka, start_redis(tmp_path) as redis:
        settings = settings_in(tmp_path, kafka, redis)
        finish(python("workers", "topics"), tmp_path / "topics.log", settings)
        asyncio.run(fill(redis, asyncio.run(dumped(whole.redis, shop))))
        asyncio.run(publish_one(kafka, shop))
        with worker("update", settings, tmp_path):
            asyncio.run(until(lambda: is_done(redis, None), "it is folded alone"))
            alone = asyncio.run(stored(redis, None))

    assert len(beside) == USERS
    assert alone == beside


async def fill(url: str, held: Mapping[bytes, bytes]) -> None:
    """Lay down the catalogue, the model and what was read of texts.

    The last bits of a vector depend on which others were read with it.
    """
    redis = await connect_redis(url)
    try:
        for key, value in held.items():
            if key.startswith((b"items", b"model:", b"text:")):
                await redis.restore(key, 0, value)
    finally:
        await redis.aclose()


def test_they_differ_though_everybody_is_called_alike(whole: Installation) -> None:
    acme, beta = (asyncio.run(stored(whole.redis, shop)) for shop in SHOPS)

    assert acme.keys() == beta.keys()
    assert all(acme[user] != beta[user] for user in acme)


def test_nothing_of_theirs_lies_where_there_are_no_shops(whole: Installation) -> None:
    assert sorted(asyncio.run(dumped(whole.redis, None))) == [b"audit", b"shops"]


def test_a_worker_of_no_shop_that_there_is_says_what_to_do(whole: Installation) -> None:
    ended = subprocess.run(  # noqa: S603 - our own
        python("portrait", "update"),
        env=with_path(whole.settings | {"PORTRAIT_SHOP": "gamma"}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "There is no shop gamma: `portrait shops create gamma` makes it." in ended.stdout


def test_letters_and_imports_are_of_the_shop_that_is_named(
    whole: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps(clicked("imported", "e-1")) + "\n")
    asyncio.run(publish_raw(whole.kafka, f"{ACME}.events.click", b"no event"))

    imported = whole.asked("import", "events", str(file), "--yes", shop=ACME)
    letters = asyncio.run(until_told(whole, ACME, "events.click"))
    others = whole.asked("dead-letters", "--json", shop=BETA)
    replayed = whole.asked("replay-dead", shop=ACME)

    assert json.loads(imported.stdout.splitlines()[-1])["events"] == 1, imported.stderr
    asyncio.run(until(partial(is_stored, whole.redis, ACME, "imported"), "it is imported"))
    assert not asyncio.run(is_stored(whole.redis, BETA, "imported"))
    assert [letter["topics"] for letter in letters] == [["events.click"]]
    assert others.stdout.strip() == ""
    assert "letters=1" in replayed.stdout + replayed.stderr or '"letters": 1' in replayed.stderr
    assert asyncio.run(until_told(whole, ACME, "events.click", records=2))


def clicked(user: str, id: str) -> Fields:
    return {
        "event_id": id,
        "type": "click",
        "user_id": user,
        "item_id": "item-1",
        "occurred_at": "2026-08-01T10:00:00Z",
    }


async def publish_raw(kafka: str, topic: str, value: bytes) -> None:
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, value, b"somebody")


async def is_stored(url: str, shop: str, user: str) -> bool:
    return f"profile:{{{user}}}".encode() in await stored(url, shop)


async def until_told(
    whole: Installation, shop: str, topic: str, records: int = 1
) -> list[dict[str, object]]:
    """Wait until dead letters of a topic are listed; return what is told of them."""
    told: list[dict[str, object]] = []

    def is_told() -> bool:
        listed = whole.asked("dead-letters", "--json", "--topic", topic, shop=shop).stdout
        told[:] = [json.loads(line) for line in listed.splitlines()]
        return sum(int(str(each["records"])) for each in told) >= records

    await until(is_told, f"{records} dead letters of {topic}")
    return told


def test_a_shop_in_use_is_not_deleted(whole: Installation) -> None:
    before = asyncio.run(stored(whole.redis, ACME))

    ended = whole.asked("shops", "delete", ACME, "--yes")

    assert ended.returncode == 1
    assert "Workers of acme still run" in ended.stderr
    assert asyncio.run(stored(whole.redis, ACME)) == before


def test_a_deleted_shop_leaves_nothing_and_changes_nothing_of_another(whole: Installation) -> None:
    files = files_of(whole.directory)
    asyncio.run(
        until(
            lambda: any("archive/shops/acme" in f for f in files_of(whole.directory)),
            "it is archived",
        )
    )
    whole.stacks[ACME].close()
    before = asyncio.run(at_rest(whole, BETA))
    files = files_of(whole.directory)

    unmeant = whole.asked("shops", "delete", ACME)
    ended = whole.asked("shops", "delete", ACME, "--yes", *FORCED)

    assert unmeant.returncode == 2
    assert ended.returncode == 0, ended.stderr
    gone = json.loads(ended.stdout)
    assert gone["topics_and_groups"] > len(RUNNING)
    assert gone["archive"] > 0
    assert gone["models"] > 0
    assert asyncio.run(names_on_kafka(whole.kafka, ACME)) == []
    assert asyncio.run(databases(whole.redis)) == {"db0", "db2"}
    left = asyncio.run(dumped(whole.redis, None))
    assert left.pop(b"audit")  # that it was made and deleted stays written down
    assert b"acme" not in b"".join(left.values())
    assert not [file for file in files_of(whole.directory) if "/acme/" in file]
    assert asyncio.run(at_rest(whole, BETA)) == before
    assert [f for f in files if "/beta/" in f] == [
        f for f in files_of(whole.directory) if "/beta/" in f
    ]


def test_a_shop_of_the_same_name_begins_with_nothing(whole: Installation) -> None:
    made = whole.asked("shops", "create", ACME, "--users", "1000")

    assert made.returncode == 0, made.stderr
    assert [*asyncio.run(dumped(whole.redis, ACME))] == [b"shop"]
    assert "1000" in whole.asked("shops", "list").stdout


def files_of(directory: Path) -> list[str]:
    """Return the files of all shops."""
    folders = "archive", "models", "cache", "training", "tracking", "assist"
    return sorted(
        str(file.relative_to(directory))
        for folder in folders
        for file in (directory / folder).rglob("*")
        if file.is_file()
    )


async def at_rest(whole: Installation, shop: str) -> tuple[Dumped, list[str]]:
    """Return all that is kept of a shop, but for how far it has been read."""
    held = await dumped(whole.redis, shop)
    moving = {b"progress", b"lease", b"trainers"}
    return {key: value for key, value in held.items() if key not in moving}, await names_on_kafka(
        whole.kafka, shop
    )


async def names_on_kafka(kafka: str, shop: str) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        groups = [group for group, _ in await admin.list_consumer_groups()]
        return sorted(
            name for name in [*await admin.list_topics(), *groups] if name.startswith(f"{shop}.")
        )
    finally:
        await admin.close()


async def databases(url: str) -> set[str]:
    redis = await connect_redis(url)
    try:
        return {*await redis.info("keyspace")}
    finally:
        await redis.aclose()
