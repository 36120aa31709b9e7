"""POST /recommend: items for a user, a session, or anybody."""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import numpy as np
import pytest

from portrait.events.item import Item
from portrait.events.tone import Tone
from portrait.inference.explain import evidence_of
from portrait.inference.shelf import shelf_of
from portrait.inference.taste import FirstTaste
from portrait.model.space import fit_space
from portrait.profiles.profile import decode_profile
from portrait.ref import item_ref
from service.recommendations.matches import MOST_LOOKED_FOR
from tests.support.asking import ask, ids
from tests.support.catalogues import ITEMS, SPACE, catalogue
from tests.support.fakes import HashEncoder
from tests.support.patience import PATIENCE
from tests.support.shop import Shop, open_shop

SEARCHES = ("cat toys",)
HIDDEN = "Does not do what they promise."  # blame in no word of the list
WORDS = ("oat", "tea", "rice", "salt", "soap", "lamp")
OTHER_SPACE = fit_space("hash", HashEncoder().encode([f"text {place}" for place in range(30)]))
ANN = (
    {"type": "click", "item_id": "milk"},
    {"type": "search", "text": "cat toys"},
    {"type": "purchase", "item_id": "tuna", "price": 2.5},
)


async def shop_of() -> Shop:
    shop = Shop()
    await shop.stock(searches=SEARCHES)
    shop.remember("ann", *ANN, painted=catalogue(searches=SEARCHES))
    await shop.popularity.add(20_000, {"beef": 5_000, "towels": 3_000})
    return shop


async def test_a_known_user_gets_what_is_near_their_profile_and_not_what_they_have_seen() -> None:
    async with open_shop(await shop_of()) as client:
        answer = await ask(client, {"user_id": "ann"})
        everything = await ask(client, {"user_id": "ann", "exclude_seen": False})

    assert answer["strategy"] == "profile"
    assert (answer["space_id"], answer["profile_as_of"]) == (SPACE.id, "2026-09-21T16:13:20Z")
    assert sorted(ids(answer)) == ["beef", "cheese", "towels"]
    assert ids(everything)[0] == "tuna"


@pytest.mark.parametrize("by_price", [True, False])
async def test_a_score_is_that_of_the_first_model(by_price: bool) -> None:  # noqa: FBT001 - a case
    shop = await shop_of()
    built = catalogue(searches=SEARCHES)
    ring = decode_profile(shop.profiles.records["ann"]).ring
    taste = FirstTaste(evidence_of(ring, built))
    taste = taste if by_price else taste.without_prices()

    async with open_shop(shop) as client:
        answer = await ask(client, {"user_id": "ann", "by_price": by_price})

    rows, shelf = np.arange(len(ITEMS)), shelf_of(built)
    scores = taste.scores(shelf, rows, shelf.matrix[shelf.text] @ taste.asked).tolist()
    expected = {item.id: score for item, score in zip(ITEMS, scores, strict=True)}
    peak = max(abs(expected[id]) for id in ids(answer))
    for item in answer["items"]:
        assert item["relevance"] == pytest.approx(expected[item["item_id"]] / peak, abs=1e-4)


@pytest.mark.parametrize("asked", [{"user_id": "bob"}, {}, {"session": {"items": ["unknown"]}}])
async def test_somebody_never_seen_gets_what_is_popular(asked: dict[str, object]) -> None:
    async with open_shop(await shop_of()) as client:
        answer = await ask(client, {**asked, "explain": True})

    assert answer["strategy"] == "popular"
    assert ids(answer) == ["beef", "towels", "milk", "cheese", "tuna"]
    assert answer["profile_as_of"] is None
    assert [item["score"] for item in answer["items"]] == [1, 0.6, 0, 0, 0]
    assert [item["against"] for item in answer["items"]] == [[]] * 5


