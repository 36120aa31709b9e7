"""GET /items/{id}/similar and /together: the same for everybody, and kept by caches."""

from typing import Any

import httpx
import pytest
from pydantic_core import to_json

from portrait.access.scope import Scope
from portrait.events.item import Item
from portrait.rules.rule import RuleBook
from service.recommendations.beside import FRESH_SECONDS
from service.recommendations.schemas import ItemsBeside
from service.standing import OfOne
from tests.support.planted_shop import FIRST, PASTA, planted_shop
from tests.support.shop import open_shop
from tests.unit.test_service_access import PAGES, guarded, token_of


async def got(client: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    answer = await client.get(path, headers=headers)
    if answer.status_code == 200:
        ItemsBeside.model_validate_json(answer.content, strict=True)
    return answer


def ids(answer: httpx.Response) -> list[str]:
    items: list[dict[str, Any]] = answer.json()["items"]
    return [item["item_id"] for item in items]


async def test_what_is_like_an_item_is_not_what_goes_with_it() -> None:
    async with open_shop(await planted_shop()) as client:
        similar = await got(client, "/items/spaghetti/similar?limit=2")
        together = await got(client, "/items/spaghetti/together")

    assert {*ids(similar)} == {"penne", "fusilli"}
    assert ids(together) == ["tomato", "cheese"]  # of other categories


async def test_without_a_learned_model_the_shop_alone_says_what_goes_together() -> None:
    async with open_shop(await planted_shop(FIRST)) as client:
        phone = await got(client, "/items/phone/together")
        pasta = await got(client, "/items/spaghetti/together")

    assert ids(phone) == ["case"]
    assert ids(pasta) == []
    assert pasta.json()["emptied_by"][0] == "unknown"


@pytest.mark.parametrize("what", ["similar", "together"])
async def test_an_item_that_nobody_has_is_not_found(what: str) -> None:
    async with open_shop(await planted_shop()) as client:
        answer = await got(client, f"/items/unheard-of/{what}")

    assert answer.status_code == 404
    assert answer.json()["type"].endswith("item-not-found")


async def test_what_a_cache_has_is_not_sent_again() -> None:
    async with open_shop(await planted_shop()) as client:
        first = await got(client, "/items/spaghetti/similar")
        tag = first.headers["etag"]
        again = await got(client, "/items/spaghetti/similar", **{"If-None-Match": f'"x", W/{tag}'})
        other = await got(client, "/items/spaghetti/similar?limit=3", **{"If-None-Match": tag})

    assert first.headers["cache-control"] == f"public, max-age={FRESH_SECONDS}"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert other.status_code == 200


@pytest.mark.parametrize(
    ("origins", "is_shared", "kept"),
    [([PAGES], False, "public"), ([PAGES], True, "private"), ([], False, "private")],
    ids=["a page's key", "a page's key where several shops are served", "a server's key"],
)
async def test_a_cache_gives_to_no_key_what_it_kept_for_another(
    monkeypatch: pytest.MonkeyPatch,
    origins: list[str],
    is_shared: bool,  # noqa: FBT001 - pytest passes it by name
    kept: str,
) -> None:
    monkeypatch.setattr(OfOne, "is_shared", is_shared)
    shop = await planted_shop()
    token = token_of(shop, Scope.RECOMMEND, origins=origins)
    shown = {"authorization": f"Bearer {token}", "origin": PAGES}
    async with guarded(shop) as client:
        answer = await got(client, "/items/spaghetti/similar", **shown)
        known = {"If-None-Match": answer.headers["etag"]}
        again = await got(client, "/items/spaghetti/similar", **shown, **known)

    assert again.status_code == 304
    for each in (answer, again):
        assert each.headers["cache-control"] == f"{kept}, max-age={FRESH_SECONDS}"
        assert {*each.headers["vary"].split(", ")} >= {"Authorization"}


async def test_processes_name_the_same_list_alike_and_another_catalogue_otherwise() -> None:
    shop = await planted_shop()
    tags = []
    for more in ((), (), (Item(id="lasagne", title="lasagne pasta", category=PASTA),)):
        await shop.items.put_items(more)
        async with open_shop(shop) as client:
            tags.append((await got(client, "/items/spaghetti/similar")).headers["etag"])

    assert tags[0] == tags[1] != tags[2]


def book_without(version: int, *items: str) -> RuleBook:
    rule = {"id": "not-these", "where": {"items": items}, "do": {"exclude": True}}
    said = {"version": version, "author": "Mei", "at": "2026-11-27T00:00:00Z", "rules": [rule]}
    return RuleBook.model_validate_json(to_json(said))


async def test_other_rules_make_another_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.recommendations.beside._minute", lambda: "this one")
    shop = await planted_shop()
    await shop.rules.put(book_without(1, "petrol"), 0)
    async with open_shop(shop) as client:
        before = await got(client, "/items/spaghetti/similar?limit=2")
    await shop.rules.put(book_without(2, "penne"), 1)

    async with open_shop(shop) as client:
        after = await got(
            client, "/items/spaghetti/similar?limit=2", **{"If-None-Match": before.headers["etag"]}
        )

    assert after.status_code == 200
    assert "penne" in ids(before)
    assert "penne" not in ids(after)


async def test_an_item_whose_id_ends_so_is_read_all_the_same() -> None:
    shop = await planted_shop()
    await shop.items.put_items([Item(id="a/similar", title="a likeness")])
    async with open_shop(shop) as client:
        item = await client.get("/items/a%2Fsimilar")
        beside = await client.get("/items/a%2Fsimilar/similar")

    assert item.json()["title"] == "a likeness"
    assert beside.status_code == 200
