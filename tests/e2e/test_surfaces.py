"""Every surface of a shop, over HTTP, for one shopper."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.report_visit import visit_text
from demo.rules import put_rules
from demo.visit import visit
from service.recommendations.surfaces import SURFACES
from tests.support.patience import ANSWER_SECONDS
from tests.support.processes import (
    Portrait,
    catalogue,
    publish_items,
    running_portrait,
    until,
    worker,
)

pytestmark = pytest.mark.e2e

ITEMS = 40
NEEDS: dict[str, dict[str, object]] = {
    "item": {"item_id": "item-3"},
    "cart": {"session": {"cart": ["item-3", "item-4"]}},
    "search": {"query": "green tea"},
}


def ids(listed: Mapping[str, Any]) -> list[str]:
    return [item["item_id"] for item in listed["items"]]


def test_one_shopper_meets_every_surface(tmp_path: Path) -> None:
    with running_portrait(tmp_path) as portrait:
        asyncio.run(publish_items(portrait.kafka, catalogue(ITEMS)))
        asyncio.run(until(portrait.is_ready, "a model serves"))
        for item in ("item-2", "item-7"):
            portrait.post("/events", {"type": "purchase", "user_id": "ann", "item_id": item})
        portrait.profile("ann", folded=2)

        lists = {surface: asked_of(portrait, surface) for surface in SURFACES}

        assert all(listed["items"] for listed in lists.values())
        assert {*ids(lists["again"])} == {"item-2", "item-7"}
        assert all("tea" in item["title"] for item in lists["search"]["items"][:2])
        assert not {"item-3", "item-4"} & {*ids(lists["cart"])}
        assert "item-3" not in ids(lists["item"])
        a_page_has_no_item_twice(portrait)
        what_a_cache_has_is_not_sent_again(portrait)
        a_visit_has_every_page(portrait)
        an_email_shows_nothing_twice(portrait, lists["email"], tmp_path)


def asked_of(portrait: Portrait, surface: str) -> dict[str, Any]:
    asked = {"user_id": "ann", "surface": surface, "limit": 5, **NEEDS.get(surface, {})}
    listed: dict[str, Any] = portrait.post("/recommend", asked)
    return listed


def a_page_has_no_item_twice(portrait: Portrait) -> None:
    rows = [{"surface": "item", "limit": 4}, {"surface": "item", "limit": 4}, {"limit": 4}]
    page = portrait.post("/recommend/page", {"user_id": "ann", "language": "zh", "rows": rows})

    listed = [id for row in page["rows"] for id in ids(row)]
    assert len(listed) == len({*listed}) == 12
    assert {row["about"] for row in page["rows"]} == {"item-2", "item-7", None}
    assert page["rows"][0]["title"].startswith("因为您买过")


def what_a_cache_has_is_not_sent_again(portrait: Portrait) -> None:
    url = f"{portrait.url}/items/item-3/similar"
    with httpx.Client(timeout=ANSWER_SECONDS) as client:
        first = client.get(url).raise_for_status()
        again = client.get(url, headers={"If-None-Match": first.headers["etag"]})

    assert ids(first.json())
    assert again.status_code == 304


def a_visit_has_every_page(portrait: Portrait) -> None:
    """As the demo shows it; of one shopper alone no audience is told."""
    with httpx.Client(base_url=portrait.url, timeout=ANSWER_SECONDS) as http:
        put_rules(http)
        shown = visit(http, "ann")

    assert [len(row["items"]) for row in shown.home] == [3, 4]
    assert shown.beside[0]["title"] == f"Similar to {shown.item['title']}"
    assert shown.cart[0] == shown.item
    assert shown.basket["items"]
    assert [rule["id"] for rule in shown.basket["rules"]] == ["no-goods"]
    assert {*ids(shown.again)} == {"item-2", "item-7"}
    assert shown.audience is None
    told = visit_text(shown)
    assert "Bought once, today." in told
    assert all(str(item["why"])[:30] in told for row in shown.home for item in row["items"])


def an_email_shows_nothing_twice(
    portrait: Portrait, first: dict[str, Any], directory: Path
) -> None:
    def is_another() -> bool:
        return not {*ids(first)} & {*ids(asked_of(portrait, "email"))}

    with worker("experiments", portrait.settings, directory):
        asyncio.run(until(is_another, "an email has other items than the one before"))