async def test_that_everybody_wants_it_is_a_reason_with_how_much_and_over_what_time() -> None:
    async with open_shop(await shop_of()) as client:
        answer = await ask(client, {"explain": True})

    beef, towels, *others = [item["reasons"] for item in answer["items"]]
    (reason,) = towels
    assert (reason["action"], reason["share"]) == ("popularity", 0.6)
    assert (reason["item_id"], reason["occurred_at"]) == (None, None)
    assert [each["title"] for each in beef + towels] == [
        "What everybody did with it counts as 1.2 purchases in 28 days",
        "What everybody did with it counts as 0.8 purchases in 28 days",
    ]
    assert others == [[], [], []]  # nobody wants them


async def test_without_any_popularity_everything_is_still_answered() -> None:
    shop = Shop()
    await shop.stock()

    async with open_shop(shop) as client:
        answer = await ask(client, {})

    assert ids(answer) == [item.id for item in ITEMS]


async def test_a_session_is_read_from_items_and_texts() -> None:
    async with open_shop(await shop_of()) as client:
        by_item = await ask(client, {"session": {"items": ["tuna"]}, "exclude_seen": False})
        by_vector = await ask(client, {"session": {"texts": ["cat toys"]}})
        by_words = await ask(client, {"session": {"texts": [" dog "]}, "limit": 1})

    assert {each["strategy"] for each in (by_item, by_vector, by_words)} == {"session"}
    assert ids(by_item)[0] == ids(by_vector)[0] == "tuna"
    assert ids(by_words) == ["beef"]
    assert by_vector["session_texts"] == [{"text": "cat toys", "read": "vector"}]
    assert by_words["session_texts"] == [{"text": "dog", "read": "words"}]


async def test_a_session_that_says_nothing_leaves_the_profile() -> None:
    async with open_shop(await shop_of()) as client:
        answer = await ask(client, {"user_id": "ann", "session": {"texts": ["zebra"]}})

    assert answer["strategy"] == "profile"
    assert answer["session_texts"] == [{"text": "zebra", "read": "nothing"}]


async def test_items_of_the_session_are_not_recommended_back() -> None:
    async with open_shop(await shop_of()) as client:
        answer = await ask(client, {"session": {"items": ["tuna", "beef"]}})

    assert sorted(ids(answer)) == ["cheese", "milk", "towels"]


async def test_a_known_user_s_session_says_what_they_are_after_now() -> None:
    async with open_shop(await shop_of()) as client:
        asked = {"user_id": "ann", "exclude_seen": False, "diversity": 0}
        before = await ask(client, asked)
        answer = await ask(client, {**asked, "session": {"texts": ["dog"]}})

    assert answer["strategy"] == "session_and_profile"
    assert answer["profile_as_of"] is not None
    assert (ids(before)[0], ids(answer)[0]) == ("tuna", "beef")


async def test_reasons_name_the_events_and_their_shares_of_the_score() -> None:
    async with open_shop(await shop_of()) as client:
        answer = await ask(client, {"user_id": "ann", "explain": True, "exclude_seen": False})

    best = answer["items"][0]
    actions = {reason["action"]: reason for reason in best["reasons"]}
    assert best["item_id"] == actions["purchase"]["item_id"] == "tuna"
    assert actions["purchase"]["title"] == "tuna cat food"
    assert actions["search"]["item_id"] is None
    named = sum(reason["share"] for reason in best["reasons"])
    assert named == pytest.approx(best["relevance"], abs=0.02)  # milk is unlike it, and no reason


async def test_reasons_of_a_session_name_its_items_and_texts() -> None:
    asked = {"session": {"items": ["milk"], "texts": ["dog"]}, "explain": True, "limit": 1}
    async with open_shop(await shop_of()) as client:
        alone = await ask(client, asked)
        joined = await ask(client, {**asked, "user_id": "ann"})

    (best,) = alone["items"]
    first = best["reasons"][0]
    assert (best["item_id"], first["action"], first["title"]) == ("beef", "session", "dog")
    assert (alone["strategy"], joined["strategy"]) == ("session", "session_and_profile")
    (best,) = joined["items"]
    assert {reason["action"] for reason in best["reasons"]} >= {"session", "purchase"}


