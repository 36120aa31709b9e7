"""Identities over HTTP: who an anonymous visitor is, said, asked, and taken back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic_core import from_json

from portrait.events.login import Login
from portrait.events.topics import IDENTITIES
from portrait.identity.device import Device, encode_device
from portrait.times import to_ms
from tests.support.shop import Shop, open_shop

WHEN = "2026-09-21T13:13:20Z"
AT = to_ms(datetime(2026, 9, 21, 13, 13, 20, tzinfo=UTC))


@pytest.fixture
async def shop() -> Shop:
    shop = Shop()
    await shop.stock()
    return shop


def published(shop: Shop) -> list[tuple[bytes, dict[str, Any]]]:
    return [
        (each.key, from_json(each.value or b""))
        for each in shop.publisher.messages
        if each.topic == IDENTITIES
    ]


async def test_it_is_said(shop: Shop) -> None:
    async with open_shop(shop) as client:
        answer = await client.post(
            "/identities", json={"anonymous_id": "c-77", "user_id": "ann", "occurred_at": WHEN}
        )

    assert answer.status_code == 202
    assert answer.json() == {"anonymous_id": "c-77", "status": "accepted"}
    said = {"type": "identify", "anonymous_id": "c-77", "user_id": "ann", "occurred_at": WHEN}
    assert published(shop) == [(b"c-77", said)]


@pytest.mark.parametrize(
    "body",
    [
        {"anonymous_id": "c-77"},
        {"user_id": "ann"},
        {"anonymous_id": "c-77", "user_id": "anonymous:c-78"},
        {"anonymous_id": "", "user_id": "ann"},
        {"anonymous_id": "c-77", "user_id": "a\nnn"},
        {"anonymous_id": "c-77", "user_id": "ann", "also": 1},
    ],
)
async def test_what_names_nobody_is_refused(shop: Shop, body: dict[str, Any]) -> None:
    async with open_shop(shop) as client:
        assert (await client.post("/identities", json=body)).status_code == 422

    assert published(shop) == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("written", ["c%0A77", "%C2%8E", "a%2F..%2Fb", "x" * 200])
async def test_who_cannot_be_anybody_is_not_taken_back(
    shop: Shop, method: str, written: str
) -> None:
    async with open_shop(shop) as client:
        answer = await client.request(method, f"/identities/{written}")

    assert answer.status_code == 422
    assert published(shop) == []


async def test_it_is_asked(shop: Shop) -> None:
    device = Device().told([Login("c/77", "ann", AT)])
    shop.identities.devices["c/77"] = encode_device(device)

    async with open_shop(shop) as client:
        known = (await client.get("/identities/c%2F77")).json()
        unknown = (await client.get("/identities/c-78")).json()

    assert known["anonymous_id"] == "c/77"
    (visit,) = known["visits"]
    assert (visit["user_id"], visit["since"]) == ("ann", WHEN)
    assert unknown == {"anonymous_id": "c-78", "visits": [], "unlinked_until": None}


async def test_it_is_taken_back(shop: Shop) -> None:
    async with open_shop(shop) as client:
        answer = await client.delete("/identities/c-77")

    assert answer.status_code == 202
    ((key, said),) = published(shop)
    assert key == b"c-77"
    assert (said["type"], said["anonymous_id"]) == ("unlink", "c-77")
    assert "user_id" not in said


async def test_an_identify_call_goes_the_same_way(shop: Shop) -> None:
    call = {
        "type": "identify",
        "messageId": "m-1",
        "userId": "ann",
        "anonymousId": "c-77",
        "timestamp": WHEN,
        "traits": {"email": "ann@example.org"},
    }
    async with open_shop(shop) as client:
        answer = await client.post("/events", json=call)
        dry = await client.post("/events?dry_run=true", json=call)

    assert answer.json()["passed_over"] == dry.json()["passed_over"] == 1
    said = {"type": "identify", "anonymous_id": "c-77", "user_id": "ann", "occurred_at": WHEN}
    assert published(shop) == [(b"c-77", said)]
