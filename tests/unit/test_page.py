"""POST /recommend/page: rows with titles, for one person, with no item in two of them."""

from typing import Any

import httpx
import pytest
from pydantic_core import from_json

from portrait.access.buckets import BURST_SECONDS
from portrait.access.scope import Scope
from portrait.events.topics import IMPRESSIONS
from service.access.guard import Guard
from service.access.limits import COSTS, Limits
from service.http.languages import language_of
from service.recommendations.page_schemas import MOST_ROWS, Page
from service.recommendations.surfaces import SURFACES
from service.recommendations.titles import WORDS
from tests.support.memory_keys import stopped_buckets
from tests.support.planted_shop import LEARNED, STOCK, model, planted_catalogue, planted_shop
from tests.support.shop import Shop, open_shop
from tests.unit.test_service_access import PAGES, asked, guarded, token_of
from tests.unit.test_surfaces import ANN, NEEDS

GROUP = {item.id: item.group_id or item.id for item in STOCK}
ITEM = {"surface": "item"}


async def shop_of() -> Shop:
    shop = await planted_shop(LEARNED)
    shop.remember("ann", *ANN, painted=planted_catalogue(model()))
    return shop


async def page(client: httpx.AsyncClient, asked: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await client.post("/recommend/page", json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    Page.model_validate_json(answer.content, strict=True)
    found: dict[str, Any] = answer.json()
    return found


async def paged(*rows: dict[str, Any], **asked: object) -> dict[str, Any]:
    async with open_shop(await shop_of()) as client:
        return await page(client, {"user_id": "ann", **asked, "rows": rows})


def titles(answer: dict[str, Any]) -> list[str]:
    return [row["title"] for row in answer["rows"]]


async def test_rows_are_about_what_was_bought_each_about_another_item() -> None:
    answer = await paged(ITEM, ITEM, ITEM, {"surface": "again"}, {})

    assert titles(answer) == [
        "Because you bought spaghetti pasta",
        "Because you bought whole milk",
        "Because you looked at penne pasta",
        "Buy again",
        "Recommended for you",
    ]
    assert [row["about"] for row in answer["rows"]] == ["spaghetti", "milk", "penne", None, None]


async def test_a_row_that_looks_back_says_what_was_done_and_an_items_page_what_suits_it() -> None:
    answer = await paged(ITEM, {**ITEM, "item_id": "spaghetti"}, explain=True)

    back, now = (row["items"][0] for row in answer["rows"])
    assert [row["about"] for row in answer["rows"]] == ["spaghetti", "spaghetti"]
    assert (back["reasons"][0]["action"], now["reasons"][0]["action"]) == ("purchase", "session")
    assert back["why"].startswith("Because you bought spaghetti pasta (")
    assert now["why"].startswith("Because it suits spaghetti pasta (")


async def test_a_page_is_in_the_readers_language() -> None:
    rows = [ITEM, {"surface": "item", "item_id": "tie", "sources": ["similar"]}]
    async with open_shop(await shop_of()) as client:
        asked = {"user_id": "ann", "rows": rows}
        by_header = await page(client, asked, **{"Accept-Language": "de, zh-CN;q=0.9, en;q=0.5"})
        by_field = await page(client, {**asked, "language": "en"}, **{"Accept-Language": "zh"})

    assert titles(by_header) == ["因为您买过spaghetti pasta", "与silk tie相似"]
    assert titles(by_field) == ["Because you bought spaghetti pasta", "Similar to silk tie"]
    assert (by_header["language"], by_field["language"]) == ("zh", "en")


async def test_no_item_stands_in_two_rows_nor_a_variant_of_it() -> None:
    session = NEEDS["cart"]["session"]
    rows = [{"surface": surface, "limit": 4, **NEEDS[surface]} for surface in SURFACES]
    for row in rows:
        row.pop("session", None)

    answer = await paged(*rows, session=session)

    listed = [item["item_id"] for row in answer["rows"] for item in row["items"]]
    assert len(listed) > 4
    assert len({GROUP[id] for id in listed}) == len(listed)
    assert len({row["recommendation_id"] for row in answer["rows"]}) == len(answer["rows"])


async def test_a_row_says_what_stands_above_it_has_left_nothing() -> None:
    answer = await paged({"limit": 100}, {"limit": 100})

    assert answer["rows"][0]["items"]
    assert answer["rows"][1]["items"] == []
    assert "above" in answer["rows"][1]["emptied_by"]


async def test_a_row_that_is_about_nothing_is_left_out() -> None:
    answer = await paged(ITEM, {}, user_id="nobody")

    assert [(row["place"], row["title"]) for row in answer["rows"]] == [(1, "Popular now")]


async def test_a_title_of_ones_own_and_each_rows_own_wishes_stand() -> None:
    answer = await paged(
        {"title": "Cheap and cheerful", "limit": 2, "filters": {"price_max": 3}},
        {"limit": 1, "filters": {"category": "Fuel"}},
    )

    assert titles(answer)[0] == "Cheap and cheerful"
    first, second = (row["items"] for row in answer["rows"])
    assert len(first) == 2
    assert all(item["price"] <= 3 for item in first)
    assert [item["item_id"] for item in second] == ["petrol"]


async def test_each_row_is_a_list_of_its_own_to_whoever_counts() -> None:
    shop = await shop_of()
    shop.impressions = "answers"
    async with open_shop(shop) as client:
        answer = await page(client, {"user_id": "ann", "rows": [ITEM, {"surface": "again"}]})

    sent = [each.value for each in shop.publisher.messages if each.topic == IMPRESSIONS]
    said = [from_json(value) for value in sent if value]
    assert [each["surface"] for each in said] == ["item", "again"]
    assert [each["recommendation_id"] for each in said] == [
        row["recommendation_id"] for row in answer["rows"]
    ]


async def test_a_profile_is_loaded_once_for_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    shop, loaded = await shop_of(), list[list[str]]()
    load = shop.profiles.load_whole

    async def counted(users: list[str]) -> Any:  # noqa: ANN401 - as the port
        loaded.append(users)
        return await load(users)

    monkeypatch.setattr(shop.profiles, "load_whole", counted)
    async with open_shop(shop) as client:
        await page(client, {"user_id": "ann", "rows": [ITEM, ITEM, {}, {"surface": "again"}]})

    assert loaded == [["ann"]]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"surface": "search"}], "`surface: search` needs `query`: what is searched for."),
        ([{"surface": "cart"}], "`surface: cart` needs `session.cart`: what is in the cart."),
        ([{}] * (MOST_ROWS + 1), f"Tuple should have at most {MOST_ROWS} items after validation"),
        ([], "Tuple should have at least 1 item after validation, not 0"),
    ],
)
async def test_a_page_without_what_its_rows_need_says_so(
    rows: list[dict[str, Any]], said: str
) -> None:
    async with open_shop(await shop_of()) as client:
        answer = await client.post("/recommend/page", json={"rows": rows})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["detail"].startswith(said)


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("zh", "zh"),
        ("zh-Hant-TW, en;q=0.8", "zh"),
        ("en-GB, zh;q=0.9", "en"),
        ("fr, de;q=0.5", "en"),
        ("fr, zh;q=0.2", "zh"),
        ("zh;q=0", "en"),
        ("zh;q=often, *", "en"),
    ],
)
def test_a_language_is_the_one_that_is_liked_best(accepted: str, language: str) -> None:
    assert language_of(accepted) == language