async def test_a_price_that_suits_is_a_reason_unless_prices_are_left_out() -> None:
    shop = Shop()
    pans = [
        Item(id=f"pan {price}", title=f"pan {price}", category="Kitchen > Pans", price=price)
        for price in range(1, 9)
    ]
    await shop.stock(*pans)
    bought = [{"type": "purchase", "item_id": f"pan {price}", "price": price} for price in (7, 8)]
    shop.remember("ann", *bought, painted=catalogue(*pans))
    asked = {"user_id": "ann", "explain": True, "diversity": 0}

    async with open_shop(shop) as client:
        by_price = await ask(client, asked)
        without = await ask(client, {**asked, "by_price": False})

    def priced(answer: dict[str, Any]) -> dict[str, float]:
        return {
            item["item_id"]: reason["share"]
            for item in answer["items"]
            for reason in item["reasons"]
            if reason["action"] == "price"
        }

    assert priced(by_price)["pan 6"] > 0
    assert "pan 1" not in priced(by_price)  # what speaks against it is no reason in favour
    assert priced(without) == {}
    best = by_price["items"][0]
    whole = sum(reason["share"] for reason in [*best["reasons"], *best["against"]])
    assert whole == pytest.approx(best["relevance"], abs=1e-3)


COMPLAINTS: list[tuple[dict[str, object], str | None]] = [
    ({"type": "return"}, None),
    ({"type": "review", "rating": 1}, None),
    ({"type": "review", "text": "A horrible thing, useless."}, "negative"),
    ({"type": "review", "text": HIDDEN, "rating": 5}, "negative"),  # as a BERT reads it
]


@pytest.mark.parametrize(("complaint", "tone"), COMPLAINTS)
async def test_a_complaint_is_named_apart_and_never_in_favour(
    complaint: dict[str, object], tone: str | None
) -> None:
    by_id = await told_of_tuna({"type": "click", "item_id": "tuna"}, complaint)

    favour = [reason for item in by_id.values() for reason in item["reasons"]]
    assert {(reason["action"], reason["item_id"]) for reason in favour} >= {("purchase", "milk")}
    assert "tuna" not in {reason["item_id"] for reason in favour}
    (reason,) = by_id["tuna"]["against"]
    assert (reason["action"], reason["tone"]) == (complaint["type"], tone)
    assert reason["share"] < 0
    assert by_id["milk"]["against"] == []


@pytest.mark.parametrize(("complaint", "tone"), COMPLAINTS)
async def test_what_was_bought_and_complained_of_is_no_reason_at_all(
    complaint: dict[str, object],
    tone: str | None,  # noqa: ARG001 - of the cases
) -> None:
    by_id = await told_of_tuna(ANN[2], complaint)
    without = await told_of_tuna()

    reasons = [reason for item in by_id.values() for reason in [*item["reasons"], *item["against"]]]
    assert "tuna" not in {reason["item_id"] for reason in reasons}
    shown, expected = (
        {each: item["relevance"] for each, item in answer.items()} for answer in (by_id, without)
    )
    assert shown == pytest.approx(expected, abs=1e-3)


async def told_of_tuna(*done: dict[str, object]) -> dict[str, Any]:
    """Ask what is recommended to somebody who likes milk and did something about tuna."""
    shop = await shop_of()
    milk = {"type": "purchase", "item_id": "milk", "price": 1.0}
    of_tuna = [{**each, "item_id": "tuna"} for each in done]
    painted, tones = catalogue(searches=SEARCHES), {HIDDEN: Tone.NEGATIVE}
    shop.remember("eve", milk, {**ANN[0]}, *of_tuna, painted=painted, tones=tones)
    async with open_shop(shop) as client:
        answer = await ask(client, {"user_id": "eve", "explain": True, "exclude_seen": False})
    return {item["item_id"]: item for item in answer["items"]}


