"""DELETE /profile: a user asks to be forgotten, and is not known any more."""

import pytest

from portrait.events.columns import ERASURE
from portrait.events.topics import ERASURES
from portrait.inference.paint import paint
from portrait.profiles.facts import Facts, fold
from portrait.profiles.profile import encode_profiles, read_facts
from portrait.reading.records import Clock, read_erasure
from tests.support.catalogues import catalogue
from tests.support.records import FakeRecord
from tests.support.shop import NOW_MS, Shop, open_shop
from tests.unit.test_erase import erasure

BOUGHT = {"type": "purchase", "item_id": "tuna"}


async def erased_shop() -> Shop:
    """Ann has bought something, and was erased."""
    shop = Shop()
    await shop.stock()
    shop.remember("ann", BOUGHT, painted=catalogue())
    facts: Facts = read_facts([shop.profiles.records["ann"]])[0]
    fold(facts, erasure(until=NOW_MS))
    (shop.profiles.records["ann"],) = encode_profiles(facts, paint(facts.ring, catalogue()))
    return shop


@pytest.mark.parametrize("user", ["ann", "anonymous:c-77", "a/b", '"ann"', '{"id":"ann"}'])
async def test_an_erasure_is_published_under_the_name_of_the_profile(user: str) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.delete(f"/profile/{user}")

    assert (answer.status_code, answer.json()) == (202, {"user_id": user, "status": "accepted"})
    (message,) = shop.publisher.messages
    assert (message.topic, message.key, message.value) == (ERASURES, user.encode(), None)
    erased, _ = read_erasure(
        FakeRecord(ERASURES, None, key=message.key, headers=message.headers), Clock.of_system(0)
    )
    assert erased == user


async def test_an_erasure_that_kafka_did_not_take_is_not_accepted() -> None:
    shop = Shop()
    shop.publisher.is_down = True

    async with open_shop(shop) as client:
        answer = await client.delete("/profile/ann")

    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:portrait:problem:stream-unavailable"
    assert "retry-after" in answer.headers


async def test_a_name_longer_than_any_is_refused() -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.delete("/profile/" + "a" * 200)

    assert answer.status_code == 422
    assert shop.publisher.messages == []


async def test_nothing_is_known_of_an_erased_user() -> None:
    async with open_shop(await erased_shop()) as client:
        answer = await client.get("/profile/ann")

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:portrait:problem:profile-not-found"


async def test_an_erased_user_is_recommended_what_anybody_is() -> None:
    asked = {"user_id": "ann", "explain": True}

    async with open_shop(await erased_shop()) as client:
        erased = (await client.post("/recommend", json=asked)).json()
        unknown = (await client.post("/recommend", json=asked | {"user_id": "nobody"})).json()

    erased.pop("recommendation_id")
    unknown.pop("recommendation_id")
    assert erased == unknown
    assert erased["profile_as_of"] is None


def test_the_record_of_an_erased_user_has_the_place_of_the_erasure() -> None:
    facts = Facts.empty(1)

    fold(facts, erasure(offset=3))

    assert (facts.head["partition"][0, ERASURE], facts.head["offset"][0, ERASURE]) == (1, 3)
