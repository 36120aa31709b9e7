"""Quotas: a shop that asks for, sends or has too much is told so, and no other notices."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import httpx
import pytest

from portrait.access.scope import Scope
from portrait.shops.shop import Quotas
from service.access.caller import Caller
from service.access.guard import Guard
from service.access.limits import Limits, RateLimitedError, ShopLimitedError
from service.parts import Parts
from service.shops.known import KnownShops
from service.shops.room import QuotaReachedError, ShopRoom
from tests.support.catalogues import ITEMS, catalogue
from tests.support.memory_keys import stopped_buckets
from tests.support.memory_shops import MemoryShops
from tests.support.shop import Shop, open_shop
from tests.unit.test_service_access import asked, decided, kind_of, token_of

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
ACME, BETA = "acme", "beta"
RATE = 1_000.0  # of a key
ANN = Caller("key ann", frozenset(Scope), shop=ACME)
BOB = Caller("key bob", frozenset(Scope), shop=ACME)
CAT = Caller("key cat", frozenset(Scope), shop=BETA)


@dataclass
class Bounded(Shop):
    """A shop that has a name, and perhaps quotas."""

    known: KnownShops = field(default_factory=lambda: KnownShops(MemoryShops(), {ACME}))

    @property
    def parts(self) -> Parts:
        parts = super().parts
        return replace(parts, shop=ACME, room=ShopRoom(self.known, ACME, self.profiles, self.items))


async def known_with(quotas: Quotas) -> KnownShops:
    store = MemoryShops()
    await store.create(ACME, quotas, NOW)
    known = KnownShops(store, {ACME})
    await known.read()
    return known


async def test_all_keys_of_a_shop_pay_from_its_bucket_and_no_other_does() -> None:
    known = await known_with(Quotas(requests=10))
    limits = Limits(stopped_buckets(), RATE, known.quotas_of)

    for _ in range(10):
        await limits.pay(ANN, 1)
        await limits.pay(BOB, 1)
    with pytest.raises(ShopLimitedError) as refused:
        await limits.pay(BOB, 1)
    for _ in range(100):
        await limits.pay(CAT, 1)

    assert refused.value.more_headers == {
        "Retry-After": "1",
        "RateLimit-Policy": '"shop";q=20;w=2',
        "RateLimit": '"shop";r=0;t=1',
    }


async def test_what_a_key_may_not_have_is_not_taken_from_its_shop() -> None:
    known = await known_with(Quotas(requests=10))
    limits = Limits(stopped_buckets(), RATE, known.quotas_of)
    slow = replace(ANN, name="key slow", rate=1.0)
    for _ in range(2):
        await limits.pay(slow, 1)

    for _ in range(50):
        with pytest.raises(RateLimitedError):
            await limits.pay(slow, 1)

    for _ in range(18):  # what is left of twenty
        await limits.pay(BOB, 1)


PAGE = Caller("key page", frozenset(Scope), origins=frozenset({"https://a.example"}), shop=ACME)


async def test_pages_take_a_half_of_what_their_shop_may_ask_for_and_no_more() -> None:
    known = await known_with(Quotas(requests=10))
    limits = Limits(stopped_buckets(), RATE, known.quotas_of)
    pages = [PAGE, replace(PAGE, name="key other page")]

    for turn in range(10):
        await limits.pay(pages[turn % 2], 1)
    for each in pages * 20:
        with pytest.raises(ShopLimitedError, match="half") as refused:
            await limits.pay(each, 1)
    for _ in range(10):  # what is left of twenty
        await limits.pay(ANN, 1)

    assert refused.value.more_headers["RateLimit-Policy"] == '"pages";q=10;w=2'


async def test_pages_send_a_half_of_the_events_that_their_shop_may_send() -> None:
    known = await known_with(Quotas(events=10))
    limits = Limits(stopped_buckets(), RATE, known.quotas_of)

    await limits.pay_events(PAGE, 10)
    for _ in range(20):
        with pytest.raises(ShopLimitedError, match="half"):
            await limits.pay_events(PAGE, 1)

    await limits.pay_events(ANN, 10)


async def test_who_is_called_alike_in_another_shop_pays_for_themselves() -> None:
    limits = Limits(stopped_buckets(), 1.0)
    for _ in range(2):
        await limits.pay(ANN, 1)

    await limits.pay(replace(ANN, shop=BETA), 1)
    with pytest.raises(RateLimitedError):
        await limits.pay(ANN, 1)


async def test_what_is_at_hand_is_paid_from_both_or_from_none() -> None:
    known = await known_with(Quotas(requests=20))
    buckets = stopped_buckets()
    limits = Limits(buckets, RATE, known.quotas_of)
    await limits.pay(ANN, 1)  # a lot of two of the shop: one is left

    assert limits.has(ANN, 1)
    assert not limits.has(ANN, 1)
    assert not limits.has(BOB, 1)


async def test_events_are_counted_and_not_requests() -> None:
    known = await known_with(Quotas(events=100))
    limits = Limits(stopped_buckets(), RATE, known.quotas_of)

    await limits.pay_events(ANN, 150)
    await limits.pay_events(CAT, 10_000)
    with pytest.raises(ShopLimitedError, match="100 events a second"):
        await limits.pay_events(BOB, 100)


@asynccontextmanager
async def opened(quotas: Quotas, **limits: float) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Run the app of a shop with quotas, and one user, ann, who has a profile."""
    known = await known_with(quotas)
    shop = Bounded(known=known)
    await shop.stock()
    shop.remember("ann", {"type": "click", "item_id": "milk"}, painted=catalogue())
    token = token_of(shop, *Scope)
    rates = Limits(stopped_buckets(), limits.get("rate", RATE), known.quotas_of)
    guard = Guard({ACME: shop.keys}, limits=rates)
    await guard.read_keys()
    room = shop.parts.room
    assert room is not None
    async with open_shop(shop, guard=guard) as client:
        yield client, token


