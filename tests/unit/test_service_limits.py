"""Limits: who asks for too much is told when to come back, and nobody else notices."""

import asyncio

import httpx
import pytest

from portrait.access.scope import Scope
from service.access.caller import Caller
from service.access.guard import Guard
from service.access.limits import Limits, RateLimitedError
from tests.support.catalogues import catalogue
from tests.support.memory_keys import stopped_buckets
from tests.support.shop import Shop, open_shop
from tests.unit.test_service_access import PAGES, asked, decided, kind_of, token_of

ANN = Caller("key ann", frozenset(Scope))
RATE = 10.0


async def test_what_is_at_hand_asks_nobody() -> None:
    buckets = stopped_buckets()
    limits = Limits(buckets, 1_000)

    for _ in range(200):
        await limits.pay(ANN, 1)

    assert buckets.asked == 2  # lots of a hundred


async def test_requests_that_come_together_ask_once() -> None:
    buckets = stopped_buckets()
    limits = Limits(buckets, 1_000)

    await asyncio.gather(*(limits.pay(ANN, 1) for _ in range(100)))

    assert buckets.asked == 1


async def test_who_asks_for_too_much_is_told_when_to_come_back() -> None:
    limits = Limits(stopped_buckets(), RATE)

    for _ in range(20):
        await limits.pay(ANN, 1)
    with pytest.raises(RateLimitedError) as refused:
        await limits.pay(ANN, 1)

    assert refused.value.more_headers == {
        "Retry-After": "1",
        "RateLimit-Policy": '"key";q=20;w=2',
        "RateLimit": '"key";r=0;t=1',
    }


async def test_a_key_may_have_a_rate_of_its_own() -> None:
    limits = Limits(stopped_buckets(), RATE)
    vip = Caller("key vip", frozenset(Scope), rate=1_000.0)

    for _ in range(500):
        await limits.pay(vip, 1)


async def test_events_cost_their_number() -> None:
    limits = Limits(stopped_buckets(), RATE)

    await limits.pay(ANN, 1)
    await limits.pay_events(ANN, 20)
    with pytest.raises(RateLimitedError, match="each event"):
        await limits.pay(ANN, 1)


async def test_over_http_a_page_sends_no_more_events_than_its_key_may() -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.EVENTS_WRITE, origins=[PAGES])
    guard = Guard(shop.keys, limits=Limits(stopped_buckets(), RATE))
    await guard.read_keys()
    body = {
        "events": [
            {"type": "click", "anonymous_id": f"v-{n}", "item_id": f"new-{n}"} for n in range(15)
        ]
    }

    async with open_shop(shop, guard=guard) as client:
        page = {"origin": PAGES}
        answers = [
            await asked(client, "POST", "/events", token, json=body, headers=page) for _ in range(3)
        ]

    assert [each.status_code for each in answers] == [202, 429, 429]
    assert len(shop.publisher.messages) == 15


async def test_while_the_store_is_away_nobody_is_limited() -> None:
    buckets = stopped_buckets()
    buckets.is_down = True
    limits = Limits(buckets, RATE)

    for _ in range(100):
        await limits.pay(ANN, 1)


async def test_what_is_at_hand_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.access.limits.MOST_LOTS", 3)
    limits = Limits(stopped_buckets(), 1_000)

    for number in range(10):
        await limits.pay(Caller(str(number), frozenset()), 1)

    assert len(limits._at_hand) == 3  # noqa: SLF001 - it is what is bounded
    assert not limits._asking  # noqa: SLF001


@pytest.mark.parametrize("path", ["/profile/ann", "/profile/ann?recent=1", "/recommend"])
async def test_over_http_too_much_is_429_and_others_go_on(path: str) -> None:
    shop, before = Shop(), decided("rate-limited")
    await shop.stock()
    shop.remember("ann", {"type": "click", "item_id": "milk"}, painted=catalogue())
    scopes = Scope.PROFILES_READ, Scope.RECOMMEND
    greedy, modest = (token_of(shop, *scopes) for _ in range(2))
    guard = Guard(shop.keys, limits=Limits(stopped_buckets(), RATE))
    await guard.read_keys()
    method, body = ("POST", {"user_id": "ann"}) if path == "/recommend" else ("GET", None)

    async def ask(client: httpx.AsyncClient, token: str) -> httpx.Response:
        return await asked(client, method, path, token, json=body)

    async with open_shop(shop, guard=guard) as client:
        answers = [await ask(client, greedy) for _ in range(25)]
        other = await ask(client, modest)

    cost = 4 if path == "/recommend" else 1
    assert [each.status_code for each in answers].count(200) == 20 // cost
    late = answers[-1]
    assert (late.status_code, kind_of(late)) == (429, "rate-limited")
    assert late.headers["retry-after"] == "1"
    assert late.headers["ratelimit-policy"] == '"key";q=20;w=2'
    assert other.status_code == 200
    assert decided("rate-limited") > before
