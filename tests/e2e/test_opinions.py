"""Opinions as a shop meets them: reviews go in, figures and one alert come out."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from portrait.adapters.redis_store import connect_redis
from portrait.ref import user_ref
from portrait.times import to_moment
from tests.support.patience import PATIENCE
from tests.support.processes import (
    Portrait,
    producing,
    running_portrait,
    until,
    worker,
)
from tests.support.reviewers import drawn
from tests.support.webhooks import receiving

pytestmark = pytest.mark.e2e

SECRET = "a secret of the test's own"  # noqa: S105
HOUR = 3_600_000
REVIEWS, TURNED = 400, 120
GOOD = ["Love it, works great.", "很好，质量不错，推荐购买", "Great quality and fast delivery."]  # noqa: RUF001 - as it is written
BAD = [
    "The cap leaks, terrible quality.",
    "质量太差了，漏水，要求退货",  # noqa: RUF001 - as it is written
    "Broken after a day, very bad.",
]


def reviews() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield topic, key and value: one an hour and a half, and from one on most are bad."""
    random, now = drawn(4), round(time.time() * 1_000)
    first = now - (REVIEWS + TURNED) * HOUR // 2
    for number in range(REVIEWS + TURNED):
        share = 0.1 if number < REVIEWS else 0.75
        text = random.choice(BAD if random.random() < share else GOOD)
        at = to_moment(first + number * HOUR // 2).isoformat()
        if number % 4:
            item = {"title": "Bottle", "brand": "Flask & Co", "category": "Kitchen > Bottles"}
            user = f"user-{number}"
            fields = {"event_id": f"r{number}", "type": "review", "user_id": user, "text": text}
            value = {**fields, "item_id": "bottle", "item": item, "occurred_at": at}
            yield "events.review", user, value
        else:
            fields = {"post_id": f"p{number}", "source": "forum.example", "text": text}
            value = {**fields, "author": f"a{number}", "item_id": "bottle", "occurred_at": at}
            yield "opinions", "forum.example", value


async def publish(kafka: str, sent: list[tuple[str, str, dict[str, Any]]]) -> None:
    async with producing(kafka) as producer:
        for topic, key, value in sent:
            await producer.send_and_wait(topic, json.dumps(value).encode(), key.encode())


async def alerts_on_topic(kafka: str) -> list[dict[str, Any]]:
    consumer = AIOKafkaConsumer(
        "alerts.opinion", bootstrap_servers=kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        found = await consumer.getmany(timeout_ms=5_000)
    finally:
        await consumer.stop()
    return [json.loads(each.value) for records in found.values() for each in records]


def opinions(portrait: Portrait, query: str) -> Any:  # noqa: ANN401 - JSON
    return portrait.get(f"/opinions?{query}").raise_for_status().json()


def test_reviews_are_counted_and_a_planted_turn_is_told_once(tmp_path: Path) -> None:
    sent = [*reviews()]
    with running_portrait(tmp_path) as portrait, receiving() as (url, received):
        settings = portrait.settings | {
            "PORTRAIT_OPINION_WEBHOOK": url,
            "PORTRAIT_OPINION_WEBHOOK_SECRET": SECRET,
            "PORTRAIT_OPINION_WEBHOOK_PRIVATE": "true",
        }

        def texts() -> int:
            found = opinions(portrait, "kind=item&name=bottle&window=day&windows=35")["opinions"]
            return sum(day["texts"] for day in found[0]["windows"]) if found else 0

        with worker("opinions", settings, tmp_path):
            asyncio.run(publish(portrait.kafka, sent[:REVIEWS]))
            asyncio.run(until(lambda: texts() == REVIEWS, "all reviews are counted"))
            assert opinions(portrait, "")["alerts"] == []

        with worker("opinions", settings, tmp_path):  # a restart goes on where it was
            asyncio.run(publish(portrait.kafka, [*sent[REVIEWS - 50 :], *sent[-60:]]))
            asyncio.run(until(lambda: texts() == len(sent), "repeats count once"))
            asyncio.run(until(lambda: bool(received.posts), "the webhook is called"))

            (item,) = opinions(portrait, "kind=item&name=bottle&windows=1")["opinions"]
            (today,) = item["windows"]
            assert today["negative"]["share"] > 0.4
            assert today["negative"]["low"] < today["negative"]["share"]
            assert today["negative"]["examples"]
            assert today["authors"] == today["texts"]
            assert {aspect["aspect"] for aspect in today["aspects"]} >= {"quality"}
            (alert,) = opinions(portrait, "kind=item")["alerts"]
            assert (alert["kind"], alert["subject"]) == ("worse", "bottle")
            assert [alert] == item["alerts"]
            for kind in ("brand", "category", "source"):
                assert opinions(portrait, f"kind={kind}")["opinions"]

            told = asyncio.run(alerts_on_topic(portrait.kafka))
            asyncio.run(erase(portrait, "user-501"))

        assert [each["alert_id"] for each in told] == [alert["alert_id"]]
        ((headers, body),) = received.posts
        assert json.loads(body)["alert_id"] == alert["alert_id"]
        stamped = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(SECRET.encode(), stamped, sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
        assert abs(time.time() - int(headers["webhook-timestamp"])) < PATIENCE
        log = (tmp_path / "opinions.log").read_text()
        assert "leaks" not in log
        assert "user-" not in log


async def erase(portrait: Portrait, user: str) -> None:
    """Publish an erasure, and wait until nothing names the user any more."""
    async with producing(portrait.kafka) as producer:
        await producer.send_and_wait(
            "erasures", None, user.encode(), headers=[("portrait-key", b"exact")]
        )
    redis = await connect_redis(portrait.redis)
    key = f"opinion:author:{user_ref(user):016x}"

    async def is_gone() -> bool:
        return await redis.exists(key) == 0 and bool(await redis.zcard("opinions:erased"))

    await until(is_gone, "the author is forgotten")
    async for each in redis.scan_iter("opinion:*:voices:*"):
        assert str(user_ref(user)) not in str(await redis.get(each))
    await redis.aclose()


def test_topics_are_found_in_the_vectors_of_a_bert_where_that_is_asked_for(tmp_path: Path) -> None:
    sent = [*reviews()][:REVIEWS]
    with running_portrait(tmp_path) as portrait:
        settings = portrait.settings | {"PORTRAIT_OPINION_ENCODER": "true"}

        def topics() -> list[dict[str, Any]]:
            found = opinions(portrait, "kind=item&name=bottle&window=day&windows=35")["opinions"]
            days = found[0]["windows"] if found else []
            return [topic for day in days for topic in day["topics"]]

        with worker("opinions", settings, tmp_path):
            asyncio.run(publish(portrait.kafka, sent[: REVIEWS - 60]))
            log = tmp_path / "opinions.log"
            asyncio.run(until(lambda: "topics_found" in log.read_text(), "topics are found"))
            asyncio.run(publish(portrait.kafka, sent[REVIEWS - 60 :]))  # read by these topics
            asyncio.run(until(lambda: bool(topics()), "texts belong to topics"))

            assert all(topic["words"] for topic in topics())
        assert "encoder_loaded" in log.read_text()
