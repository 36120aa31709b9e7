"""What users let be done, over HTTP."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from portrait.access.scope import Scope
from portrait.events.consent import WITHDRAWN, Consent, Purpose
from portrait.events.erasure import SUPPRESSING
from portrait.events.private import PRIVATE
from portrait.events.topics import CONSENTS, ERASURES
from portrait.reading.consents import read_consent
from portrait.reading.records import Clock
from service.live import Live
from service.recommendations.schemas import RecommendationRequest
from tests.support.catalogues import catalogue
from tests.support.records import FakeRecord
from tests.support.shop import Shop, open_shop
from tests.support.streams import ListStream, memory_updater
from tests.unit.test_service_access import CLICK, PAGES, guarded, token_of
from workers.update.worker import update

SAID = {"personalisation": True, "analytics": True, "training": False}
BOUGHT = {"type": "purchase", "item_id": "tuna"}


async def shop_of(*withdrawn: Purpose, user: str = "ann") -> Shop:
    """Somebody has bought something, and does not let some things be done."""
    shop = Shop()
    await shop.stock()
    shop.remember(user, BOUGHT, painted=catalogue())
    await shop.profiles.agree({user: Consent(1_000, frozenset(withdrawn))})
    return shop


@pytest.mark.parametrize(
    "user", ["ann", "anonymous:c-77", "a/b", '{"id":"ann"}', "a/consent", "consent"]
)
async def test_a_consent_is_published_under_the_name_of_the_profile(user: str) -> None:
    shop, before = Shop(), datetime.now(UTC) - timedelta(seconds=1)

    async with open_shop(shop) as client:
        answer = await client.put(f"/profile/{user}/consent", json=SAID)

    assert answer.status_code == 202
    assert answer.json()["user_id"] == user
    (message,) = shop.publisher.messages
    clock = Clock.of_system(60_000)
    record = FakeRecord(
        *(CONSENTS, message.value),
        timestamp=clock.now,
        key=message.key,
        headers=message.headers,
    )
    named, consent = read_consent(record, clock)
    assert (message.topic, named) == (CONSENTS, user)
    assert consent.withdrawn == {Purpose.TRAINING}
    assert before.timestamp() * 1_000 <= consent.at <= clock.now


@pytest.mark.parametrize("beneath", ["consent", "unwanted"])
async def test_what_whoever_is_forgotten_said_is_told_nobody(beneath: str) -> None:
    shop = await shop_of(Purpose.TRAINING)
    erasure = FakeRecord(ERASURES, SUPPRESSING, 9, key=b"ann")

    async with open_shop(shop) as client:
        before = await client.get(f"/profile/ann/{beneath}")
        await update(ListStream([erasure]), await memory_updater(profiles=shop.profiles))
        after = await client.get(f"/profile/ann/{beneath}")

    assert (before.status_code, after.status_code) == (200, 410)


async def test_what_whoever_is_forgotten_asked_for_is_forgotten() -> None:
    shop = await shop_of()
    live = Live(shop.parts)
    live.asked += [RecommendationRequest(user_id=user) for user in ("ann", "bob", None, "ann")]

    await live.forget_asked()
    assert len(live.asked) == 4
    erasure = FakeRecord(ERASURES, SUPPRESSING, 9, key=b"ann")
    await update(ListStream([erasure]), await memory_updater(profiles=shop.profiles))
    await live.forget_asked()

    assert [each.user_id for each in live.asked] == ["bob", None]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"personalisation": True, "analytics": True},
        {**SAID, "training": "no"},
        {**SAID, "training": 0},
        {**SAID, "more": True},
        {**SAID, "at": "2226-11-27T09:30:00Z"},
        {**SAID, "at": "1926-11-27T09:30:00Z"},
        {**SAID, "at": "2026-11-27T09:30:00"},
    ],
)
async def test_what_is_no_consent_is_refused(body: object) -> None:
    shop = Shop()

    async with open_shop(shop) as client:
        answer = await client.put("/profile/ann/consent", json=body)

    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert shop.publisher.messages == []


async def test_what_somebody_has_said_is_told() -> None:
    async with open_shop(await shop_of(Purpose.TRAINING)) as client:
        said = (await client.get("/profile/ann/consent")).json()
        unsaid = (await client.get("/profile/nobody/consent")).json()

    assert said == {"user_id": "ann", "purposes": SAID, "at": "1970-01-01T00:00:01Z"}
    assert unsaid["at"] is None
    assert all(unsaid["purposes"].values())


async def test_what_counts_of_who_has_said_nothing_is_told() -> None:
    shop = Shop()
    shop.unsaid = WITHDRAWN

    async with open_shop(shop) as client:
        answer = (await client.get("/profile/nobody/consent")).json()

    assert not any(answer["purposes"].values())


@pytest.mark.parametrize("query", ["", "?recent=1"])
async def test_a_profile_that_may_not_be_used_is_shown_to_nobody(query: str) -> None:
    async with open_shop(await shop_of(Purpose.PERSONALISATION)) as client:
        answer = await client.get(f"/profile/ann{query}")

    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:portrait:problem:consent-withdrawn"


@pytest.mark.parametrize("purpose", [Purpose.ANALYTICS, Purpose.TRAINING])
async def test_other_purposes_do_not_concern_a_profile(purpose: Purpose) -> None:
    async with open_shop(await shop_of(purpose)) as client:
        assert (await client.get("/profile/ann")).status_code == 200


@pytest.mark.parametrize("session", [None, {"items": ["milk"], "texts": ["cheese"]}])
async def test_without_consent_everybody_gets_what_anybody_may_want(session: object) -> None:
    asked = {"user_id": "ann", "explain": True, "session": session, "filters": {"brand": []}}

    async with open_shop(await shop_of(Purpose.PERSONALISATION)) as client:
        hers = (await client.post("/recommend", json=asked)).json()
        anybodys = (await client.post("/recommend", json={"explain": True})).json()

    assert (hers["strategy"], anybodys["strategy"]) == ("not_personalised", "popular")
    assert hers["items"] == anybodys["items"]
    assert (hers["profile_as_of"], hers["session_texts"]) == (None, [])


async def test_an_id_may_end_as_an_address_does() -> None:
    shop = await shop_of(user="ann/consent")
    await shop.profiles.agree({"ann": Consent(7_000, frozenset())})

    async with open_shop(shop) as client:
        profile = await client.get("/profile/ann%2Fconsent")
        consent = await client.get("/profile/ann/consent")
        hers = await client.get("/profile/ann%2Fconsent/consent")

    assert profile.json()["user_id"] == "ann/consent"
    assert consent.json()["at"] == "1970-01-01T00:00:07Z"
    assert hers.json()["user_id"] == "ann/consent"


async def test_a_pages_key_speaks_for_nobody() -> None:
    shop = Shop()
    public = token_of(shop, Scope.EVENTS_WRITE, origins=[PAGES])
    server = token_of(shop, Scope.EVENTS_WRITE)

    async with guarded(shop) as client:
        answers = [
            await client.put(
                "/profile/ann/consent",
                json=SAID,
                headers={"authorization": f"Bearer {token}", **more},
            )
            for token, more in ((public, {"origin": PAGES}), (server, {}))
        ]

    assert [each.status_code for each in answers] == [403, 202]
    assert [each.topic for each in shop.publisher.messages] == [CONSENTS]
    assert shop.audit.lines == []


@pytest.mark.parametrize(
    ("sent", "is_public", "is_private"),
    [
        ({"sec-gpc": "1"}, True, True),
        ({"dnt": "1"}, True, True),
        ({"sec-gpc": "0", "dnt": "0"}, True, False),
        ({}, True, False),
        ({"sec-gpc": "1"}, False, False),
    ],
)
async def test_a_browser_that_asks_for_privacy_is_heard(
    sent: Mapping[str, str], *, is_public: bool, is_private: bool
) -> None:
    shop = Shop()
    token = token_of(shop, Scope.EVENTS_WRITE, origins=[PAGES] if is_public else [])
    headers = {"authorization": f"Bearer {token}", **sent}

    async with guarded(shop) as client:
        page = {"origin": PAGES} if is_public else {}
        answer = await client.post("/events", json=CLICK, headers=headers | page)

    assert answer.status_code == 202
    (message,) = shop.publisher.messages
    assert (PRIVATE in message.headers) is is_private
