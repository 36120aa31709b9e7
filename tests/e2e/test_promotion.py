"""A promotion under load: events flow, requests come, and nothing is missing or mixed."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from statistics import median, quantiles

import httpx
import pytest

from portrait.events.event import Action
from portrait.events.topics import event_topic
from portrait.model.model import Model
from tests.support.challengers import add_challenger
from tests.support.patience import ANSWER_SECONDS, PATIENCE
from tests.support.processes import (
    Portrait,
    catalogue,
    producing,
    publish_items,
    running_portrait,
    until,
)

pytestmark = pytest.mark.e2e

ITEMS, USERS = 400, 60
EVENTS_A_SECOND = 100
FRESH_SECONDS = 1.0  # DESIGN, section 10: p99 of event published -> profile readable
BUSY_TIMES = 10  # or, on a machine that is busy otherwise, so many times the median before
PROBES = 12  # events that tell that median


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portrait]:
    """A Portrait with a catalogue, in which every user has done something."""
    with running_portrait(tmp_path_factory.mktemp("promotion")) as whole:
        asyncio.run(publish_items(whole.kafka, catalogue(ITEMS)))
        asyncio.run(until(whole.is_ready, "the service is ready"))
        asyncio.run(publish(whole.kafka, [event(n, f"user-{n % USERS}") for n in range(3 * USERS)]))
        for user in range(USERS):
            whole.profile(f"user-{user}", folded=3)
        yield whole


def event(number: int, user: str) -> dict[str, object]:
    return {
        "event_id": f"e-{number}",
        "type": Action.PURCHASE,
        "user_id": user,
        "item_id": f"item-{number * 7 % ITEMS}",
        "occurred_at": datetime.now(UTC).isoformat(),
    }


async def publish(kafka: str, events: list[dict[str, object]]) -> None:
    async with producing(kafka) as producer:
        for each in events:
            topic = event_topic(Action(str(each["type"])))
            await producer.send(topic, json.dumps(each).encode(), str(each["user_id"]).encode())


@dataclass
class Seen:
    """What clients saw."""

    answers: Counter[int] = field(default_factory=Counter)  # by status
    pairs: set[tuple[str, str]] = field(default_factory=set)  # model version and space of answers
    freshness: list[float] = field(default_factory=list)  # seconds


@asynccontextmanager
async def load(portrait: Portrait, numbers: Iterator[int]) -> AsyncIterator[Seen]:
    """Send events and requests meanwhile."""
    seen, closing = Seen(), asyncio.Event()
    client = httpx.AsyncClient(base_url=portrait.url, timeout=ANSWER_SECONDS)
    async with client as http, asyncio.TaskGroup() as tasks:
        tasks.create_task(shoppers(portrait, numbers, closing))
        tasks.create_task(readers(http, seen, closing))
        tasks.create_task(probes(portrait, http, numbers, seen, closing))
        yield seen
        closing.set()


async def shoppers(portrait: Portrait, numbers: Iterator[int], closing: asyncio.Event) -> None:
    async with producing(portrait.kafka) as producer:
        while not closing.is_set():
            number = next(numbers)
            each = event(number, f"user-{number % USERS}")
            key = str(each["user_id"]).encode()
            await producer.send("events.purchase", json.dumps(each).encode(), key)
            await asyncio.sleep(1 / EVENTS_A_SECOND)


async def readers(http: httpx.AsyncClient, seen: Seen, closing: asyncio.Event) -> None:
    for number in count():
        if closing.is_set():
            return
        user = f"user-{number % USERS}"
        profile = await http.get(f"/profile/{user}")
        asked = {"user_id": user, "limit": 5, "explain": number % 3 == 0}
        recommended = await http.post("/recommend", json=asked)
        for answer in (profile, recommended):
            seen.answers[answer.status_code] += 1
            if answer.status_code == 200:
                seen.pairs.add((answer.json()["model_version"], answer.json()["space_id"]))
        if recommended.status_code == 200 and len(recommended.json()["items"]) < 5:
            seen.answers[0] += 1  # an answer that lacks something
        await asyncio.sleep(0.01)


async def probes(
    portrait: Portrait,
    http: httpx.AsyncClient,
    numbers: Iterator[int],
    seen: Seen,
    closing: asyncio.Event,
) -> None:
    """Measure how soon an event of a user of their own is in the profile."""
    async with producing(portrait.kafka) as producer:
        while not closing.is_set():
            number = next(numbers)
            each = event(number, f"probe-{number}")
            key = str(each["user_id"]).encode()
            await producer.send_and_wait("events.purchase", json.dumps(each).encode(), key)
            sent = time.monotonic()
            while (await http.get(f"/profile/probe-{number}")).status_code != 200:
                assert time.monotonic() - sent < PATIENCE
                await asyncio.sleep(0.01)
            seen.freshness.append(time.monotonic() - sent)
            await asyncio.sleep(0.05)


async def all_spaces(portrait: Portrait) -> set[str]:
    async with httpx.AsyncClient(base_url=portrait.url, timeout=ANSWER_SECONDS) as http:
        answers = [(await http.get(f"/profile/user-{user}")).json() for user in range(USERS)]
    return {answer["space_id"] for answer in answers}


async def nothing_under_load(portrait: Portrait, numbers: Iterator[int]) -> Seen:
    async with load(portrait, numbers) as seen:
        await until(lambda: len(seen.freshness) >= PROBES, "it is measured how fresh events are")
    return seen


async def promote_under_load(portrait: Portrait, numbers: Iterator[int]) -> tuple[Model, Seen]:
    challenger = await add_challenger(portrait.redis, "challenger-1", seed=1)
    async with load(portrait, numbers) as seen:
        async with httpx.AsyncClient(base_url=portrait.url, timeout=ANSWER_SECONDS) as http:
            asked = await http.post("/models/challenger-1/promote")
            assert asked.status_code in {200, 202}, asked.text
        new = {challenger.space_id}
        await until(lambda: _are(portrait, new), "everybody is painted by the challenger")
        await asyncio.sleep(1)
    return challenger, seen


async def _are(portrait: Portrait, spaces: set[str]) -> bool:
    return await all_spaces(portrait) == spaces


NUMBERS = count(1_000)


def test_a_promotion_under_load_misses_no_answer_and_mixes_no_space(portrait: Portrait) -> None:
    (before,) = asyncio.run(all_spaces(portrait))

    quiet = asyncio.run(nothing_under_load(portrait, NUMBERS))
    challenger, seen = asyncio.run(promote_under_load(portrait, NUMBERS))

    assert set(seen.answers) == {200}
    spaces = {version: {s for v, s in seen.pairs if v == version} for version, _ in seen.pairs}
    assert spaces.pop("challenger-1") == {challenger.space_id}
    assert list(spaces.values()) == [{before}]
    assert len(seen.freshness) > 5
    allowed = max(FRESH_SECONDS, BUSY_TIMES * median(quiet.freshness))
    assert quantiles(seen.freshness, n=100, method="inclusive")[98] <= allowed


def test_an_item_put_after_the_switch_is_recommended_in_the_new_space(portrait: Portrait) -> None:
    item = {"title": "goldfish flakes", "category": "Pets > Fish"}
    httpx.put(portrait.url + "/items/flakes", json=item, timeout=ANSWER_SECONDS).raise_for_status()
    asyncio.run(until(lambda: portrait.get("/items/flakes").status_code == 200, "it is there"))

    def names() -> list[str]:
        asked = {"session": {"texts": ["goldfish flakes"]}, "limit": 3}
        return [item["item_id"] for item in portrait.post("/recommend", asked)["items"]]

    asyncio.run(until(lambda: "flakes" in names(), "it is found by its words"))


def test_a_rollback_is_one_call_and_takes_everybody_back(portrait: Portrait) -> None:
    (new,) = asyncio.run(all_spaces(portrait))

    answer = httpx.post(
        portrait.url + "/models/rollback", json={"reason": "a test"}, timeout=ANSWER_SECONDS
    )

    assert answer.status_code in {200, 202}, answer.text

    async def is_back() -> bool:
        return new not in await all_spaces(portrait)

    asyncio.run(until(is_back, "everybody is painted by the former champion"))
    listed = portrait.get("/models").json()
    roles = {model["version"]: model["role"] for model in listed["models"]}
    assert roles["challenger-1"] == "rolled back"