def click(user: str) -> dict[str, str]:
    return {"type": "click", "user_id": user, "item_id": "milk"}


async def test_over_http_new_users_are_refused_and_known_ones_are_not() -> None:
    before = decided("quota-reached")
    async with opened(Quotas(users=1)) as (client, token):
        known = await asked(client, "POST", "/events", token, json=click("ann"))
        new = await asked(client, "POST", "/events", token, json=click("zoe"))
        both = [click("ann"), click("zoe")]
        mixed = await asked(client, "POST", "/events", token, json={"events": both})

    assert known.status_code == 202
    assert {(each.status_code, kind_of(each)) for each in (new, mixed)} == {(403, "quota-reached")}
    assert "1 users" in new.json()["detail"]
    assert decided("quota-reached") == before + 2


IDENTIFY = {
    "type": "identify",
    "messageId": "i-1",
    "anonymousId": "c-77",
    "userId": "{user}",
    "timestamp": "2026-11-24T10:00:00Z",
}
AGREES = {"personalisation": True, "analytics": True, "training": True}
OF_A_USER = [
    ("PUT", "/profile/{user}/consent", AGREES),
    ("POST", "/profile/{user}/unwanted", {"item_id": "milk"}),
    ("POST", "/identities", {"anonymous_id": "c-77", "user_id": "{user}"}),
    ("POST", "/events", IDENTIFY),
]


def of(user: str, said: Mapping[str, object]) -> dict[str, object]:
    return {key: user if value == "{user}" else value for key, value in said.items()}


@pytest.mark.parametrize(("method", "path", "body"), OF_A_USER, ids=str)
async def test_over_http_nothing_makes_a_new_user_where_there_may_be_none(
    method: str, path: str, body: Mapping[str, object]
) -> None:
    async with opened(Quotas(users=1)) as (client, token):
        new, known = [
            await asked(client, method, path.format(user=user), token, json=of(user, body))
            for user in ("zoe", "ann")
        ]

    assert (new.status_code, kind_of(new)) == (403, "quota-reached")
    assert known.status_code == 202


