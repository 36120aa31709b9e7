"""Lists that go on where others ended, and lists that rotate."""

import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from portrait.events.consent import WITHDRAWN
from portrait.experiments.given import PAGED_FOR, Given, person_name
from portrait.ref import item_ref, user_ref
from portrait.times import MILLISECOND
from service.recommendations.remembered import TRIES
from tests.support.asking import ask, ids
from tests.support.planted_shop import (
    FIRST,
    LEARNED,
    STOCK,
    model,
    planted_catalogue,
    shop_of_ann,
)
from tests.support.shop import Shop, open_shop

PAGE = {"user_id": "ann", "limit": 4, "exclude_seen": False}
THING = {item.id: item.group_id or item.id for item in STOCK}
THINGS = len({*THING.values()})


def aged(shop: Shop, by: timedelta) -> None:
    """Let time pass for what was given."""
    for whose, given in shop.given.kept.items():
        rows = given.rows.copy()
        rows["at"] -= by // MILLISECOND
        shop.given.kept[whose] = Given(given.revision, rows)


@pytest.mark.parametrize("kind", [FIRST, LEARNED])
@pytest.mark.parametrize("who", [{"user_id": "ann"}, {"user_id": "nobody"}, {"user_id": None}])
async def test_pages_have_everything_once(kind: str, who: dict[str, str | None]) -> None:
    async with open_shop(await shop_of_ann(kind)) as client:
        first = await ask(client, **{**PAGE, **who}, paged=True)
        pages = [first]
        while ids(pages[-1]):
            after = first["recommendation_id"]
            pages.append(await ask(client, **{**PAGE, **who}, after=after))

    found = [THING[id] for page in pages for id in ids(page)]
    assert len(found) == len({*found}) == THINGS
    assert [len(ids(page)) for page in pages[:-1]] == [4, 4, 4, THINGS - 12]
    assert pages[-1]["emptied_by"] == ["above"]
    assert len({page["recommendation_id"] for page in pages}) == len(pages)


async def test_pages_go_on_as_one_list_does() -> None:
    async with open_shop(await shop_of_ann()) as client:
        whole = ids(await ask(client, **{**PAGE, "limit": 8}, diversity=0))
        first = await ask(client, **PAGE, diversity=0, paged=True)
        second = await ask(client, **PAGE, diversity=0, after=first["recommendation_id"])

    assert ids(first) + ids(second) == whole


async def test_what_is_done_between_two_pages_counts_and_repeats_nothing() -> None:
    shop = await shop_of_ann()
    async with open_shop(shop) as client:
        first = await ask(client, **PAGE, paged=True)
        shop.remember(
            "ann",
            {"type": "purchase", "item_id": "shirt-blue", "price": 22.0},
            painted=planted_catalogue(model()),
        )
        second = await ask(client, **PAGE, after=first["recommendation_id"])

    assert THING[ids(second)[0]] in {"shirt", "shirt-blue", "tie"}
    assert not {*ids(first)} & {*ids(second)}


@pytest.mark.parametrize("asked", [{"user_id": "bob"}, {"user_id": None}, {"after": str(uuid4())}])
async def test_what_was_given_to_somebody_else_or_to_nobody_is_404(asked: dict[str, Any]) -> None:
    async with open_shop(await shop_of_ann()) as client:
        first = await ask(client, **PAGE, paged=True)
        sent = {**PAGE, "after": first["recommendation_id"], **asked}
        answer = await client.post("/recommend", json=sent)

    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:portrait:problem:list-passed"
    assert "ask for a first one with `paged`" in answer.json()["title"]


async def test_what_was_given_half_an_hour_ago_is_404() -> None:
    shop = await shop_of_ann()
    async with open_shop(shop) as client:
        first = await ask(client, **PAGE, paged=True)
        aged(shop, PAGED_FOR - timedelta(minutes=1))
        await ask(client, **PAGE, after=first["recommendation_id"])
        aged(shop, PAGED_FOR - timedelta(minutes=1))
        await ask(client, **PAGE, after=first["recommendation_id"])  # since the newest of them
        aged(shop, PAGED_FOR)
        sent = {**PAGE, "after": first["recommendation_id"]}
        answer = await client.post("/recommend", json=sent)

    assert answer.status_code == 404


async def test_what_asks_for_neither_is_not_remembered() -> None:
    shop = await shop_of_ann()
    async with open_shop(shop) as client:
        plain = await ask(client, **PAGE)
        answer = await client.post("/recommend", json={**PAGE, "after": plain["recommendation_id"]})

    assert shop.given.kept == {}
    assert answer.status_code == 404


async def test_of_who_lets_nothing_be_personal_a_list_is_remembered_and_no_person() -> None:
    shop = await shop_of_ann()
    await shop.profiles.agree({"ann": WITHDRAWN})
    async with open_shop(shop) as client:
        first = await ask(client, **PAGE, paged=True)
        second = await ask(client, **PAGE, after=first["recommendation_id"], rotation=1.0)

    assert not {*ids(first)} & {*ids(second)}
    assert [whose.partition(":")[0] for whose in shop.given.kept] == ["list"]


