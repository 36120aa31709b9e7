"""Who visitors turn out to be, told to real processes over Kafka and over HTTP."""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from portrait.events.event import Action
from portrait.events.topics import IDENTITIES, event_topic
from tests.support.patience import ANSWER_SECONDS
from tests.support.processes import (
    Portrait,
    catalogue,
    producing,
    publish_items,
    running_portrait,
    until,
)

pytestmark = pytest.mark.e2e

AT = "2026-07-01T07:31:00Z"
Done = list[tuple[str, str | None]]


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portrait]:
    with running_portrait(tmp_path_factory.mktemp("identity")) as whole:
        asyncio.run(publish_items(whole.kafka, catalogue(20)))
        asyncio.run(until(whole.is_ready, "the service is ready"))
        yield whole


def event(id: str, type: Action, item: str, **who: str) -> dict[str, str]:
    return {"event_id": id, "type": type, "item_id": item, "occurred_at": AT} | who


def sent(portrait: Portrait, *messages: dict[str, Any], door: str) -> None:
    """Send messages, and wait for each: the next may lie on another partition."""
    for message in messages:
        if door == "http":
            answer = httpx.post(f"{portrait.url}/events", json=message, timeout=ANSWER_SECONDS)
            assert answer.status_code == 202, answer.text
        else:
            asyncio.run(published(portrait.kafka, message))


async def published(kafka: str, message: dict[str, Any]) -> None:
    who = message.get("user_id") or f"anonymous:{message.get('anonymous_id')}"
    type = str(message["type"])
    topic = event_topic(Action(type)) if type in {*Action} else event_topic(Action.BROWSE)
    async with producing(kafka) as producer:
        await producer.send_and_wait(topic, json.dumps(message).encode(), who.encode())


def done(portrait: Portrait, user: str) -> Done:
    answer = portrait.get(f"/profile/{user}")
    recent = answer.json()["recent"] if answer.status_code == 200 else []
    return sorted((each["action"], each.get("item_id")) for each in recent)


def awaited(portrait: Portrait, user: str, expected: Done) -> None:
    asyncio.run(until(lambda: done(portrait, user) == sorted(expected), f"{user}: {expected}"))


@pytest.mark.parametrize("door", ["kafka", "http"])
def test_one_profile_with_what_was_done_before_the_login(portrait: Portrait, door: str) -> None:
    user, visitor = f"u-1-{door}", f"c-1-{door}"
    sent(
        portrait,
        event(f"a-1-{door}", Action.CART, "i-1", anonymous_id=visitor),
        event(f"a-2-{door}", Action.BROWSE, "i-2", user_id=user, anonymous_id=visitor),
        door=door,
    )

    awaited(portrait, user, [("cart", "i-1"), ("browse", "i-2")])
    answer = portrait.get(f"/identities/{visitor}").json()
    assert [visit["user_id"] for visit in answer["visits"]] == [user]


@pytest.mark.parametrize("door", ["kafka", "http"])
def test_segment_says_it_after_the_order(portrait: Portrait, door: str) -> None:
    user, visitor = f"u-2-{door}", f"c-2-{door}"
    identify = {
        "type": "identify",
        "messageId": f"m-{door}",
        "timestamp": AT,
        "userId": user,
        "anonymousId": visitor,
    }
    bought = event(f"b-1-{door}", Action.PURCHASE, "i-3", anonymous_id=visitor)

    sent(portrait, bought, identify, door=door)
    awaited(portrait, user, [("purchase", "i-3")])
    sent(portrait, event(f"b-2-{door}", Action.WISH, "i-4", anonymous_id=visitor), door=door)

    awaited(portrait, user, [("purchase", "i-3"), ("wish", "i-4")])


def test_it_is_there_within_a_second_is_taken_back_and_forgotten(portrait: Portrait) -> None:
    sent(
        portrait,
        event("d-1", Action.CART, "i-5", anonymous_id="c-3"),
        event("d-2", Action.BROWSE, "i-6", user_id="u-3"),
        door="http",
    )
    awaited(portrait, "u-3", [("browse", "i-6")])
    awaited(portrait, "anonymous:c-3", [("cart", "i-5")])

    began = time.monotonic()
    httpx.post(f"{portrait.url}/identities", json={"anonymous_id": "c-3", "user_id": "u-3"})
    awaited(portrait, "u-3", [("cart", "i-5"), ("browse", "i-6")])
    assert time.monotonic() - began < ANSWER_SECONDS

    httpx.delete(f"{portrait.url}/identities/c-3", timeout=ANSWER_SECONDS)
    awaited(portrait, "u-3", [("browse", "i-6")])
    time.sleep(0.01)  # a login of the same millisecond would be taken back with it
    httpx.post(f"{portrait.url}/identities", json={"anonymous_id": "c-3", "user_id": "u-3"})
    sent(portrait, event("d-3", Action.WISH, "i-7", user_id="u-3"), door="http")
    awaited(portrait, "u-3", [("browse", "i-6"), ("wish", "i-7")])

    httpx.delete(f"{portrait.url}/profile/u-3", timeout=ANSWER_SECONDS)
    for key in ("u-3", "anonymous:c-3"):
        awaited(portrait, key, [])


def test_what_names_nobody_is_a_letter_and_nobody_else_waits(portrait: Portrait) -> None:
    async def send() -> None:
        async with producing(portrait.kafka) as producer:
            for value in (b"{", b"[]", b'{"type": "identify"}', None):
                await producer.send_and_wait(IDENTITIES, value, b"c-9")

    asyncio.run(send())
    sent(
        portrait,
        {"type": "identify", "anonymous_id": "c-9", "user_id": "u-9"},
        event("e-9", Action.CART, "i-1", anonymous_id="c-9"),
        door="kafka",
    )

    awaited(portrait, "u-9", [("cart", "i-1")])