@pytest.mark.parametrize("explain", [False, True])
async def test_who_only_complained_gets_what_is_popular_and_like_that_last(
    *, explain: bool
) -> None:
    shop = await shop_of()
    review = {"type": "review", "item_id": "milk", "rating": 1}
    shop.remember("eve", review, {**review, "rating": 2}, painted=catalogue())

    async with open_shop(shop) as client:
        answer = await ask(client, {"user_id": "eve", "explain": explain})
        dairy = await ask(client, {"user_id": "eve", "filters": {"category": ["Grocery"]}})

    assert answer["strategy"] == "popular"
    assert ids(answer) == ["beef", "towels", "tuna", "cheese"]
    assert ids(dairy) == ["cheese"]


async def test_without_explain_there_are_no_reasons() -> None:
    async with open_shop(await shop_of()) as client:
        answer = await ask(client, {"user_id": "ann"})

    assert {item["reasons"] for item in answer["items"]} == {None}
    assert {item["against"] for item in answer["items"]} == {None}


async def test_vectors_of_two_spaces_never_meet() -> None:
    shop = await shop_of()
    await shop.stock(space=OTHER_SPACE, searches=SEARCHES)

    async with open_shop(shop) as client:
        explained = await ask(client, {"user_id": "ann", "exclude_seen": False, "explain": True})
        plain = await ask(client, {"user_id": "ann", "exclude_seen": False})

    best = explained["items"][0]
    assert (explained["space_id"], explained["strategy"]) == (OTHER_SPACE.id, "profile")
    assert best["item_id"] == "tuna"
    assert sum(reason["share"] for reason in best["reasons"]) == pytest.approx(
        best["relevance"], abs=0.02
    )
    assert plain["strategy"] == "profile"
    assert [item["score"] for item in plain["items"]] == [
        item["score"] for item in explained["items"]
    ]


async def test_a_limit_filters_and_exclusions_are_kept() -> None:
    async with open_shop(await shop_of()) as client:
        one = await ask(client, {"limit": 1, "exclude": ["beef", "no such item"]})
        dairy = await ask(client, {"user_id": "ann", "filters": {"category": ["Grocery"]}})
        farm = await ask(client, {"filters": {"brand": ["Farm", "Dry"], "price_max": 3}})

    assert ids(one) == ["towels"]
    assert ids(dairy) == ["cheese"]
    assert ids(farm) == ["towels", "milk"]


async def test_what_is_not_available_is_offered_only_if_asked_for() -> None:
    shop = await shop_of()
    await shop.stock(*ITEMS, Item(id="sold out", title="sold out", available=False))
    await shop.items.withdraw_items(["milk"])

    async with open_shop(shop) as client:
        available = await ask(client, {})
        everything = await ask(client, {"filters": {"available": False}})

    assert sorted(ids(available)) == ["beef", "cheese", "towels", "tuna"]
    assert sorted(ids(everything)) == ["beef", "cheese", "sold out", "towels", "tuna"]


SIZES = [
    Item(id=f"food-{size}", title=f"cat food {size} kg", category="Pets > Cat", group_id="food")
    for size in (1, 5, 9)
]


async def shop_of_variants(*events: Mapping[str, object]) -> Shop:
    shop = await shop_of()
    await shop.stock(*ITEMS, *SIZES, searches=SEARCHES)
    shop.remember("gil", {"type": "click", "item_id": "milk"}, *events, painted=catalogue(*ITEMS))
    await shop.popularity.add(20_000, {item.id: 5_000 for item in SIZES})
    return shop


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"user_id": "gil"},
        {"session": {"texts": ["cat food 5 kg"]}},
        {"session": {"items": ["tuna"]}, "user_id": "gil"},
        {"filters": {"category": ["Pets"]}},
    ],
    ids=str,
)
async def test_a_list_has_one_item_of_a_group(asked: dict[str, object]) -> None:
    async with open_shop(await shop_of_variants()) as client:
        answer = await ask(client, {"limit": 50, **asked})

    assert len({*ids(answer)} & {item.id for item in SIZES}) == 1