async def test_an_unnamed_visitor_who_rotates_is_told_why_that_cannot_be() -> None:
    async with open_shop(await shop_of_ann()) as client:
        answer = await client.post("/recommend", json={"rotation": 0.5})

    assert answer.status_code == 422
    assert "`rotation` needs `user_id`" in answer.text


async def test_two_who_ask_for_the_same_page_at_once_are_given_different_items() -> None:
    shop = await shop_of_ann()
    async with open_shop(shop) as client:
        first = await ask(client, **PAGE, paged=True)
        faster = (await shop.given.given(anns := person_name(user_ref("ann")))).adding(
            1, [item_ref("case")], round(time.time() * 1_000), is_first=False
        )
        put, tried = shop.given.put, list[int]()

        async def slow(whose: str, given: Given, lasting: timedelta) -> bool:
            if not tried:
                await put(anns, faster, lasting)
            tried.append(given.revision)
            return await put(whose, given, lasting)

        shop.given.put = slow  # type: ignore[method-assign]
        await ask(client, **PAGE, after=first["recommendation_id"])

    assert tried == [2, 3]
    assert len(shop.given.kept[anns].rows) == 1 + 4 + 1 + 4


async def test_who_is_never_first_is_told_to_try_again() -> None:
    shop = await shop_of_ann()
    tried = list[int]()

    async def never(whose: str, given: Given, lasting: timedelta) -> bool:
        assert whose == person_name(user_ref("ann"))
        assert lasting == PAGED_FOR
        tried.append(given.revision)
        return False

    shop.given.put = never  # type: ignore[method-assign]
    async with open_shop(shop) as client:
        answer = await client.post("/recommend", json={**PAGE, "paged": True})

    assert answer.status_code == 503
    assert len(tried) == TRIES


@pytest.mark.parametrize("kind", [FIRST, LEARNED])
@pytest.mark.parametrize("user", ["ann", "nobody"])
async def test_what_was_given_just_now_comes_last_and_comes_back(kind: str, user: str) -> None:
    shop = await shop_of_ann(kind)
    await shop.popularity.add(20_000, {item.id: 900 + place for place, item in enumerate(STOCK)})
    turning = {**PAGE, "limit": 2, "user_id": user, "diversity": 0, "rotation": 1.0}
    async with open_shop(shop) as client:
        first = await ask(client, **turning)
        second = await ask(client, **turning)
        aged(shop, timedelta(hours=2))
        later = await ask(client, **turning)

    assert not {*ids(first)} & {*ids(second)}
    assert ids(later) == ids(first)
    assert [item["relevance"] for item in later["items"]] == [
        item["relevance"] for item in first["items"]
    ]
    assert {item["faded"] for item in (*first["items"], *later["items"])} == {0}


async def test_the_order_is_that_of_the_scores_and_each_says_how_much_it_faded() -> None:
    shop = await shop_of_ann()
    turning = {**PAGE, "limit": 20, "diversity": 0}
    async with open_shop(shop) as client:
        plain = await ask(client, **turning)
        await ask(client, **{**turning, "limit": 2}, rotation=0.4)
        faded = await ask(client, **turning, rotation=0.4)

    relevance = {item["item_id"]: item["relevance"] for item in plain["items"]}
    assert {item["item_id"]: item["relevance"] for item in faded["items"]} == relevance
    by_id = {item["item_id"]: item["faded"] for item in faded["items"]}
    assert {id for id, left in by_id.items() if left} >= {*ids(plain)[:2]}
    assert by_id[ids(plain)[0]] == pytest.approx(0.4, abs=0.001)
    scores = [item["score"] for item in faded["items"]]
    assert scores == sorted(scores, reverse=True)
    worth = np.array([item["relevance"] * (1 - item["faded"]) for item in faded["items"]])
    worth = worth[[item["relevance"] > 0 for item in faded["items"]]]
    assert (np.diff(worth) <= 1e-3).all()


async def test_a_variant_of_what_was_given_fades_with_it() -> None:
    shop = await shop_of_ann()
    given = Given().adding(5, [item_ref("shirt-s")], round(time.time() * 1_000), is_first=False)
    await shop.given.put(person_name(user_ref("ann")), given, PAGED_FOR)
    async with open_shop(shop) as client:
        answer = await ask(client, **{**PAGE, "limit": 20}, rotation=1.0)

    faded = {THING[item["item_id"]]: item["faded"] for item in answer["items"]}
    assert faded["shirt"] == pytest.approx(1, abs=0.01)
    assert faded["tie"] == 0


async def test_what_fills_a_list_up_rotates_too() -> None:
    shop = await shop_of_ann()
    cart = {"surface": "cart", "session": {"cart": ["spaghetti"]}, "limit": 4, "user_id": "ann"}
    cart["sources"] = ["together", "popular"]
    async with open_shop(shop) as client:
        first = await ask(client, **cart, rotation=1.0)
        second = await ask(client, **cart, rotation=1.0)

    filled = ids(first)[len(ids(first)) - first["filled"] :]
    assert filled
    assert not {*filled} & {*ids(second)}
