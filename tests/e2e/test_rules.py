"""Rules as a shop's people meet them: put over HTTP, gone by in every process within a second."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from portrait.adapters.redis_rules import BOOKS, VERSION
from portrait.adapters.redis_store import connect_redis
from sandbox.ports import free_port
from sandbox.processes import python, running
from tests.support.patience import ANSWER_SECONDS
from tests.support.processes import Portrait, catalogue, publish_items, running_portrait, until

pytestmark = pytest.mark.e2e

PROMISED = 1.0  # seconds until a process goes by new rules
BUSY_TIMES = 10  # and, on a machine that is busy otherwise, so many times what a list takes
SOAPS = ["Shelf 1 > soap", "Shelf 3 > soap"]
NO_SOAP = {"id": "no-soap", "where": {"category": SOAPS}, "do": {"exclude": True}}
PIN = {"id": "launch", "where": {"items": ["item-7"]}, "do": {"pin": {"position": 2}}}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portrait, Portrait]]:
    """A whole Portrait, and a second process of its service."""
    directory = tmp_path_factory.mktemp("rules")
    with running_portrait(directory) as one:
        port = free_port()
        settings = one.settings | {"PORTRAIT_PORT": str(port)}
        with running(python("service"), directory / "service-2.log", settings):
            other = replace(one, url=f"http://127.0.0.1:{port}")
            asyncio.run(publish_items(one.kafka, catalogue(40)))
            for each in (one, other):
                asyncio.run(until(each.is_ready, "the service is ready"))
            one.post("/events", {"type": "cart", "user_id": "ann", "item_id": "item-13"})
            one.profile("ann")
            yield one, other


def put(portrait: Portrait, *rules: Mapping[str, object]) -> dict[str, Any]:
    """Replace the rules, as an editor does that has just read them."""
    tag = portrait.get("/rules").headers["etag"]
    answer = httpx.put(
        portrait.url + "/rules",
        json={"rules": rules},
        headers={"If-Match": tag},
        timeout=ANSWER_SECONDS,
    )
    made: dict[str, Any] = answer.raise_for_status().json()
    return made


def listed(portrait: Portrait, user: str = "ann") -> Any:  # noqa: ANN401 - parsed JSON
    return portrait.post("/recommend", {"user_id": user, "limit": 10})


def names(listing: Any) -> list[str]:  # noqa: ANN401 - parsed JSON
    return [item["item_id"] for item in listing["items"]]


def seconds_until(portrait: Portrait, version: int) -> float:
    """Return how long it takes until a process goes by a version of the rules."""
    began = time.monotonic()
    asyncio.run(until(lambda: listed(portrait)["rules_version"] == version, "it goes by the rules"))
    return time.monotonic() - began


def test_a_rule_holds_in_every_process_and_its_preview_told_the_truth(
    both: tuple[Portrait, Portrait],
) -> None:
    one, other = both
    before = names(listed(other))
    told = one.post("/rules/preview", {"rules": [NO_SOAP, PIN], "users": ["ann"], "newest": 0})
    assert names(listed(one)) == before  # nothing is changed by a look

    made = put(one, NO_SOAP, PIN)
    waited = max(seconds_until(each, made["version"]) for each in both)

    (preview,) = told["lists"]
    assert [item["item_id"] for item in preview["before"]] == before
    for each in both:
        after = listed(each)
        assert names(after) == [item["item_id"] for item in preview["after"]] != before
        assert names(after)[1] == "item-7"
        assert after["items"][1]["rules"] == ["launch"]
    soaps = {f"item-{number}" for number in range(3, 40, 10)}
    gone = {item["item_id"] for item in preview["gone"] if "no-soap" in item["rules"]}
    assert gone == soaps & set(before) != set()
    assert not soaps & set(names(listed(other)))
    began = time.monotonic()
    listed(one)
    assert waited < PROMISED + BUSY_TIMES * (time.monotonic() - began)


def test_a_rule_that_has_expired_stops_by_itself(both: tuple[Portrait, Portrait]) -> None:
    one, _ = both
    ends = datetime.now(UTC) + timedelta(seconds=3)
    made = put(one, {**NO_SOAP, "until": ends.isoformat()})
    seconds_until(one, made["version"])
    during = listed(one)
    was_in_time = datetime.now(UTC) < ends

    asyncio.run(until(lambda: datetime.now(UTC) > ends, "it has expired"))

    after = listed(one)
    assert not was_in_time or [rule["id"] for rule in during["rules"]] == ["no-soap"]
    assert (after["rules"], after["rules_version"]) == ([], made["version"])


def test_what_somebody_does_not_want_is_gone_in_every_process_until_they_are_forgotten(
    both: tuple[Portrait, Portrait],
) -> None:
    one, other = both
    put(one)
    one.post("/events", {"type": "cart", "user_id": "bob", "item_id": "item-13"})
    one.profile("bob")
    unwanted = names(listed(one, "bob"))[0]

    one.post("/profile/bob/unwanted", {"item_id": unwanted})

    def is_gone() -> bool:
        return all(unwanted not in names(listed(each, "bob")) for each in both)

    asyncio.run(until(is_gone, "no process lists it"))
    assert other.get("/profile/bob").json()["unwanted"]["items"] == [unwanted]
    httpx.delete(one.url + "/profile/bob", timeout=ANSWER_SECONDS).raise_for_status()
    told = one.url + "/profile/bob/unwanted"
    asyncio.run(
        until(lambda: httpx.get(told, timeout=ANSWER_SECONDS).status_code == 410, "it is forgotten")
    )


def test_rules_outlive_a_redis_that_lost_them(both: tuple[Portrait, Portrait]) -> None:
    one, other = both
    made = put(one, NO_SOAP)
    for each in both:
        seconds_until(each, made["version"])

    asyncio.run(lose(one.redis))

    asyncio.run(until(lambda: one.get("/rules").json()["version"], "they are back"))
    assert one.get("/rules").json() == made
    assert listed(other)["rules_version"] == made["version"]


async def lose(url: str) -> None:
    redis = await connect_redis(url)
    await redis.delete(VERSION, BOOKS)
    await redis.aclose()