@pytest.mark.parametrize("exclude_seen", [True, False])
@pytest.mark.parametrize(
    ("events", "session"),
    [
        ([{"type": "cart", "item_id": "food-5"}], {}),
        ([], {"cart": ["food-5"]}),
        ([], {"cart": ["unknown", "food-1"], "items": ["tuna"]}),
    ],
    ids=str,
)
async def test_no_variant_of_what_is_in_the_cart_is_recommended(
    events: list[dict[str, object]],
    session: dict[str, object],
    exclude_seen: bool,  # noqa: FBT001 - a case
) -> None:
    body = {"user_id": "gil", "limit": 50, "exclude_seen": exclude_seen, "session": session}

    async with open_shop(await shop_of_variants(*events)) as client:
        answer = await ask(client, body)
        strangers = await ask(client, {"session": session, "limit": 50, "exclude_seen": False})

    assert not {*ids(answer)} & {item.id for item in SIZES}
    assert bool({*ids(strangers)} & {item.id for item in SIZES}) is not bool(session)


async def test_what_is_bought_is_in_the_cart_no_more_and_its_variants_have_been_seen() -> None:
    bought = [{"type": "cart", "item_id": "food-5"}, {"type": "purchase", "item_id": "food-5"}]

    async with open_shop(await shop_of_variants(*bought)) as client:
        unseen = await ask(client, {"user_id": "gil", "limit": 50})
        again = await ask(client, {"user_id": "gil", "limit": 50, "exclude_seen": False})

    assert not {*ids(unseen)} & {item.id for item in SIZES}
    assert {*ids(again)} & {item.id for item in SIZES}


async def test_a_list_that_the_cart_left_empty_says_seen() -> None:
    async with open_shop(await shop_of_variants()) as client:
        cart = {"session": {"cart": ["food-1", "tuna"]}, "filters": {"category": ["Pets > Cat"]}}
        answer = await ask(client, cart)

    assert (answer["matched"], answer["items"], answer["emptied_by"]) == (4, [], ["seen"])


async def test_an_item_is_recommended_from_its_moment_on_though_redis_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop, clock = await shop_of(), time.time
    soon = datetime.now(UTC) + timedelta(hours=1)
    sale = [
        Item(id="begins", title="tuna", available_from=soon),
        Item(id="ends", title="tuna", available_until=soon),
    ]
    await shop.stock(*ITEMS, *sale, searches=SEARCHES)
    async with open_shop(shop) as client:
        before = await ask(client, {"limit": 50})
        shop.items.is_down = True
        monkeypatch.setattr(time, "time", lambda: clock() + 3_600)
        async with asyncio.timeout(PATIENCE):
            while "ends" in ids(after := await ask(client, {"limit": 50})):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    assert {*ids(before)} & {"begins", "ends"} == {"ends"}
    assert {*ids(after)} & {"begins", "ends"} == {"begins"}


async def test_each_answer_has_a_name_of_its_own() -> None:
    async with open_shop(await shop_of()) as client:
        names = {(await ask(client, {}))["recommendation_id"] for _ in range(3)}

    assert len(names) == 3