def test_both_languages_have_a_word_for_each_title_with_the_same_gaps() -> None:
    gaps = {
        language: {key: "{title}" in words or "{query}" in words for key, words in each.items()}
        for language, each in WORDS.items()
    }

    assert gaps["en"] == gaps["zh"]


@pytest.mark.parametrize(("user", "status"), [("ann", 403), ("anonymous:c-77", 200), (None, 200)])
async def test_a_public_key_asks_for_no_page_of_who_is_known(user: str | None, status: int) -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.RECOMMEND, origins=[PAGES])
    async with guarded(shop) as client:
        body: dict[str, object] = {"user_id": user, "rows": [{}]}
        answer = await asked(
            client, "POST", "/recommend/page", token, json=body, headers={"origin": PAGES}
        )

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("/recommend", {"explain": True}),
        ("/recommend", {"surface": "again"}),
        ("/recommend", {"sources": ["due"]}),
        ("/recommend", {"exclude_seen": False}),
        ("/recommend", {"surface": "search", "query": "pasta", "exclude_seen": True}),
        ("/recommend", {"rotation": 0.2}),
        ("/recommend", {"surface": "email"}),
        ("/recommend/groups", {"by": "category"}),
        ("/recommend/page", {"rows": [{}], "explain": True}),
        ("/recommend/page", {"rows": [{}, {"exclude_seen": False}]}),
        ("/recommend/page", {"rows": [{}, {"surface": "again"}]}),
        ("/recommend/page", {"rows": [{"surface": "item"}]}),
        ("/recommend/page", {"rows": [{"surface": "item", "item_id": "spaghetti"}]}),
    ],
    ids=str,
)
@pytest.mark.parametrize("user", ["anonymous:guessed", None])
async def test_a_public_key_is_not_told_what_a_visitor_did(
    path: str, more: dict[str, object], user: str | None
) -> None:
    shop = await shop_of()
    public = token_of(shop, Scope.RECOMMEND, origins=[PAGES])
    server = token_of(shop, Scope.RECOMMEND)
    body = {"user_id": user, "session": {"items": ["spaghetti"]}, **more}
    async with guarded(shop) as client:
        told = await asked(client, "POST", path, public, json=body, headers={"origin": PAGES})
        own = await asked(client, "POST", path, server, json=body)

    assert own.status_code == 200 or user is None, own.text
    assert told.status_code == (own.status_code if user is None else 403), told.text


