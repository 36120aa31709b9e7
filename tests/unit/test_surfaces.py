"""Surfaces: each list is about what its surface is about, and holds to all that any list does."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from portrait.experiments.joining import ONCE, SHOWN_WITHIN, Person
from portrait.model.repeats import SIGNS, Rates, Repeats
from portrait.ref import item_ref, user_ref
from portrait.times import DAY_MS
from service.recommendations.surfaces import SURFACES, Surface
from tests.support.asking import ask, ids
from tests.support.planted_shop import (
    FIRST,
    LEARNED,
    SPACE,
    STOCK,
    model,
    planted_catalogue,
    planted_shop,
)
from tests.support.shop import NOW_MS, Shop, open_shop

CATEGORY = {item.id: item.category for item in STOCK}
GROUP = {item.id: item.group_id or item.id for item in STOCK}
ANN = (
    {"type": "purchase", "item_id": "milk", "price": 1.0},
    {"type": "click", "item_id": "penne"},
    {"type": "purchase", "item_id": "milk", "price": 1.0},
    {"type": "purchase", "item_id": "spaghetti", "price": 1.0},
)
NEEDS: Mapping[str, Mapping[str, object]] = {  # of each surface, for the same shopper
    "home": {},
    "item": {"item_id": "spaghetti"},
    "cart": {"session": {"cart": ["spaghetti", "shirt-s"]}},
    "search": {"query": "pasta"},
    "again": {},
    "email": {},
}


async def shop_of(kind: str = LEARNED) -> Shop:
    shop = await planted_shop(kind)
    shop.remember("ann", *ANN, painted=planted_catalogue(model(kind)))
    return shop


async def asked(*, kind: str = LEARNED, **fields: object) -> dict[str, Any]:
    async with open_shop(await shop_of(kind)) as client:
        return await ask(client, **fields)


def suiting(answer: Mapping[str, Any]) -> list[str]:
    """Name the items that something speaks for, beside that everybody wants them."""
    found = ids(answer)
    return found[: len(found) - answer["filled"]]


def test_every_surface_has_a_manner() -> None:
    assert {*SURFACES} == {*get_args(Surface)} == {*NEEDS}


async def test_an_item_page_has_what_is_like_the_item_and_what_goes_with_it() -> None:
    answer = await asked(surface="item", item_id="spaghetti")

    assert {"penne", "fusilli", "tomato", "cheese"} <= {*suiting(answer)}
    assert "spaghetti" not in ids(answer)
    assert ids(answer)[0] == "penne"  # it is both
    assert "petrol" not in suiting(answer)


async def test_similar_and_together_can_be_asked_for_alone() -> None:
    async with open_shop(await shop_of()) as client:
        item = {"surface": "item", "item_id": "spaghetti"}
        similar = await ask(client, **item, sources=["similar"])
        together = await ask(client, **item, sources=["together"])

    assert {*ids(similar)[:2]} == {"penne", "fusilli"}
    assert ids(together) == ["tomato", "penne", "cheese"]
    assert [item["relevance"] for item in together["items"]] == [1.0, 0.7778, 0.5556]


async def test_a_cart_is_complemented_and_not_doubled() -> None:
    answer = await asked(surface="cart", session={"cart": ["spaghetti", "shirt-s"]})

    found = suiting(answer)
    assert {*found[:3]} == {"tomato", "tie", "cheese"}
    assert not {CATEGORY[id] for id in ids(answer)} & {CATEGORY["spaghetti"], CATEGORY["shirt-s"]}


async def test_more_of_the_same_may_be_asked_for() -> None:
    cart = {"cart": ["spaghetti", "shirt-s"]}

    answer = await asked(surface="cart", session=cart, same_category=True)

    assert "penne" in suiting(answer)
    assert "shirt-m" not in ids(answer)  # a variant of what is in the cart


@pytest.mark.parametrize("kind", [FIRST, LEARNED])
async def test_what_the_shop_says_goes_together_comes_first(kind: str) -> None:
    answer = await asked(kind=kind, surface="cart", session={"cart": ["phone"]}, explain=True)

    first = answer["items"][0]
    assert first["item_id"] == "case"
    assert first["reasons"][0]["item_id"] == "phone"


async def test_what_fills_a_cart_up_says_that_everybody_wants_it() -> None:
    answer = await asked(
        surface="cart",
        session={"cart": ["spaghetti"]},
        explain=True,
        sources=["together", "popular"],
    )

    named = {item["item_id"]: item["reasons"] for item in answer["items"]}
    assert suiting(answer) == ["tomato", "cheese"]
    assert named["petrol"][0]["action"] == "popularity"
    assert named["tomato"][0]["item_id"] == "spaghetti"


async def test_what_goes_with_the_cart_says_so_of_what_was_bought_before_too() -> None:
    cart = {"cart": ["spaghetti"]}
    async with open_shop(await shop_of()) as client:
        answer = await ask(client, surface="cart", session=cart, user_id="ann", explain=True)

    tomato = {item["item_id"]: item for item in answer["items"]}["tomato"]
    first = tomato["reasons"][0]
    assert (first["action"], first["item_id"]) == ("session", "spaghetti")
    assert tomato["why"].startswith("Because it goes with spaghetti pasta in your cart (")


async def test_a_search_finds_what_is_meant_also_what_was_bought() -> None:
    answer = await asked(surface="search", query="pasta", user_id="ann")

    assert {*ids(answer)[:3]} == {"spaghetti", "penne", "fusilli"}
    assert answer["session_texts"] == [{"text": "pasta", "read": "vector"}]


async def test_a_search_is_ranked_for_whoever_asks() -> None:
    async with open_shop(await shop_of()) as client:
        hers = await ask(client, surface="search", query="pasta", user_id="ann")
        anybodys = await ask(client, surface="search", query="pasta")

    assert hers["strategy"] == "session_and_profile"
    assert anybodys["strategy"] == "session"
    assert hers["items"] != anybodys["items"]


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("kind", [FIRST, LEARNED])
async def test_no_item_comes_twice_no_variant_beside_another_and_filters_hold(
    surface: str, kind: str
) -> None:
    filters = {"price_max": 50}

    answer = await asked(
        kind=kind, surface=surface, user_id="ann", filters=filters, limit=100, **NEEDS[surface]
    )

    found = ids(answer)
    assert found
    assert len({GROUP[id] for id in found}) == len(found)
    assert not {"petrol", "phone"} & {*found}
    assert answer["matched"] == len(STOCK) - 2


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("kind", [FIRST, LEARNED])
async def test_scores_are_what_the_list_is_in_the_order_of(surface: str, kind: str) -> None:
    answer = await asked(
        kind=kind, surface=surface, user_id="ann", limit=100, explain=True, **NEEDS[surface]
    )

    scores = [item["score"] for item in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["order"] == "score"
    assert all(item["reasons"] for item in answer["items"][:3])


@pytest.mark.parametrize("surface", SURFACES)
async def test_what_the_cart_has_and_what_is_not_wanted_stands_on_no_surface(surface: str) -> None:
    shop = await shop_of()
    asking = {"user_id": "ann", "surface": surface, "limit": 100, **NEEDS[surface]}
    cart = {"cart": [*NEEDS["cart"]["session"]["cart"], "milk"]}  # type: ignore[index] # a dict

    async with open_shop(shop) as client:
        answer = await ask(client, **{**asking, "session": cart, "exclude": ["cheese"]})

    assert not {"milk", "spaghetti", "shirt-s", "shirt-m", "cheese"} & {*ids(answer)}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"surface": "item"}, "`surface: item` needs `item_id`: the item that is looked at."),
        ({"surface": "cart"}, "`surface: cart` needs `session.cart`: what is in the cart."),
        ({"surface": "search"}, "`surface: search` needs `query`: what is searched for."),
        ({"surface": "again"}, "`surface: again` needs `user_id`: whose it is."),
        ({"surface": "email"}, "`surface: email` needs `user_id`: whose it is."),
        ({"query": "pasta"}, "`query` is for `surface: search`."),
        ({"item_id": "milk"}, "`item_id` is for `surface: item`."),
        ({"sources": ["due", "similar"]}, "`due` stands alone, or beside `popular`."),
    ],
)
async def test_a_surface_without_what_it_needs_says_so_in_one_sentence(
    asked: Mapping[str, object], said: str
) -> None:
    async with open_shop(await shop_of()) as client:
        answer = await client.post("/recommend", json=asked)

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["detail"] == said


async def test_an_item_that_nobody_has_is_as_if_none_were_looked_at() -> None:
    answer = await asked(surface="item", item_id="unheard-of", user_id="ann")

    assert answer["strategy"] == "profile"
    assert answer["items"]


async def test_a_list_of_nothing_says_that_nothing_is_known() -> None:
    answer = await asked(surface="item", item_id="petrol", sources=["together"])

    assert answer["items"] == []
    assert answer["emptied_by"][0] == "unknown"


def test_what_shows_nothing_twice_is_what_is_remembered() -> None:
    assert {surface for surface, manner in SURFACES.items() if manner.is_once} == ONCE


async def test_an_email_has_nothing_that_one_of_the_last_weeks_had() -> None:
    shop = await shop_of()
    now = round(time.time() * 1_000)
    weeks_ago, lately = now - SHOWN_WITHIN - 60_000, now - SHOWN_WITHIN + 60_000
    shown = {item_ref("tie"): weeks_ago, item_ref("cheese"): lately}
    shop.lists.people[user_ref("ann")] = Person(shown=shown)

    async with open_shop(shop) as client:
        email = await ask(client, surface="email", user_id="ann", limit=100)
        another = await ask(client, surface="email", user_id="bob", limit=100)
        home = await ask(client, user_id="ann", limit=100)

    assert "cheese" not in ids(email)
    assert "tie" in ids(email)
    assert {"cheese", "tie"} <= {*ids(another)} & {*ids(home)}


async def test_an_email_for_whom_everything_was_shown_says_so() -> None:
    shop = await shop_of()
    now = round(time.time() * 1_000)
    shop.lists.people[user_ref("ann")] = Person(shown={item_ref(item.id): now for item in STOCK})

    async with open_shop(shop) as client:
        email = await ask(client, surface="email", user_id="ann")

    assert (email["items"], email["emptied_by"]) == ([], ["seen"])


async def test_what_is_bought_again_and_again_comes_again_when_it_is_due() -> None:
    shop = await planted_shop()
    weeks_ago = {**ANN[0], "occurred_at": NOW_MS / 1_000 - 7 * DAY_MS / 1_000}
    shop.remember("ann", weeks_ago, *ANN, painted=planted_catalogue(model()))
    async with open_shop(shop) as client:
        answer = await ask(client, surface="again", user_id="ann", explain=True)

    assert ids(answer) == ["milk", "spaghetti"]
    assert answer["strategy"] == "repeats"
    reasons = [item["reasons"] for item in answer["items"]]
    assert [(each["action"], each["item_id"]) for (each,) in reasons] == [
        ("purchase", "milk"),
        ("purchase", "spaghetti"),
    ]
    assert [each["share"] for (each,) in reasons] == [i["relevance"] for i in answer["items"]]
    assert [each["rhythm"]["times"] for (each,) in reasons] == [2, 1]
    assert reasons[0][0]["rhythm"]["every_days"] == 7
    assert answer["items"][0]["why"].startswith("Bought twice, every ")


@pytest.mark.parametrize(("wanted", "other"), [("milk", "spaghetti"), ("spaghetti", "milk")])
async def test_what_nobody_wants_any_more_is_less_due(wanted: str, other: str) -> None:
    learned = model().learned
    assert learned is not None
    painted = replace(model(), learned=replace(learned, repeats=by_trend_alone()))
    shop = Shop()
    await shop.stock(*STOCK, space=SPACE, model=painted)
    await shop.popularity.add(20_000, {wanted: 9_000, "petrol": 1_000})
    shop.remember("ann", *ANN, painted=planted_catalogue(painted))

    async with open_shop(shop) as client:
        answer = await ask(client, surface="again", user_id="ann")

    assert ids(answer) == [wanted, other]
    assert answer["items"][0]["relevance"] > answer["items"][1]["relevance"] > 0


def by_trend_alone() -> Repeats:
    """Return a repeat part that goes by what sells now, beside what usually does."""
    nothing = np.zeros(1, np.float32)
    return Repeats(
        Rates(
            refs=np.zeros(0, np.uint64),
            rate=nothing,
            interval=nothing + 7,
            buyers=nothing,
            usual=nothing + 1,
            whole=nothing + 10,
        ),
        mean=np.zeros(len(SIGNS), np.float32),
        spread=np.ones(len(SIGNS), np.float32),
        weights=np.array([name == "trend" for name in SIGNS], np.float32),
        bias=nothing,
    )


async def test_whoever_has_bought_nothing_has_nothing_to_buy_again() -> None:
    async with open_shop(await shop_of()) as client:
        nobody = await ask(client, surface="again", user_id="nobody")
        filled = await ask(client, surface="again", user_id="nobody", sources=["due", "popular"])

    assert (nobody["items"], nobody["strategy"]) == ([], "nothing")
    assert nobody["emptied_by"] == ["unknown"]
    assert filled["strategy"] == "popular"


async def test_why_is_said_in_the_language_that_is_asked_in() -> None:
    asking = {"surface": "item", "item_id": "phone", "explain": True, "sources": ["together"]}
    async with open_shop(await shop_of()) as client:
        english = await ask(client, **asking)
        field = await ask(client, **asking, language="zh")
        header = await client.post("/recommend", json=asking, headers={"Accept-Language": "zh-CN"})

    assert english["items"][0]["why"] == "Because it goes with black phone (100 %)."
    assert field["items"][0]["why"] == "因为与black phone搭配（100%）。"  # noqa: RUF001
    assert header.json()["items"] == field["items"]
