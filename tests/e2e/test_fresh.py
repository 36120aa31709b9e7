"""Reads that hold what was sent before, and streams, over a whole Portrait of processes.

How long anything takes is not asked for: the machine may be busy. That a read which answers holds
what it was to hold, is; and that one which cannot says so.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.events import streaming
from tests.support.patience import ANSWER_SECONDS
from tests.support.processes import (
    PARTITIONS,
    Portrait,
    catalogue,
    frozen,
    publish_items,
    running_portrait,
    until,
    worker,
)

pytestmark = pytest.mark.e2e

ITEMS = 40
SHORT, LONG = 200, 10_000  # ms
CLICK = {"type": "click", "item_id": "item-3"}


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portrait]:
    with running_portrait(tmp_path_factory.mktemp("fresh")) as whole:
        asyncio.run(publish_items(whole.kafka, catalogue(ITEMS)))
        asyncio.run(until(whole.is_ready, "the service is ready"))
        yield whole


def send(portrait: Portrait, user: str, *items: str) -> str:
    events = [{**CLICK, "user_id": user, "item_id": item} for item in items or ("item-3",)]
    position: str = portrait.post("/events", {"events": events})["position"]
    return position


def read(portrait: Portrait, user: str, position: str, wait_ms: int) -> httpx.Response:
    asked: dict[str, str | int] = {"min_position": position, "wait_ms": wait_ms}
    return httpx.get(f"{portrait.url}/profile/{user}", params=asked, timeout=ANSWER_SECONDS)


def profile_with(portrait: Portrait, user: str, position: str) -> Any:  # noqa: ANN401 - JSON
    """Read as often as it takes; whatever is answered holds the position."""
    answers: list[httpx.Response] = []

    def is_answered() -> bool:
        answers.append(read(portrait, user, position, LONG))
        assert answers[-1].status_code == 200 or kind_of(answers[-1]) == "position-not-reached"
        return answers[-1].status_code == 200

    asyncio.run(until(is_answered, "the position is reached"))
    return answers[-1].json()


def kind_of(answer: httpx.Response) -> str:
    kind: str = answer.json()["type"].rpartition(":")[2]
    return kind


def test_whoever_reads_with_a_position_reads_what_they_wrote(portrait: Portrait) -> None:
    for count in range(1, 11):
        position = send(portrait, "ann", f"item-{count}")

        assert profile_with(portrait, "ann", position)["events_folded"] == count


def test_a_position_of_many_users_is_good_for_each_of_them(portrait: Portrait) -> None:
    users = [f"one-of-many-{number}" for number in range(60)]  # in every partition
    body = {"events": [{**CLICK, "user_id": user} for user in users]}
    position = portrait.post("/events", body)["position"]

    folded = {profile_with(portrait, user, position)["events_folded"] for user in users}

    assert folded == {1}


def test_while_the_worker_stands_still_a_read_waits_no_longer_than_it_may_and_says_so(
    portrait: Portrait,
) -> None:
    profile_with(portrait, "bob", send(portrait, "bob"))
    with frozen(portrait.processes["update"]):
        position = send(portrait, "bob", "item-7")
        asked = {"user_id": "bob", "min_position": position, "wait_ms": SHORT}

        profile = read(portrait, "bob", position, SHORT)
        of_nobody = read(portrait, "never-seen", position, SHORT)
        listed = portrait.post("/recommend", asked)
        unasked = portrait.get("/profile/bob").json()
    there = profile_with(portrait, "bob", position)
    listed_then = portrait.post("/recommend", asked)

    for answer in (profile, of_nobody):
        assert (answer.status_code, kind_of(answer)) == (503, "position-not-reached")
        assert answer.headers["retry-after"] == "1"
    assert (listed["position_reached"], listed["strategy"]) == (False, "profile")
    assert unasked["events_folded"] == 1
    assert there["events_folded"] == 2
    assert listed_then["position_reached"] is True


def test_across_a_worker_that_is_killed_and_others_that_take_over_nothing_is_missed(
    portrait: Portrait, tmp_path: Path
) -> None:
    users = [f"kept-{number}" for number in range(12)]
    before = {user: send(portrait, user) for user in users}
    portrait.processes["update"].kill()
    portrait.processes["update"].wait()
    meanwhile = {user: send(portrait, user, "item-5") for user in users}
    (tmp_path / "other").mkdir()
    with (
        worker("update", portrait.settings, tmp_path),
        worker("update", portrait.settings, tmp_path / "other"),
    ):
        folded = {user: profile_with(portrait, user, meanwhile[user]) for user in users}
        for user in users:
            assert read(portrait, user, before[user], 0).status_code == 200
        after = {user: send(portrait, user, "item-9") for user in users}  # while they rebalance
        again = {user: profile_with(portrait, user, after[user]) for user in users}

        assert {profile["events_folded"] for profile in folded.values()} == {2}
        assert {profile["events_folded"] for profile in again.values()} == {3}
        asyncio.run(_streams_miss_nothing(portrait))
        asyncio.run(_a_log_that_begins_again_is_said(portrait))


async def _streams_miss_nothing(portrait: Portrait) -> None:
    """What happens while a stream is open is sent, and what does while it is not is sent then."""
    url = f"{portrait.url}/profile/eve"
    await _read_with(portrait, "eve", await _send(portrait, "eve", "item-1"))
    async with streaming(f"{url}/stream") as stream:
        first = await stream.some()
        await _send(portrait, "eve", "item-2")
        second = await stream.some()
    position = await _send(portrait, "eve", "item-3")
    await _read_with(portrait, "eve", position)
    async with streaming(f"{url}/stream", known=second.id) as stream:
        third = await stream.some()
        await asyncio.to_thread(httpx.delete, url, timeout=ANSWER_SECONDS)
        last = await stream.some()
        assert await stream.next() is None

    assert [each.data["events_folded"] for each in (first, second, third)] == [1, 2, 3]
    assert (last.event, last.data["status"]) == ("end", 410)


async def _send(portrait: Portrait, user: str, item: str) -> str:
    return await asyncio.to_thread(send, portrait, user, item)


async def _read_with(portrait: Portrait, user: str, position: str) -> None:
    await asyncio.to_thread(profile_with, portrait, user, position)


async def _a_log_that_begins_again_is_said(portrait: Portrait) -> None:
    former = await _send(portrait, "ann", "item-4")
    await _read_with(portrait, "ann", former)
    admin = AIOKafkaAdminClient(bootstrap_servers=portrait.kafka)
    await admin.start()
    try:
        await admin.delete_topics(["events.click"])
        await admin.create_topics([NewTopic("events.click", PARTITIONS, 1)])
    finally:
        await admin.close()
    answers: list[httpx.Response] = []

    async def is_said() -> bool:
        answers.append(await asyncio.to_thread(read, portrait, "ann", former, 0))
        return answers[-1].status_code == 422

    await until(is_said, "the worker reads the new log, and the service says so")

    assert kind_of(answers[-1]) == "position-invalid"
    assert answers[-1].json()["detail"].startswith("The log that it is of has begun again since")
    await _read_with(portrait, "ann", await _send(portrait, "ann", "item-6"))