async def test_what_is_popular_is_the_same_when_asked_again_and_follows_the_wish() -> None:
    async with open_shop(await shop_of()) as client:
        first = await ask(client, {})
        again = await ask(client, {})
        fewer = await ask(client, {"limit": 2})
        without = await ask(client, {"exclude": ["beef"]})
        only = await ask(client, {"filters": {"category": ["Grocery > Dairy"]}})
        last = await ask(client, {})

    assert ids(first)[0] == "beef"
    assert first["items"] == again["items"] == last["items"]
    assert fewer["items"] == first["items"][:2]
    assert ids(without) == ids(first)[1:]
    assert set(ids(only)) == {"milk", "cheese"}


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"limit": 0}, "#/limit"),
        ({"limit": 101}, "#/limit"),
        ({"diversity": 1.1}, "#/diversity"),
        ({"user": "ann"}, "#/user"),
        ({"user_id": True}, "#/user_id"),
        ({"limit": "3"}, "#/limit"),
        ({"filters": {"category": [["a"]]}}, "#/filters/category/0"),
        ({"filters": {"colour": "red"}}, "#/filters/colour"),
        ({"filters": {"price_min": 2, "price_max": 1}}, "#/filters"),
        ({"filters": {"price_min": -1}}, "#/filters/price_min"),
        ({"session": {"items": [""]}}, "#/session/items/0"),
        ({"session": {"texts": ["  "]}}, "#/session/texts/0"),
        ({"exclude": ["x"] * 5_001}, "#/exclude"),
    ],
    ids=str,
)
async def test_a_wrong_request_is_told_where(asked: dict[str, object], pointer: str) -> None:
    async with open_shop(await shop_of()) as client:
        answer = await client.post("/recommend", json=asked)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_a_new_event_s_item_is_not_needed_to_know_the_user() -> None:
    built = catalogue()
    assert built.item(item_ref("never seen")) is None
    shop = await shop_of()
    shop.remember("eve", {"type": "click", "item_id": "never seen"}, painted=built)

    async with open_shop(shop) as client:
        answer = await ask(client, {"user_id": "eve"})

    assert answer["strategy"] == "popular"
    assert answer["profile_as_of"] is not None


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"user_id": "ann"},
        {"session": {"items": ["scam"]}},
        {"session": {"texts": ["tuna cat food"]}},
        {"filters": {"category": ["Pets > Cat"]}},
    ],
    ids=str,
)
async def test_an_item_that_only_events_know_is_offered_to_nobody(
    asked: dict[str, object],
) -> None:
    """However popular, and though it says what the best one says."""
    shop = await shop_of()
    tuna = next(item for item in ITEMS if item.id == "tuna")
    await shop.items.introduce_items([tuna.model_copy(update={"id": "scam", "withdrawn": True})])
    await shop.popularity.add(20_000, {"scam": 5_000_000})
    body = {"limit": 50, "exclude_seen": False, **asked}

    async with open_shop(shop) as client:
        available = await ask(client, body)
        filters = {**asked.get("filters", {}), "available": False}  # type: ignore[dict-item]
        everything = await ask(client, {**body, "filters": filters})

    assert "tuna" in ids(available)
    assert "scam" not in ids(available) + ids(everything)


async def matching(filters: Mapping[str, object], **asked: object) -> dict[str, Any]:
    async with open_shop(await shop_of()) as client:
        return await ask(client, {"filters": filters, **asked})


async def test_filters_that_match_nothing_say_so_with_the_nearest_names() -> None:
    answer = await matching({"category": ["dairy", "House > Papper"], "brand": ["Farn"]})

    assert (answer["items"], answer["matched"], answer["emptied_by"]) == ([], 0, ["filters"])
    assert answer["unknown_names"] == [
        {"filter": "category", "name": "dairy", "nearest": ["Grocery > Dairy"]},
        {"filter": "category", "name": "House > Papper", "nearest": ["House > Paper"]},
        {"filter": "brand", "name": "Farn", "nearest": ["Farm"]},
    ]


@pytest.mark.parametrize("path", ["Grocery > Tea", "grocery/tea", " GROCERY|Tea ", "grocery.tea"])
async def test_a_category_is_found_however_it_is_written(path: str) -> None:
    shop = await shop_of()
    ways = "Grocery > Tea", "Grocery>Tea", "grocery/tea > Green"
    teas = [Item(id=f"tea-{n}", title=f"tea {n}", category=way) for n, way in enumerate(ways)]
    await shop.stock(*teas, Item(id="phone", title="phone", category="electronics.smartphone"))

    async with open_shop(shop) as client:
        tea = await ask(client, {"filters": {"category": [path]}})
        phone = await ask(client, {"filters": {"category": ["Electronics"]}})

    assert (sorted(ids(tea)), tea["unknown_names"]) == (["tea-0", "tea-1", "tea-2"], [])
    assert ids(phone) == ["phone"]


