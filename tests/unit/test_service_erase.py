"""DELETE /profile: a user asks to be forgotten, and is not known any more."""

import pytest

from portrait.events.columns import ERASURE
from portrait.events.erasure import Stance
from portrait.events.stream import Message
from portrait.events.topics import ERASURES
from portrait.inference.paint import paint
from portrait.profiles.facts import Facts, fold
from portrait.profiles.profile import encode_profiles, read_facts
from portrait.reading.records import Clock, read_erasure
from portrait.ref import user_ref
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

    assert answer.status_code == 202
    told = answer.json()
    assert (told["user_id"], told["status"]) == (user, "accepted")
    (message,) = shop.publisher.messages
    assert (message.topic, message.key) == (ERASURES, user.encode())
    erasure = read_erasure(as_record(message), Clock.of_system(0))
    assert (erasure.user, erasure.stance) == (user, Stance.SUPPRESSED)
    job = shop.erasures.jobs[told["erasure"]]
    assert (job.user, job.subject) == (user, f"{user_ref(user):016x}")
    assert answer.headers["location"] == f"/erasures/{job.id}"


def as_record(message: Message) -> FakeRecord:
    return FakeRecord(*(message.topic, message.value), key=message.key, headers=message.headers)


async def suppressed_shop() -> Shop:
    """Ann has bought something, was erased, and is passed over since."""
    shop = await erased_shop()
    facts: Facts = read_facts([shop.profiles.records["ann"]])[0]
    row = erasure(until=NOW_MS + 1, offset=1)
    row["event"]["quantity"] = Stance.SUPPRESSED
    fold(facts, row)
    (shop.profiles.records["ann"],) = encode_profiles(facts, paint(facts.ring, catalogue()))
    return shop


@pytest.mark.parametrize("query", ["", "?recent=1"])
async def test_who_was_erased_over_http_is_gone(query: str) -> None:
    async with open_shop(await suppressed_shop()) as client:
        answer = await client.get(f"/profile/ann{query}")
        wanted = (await client.post("/recommend", json={"user_id": "ann"})).json()

    assert answer.status_code == 410
    assert answer.json()["type"] == "urn:portrait:problem:profile-erased"
    assert wanted["strategy"] == "popular"


async def test_a_suppression_is_lifted_by_a_message() -> None:
    shop = await suppressed_shop()

    async with open_shop(shop) as client:
        answer = await client.delete("/suppressions/ann")

    assert (answer.status_code, answer.json()) == (202, {"user_id": "ann", "status": "accepted"})
    (message,) = shop.publisher.messages
    assert message.value is None
    erased = read_erasure(as_record(message), Clock.of_system(0))
    assert (erased.user, erased.stance) == ("ann", Stance.LIFTED)


@pytest.mark.parametrize("user", ["ann", "nobody"])
async def test_where_nothing_is_suppressed_nothing_is_lifted(user: str) -> None:
    """A lift forgets what came before it: it must not erase who is in nobody's way."""
    shop = await erased_shop()

    async with open_shop(shop) as client:
        answer = await client.delete(f"/suppressions/{user}")

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:portrait:problem:not-suppressed"
    assert shop.publisher.messages == []


async def test_how_far_an_erasure_is_is_told_without_the_name() -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        erasure = (await client.delete("/profile/ann@example.com")).json()["erasure"]
        answer = await client.get(f"/erasures/{erasure}")
        receipt = await client.get(f"/erasures/{erasure}/receipt")
        unknown = [await client.get(f"/erasures/{'0' * 32}{end}") for end in ("", "/receipt")]

    told = answer.json()
    assert answer.status_code == 200
    assert "ann" not in answer.text
    assert (told["forgotten"], told["over"]) == (False, False)
    assert told["places"]["profile"]["state"] == "waiting"
    assert told["places"]["event_log"]["state"] == "expires"
    assert receipt.json()["type"] == "urn:portrait:problem:receipt-missing"
    assert [each.status_code for each in unknown] == [404, 404]


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


@pytest.mark.parametrize("beneath", ["consent", "export"])
async def test_what_lies_beneath_a_profile_is_not_erased_as_somebody(beneath: str) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        refused = await client.delete(f"/profile/ann/{beneath}")
        meant = await client.delete(f"/profile/ann%2F{beneath}")

    assert (refused.status_code, meant.status_code) == (405, 202)
    assert [message.key for message in shop.publisher.messages] == [f"ann/{beneath}".encode()]
