"""Another encoder: its space is built beside the one that serves, and nobody notices but the log.

index, update, archive and service run on encoder A ─▶ index starts again with B ─▶ a model on B
serves, every profile is painted with it ─▶ rolled back ─▶ A's again, and it stays
A learned model on A serves on beside B's space, until one that has learned on B serves
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Flag

import httpx
import pytest

from portrait.adapters.redis_registry import RedisRegistry
from portrait.adapters.redis_store import connect_redis
from portrait.events.item import Item
from portrait.profiles.record import space_of
from sandbox.processes import Process, finish, python, running, stop
from sandbox.servers import free_port, start_servers
from tests.support.challengers import add_challenger
from tests.support.patience import PATIENCE
from tests.support.processes import (
    Fields,
    environment,
    folded,
    profiles,
    publish_events,
    publish_items,
    until,
    worker,
)
from tests.support.tiny_bert import write_tiny_bert

pytestmark = pytest.mark.e2e

ITEMS, USERS, EVENTS = 60, 20, 200
AT: Fields = {"occurred_at": "2026-08-28T10:00:00Z"}
ACTIONS = ("click", "cart", "purchase", "search")


def items() -> list[Item]:
    """Return items in words that the tiny encoders know; punctuation they do not."""
    return [
        Item(
            id=f"item-{n}",
            title=" ".join(f"w{(step * n) % 60}" for step in (1, 7, 11, 13, 17)),
            category=f"w{n % 4} > w{n % 10}",
        )
        for n in range(ITEMS)
    ]


def log_of(first: int) -> list[Fields]:
    """Return the next events, some of them searches."""
    found: list[Fields] = []
    for number in range(first, first + EVENTS):
        action = ACTIONS[number % len(ACTIONS)]
        what = {"text": f"w{number % 40}"} if action == "search" else {}
        found.append(
            {
                "event_id": f"event-{number}",
                "type": action,
                "user_id": f"user-{number % USERS}",
                "occurred_at": f"2026-08-{1 + number % 28:02d}T10:{number % 60:02d}:00Z",
                **(what or {"item_id": f"item-{number * 13 % ITEMS}"}),
            }
        )
    return found


@dataclass
class Shop:
    """A shop that somebody asks all the time."""

    stack: ExitStack
    kafka: str
    redis: str
    url: str
    logs: Path
    settings: dict[str, str]
    running: dict[str, Process] = field(default_factory=dict)
    sent: int = 0

    def start(self, name: str, encoder: Path, **more: str) -> None:
        if name in self.running:
            stop(self.running[name])
        settings = self.settings | {"PORTRAIT_ENCODER": str(encoder)} | more
        self.running[name] = self.stack.enter_context(worker(name, settings, self.logs))

    async def champion(self) -> str | None:
        redis = await connect_redis(self.redis)
        roles = await RedisRegistry(redis).roles()
        await redis.aclose()
        return roles.champion

    async def basis(self) -> str | None:
        redis = await connect_redis(self.redis)
        version = await RedisRegistry(redis).basis()
        await redis.aclose()
        return version

    def await_basis(self, is_so: Callable[[str | None], bool], what: str) -> str | None:
        async def is_reached() -> bool:
            return is_so(await self.basis())

        asyncio.run(until(is_reached, what))
        return asyncio.run(self.basis())

    def promote(self, version: str, base: str | None = None) -> set[str]:
        """Add a learned model, put it in service, and wait until everybody is painted with it."""
        model = asyncio.run(add_challenger(self.redis, version, seed=1, base=base))
        httpx.post(f"{self.url}/models/{version}/promote", timeout=30).raise_for_status()
        wanted = {model.space_id}
        return self.await_painted(lambda spaces: spaces == wanted, f"painted with {version}")

    def await_champion(self, other_than: str | None = None) -> str:
        async def serves() -> bool:
            return await self.champion() not in {None, other_than}

        asyncio.run(until(serves, "a model serves"))
        return str(asyncio.run(self.champion()))

    def await_painted(self, are_so: Callable[[set[str]], bool], what: str) -> set[str]:
        async def are_painted() -> bool:
            return are_so(await spaces_of(self.redis))

        asyncio.run(until(are_painted, what))
        return asyncio.run(spaces_of(self.redis))

    def await_said(self, name: str, what: str) -> None:
        asyncio.run(until(lambda: what in self.log(name), f"{name} says {what}"))

    def log(self, name: str) -> str:
        return (self.logs / f"{name}.log").read_text()

    def send(self) -> None:
        asyncio.run(publish_events(self.kafka, log_of(self.sent)))
        self.sent += EVENTS

    def await_folded(self) -> None:
        async def are_folded() -> bool:
            return await folded(self.redis) == self.sent

        asyncio.run(until(are_folded, "every event is folded once"))


async def spaces_of(url: str) -> set[str]:
    """Return the spaces that profiles are painted in."""
    redis = await connect_redis(url)
    found = await profiles(redis)
    await redis.aclose()
    return {space_of(record) for record in found.values()}


def ask_until(done: Flag, url: str) -> list[tuple[str, str]]:
    """Ask for a profile and for recommendations, and return whatever was not answered."""
    failed: list[tuple[str, str]] = []
    wish = {"user_id": "user-1", "limit": 3, "session": {"texts": ["w3"]}}
    with httpx.Client(timeout=30) as client:
        while not done.is_set():
            for answer in (
                client.get(f"{url}/profile/user-1"),
                client.post(f"{url}/recommend", json=wish),
            ):
                failed += [] if answer.status_code == 200 else [(str(answer.url), answer.text)]
            time.sleep(0.05)
    return failed


@contextmanager
def asking(url: str) -> Iterator[list[tuple[str, str]]]:
    """Ask all the time; what was not answered is in the list at the end."""
    done, failed = Flag(), list[tuple[str, str]]()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask_until, done, url)
        try:
            yield failed
        finally:
            done.set()
        failed += asked.result()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with ExitStack() as stack:
        servers = stack.enter_context(start_servers(tmp_path))
        port = free_port()
        settings = environment(servers.kafka, servers.redis) | {"PORTRAIT_PORT": str(port)}
        settings["PORTRAIT_ARCHIVE_URL"] = str(tmp_path / "archive")
        finish(python("workers", "topics"), tmp_path / "topics.log", settings)
        asyncio.run(publish_items(servers.kafka, items()))
        stack.enter_context(running(python("service"), tmp_path / "service.log", settings))
        url = f"http://127.0.0.1:{port}"
        yield Shop(stack, servers.kafka, servers.redis, url, tmp_path, settings)


def test_an_encoder_is_changed_under_load_and_changed_back(shop: Shop, tmp_path: Path) -> None:
    old = write_tiny_bert(tmp_path / "old", seed=0)
    new = write_tiny_bert(tmp_path / "new", seed=1, hidden=48)
    for name in ("index", "update", "archive"):
        shop.start(name, old)
    first = shop.await_champion()
    shop.send()
    shop.await_folded()
    before = shop.await_painted(lambda spaces: len(spaces) == 1, "painted with the old one")
    with asking(shop.url) as failed:
        shop.start("index", new)
        shop.send()
        second = shop.await_champion(other_than=first)
        shop.start("update", old)  # what serves decides, and not its own setting
        shop.send()
        shop.await_folded()
        shop.await_painted(lambda spaces: not spaces & before, "painted with the new one")

        httpx.post(f"{shop.url}/models/rollback", json={"reason": "a test"}).raise_for_status()
        shop.send()
        shop.await_folded()
        shop.await_painted(lambda spaces: spaces == before, "painted with the old one again")
        shop.start("index", new)
        shop.await_said("index", "encoder_not_taken_up")

    assert failed == []
    assert shop.await_champion() == first
    assert second != first
    for name in ("index", "update", "archive"):
        assert "process_failed" not in shop.log(name)
    assert "encoder_followed" in shop.log("update")


def test_a_learned_model_serves_on_until_one_learned_on_the_new_encoder_does(
    shop: Shop, tmp_path: Path
) -> None:
    old = write_tiny_bert(tmp_path / "old", seed=0)
    new = write_tiny_bert(tmp_path / "new", seed=1, hidden=48)
    for name in ("index", "update", "archive"):
        shop.start(name, old)
    shop.await_champion()
    shop.send()
    shop.await_folded()
    before = shop.promote("learned-old")
    with asking(shop.url) as failed:
        shop.start("index", new)
        basis = shop.await_basis(lambda version: version is not None, "B's space is begun")
        shop.send()
        shop.await_folded()
        assert shop.await_painted(lambda spaces: len(spaces) == 1, "painted") == before
        assert shop.await_champion() == "learned-old"

        after = shop.promote("learned-new", base=basis)
        shop.await_basis(lambda version: version is None, "nothing else is stood on")
        shop.send()
        shop.await_folded()
        assert shop.await_painted(lambda spaces: len(spaces) == 1, "painted") == after

        httpx.post(f"{shop.url}/models/rollback", json={"reason": "a test"}).raise_for_status()
        shop.await_painted(lambda spaces: spaces == before, "painted with the old one again")

    assert failed == []
    assert "encoder_changes_with_training" in shop.log("index")
    for name in ("index", "update", "archive"):
        assert "process_failed" not in shop.log(name)


def test_without_the_former_encoder_profiles_go_on_until_the_new_one_serves(
    shop: Shop, tmp_path: Path
) -> None:
    old = write_tiny_bert(tmp_path / "old", seed=0)
    new = write_tiny_bert(tmp_path / "new", seed=1)
    shop.start("index", old)
    first = shop.await_champion()
    stop(shop.running["index"])
    shutil.rmtree(old)

    shop.start("update", new)
    shop.send()
    shop.await_folded()

    assert "encoder_missing" in shop.log("update")
    assert f"{old} any more" in shop.log("update")
    before = shop.await_painted(lambda spaces: len(spaces) == 1, "painted with what was placed")
    shop.start("index", new)
    shop.await_champion(other_than=first)
    shop.await_painted(lambda spaces: not spaces & before, "painted with the new one")


def test_what_an_encoder_cannot_read_is_said_and_searched_by_words(
    shop: Shop, tmp_path: Path
) -> None:
    health = free_port()
    strange = [Item(id=f"odd-{n}", title=f"x{n} y{n} z{n}") for n in range(ITEMS)]
    asyncio.run(publish_items(shop.kafka, strange))
    bert = write_tiny_bert(tmp_path / "bert")
    shop.start("index", bert, PORTRAIT_HEALTH_PORT=str(health))
    shop.start("update", bert)
    shop.await_champion()
    shop.await_said("index", "texts_unread")
    searches: list[Fields] = [
        {"event_id": text, "type": "search", "user_id": "ann", "text": text, **AT}
        for text in ("w3", "x7 y7")
    ]
    asyncio.run(publish_events(shop.kafka, searches))
    shop.sent += len(searches)
    shop.await_folded()

    ready = httpx.get(f"http://127.0.0.1:{health}/readyz", timeout=30)
    gauges = httpx.get(f"http://127.0.0.1:{health}/metrics", timeout=30).text
    wish = {"session": {"texts": ["w3", "x7 y7"]}, "limit": 3}
    answer = httpx.post(f"{shop.url}/recommend", json=wish, timeout=30).raise_for_status().json()

    assert ready.status_code == 200
    (note,) = ready.json()["notes"]
    assert "cannot read 50% of the catalogue's texts: set PORTRAIT_ENCODER" in note
    assert "portrait_texts_unread_share 0.5" in gauges
    assert [each["read"] for each in answer["session_texts"]] == ["vector", "words"]
    assert answer["items"][0]["item_id"].startswith("odd-")  # which of them, it cannot tell


def test_an_encoder_that_is_not_there_ends_the_index_worker_in_a_sentence(
    shop: Shop, tmp_path: Path
) -> None:
    shop.start("index", tmp_path / "nowhere")

    code = shop.running["index"].wait(PATIENCE)

    assert code == 1
    said = shop.log("index")
    assert "command_failed" in said
    assert "give the folder of a Hugging Face BERT" in said
    assert "Traceback" not in said
    assert "process_failed" not in said
