"""Rules that say what actions count: in lists, groups, reasons, `why` and the preview."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import httpx
import pytest

from portrait.events.event import Action
from portrait.inference.shelf import shelf_of
from portrait.rules.masks import Masks
from portrait.rules.rule import MOST_FACTOR, Counted, Rule, RuleBook
from portrait.rules.rulings import Asked, Rulings
from service.rules.schemas import RulesPreviewAnswer
from service.why.schemas import WhyAnswer
from tests.support.asking import ask, ids
from tests.support.planted_shop import (
    FIRST,
    LEARNED,
    SHIRTS,
    STOCK,
    model,
    planted_catalogue,
    planted_shop,
)
from tests.support.shop import Shop, open_shop
from tests.unit.test_service_rules import put

KINDS = pytest.mark.parametrize("kind", [FIRST, LEARNED])
DONE = (
    {"type": "purchase", "item_id": "milk", "price": 1.0},
    {"type": "purchase", "item_id": "spaghetti", "price": 1.0},
    {"type": "click", "item_id": "penne"},
    {"type": "wish", "item_id": "shirt-blue"},
    {"type": "cart", "item_id": "tie"},
)
ALL = dict.fromkeys(get_args(Counted), 0)
OLD_BOOK = (  # as it was stored before rules could count
    '{"version":3,"author":"key 3f9c1a20b7de","at":"2026-11-27T09:30:00Z","note":"Spring",'
    '"rules":[{"id":"no-wine","note":"","where":{"category":["GROCERY > WINE"]},'
    '"do":{"exclude":true}},{"id":"two","note":"","do":{"quota":{"most":2,"per":"brand"}}}]}'
)


def count(id: str = "count", factors: Mapping[str, float] = ALL, **more: object) -> dict[str, Any]:
    return {"id": id, "do": {"count": factors}, **more}


async def shop_of(kind: str = LEARNED) -> Shop:
    shop = await planted_shop(kind)
    shop.remember("ann", *DONE, painted=planted_catalogue(model(kind)))
    return shop


async def listed(client: httpx.AsyncClient, **asked: object) -> dict[str, Any]:
    usual: dict[str, Any] = {"limit": len(STOCK), "explain": True}
    return await ask(client, {**usual, **asked})


async def why(client: httpx.AsyncClient, item_id: str, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - a query
    answer = await client.get("/profile/ann/why", params={"item_id": item_id, **asked})
    assert answer.status_code == 200, answer.text
    WhyAnswer.model_validate_json(answer.content, strict=True)
    found: dict[str, Any] = answer.json()
    return found


def told(answer: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(item["item_id"], item["relevance"]) for item in answer["items"]]


@KINDS
async def test_a_list_goes_by_what_actions_count_and_says_so(kind: str) -> None:
    async with open_shop(await shop_of(kind)) as client:
        before = await listed(client, user_id="ann")
        await put(client, count("carts", {"cart": 10, "purchase": 0}))
        after = await listed(client, user_id="ann")

    (rule,) = after["rules"]
    assert (rule["id"], rule["does"]) == ("carts", "count")
    suiting = after["items"][: len(after["items"]) - after["filled"]]
    assert ids(after) != ids(before)
    assert {*map(tuple, (item["rules"] for item in suiting))} == {("carts",)}
    reasons = [reason for item in suiting for reason in item["reasons"] if reason["item_id"]]
    assert {(each["item_id"], each["counts"]) for each in reasons} <= {
        ("tie", 10),
        ("penne", None),
        ("shirt-blue", None),
    }
    assert ("tie", 10) in {(each["item_id"], each["counts"]) for each in reasons}
    everything = [each for item in before["items"] for each in item["reasons"]]
    assert {each["counts"] for each in everything} == {None}
    assert all(not item["rules"] for item in before["items"])


@KINDS
async def test_factors_of_one_change_nothing_and_are_named_by_no_item(kind: str) -> None:
    async with open_shop(await shop_of(kind)) as client:
        before = await listed(client, user_id="ann")
        await put(client, count(factors=dict.fromkeys(ALL, 1)))
        after = await listed(client, user_id="ann")

    assert after["items"] == before["items"]
    assert [rule["id"] for rule in after["rules"]] == ["count"]


@KINDS
async def test_why_has_what_each_event_counts_and_shares_add_up(kind: str) -> None:
    async with open_shop(await shop_of(kind)) as client:
        await put(client, count(factors={"cart": 3, "purchase": 0}))
        answers = [await why(client, item.id) for item in STOCK]
        whole = await listed(client, user_id="ann", limit=20)

    for each in answers:
        counts = {event["item_id"]: event["counts"] for event in each["events"]}
        assert counts == {"milk": 0, "spaghetti": 0, "penne": None, "shirt-blue": None, "tie": 3}
        shares = {event["item_id"]: event["share"] for event in each["events"]}
        assert (shares["milk"], shares["spaghetti"]) == (0, 0)
        assert sum(shares.values()) + each["price_share"] == pytest.approx(
            each["relevance"], abs=2e-4
        )
    of_items = {each["item"]["item_id"]: each for each in answers}
    for place, item in enumerate(whole["items"], start=1):
        assert of_items[item["item_id"]]["place"] == place
        assert of_items[item["item_id"]]["rules"] == item["rules"]
        assert of_items[item["item_id"]]["reasons"] == item["reasons"]


@KINDS
async def test_the_list_without_an_event_goes_by_the_same_factors(kind: str) -> None:
    shop = await shop_of(kind)
    shop.remember("bob", *DONE[:-1], painted=planted_catalogue(model(kind)))
    async with open_shop(shop) as client:
        await put(client, count(factors={"wish": 5, "purchase": 0}))
        events = {each["item_id"]: each["event"] for each in (await why(client, "pesto"))["events"]}
        without_cart = (await why(client, "pesto", without=events["tie"]))["without"]
        without_milk = (await why(client, "pesto", without=events["milk"]))["without"]
        now, never = await listed(client, user_id="ann"), await listed(client, user_id="bob")

    assert told(without_cart) == told(never)[: len(without_cart["items"])]
    others = [each for each in told(without_milk) if each[0] != "milk"]  # which she has not had
    assert others == told(now)[: len(others)]


async def test_where_nothing_counts_everybodys_list_is_told_and_no_item_names_the_rule() -> None:
    async with open_shop(await shop_of()) as client:
        anybody = await listed(client)
        await put(client, count())
        ann = await listed(client, user_id="ann", exclude_seen=False)
        session = await listed(client, session={"items": ["tie"], "texts": ["pasta"]})
        still = await listed(client)

    assert (ann["strategy"], session["strategy"]) == ("popular", "popular")
    assert ids(anybody) == ids(still)
    assert ids(ann) == [id for id in ids(anybody) if id != "tie"]  # which is in her cart
    assert all(not item["rules"] for item in [*ann["items"], *still["items"]])


async def test_what_fills_up_a_list_is_moved_by_no_event_and_names_no_rule() -> None:
    asked = {"user_id": "ann", "sources": ["together", "popular"], "exclude_seen": False}
    async with open_shop(await shop_of()) as client:
        await put(client, count("purchases", {"purchase": 2}))
        answer = await listed(client, **asked)

    suiting = len(answer["items"]) - answer["filled"]
    rules = [item["rules"] for item in answer["items"]]
    assert 0 < suiting < len(rules)
    assert rules == [["purchases"]] * suiting + [[]] * answer["filled"]


@KINDS
async def test_a_session_counts_as_clicks_and_searches_do(kind: str) -> None:
    asked = {"session": {"items": ["tie"], "texts": ["pasta"]}, "exclude_seen": False}
    async with open_shop(await shop_of(kind)) as client:
        clicked = await listed(client, session={"items": ["tie"]}, diversity=0, exclude_seen=False)
        await put(client, count(factors={"search": 0}))
        found = await listed(client, **asked, diversity=0)

    assert told(found) == told(clicked)
    assert [each["read"] for each in found["session_texts"]] == ["vector"]


@KINDS
@pytest.mark.parametrize(
    "asked",
    [
        {"surface": "item", "item_id": "penne"},
        {"surface": "cart", "session": {"cart": ["spaghetti", "tie"]}},
        {"surface": "search", "query": "pasta"},
        {"surface": "search", "query": "pasta", "session": {"items": ["tie"]}},
        {"surface": "again", "user_id": "ann"},
    ],
)
async def test_what_a_list_is_about_counts_as_ever(kind: str, asked: dict[str, Any]) -> None:
    bare = {**asked, "session": None} if "query" in asked else asked
    async with open_shop(await shop_of(kind)) as client:
        before = await listed(client, **bare)
        await put(client, count())
        after = await listed(client, **asked)
        told_why = after["items"]

    assert before["strategy"] in {"session", "repeats"}
    assert told(after) == told(before)
    assert [item["reasons"] for item in told_why] == [item["reasons"] for item in before["items"]]


async def test_a_page_about_an_item_says_the_same_whatever_is_counted() -> None:
    async with open_shop(await shop_of()) as client:
        paths = [f"/items/penne/{what}?limit=5" for what in ("similar", "together")]
        before = [(await client.get(path)).json()["items"] for path in paths]
        await put(client, count())
        after = [(await client.get(path)).json()["items"] for path in paths]

    assert after == before


async def test_of_two_rules_that_say_what_an_action_counts_the_first_does() -> None:
    first, second = count("first", {"cart": 10}), count("second", {"cart": 0, "wish": 0})
    async with open_shop(await shop_of()) as client:
        await put(client, first, second)
        events = (await why(client, "pesto"))["events"]
        answer = await listed(client, user_id="ann")
        await put(client, second, first, version=1)
        swapped = await listed(client, user_id="ann")

    counts = {each["item_id"]: each["counts"] for each in events}
    assert (counts["tie"], counts["shirt-blue"], counts["milk"]) == (10, 0, None)
    assert answer["items"][0]["rules"] == ["first", "second"]
    assert swapped["items"][0]["rules"] == ["second"]


async def test_it_holds_for_whom_and_until_when_it_says() -> None:
    over = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    club = {"declared": {"club": ["yes"]}}
    async with open_shop(await shop_of()) as client:
        before = await listed(client, user_id="ann")
        await put(client, count("over", until=over), count("club", {"cart": 10}, when=club))
        others = await listed(client, user_id="ann")
        member = await listed(client, user_id="ann", declared={"club": "yes"})

    assert (others["rules"], others["items"]) == ([], before["items"])
    assert [rule["id"] for rule in member["rules"]] == ["club"]
    assert told(member) != told(before)


@KINDS
async def test_groups_go_by_it_and_their_reasons_say_so(kind: str) -> None:
    asked = {"by": "category", "user_id": "ann", "explain": True, "limit": 50}
    async with open_shop(await shop_of(kind)) as client:
        before = (await client.post("/recommend/groups", json=asked)).json()
        await put(client, count("wishes", {"wish": 10, "purchase": 0}))
        after = (await client.post("/recommend/groups", json=asked)).json()

    assert before["groups"][0]["name"] != SHIRTS
    assert after["groups"][0]["name"] == SHIRTS
    assert [rule["id"] for rule in after["rules"]] == ["wishes"]
    assert after["groups"][0]["reasons"][0]["counts"] == 10


async def test_a_preview_tells_what_it_would_change() -> None:
    rules = [count("carts", {"cart": 10, "purchase": 0}), count("never", {"return": 0})]
    async with open_shop(await shop_of()) as client:
        before = await listed(client, user_id="ann", limit=4)
        preview = await client.post(
            "/rules/preview", json={"rules": rules, "users": ["ann"], "newest": 0, "limit": 4}
        )
        unchanged = await listed(client, user_id="ann", limit=4)
        await put(client, *rules)
        after = await listed(client, user_id="ann", limit=4)

    RulesPreviewAnswer.model_validate_json(preview.content, strict=True)
    (shown,) = preview.json()["lists"]
    assert [item["item_id"] for item in shown["before"]] == ids(before) == ids(unchanged)
    assert [item["item_id"] for item in shown["after"]] == ids(after)
    assert [item["rules"] for item in shown["after"]] == [item["rules"] for item in after["items"]]
    reach = {each["id"]: each for each in preview.json()["rules"]}
    assert (reach["carts"]["does"], reach["carts"]["lists"]) == ("count", 1)
    assert reach["carts"]["listed"] == 4 - after["filled"]
    assert (reach["never"]["lists"], reach["never"]["listed"]) == (1, 0)  # she sent nothing back


@pytest.mark.parametrize(
    ("wrong", "pointer", "says"),
    [
        (count(factors={"stroll": 2}), "#/rules/0/do/count", "'browse', 'click', 'search'"),
        (count(factors={"remove": 2}), "#/rules/0/do/count", "'purchase', 'review', 'return'"),
        (count(factors={"cart": 10.5}), "#/rules/0/do/count/cart", "less than or equal to 10"),
        (count(factors={"cart": -1}), "#/rules/0/do/count/cart", "greater than or equal to 0"),
        ({"id": "word", "do": {"count": {"cart": "2"}}}, "#/rules/0/do/count/cart", "valid number"),
        (count(factors={}), "#/rules/0/do/count", "at least 1 item"),
        (count(where={"brand": "x"}), "#/rules/0", "has no `where`"),
        ({"id": "none", "do": {}}, "#/rules/0/do", "`quota` or `count`"),
    ],
)
async def test_what_is_wrong_is_told(wrong: dict[str, Any], pointer: str, says: str) -> None:
    async with open_shop(await shop_of()) as client:
        answer = await put(client, wrong, status=422)

    (error,) = answer["errors"]
    assert error["pointer"].startswith(pointer)
    assert says in error["detail"]
    assert error["detail"].startswith(f"rule `{wrong['id']}`")


async def test_it_comes_back_as_it_was_put_with_author_and_version() -> None:
    async with open_shop(await shop_of()) as client:
        made = await put(client, count("most", {"cart": MOST_FACTOR, "wish": 0.5}))
        late = await client.put("/rules", json={"rules": []}, headers={"If-Match": '"0"'})
        kept = await client.get("/rules")

    assert kept.json() == made
    assert kept.headers["etag"] == '"1"'
    assert kept.json()["rules"][0]["do"] == {"count": {"cart": MOST_FACTOR, "wish": 0.5}}
    assert late.status_code == 412


def test_a_rule_that_counts_asks_nothing_of_the_items_of_a_list() -> None:
    shelf = shelf_of(planted_catalogue(model(FIRST)))
    book = RuleBook.model_validate_json(OLD_BOOK)
    counts = book.model_copy(update={"rules": (Rule.model_validate(count()),)})
    masks = Masks(shelf, {}, {}, 0)

    plain, counting = (Rulings(each, masks).ruling(Asked()) for each in (book, counts))

    assert (plain.arranges, counting.arranges) == (True, False)  # popular lists stay shared
    assert plain.factors is None
    assert counting.factors is not None


def test_a_book_of_before_reads_as_it_did_and_is_written_as_it_was() -> None:
    book = RuleBook.model_validate_json(OLD_BOOK)

    assert [rule.do.count for rule in book.rules] == [None, None]
    assert book.model_dump_json(exclude_none=True) == OLD_BOOK


def test_all_that_says_anything_by_itself_can_be_counted() -> None:
    assert {*get_args(Counted)} == {action.value for action in Action} - {Action.REMOVE.value}