@pytest.mark.parametrize(("method", "path", "body"), OF_A_USER, ids=str)
async def test_over_http_whatever_goes_to_kafka_is_counted(
    method: str, path: str, body: Mapping[str, object]
) -> None:
    async with opened(Quotas(events=1)) as (client, token):
        answers = [
            await asked(client, method, path.format(user="ann"), token, json=of("ann", body))
            for _ in range(4)
        ]

    assert answers[0].status_code == 202
    assert (answers[-1].status_code, kind_of(answers[-1])) == (429, "shop-limited")


RIGHTS = [
    ("PUT", "/profile/{user}/consent", {**AGREES, "training": False}),
    ("DELETE", "/profile/{user}", None),
    ("DELETE", "/identities/{user}", None),
    ("DELETE", "/suppressions/{user}", None),
    ("GET", "/profile/{user}/export", None),
]


@pytest.mark.parametrize(("method", "path", "body"), RIGHTS, ids=str)
async def test_no_quota_refuses_what_people_may_always_ask_for(
    method: str, path: str, body: Mapping[str, object] | None
) -> None:
    spent = Quotas(users=1, items=1, events=0.001, requests=0.001)
    async with opened(spent) as (client, token):
        await asked(client, "GET", "/items/milk", token)
        refused = await asked(client, "GET", "/items/milk", token)
        answers = [
            await asked(client, method, path.format(user=f"zoe-{number}"), token, json=body)
            for number in range(4)
        ]

    assert kind_of(refused) == "shop-limited"
    assert {each.status_code for each in answers} <= {200, 202, 404}


async def test_over_http_new_items_are_refused_and_others_can_be_changed() -> None:
    async with opened(Quotas(items=len(ITEMS))) as (client, token):
        changed = await asked(client, "PUT", "/items/milk", token, json={"title": "milk"})
        put = await asked(client, "PUT", "/items/new", token, json={"title": "new"})
        patched = await asked(client, "PATCH", "/items/new", token, json={"title": "new"})

    assert changed.status_code == 202
    assert [kind_of(each) for each in (put, patched)] == ["quota-reached"] * 2


async def test_over_http_too_many_events_are_429() -> None:
    async with opened(Quotas(events=1)) as (client, token):
        answers = [
            await asked(client, "POST", "/events", token, json=click("ann")) for _ in range(4)
        ]

    late = answers[-1]
    assert answers[0].status_code == 202
    assert (late.status_code, kind_of(late)) == (429, "shop-limited")
    assert late.headers["ratelimit-policy"] == '"events";q=2;w=2'


async def test_what_was_seen_counts_as_events_do() -> None:
    seen = {"impressions": [{"recommendation_id": f"r{number}"} for number in range(50)]}
    async with opened(Quotas(events=1)) as (client, token):
        for _ in range(2):
            late = await asked(client, "POST", "/impressions", token, json=seen)

    assert (late.status_code, kind_of(late)) == (429, "shop-limited")


async def test_a_dry_run_costs_no_events_and_needs_no_room() -> None:
    async with opened(Quotas(events=1, users=1)) as (client, token):
        for _ in range(5):
            answer = await asked(client, "POST", "/events?dry_run=1", token, json=click("zoe"))
            assert answer.status_code in {200, 202}


async def test_users_are_counted_again_when_there_may_be_more() -> None:
    known = await known_with(Quotas(users=1))
    shop = Bounded(known=known)
    shop.remember("ann", {"type": "click", "item_id": "milk"}, painted=catalogue())
    room = ShopRoom(known, ACME, shop.profiles, shop.items)
    await room.follow()

    with pytest.raises(QuotaReachedError):
        await room.check_users({"zoe"})
    await room.check_users({"ann"})
    await room.check_users(set())