@pytest.mark.parametrize("more", [{}, {"exclude_seen": True}, {"paged": True}], ids=str)
async def test_a_public_key_has_the_usual_list_of_a_visitor(more: dict[str, object]) -> None:
    shop = await shop_of()
    token = token_of(shop, Scope.RECOMMEND, origins=[PAGES])
    body, page = {"user_id": "anonymous:guessed", **more}, {"origin": PAGES}
    async with guarded(shop) as client:
        answer = await asked(client, "POST", "/recommend", token, json=body, headers=page)

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "more", [{"explain": True}, {"surface": "again"}, {"exclude_seen": False}], ids=str
)
async def test_a_public_key_is_not_told_it_in_a_stream(more: dict[str, object]) -> None:
    shop = await shop_of()
    public = token_of(shop, Scope.RECOMMEND, origins=[PAGES])
    body = {"user_id": "anonymous:guessed", **more}
    async with guarded(shop) as client:
        path, page = "/recommend/stream", {"origin": PAGES}
        answer = await asked(client, "POST", path, public, json=body, headers=page)

    assert answer.status_code == 403


async def test_each_row_is_paid_for() -> None:
    shop, cost = await shop_of(), COSTS["POST", "/recommend"]
    token = token_of(shop, Scope.RECOMMEND)
    burst = BURST_SECONDS * (rate := 2 * cost)
    guard = Guard(shop.keys, limits=Limits(stopped_buckets(), rate))
    await guard.read_keys()
    async with open_shop(shop, guard=guard) as client:
        rows: list[dict[str, object]] = [{}] * (round(burst / cost) + 4)
        answer = await asked(client, "POST", "/recommend/page", token, json={"rows": rows})
        one = await asked(client, "POST", "/recommend/page", token, json={"rows": [{}]})

    assert (answer.status_code, answer.json()["type"]) == (429, "urn:portrait:problem:rate-limited")
    assert one.status_code == 200


async def test_what_a_key_opens_is_kept_by_whoever_has_it_alone() -> None:
    shop = await shop_of()
    server = token_of(shop, Scope.RECOMMEND)
    public = token_of(shop, Scope.RECOMMEND, origins=[PAGES])
    other = token_of(shop, Scope.EVENTS_WRITE)
    page = {"origin": PAGES}
    async with guarded(shop) as client:
        path = "/items/spaghetti/similar"
        kept = await asked(client, "GET", path, server)
        shared = await asked(client, "GET", path, public, headers=page)
        refused = await asked(client, "GET", path, other)

    assert kept.headers["cache-control"].startswith("private")
    assert shared.headers["cache-control"].startswith("public")
    assert (refused.status_code, refused.json()["type"]) == (
        403,
        "urn:portrait:problem:scope-missing",
    )
