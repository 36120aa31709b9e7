"""GET /profile/{id}/why: why an item is in a list or not, and the list without an event."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from portrait.access.buckets import BURST_SECONDS
from portrait.access.scope import Scope
from portrait.events.columns import RING
from portrait.events.consent import Consent, Purpose
from service.access.guard import Guard
from service.access.limits import COSTS, Limits
from service.why.schemas import WhyAnswer
from tests.support.asking import ask
from tests.support.memory_keys import stopped_buckets
from tests.support.planted_shop import (
    FIRST,
    LEARNED,
    STOCK,
    WANTED,
    model,
    planted_catalogue,
    planted_shop,
)
from tests.support.shop import HOUR_MS, NOW_MS, Shop, open_shop
from tests.unit.test_service_access import token_of
from tests.unit.test_service_erase import suppressed_shop
from tests.unit.test_service_experiments import taken_up
from tests.unit.test_service_rules import put

COST = COSTS["GET", "/profile/{user_id}/why"]
USERS = ["ann", *(f"user-{number}" for number in range(7))]

NO_FUEL = {"id": "no-fuel", "where": {"category": ["Fuel"]}, "do": {"exclude": True}}
KINDS = pytest.mark.parametrize("kind", [FIRST, LEARNED])
DONE: tuple[Mapping[str, object], ...] = (
    {"type": "purchase", "item_id": "milk", "price": 1.0},
    {"type": "click", "item_id": "penne"},
    {"type": "search", "text": "pasta"},
    {"type": "cart", "item_id": "shirt-s"},
    {"type": "review", "item_id": "tie", "rating": 1},
    {"type": "purchase", "item_id": "milk", "price": 1.0},
    {"type": "remove", "item_id": "shirt-s"},
    {"type": "purchase", "item_id": "spaghetti", "price": 1.0},
)


def dated(done: tuple[Mapping[str, object], ...] = DONE) -> list[dict[str, object]]:
    """Give each event a time and a name of its own, whoever else has done it."""
    return [
        {"occurred_at": (NOW_MS + place * HOUR_MS) / 1_000, "event_id": f"event-{place}", **each}
        for place, each in enumerate(done)
    ]


async def shop_of(kind: str = LEARNED) -> Shop:
    shop = await planted_shop(kind)
    shop.remember("ann", *dated(), painted=planted_catalogue(model(kind)))
    return shop


async def got(client: httpx.AsyncClient, item_id: str, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - a query
    answer = await why(client, item_id, **asked)
    assert answer.status_code == 200, answer.text
    WhyAnswer.model_validate_json(answer.content, strict=True)
    found: dict[str, Any] = answer.json()
    return found


async def why(
    client: httpx.AsyncClient, item_id: str, user: str = "ann", **asked: object
) -> httpx.Response:
    query: dict[str, Any] = {"item_id": item_id, **asked}
    return await client.get(f"/profile/{user}/why", params=query)


async def listed(client: httpx.AsyncClient, user: str = "ann", **asked: object) -> dict[str, Any]:
    return await ask(client, {"user_id": user, "explain": True, **asked})


async def events_of(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await got(client, "case"))["events"]
    return found


@KINDS
@pytest.mark.parametrize(
    ("surface", "language"), [("home", "en"), ("email", "zh"), ("again", "en")]
)
async def test_what_is_listed_is_explained_as_the_list_explains_it(
    kind: str, surface: str, language: str
) -> None:
    asked: dict[str, Any] = {"surface": surface, "language": language, "limit": 6}

    async with open_shop(await shop_of(kind)) as client:
        answer = await listed(client, **asked)
        told = [await got(client, each["item_id"], **asked) for each in answer["items"]]

    assert told
    for place, (why_it, item) in enumerate(zip(told, answer["items"], strict=True), start=1):
        assert (why_it["place"], why_it["kept_out"]) == (place, [])
        assert why_it["strategy"] == answer["strategy"]
        assert {name: item[name] for name in why_it["item"]} == why_it["item"]
        same = "relevance", "reasons", "against", "why", "rules"
        assert {name: why_it[name] for name in same} == {name: item[name] for name in same}


@KINDS
async def test_the_shares_of_all_events_and_of_the_price_add_up(kind: str) -> None:
    async with open_shop(await shop_of(kind)) as client:
        told = [await got(client, item.id, limit=3) for item in STOCK]

    for each in told:
        shares = [event["share"] for event in each["events"]]
        assert len(shares) == len(DONE)
        assert shares == sorted(shares, key=abs, reverse=True)
        assert sum(shares) + each["price_share"] == pytest.approx(each["relevance"], abs=2e-4)


@KINDS
async def test_each_event_says_which_reason_it_is_a_part_of_and_they_add_up(kind: str) -> None:
    shop, bad = await planted_shop(kind), {"type": "review", "item_id": "tie", "rating": 1}
    taken_back = {"type": "purchase", "item_id": "tie"}, {"type": "return", "item_id": "tie"}
    done = dated((*DONE, *taken_back, bad, {"type": "return", "item_id": "penne"}))
    shop.remember("ann", *done, painted=planted_catalogue(model(kind)))
    async with open_shop(shop) as client:
        told = [await got(client, item.id, limit=3) for item in STOCK]

    assert any(each["against"] for each in told)
    for each in told:
        reasons = [reason for reason in (*each["reasons"], *each["against"]) if reason["event"]]
        share = {event["event"]: event["share"] for event in each["events"]}
        for reason in reasons:
            parts = [event for event in each["events"] if event["part_of"] == reason["event"]]
            assert sum(event["share"] for event in parts) == pytest.approx(
                reason["share"], abs=6e-5
            )
            assert share[reason["event"]] != 0  # it is one of those that count
        names = {reason["event"] for reason in reasons}
        assert {event["part_of"] for event in each["events"]} - {None} == names


@KINDS
async def test_the_rank_is_the_place_that_scores_alone_would_give(kind: str) -> None:
    plain: dict[str, Any] = {"exclude_seen": False, "diversity": 0, "limit": len(STOCK)}
    async with open_shop(await shop_of(kind)) as client:
        answer = await listed(client, **plain)
        order = [each["item_id"] for each in answer["items"]]
        ranks = {id: (await got(client, id, limit=1))["rank"] for id in order}

    variants = {"shirt-s", "shirt-m"}  # of which a list has the best, and the rank says which
    apart = [id for id in order if id not in variants]
    assert sorted(apart, key=ranks.__getitem__) == apart
    assert ranks[order[0]] == 1


async def test_what_is_not_listed_says_what_keeps_it_out() -> None:
    shop = await shop_of()
    gone = next(item for item in STOCK if item.id == "phone").model_copy(
        update={"available": False}
    )
    unread = STOCK[0].model_copy(update={"id": "unread", "title": "words nobody has read"})
    await shop.items.put_items([gone, unread])
    async with open_shop(shop) as client:
        await put(client, NO_FUEL)
        ids = ("spaghetti", "phone", "petrol", "unread", "tomato")
        told = {id: await got(client, id, limit=1) for id in ids}

    assert {id: each["kept_out"] for id, each in told.items()} == {
        "spaghetti": ["seen"],
        "phone": ["unavailable"],
        "petrol": ["rules"],
        "unread": ["unread"],
        "tomato": ["others"],
    }
    assert told["petrol"]["rules"] == ["no-fuel"]
    assert {each["place"] for each in told.values()} == {None}
    assert told["spaghetti"]["reasons"][0]["item_id"] == "spaghetti"
    assert told["spaghetti"]["relevance"] > 0
    assert (told["unread"]["relevance"], told["unread"]["reasons"]) == (0, [])


@KINDS
@pytest.mark.parametrize("surface", ["home", "email", "again"])
async def test_the_list_without_an_event_is_that_of_who_never_had_it(
    kind: str, surface: str
) -> None:
    shop, done = await shop_of(kind), dated()
    for place in range(len(done)):
        others = [*done[:place], *done[place + 1 :]]
        shop.remember(f"bob-{place}", *others, painted=planted_catalogue(model(kind)))

    async with open_shop(shop) as client:
        name_of = {event["occurred_at"]: event["event"] for event in await events_of(client)}
        names = [name_of[at] for at in sorted(name_of)]  # oldest first, as they were done
        for place, name in enumerate(names):
            answer = await got(client, "cheese", without=name, surface=surface)
            never = await listed(client, f"bob-{place}", surface=surface)
            cheese = await got(client, "cheese", user=f"bob-{place}", surface=surface)
            _are_the_same(answer["without"], name, never, cheese)


def _are_the_same(
    told: Mapping[str, Any], name: str, never: Mapping[str, Any], cheese: Mapping[str, Any]
) -> None:
    """Hold a list without an event to that of somebody who never had it."""
    assert told["is_exact"]
    assert [each["event"] for each in told["events"]] == [name]
    assert told["strategy"] == never["strategy"]
    of_items = "item_id", "title", "relevance"
    assert [[each[field] for field in of_items] for each in told["items"]] == [
        [each[field] for field in of_items] for each in never["items"]
    ]
    of_item = "place", "relevance", "rank", "kept_out"
    assert [told[field] for field in of_item] == [cheese[field] for field in of_item]


async def test_what_left_what_came_and_what_moved_is_told() -> None:
    shop = await planted_shop()
    done = dated(({"type": "click", "item_id": "shirt-s"}, {"type": "click", "item_id": "penne"}))
    shop.remember("ann", *done, painted=planted_catalogue(model()))

    async with open_shop(shop) as client:
        before = await listed(client, limit=4)
        answer = await got(client, "penne", limit=4)
        (last,) = [each["event"] for each in answer["events"] if each["item_id"] == "penne"]
        told = (await got(client, "penne", limit=4, without=last))["without"]

    was = {each["item_id"]: place for place, each in enumerate(before["items"], start=1)}
    assert answer["kept_out"] == ["seen"]
    assert "seen" not in told["kept_out"]  # nobody has touched it then
    now = {each["item_id"]: each["place"] for each in told["items"]}
    assert [*now.values()] == [1, 2, 3, 4]
    assert {each["item_id"]: each["was"] for each in told["items"]} == {
        id: was.get(id) for id in now
    }
    assert {each["item_id"]: each["was"] for each in told["left"]} == {
        id: place for id, place in was.items() if id not in now
    }
    assert told["left"]
    assert all(each["kept_out"] for each in told["left"])


async def test_several_events_are_thought_away_at_once_and_all_leave_what_everybody_wants() -> None:
    async with open_shop(await shop_of()) as client:
        answer = await got(client, "petrol")
        names = [each["event"] for each in answer["events"]]
        told = (await got(client, "petrol", without=names))["without"]

    assert told["strategy"] == "popular"
    assert [each["item_id"] for each in told["items"][:3]] == sorted(WANTED, key=WANTED.get)[::-1]  # type: ignore[arg-type] # each is there
    assert (told["place"], told["rank"]) == (1, 1)


async def test_reasons_of_lists_name_events_that_can_be_thought_away() -> None:
    async with open_shop(await shop_of()) as client:
        (first, *_) = (await listed(client))["items"]
        names = [each["event"] for each in first["reasons"] if each["event"]]
        told = (await got(client, first["item_id"], without=names))["without"]

    assert names
    assert [each["event"] for each in told["events"]]
    assert told["relevance"] != first["relevance"]


async def test_of_who_did_more_than_is_remembered_it_says_that_it_is_not_exact() -> None:
    shop = await planted_shop()
    clicks = [{"type": "click", "item_id": "penne"} for _ in range(RING + 1)]
    shop.remember("ann", *clicks, painted=planted_catalogue(model()))

    async with open_shop(shop) as client:
        name = (await got(client, "penne"))["events"][0]["event"]
        told = (await got(client, "penne", without=name))["without"]

    assert told["is_exact"] is False


async def test_where_what_everybody_wants_stands_for_it_no_event_does() -> None:
    shop = await planted_shop()
    shop.remember(
        "ann",
        *dated(({"type": "review", "item_id": "tie", "rating": 1},)),
        painted=planted_catalogue(model()),
    )

    async with open_shop(shop) as client:
        answer = await got(client, "petrol")

    assert (answer["strategy"], answer["place"], answer["rank"]) == ("popular", 1, 1)
    assert [each["action"] for each in answer["reasons"]] == ["popularity"]
    assert [each["share"] for each in answer["events"]] == [0]


async def test_the_list_that_is_explained_is_that_of_their_experiments() -> None:
    body = {"variants": {"usual": {}, "again": {"exclude_seen": False}}, "author": "Mei"}
    shop = await shop_of()
    for user in USERS:
        shop.remember(user, *dated(), painted=planted_catalogue(model()))

    async with open_shop(shop) as client:
        await taken_up(client, "try", body)
        told = [await got(client, "spaghetti", user=user) for user in USERS]
        lists = [await listed(client, user) for user in USERS]

    variants = [each["experiments"]["try"] for each in told]
    assert {*variants} == {"usual", "again"}
    assert variants == [each["experiments"]["try"] for each in lists]
    assert [each["kept_out"] == ["seen"] for each in told] == [each == "usual" for each in variants]


@pytest.mark.parametrize("event", ["0" * 16, "x", "0" * 17, ""])
async def test_an_event_that_is_none_of_theirs_is_refused(event: str) -> None:
    async with open_shop(await shop_of()) as client:
        answer = await why(client, "penne", without=event)

    assert answer.status_code == 422
    assert answer.json()["type"].endswith("request-invalid")
    assert "without" in str(answer.json()["errors"][0])


async def test_what_nobody_has_or_nobody_is_is_not_found() -> None:
    async with open_shop(await shop_of()) as client:
        item, user = await why(client, "unheard-of"), await why(client, "penne", user="nobody")

    assert [each.json()["type"].rpartition(":")[2] for each in (item, user)] == [
        "item-not-found",
        "profile-not-found",
    ]


async def test_who_lets_nothing_be_personal_is_explained_to_nobody() -> None:
    shop = await shop_of()
    consent = Consent(1_000, frozenset({Purpose.PERSONALISATION}))
    await shop.profiles.agree({"ann": consent})

    async with open_shop(shop) as client:
        answer = await why(client, "penne")

    assert answer.status_code == 403
    assert answer.json()["type"].endswith("consent-withdrawn")


async def test_of_who_was_erased_nothing_is_explained() -> None:
    async with open_shop(await suppressed_shop()) as client:
        answer = await why(client, "penne")

    assert answer.status_code == 410
    assert answer.json()["type"].endswith("profile-erased")


async def test_the_list_without_an_event_is_paid_for() -> None:
    shop = await shop_of()
    token = token_of(shop, Scope.PROFILES_READ)
    guard = Guard(shop.keys, limits=Limits(stopped_buckets(), rate := 2 * COST))
    await guard.read_keys()
    lists = round(BURST_SECONDS * rate / COST)

    async with open_shop(shop, guard=guard) as client:
        client.headers["authorization"] = f"Bearer {token}"
        events = (await got(client, "penne"))["events"]
        left = lists - 1
        statuses = [
            (await why(client, "penne", without=events[0]["event"])).status_code
            for _ in range(left)
        ]

    assert statuses.count(200) == left // 2
    assert statuses[-1] == 429


async def test_a_name_that_ends_so_is_a_name() -> None:
    shop = await planted_shop()
    shop.remember("ann/why", *dated(), painted=planted_catalogue(model()))

    async with open_shop(shop) as client:
        profile = await client.get("/profile/ann%2Fwhy")
        hers = await got(client, "penne", user="ann%2Fwhy")

    assert profile.json()["user_id"] == hers["user_id"] == "ann/why"