async def test_a_name_that_is_not_known_is_told_though_another_matches() -> None:
    answer = await matching({"brand": ["Farm", "Pur"]}, exclude=["milk"])

    assert (answer["matched"], ids(answer), answer["emptied_by"]) == (2, ["cheese"], [])
    assert answer["unknown_names"] == [{"filter": "brand", "name": "Pur", "nearest": ["Purr"]}]


async def test_only_for_the_first_few_unknown_names_the_nearest_are_looked_for() -> None:
    answer = await matching({"category": ["dairy"] * 6})

    nearest = [each["nearest"] for each in answer["unknown_names"]]
    assert nearest == [["Grocery > Dairy"]] * MOST_LOOKED_FOR + [[]] * (6 - MOST_LOOKED_FOR)


async def test_a_list_without_items_says_what_left_none() -> None:
    shop = await shop_of()
    sold_out = Item(id="out", title="sold out", category="Toys", available=False)
    await shop.stock(*ITEMS, sold_out, searches=SEARCHES)
    dairy = {"category": ["grocery"]}
    everything = [item.id for item in ITEMS]
    async with open_shop(shop) as client:
        answers = [
            await ask(client, asked)
            for asked in (
                {"filters": {"price_min": 1_000}},
                {"filters": {"category": ["toys"]}},
                {"filters": dairy, "exclude": ["milk", "cheese"]},
                {"filters": dairy, "user_id": "ann", "exclude": ["cheese"]},
                {"session": {"items": everything}},
                {"filters": {"category": ["toys"], "available": False}},
            )
        ]

    assert [answer["emptied_by"] for answer in answers] == [
        ["filters"],
        ["unavailable"],
        ["excluded"],
        ["excluded", "seen"],
        ["seen"],
        [],
    ]
    assert [answer["matched"] for answer in answers] == [0, 0, 2, 2, 5, 1]


async def test_a_shop_without_items_says_that() -> None:
    shop = await shop_of()
    await shop.items.withdraw_items([item.id for item in ITEMS])

    async with open_shop(shop) as client:
        answer = await ask(client, {"user_id": "ann", "filters": {"category": ["Pets > Cat"]}})
        nothing = await ask(client, {})

    assert (nothing["matched"], nothing["emptied_by"]) == (0, ["catalogue"])
    assert answer["unknown_names"] == [{"filter": "category", "name": "Pets > Cat", "nearest": []}]


async def test_a_name_that_only_events_know_is_told_to_nobody() -> None:
    shop = await shop_of()
    scam = Item(id="scam", title="scam", category="Grocery > Dairi", brand="Farmm", withdrawn=True)
    await shop.items.introduce_items([scam])

    async with open_shop(shop) as client:
        asked = {"filters": {"category": ["Grocery > Dairi"], "brand": ["Farmm"]}}
        answer = await ask(client, asked)

    assert [each["nearest"] for each in answer["unknown_names"]] == [["Grocery > Dairy"], ["Farm"]]


async def test_what_has_not_been_read_yet_fills_up_a_list_and_that_is_said() -> None:
    shop = await shop_of()
    new = [Item(id=f"new-{place}", title=f"new {place}") for place in range(3)]
    await shop.items.put_items(new)
    await shop.popularity.add(20_000, {"new-1": 9_000})
    async with open_shop(shop) as client:
        answer = await ask(client, {"user_id": "ann", "explain": True})
        without = await ask(client, {"user_id": "ann", "limit": 3})

    assert (answer["strategy"], answer["matched"], answer["filled"]) == ("profile", 8, 3)
    assert ids(answer)[-3:] == ["new-1", "new-0", "new-2"]
    last = answer["items"][-3]
    assert (last["score"], last["relevance"], last["against"]) == (0, 0, [])
    assert [reason["action"] for reason in last["reasons"]] == ["popularity"]
    assert without["filled"] == 0


