"""POST /recommend/groups: categories and brands as what is recommended."""

from collections.abc import Mapping
from typing import Any

import httpx
import numpy as np
import pytest

from portrait.catalogue.catalogue import Catalogue
from portrait.events.unwanted import Unwanted, Word
from portrait.inference.explain import evidence_of
from portrait.inference.groups import BEST, OWN, rank_groups
from portrait.inference.ranking import Filters, RankingRequest
from portrait.inference.session import session_evidence, session_ring
from portrait.inference.shelf import shelf_of
from portrait.inference.taste import FirstTaste, taste_of
from portrait.model.kinds import KIND_WEIGHTS
from portrait.profiles.profile import decode_profile
from service.recommendations.group_schemas import RecommendedGroups
from tests.support.planted_shop import (
    DAIRY,
    FIRST,
    FUEL,
    LEARNED,
    PASTA,
    SAUCES,
    SHIRTS,
    SPACE,
    STOCK,
    TIES,
    model,
    planted_catalogue,
    shop_of_ann,
)
from tests.support.shop import Shop, open_shop

TIE_BACK = {"type": "return", "item_id": "tie"}
BY_CATEGORY = {"by": "category", "user_id": "ann", "limit": 50}
CATEGORY = {item.id: item.category for item in STOCK}
NO_KNIVES = {"id": "no", "where": {"category": [SAUCES]}, "do": {"exclude": True}}


async def shop_of(kind: str = LEARNED) -> Shop:
    return await shop_of_ann(kind, TIE_BACK)


async def ask(client: httpx.AsyncClient, **asked: object) -> dict[str, Any]:
    answer = await client.post("/recommend/groups", json=asked)
    assert answer.status_code == 200, answer.text
    RecommendedGroups.model_validate_json(answer.content, strict=True)
    found: dict[str, Any] = answer.json()
    return found


async def asked(shop: Shop | None = None, **fields: object) -> dict[str, Any]:
    async with open_shop(shop or await shop_of()) as client:
        return await ask(client, **{**BY_CATEGORY, **fields})


def names(answer: Mapping[str, Any]) -> list[str]:
    return [group["name"] for group in answer["groups"]]


@pytest.mark.parametrize("kind", [FIRST, LEARNED])
async def test_what_somebody_does_and_what_suits_them_ranks_categories(kind: str) -> None:
    answer = await asked(await shop_of(kind), items=2)

    assert names(answer)[0] == PASTA
    assert {PASTA, DAIRY} <= {*names(answer)[:3]}
    scores = [group["score"] for group in answer["groups"]]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[-1] <= scores[0] <= 1
    for group in answer["groups"]:
        found = [item["item_id"] for item in group["items"]]
        assert {CATEGORY[id] for id in found} == {group["name"]}
        assert 1 <= len(found) <= 2
        worth = [item["relevance"] for item in group["items"]]
        assert worth == sorted(worth, reverse=True)


async def test_a_session_alone_ranks_them_too() -> None:
    answer = await asked(user_id=None, session={"items": ["shirt-s"]})

    assert answer["strategy"] == "session"
    assert {*names(answer)[:2]} == {SHIRTS, TIES}


@pytest.mark.parametrize("user", [None, "nobody"])
async def test_to_who_is_not_known_what_everybody_wants_is_told(user: str | None) -> None:
    answer = await asked(user_id=user, explain=True)

    assert answer["strategy"] == "popular"
    assert names(answer) == [FUEL, DAIRY]
    assert answer["groups"][0]["score"] == 1
    assert answer["groups"][0]["reasons"][0]["action"] == "popularity"
    assert [item["item_id"] for item in answer["groups"][1]["items"]] == ["milk", "cheese"]


async def test_a_brand_is_named_as_it_is_written_and_has_its_items() -> None:
    shop = await shop_of()
    branded = [
        item.model_copy(update={"brand": "Napoli" if "pasta" in item.title else "Other"})
        for item in STOCK
    ]
    await shop.stock(*branded, space=SPACE, model=model())

    answer = await asked(shop, by="brand")

    assert names(answer) == ["Napoli", "Other"]
    assert {item["brand"] for item in answer["groups"][0]["items"]} == {"Napoli"}


async def test_a_category_that_a_rule_excludes_is_not_there() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        before = await ask(client, **BY_CATEGORY)
        body = {"rules": [NO_KNIVES]}
        put = await client.put("/rules", json=body, headers={"If-Match": "*"})
        assert put.status_code == 200, put.text
    after = await asked(shop)

    assert SAUCES in names(before)
    assert SAUCES not in names(after)
    assert [rule["id"] for rule in after["rules"]] == ["no"]


