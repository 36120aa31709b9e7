"""Segments as a shop meets them: a change is told once, through a kill and an erasure."""

import asyncio
import base64
import hmac
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from tests.support.patience import ANSWER_SECONDS
from tests.support.processes import (
    Portrait,
    catalogue,
    publish_items,
    running_portrait,
    until,
    worker,
)
from tests.support.webhooks import receiving

pytestmark = pytest.mark.e2e

SECRET = "a secret of the test's own"  # noqa: S105
BUYERS = {"expression": "purchases >= 2 && interest('shelf 0/milk') >= 0", "webhook": True}


def buys(portrait: Portrait, *events: tuple[str, int]) -> None:
    """Let users buy the item of a number each; the same again is the same event."""
    sent = [
        {
            "event_id": f"{user}-{item}",
            "type": "purchase",
            "user_id": user,
            "item_id": f"item-{item}",
            "price": 2.5,
        }
        for user, item in events
    ]
    portrait.post("/events", {"events": sent})


def members(portrait: Portrait) -> set[str]:
    lines = portrait.get("/segments/buyers/members").raise_for_status().text.splitlines()
    return {json.loads(line)["user_id"] for line in lines}


async def told(kafka: str) -> list[dict[str, Any]]:
    consumer = AIOKafkaConsumer("segments", bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found = await consumer.getmany(timeout_ms=5_000)
    finally:
        await consumer.stop()
    return [json.loads(each.value) for records in found.values() for each in records]


def test_who_enters_and_leaves_is_told_once_through_a_kill_and_an_erasure(tmp_path: Path) -> None:
    with running_portrait(tmp_path) as portrait, receiving() as (url, received):
        settings = portrait.settings | {
            "PORTRAIT_SEGMENT_WEBHOOK": url,
            "PORTRAIT_SEGMENT_WEBHOOK_SECRET": SECRET,
            "PORTRAIT_SEGMENT_WEBHOOK_PRIVATE": "true",
        }
        asyncio.run(publish_items(portrait.kafka, catalogue(40)))
        asyncio.run(until(portrait.is_ready, "a model serves"))
        buys(portrait, ("before", 0), ("before", 1))
        portrait.profile("before", folded=2)
        put = httpx.put(f"{portrait.url}/segments/buyers", json=BUYERS, timeout=ANSWER_SECONDS)
        assert put.raise_for_status().json()["state"] == "filling"

        def is_live() -> bool:
            return bool(portrait.get("/segments/buyers").json()["state"] == "live")

        with worker("segments", settings, tmp_path) as process:
            asyncio.run(until(is_live, "everybody has been looked at"))
            assert members(portrait) == {"before"}
            buys(portrait, ("ann", 0), ("ann", 1), ("bob", 0))
            asyncio.run(until(lambda: "ann" in members(portrait), "ann has entered"))
            process.kill()
        buys(portrait, ("bob", 1), ("ann", 1))  # nobody looks, and one of it comes again
        portrait.profile("bob", folded=2)
        with worker("segments", settings, tmp_path):
            asyncio.run(until(lambda: "bob" in members(portrait), "bob has entered"))
            httpx.delete(f"{portrait.url}/profile/ann", timeout=ANSWER_SECONDS).raise_for_status()

            def has_left() -> bool:
                return portrait.get("/segments/buyers").json()["size"] == 2 and any(
                    b'"left"' in body for _, body in received.posts
                )

            asyncio.run(until(has_left, "ann has left"))
            assert members(portrait) == {"before", "bob"}

        changes = {each["change_id"]: each for each in asyncio.run(told(portrait.kafka))}
        posted = [change for _, body in received.posts for change in json.loads(body)["changes"]]

    happened = sorted((each["user_id"], each["change"]) for each in changes.values())
    assert happened == [
        ("ann", "entered"),
        ("ann", "left"),
        ("before", "entered"),
        ("bob", "entered"),
    ]
    assert {each["change_id"]: each for each in posted} == changes
    for headers, body in received.posts:
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(SECRET.encode(), said, sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    log = (tmp_path / "segments.log").read_text()
    assert "ann" not in log
    assert "webhook_failed" in log