async def test_every_list_is_in_the_order_of_its_scores_in_four_decimals() -> None:
    draw = Random(3)  # noqa: S311 - a test
    shop = await shop_of()
    goods = [
        Item(id=f"{place}", title=f"{draw.choice(WORDS)} {draw.choice(WORDS)}", category="Food")
        for place in range(40)
    ]
    await shop.stock(*ITEMS, *goods, searches=SEARCHES)
    strategies = set()
    async with open_shop(shop) as client:
        for _ in range(40):
            asked = {
                "user_id": draw.choice(["ann", "bob"]),
                "limit": draw.randint(1, 60),
                "diversity": draw.choice([0, 0.1, 0.3, 0.9, 1]),
                "explain": draw.random() < 0.5,
                "exclude_seen": draw.random() < 0.5,
            }
            if draw.random() < 0.5:
                asked["session"] = {"items": [draw.choice(goods).id], "texts": ["cat toys"]}
            answer = await ask(client, asked)
            strategies.add(answer["strategy"])
            scores = [item["score"] for item in answer["items"]]
            assert scores == sorted(scores, reverse=True)
            assert 0 <= scores[-1] <= scores[0] <= 1
            assert max(abs(item["relevance"]) for item in answer["items"]) in {0, 1}
            assert not [number for number in numbers_of(answer["items"]) if is_long(number)]

    assert strategies == {"session", "session_and_profile", "profile", "popular"}


def numbers_of(told: object) -> list[float]:
    """Return all scores and shares of an answer, however deep."""
    if isinstance(told, list):
        return [number for each in told for number in numbers_of(each)]
    if not isinstance(told, dict):
        return []
    own = [told[name] for name in ("score", "relevance", "share", "trend") if name in told]
    return own + [number for each in told.values() for number in numbers_of(each)]


def is_long(number: float) -> bool:
    """Say whether a number has more than four decimals."""
    return len(str(number).partition(".")[2]) > 4 and "e" not in str(number)


@pytest.mark.parametrize(
    ("asked", "plainly"),
    [
        ({"user_id": ""}, {}),
        ({"user_id": 12345}, {"user_id": "12345"}),
        ({"exclude": None, "filters": None, "limit": None, "session": None}, {}),
        ({"filters": {"category": "Grocery"}}, {"filters": {"category": ["Grocery"]}}),
        ({"exclude": "milk"}, {"exclude": ["milk"]}),
        ({"exclude": [7, "milk"]}, {"exclude": ["7", "milk"]}),
        (
            {"session": {"items": ["beef", *["milk"] * 64], "texts": "tea"}},
            {"session": {"items": ["milk"] * 64, "texts": ["tea"]}},
        ),
    ],
    ids=str,
)
async def test_a_request_is_read_as_it_is_meant(
    asked: dict[str, object], plainly: dict[str, object]
) -> None:
    async with open_shop(await shop_of()) as client:
        answer, expected = [
            (await client.post("/recommend", json=each)).raise_for_status().json()
            for each in (asked, plainly)
        ]

    assert answer["items"] == expected["items"]
    assert answer["strategy"] == expected["strategy"]


@pytest.mark.parametrize(
    ("said", "session", "same_as"),
    [
        ({}, {"items": ["milk"]}, 0.3),
        ({}, {"texts": [SEARCHES[0]]}, 0.0),
        ({}, {"items": ["milk"], "texts": [SEARCHES[0]]}, 0.0),
        ({"diversity": 0.9}, {"texts": [SEARCHES[0]]}, 0.9),
        ({"diversity": None}, {"texts": [SEARCHES[0]]}, 0.0),
    ],
)
async def test_what_was_searched_for_may_be_alike(
    said: dict[str, object], session: dict[str, list[str]], same_as: float
) -> None:
    shop = Shop()
    await shop.stock(searches=SEARCHES)
    async with open_shop(shop) as client:
        unsaid, told = [
            (await client.post("/recommend", json={"session": session, **more})).json()["items"]
            for more in (said, {"diversity": same_as})
        ]

    assert unsaid == told