@pytest.mark.parametrize("thing", [f"category:{PASTA}", "brand:Napoli"])
async def test_what_somebody_does_not_want_is_not_there(thing: str) -> None:
    shop = await shop_of()
    pasta = [item.model_copy(update={"brand": "Napoli"}) for item in STOCK[:3]]
    await shop.stock(*pasta, space=SPACE, model=model())
    assert PASTA in names(await asked(shop))

    await shop.profiles.refuse({"ann": Unwanted({thing: Word(9_000, 0)})})

    assert PASTA not in names(await asked(shop))
    assert "Napoli" not in names(await asked(shop, by="brand"))


async def test_filters_say_what_groups_are_made_of() -> None:
    answer = await asked(filters={"price_max": 2.5})

    assert {*names(answer)} <= {PASTA, SAUCES, DAIRY}
    assert all(item["price"] <= 2.5 for group in answer["groups"] for item in group["items"])


async def test_what_was_seen_is_left_out_if_that_is_asked_for() -> None:
    answer = await asked(exclude_seen=True)

    found = {item["item_id"] for group in answer["groups"] for item in group["items"]}
    assert not found & {"milk", "penne", "spaghetti"}
    assert PASTA in names(answer)


async def test_no_more_are_told_than_are_asked_for() -> None:
    answer = await asked(limit=2, items=0)

    assert len(answer["groups"]) == 2
    assert [group["items"] for group in answer["groups"]] == [[], []]


@pytest.mark.parametrize("kind", [FIRST, LEARNED])
async def test_reasons_are_parts_of_the_score(kind: str) -> None:
    answer = await asked(await shop_of(kind), explain=True)

    first = answer["groups"][0]
    assert first["reasons"][0]["item_id"] == "spaghetti"
    total = sum(reason["share"] for reason in (*first["reasons"], *first["against"]))
    assert total == pytest.approx(first["score"], abs=0.05)


@pytest.mark.parametrize("kind", [FIRST, LEARNED])
async def test_the_shares_of_all_events_and_prices_add_up_to_the_score(kind: str) -> None:
    shop, catalogue = await shop_of(kind), planted_catalogue(model(kind))
    (stored,) = await shop.profiles.load(["ann"])
    assert stored is not None
    evidence = evidence_of(decode_profile(stored).ring, catalogue)
    learned = model(kind).learned
    taste = FirstTaste(evidence) if learned is None else taste_of(evidence, learned)
    shelf = shelf_of(catalogue)

    groups = rank_groups(shelf, taste, shelf.interest, RankingRequest(50), 3)

    assert len(groups.codes) > 3
    whole = groups.shares.sum(axis=1) + groups.prices
    np.testing.assert_allclose(whole, groups.scores, atol=1e-5)


def test_it_is_the_mean_of_what_was_done_and_of_the_best_items() -> None:
    catalogue = planted_catalogue(model(FIRST))
    shelf, taste = shelf_of(catalogue), _clicked(catalogue, "spaghetti", "milk")

    groups = rank_groups(shelf, taste, shelf.interest, RankingRequest(50), 3)

    rows, scores, _ = taste.score(shelf, RankingRequest(50))
    suits = {
        code: np.sort(np.maximum(scores[shelf.interest[rows] == code], 0))[-BEST:].sum()
        for code in {*shelf.interest[rows].tolist()}
    }
    weight = KIND_WEIGHTS[taste.evidence.kinds]
    own = dict(zip(shelf.interest[taste.evidence.items].tolist(), weight.tolist(), strict=True))
    for code, score in zip(groups.codes.tolist(), groups.scores.tolist(), strict=True):
        mine = own.get(code, 0) / max(own.values())
        expected = OWN * mine + (1 - OWN) * suits[code] / max(suits.values())
        if code != shelf.interest[7]:  # shirts have variants, of which the best counts
            assert score == pytest.approx(expected, abs=1e-5)


def test_no_group_is_made_of_nothing() -> None:
    catalogue = planted_catalogue(model(FIRST))
    shelf, taste = shelf_of(catalogue), _clicked(catalogue, "spaghetti")
    nothing = RankingRequest(5, Filters(brands=("none",)))

    groups = rank_groups(shelf, taste, shelf.interest, nothing, 3)

    assert groups.shares.shape == (0, 1)
    assert not len(groups.codes)
    assert not len(rank_groups(shelf, taste, shelf.brand, RankingRequest(5), 3).codes)


def _clicked(catalogue: Catalogue, *ids: str) -> FirstTaste:
    return FirstTaste(session_evidence(session_ring(ids, ()), catalogue))
