"""GET and PUT /rules, POST /rules/preview, and what rules do to POST /recommend."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from portrait.access.scope import Scope
from portrait.errors import StoreUnavailableError
from portrait.events.item import Item
from portrait.rules.rule import MOST_COLUMNS, MOST_RULES
from service.access.guard import Guard
from service.live import Live
from service.rules.newest import NewestRules
from tests.support.asking import ask, ids
from tests.support.catalogues import catalogue
from tests.support.processes import until
from tests.support.shop import Shop, open_shop
from tests.unit.test_service_access import token_of

NOW = datetime.now(UTC)
SHELF = [
    Item(
        id=f"{kind}-{n}",
        title=f"{kind} number {n}",
        category=f"Grocery > {kind}",
        brand=f"brand {n % 3}",
        price=1.0 + n,
        attributes={"seller": f"s{n % 2}", "stock": str(n)},
        available_from=NOW - timedelta(days=n, hours=1),
    )
    for kind in ("tea", "wine", "rice")
    for n in range(6)
]
CLICKED = {"type": "click", "item_id": "tea-0"}


def rule(id: str, do: Mapping[str, object], **more: object) -> dict[str, object]:
    return {"id": id, "do": do, **more}


def where(**members: object) -> dict[str, object]:
    return {"where": members}


EXCLUDE = {"exclude": True}
NO_WINE = rule("no-wine", EXCLUDE, **where(category="grocery/wine"))


@asynccontextmanager
async def opened(shop: Shop | None = None) -> AsyncIterator[httpx.AsyncClient]:
    shop = shop or Shop()
    await shop.stock(*SHELF)
    shop.remember("ann", CLICKED, painted=catalogue(*SHELF))
    async with open_shop(shop) as client:
        yield client


async def put(
    client: httpx.AsyncClient, *rules: Mapping[str, object], version: int = 0, status: int = 200
) -> dict[str, Any]:
    """Put rules as an editor does, and wait until this process goes by them."""
    body, tag = {"rules": rules, "note": "test"}, {"If-Match": f'"{version}"'}
    answer = await client.put("/rules", json=body, headers=tag)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    if status == 200:

        async def is_followed() -> bool:
            return bool((await ask(client, {}))["rules_version"] == found["version"])

        await until(is_followed, "the process goes by the new rules")
    return found


async def listed(client: httpx.AsyncClient, asked: Mapping[str, object]) -> dict[str, Any]:
    found = await ask(client, {"limit": 6, **asked})
    scores = [item["score"] for item in found["items"]]
    assert scores == sorted(scores, reverse=True)
    return found


def named(answer: Mapping[str, Any]) -> dict[str, list[str]]:
    return {item["item_id"]: item["rules"] for item in answer["items"] if item["rules"]}


def kind_of(item: Item, per: str) -> str:
    return item.attributes["seller"] if per == "attributes.seller" else str(getattr(item, per))


WHO = pytest.mark.parametrize("user", [None, "ann"])


async def test_at_first_there_are_no_rules() -> None:
    async with opened() as client:
        answer, asked = await client.get("/rules"), await listed(client, {})

    assert (answer.json()["version"], answer.json()["rules"]) == (0, [])
    assert answer.headers["etag"] == '"0"'
    assert (asked["rules_version"], asked["rules"]) == (0, [])


async def test_rules_leave_nothing_only_where_something_would_be_left_without_them() -> None:
    wine = {"user_id": "ann", "filters": {"category": "Grocery > wine"}}
    all_wines = [f"wine-{n}" for n in range(6)]
    unlike = {"user_id": None, "surface": "item", "item_id": "tea-0", "sources": ["together"]}
    nothing_counts = rule("asleep", {"count": {"click": 0}})
    asked = {"user_id": "ann", "sources": ["similar"]}
    async with opened() as client:
        await put(client, NO_WINE)
        excluded = await ask(client, {**wine, "exclude": all_wines})
        partly = await ask(client, {**wine, "exclude": all_wines[:5]})
        suiting = await ask(client, unlike)
        await put(client, nothing_counts, version=1)
        asleep = await ask(client, asked)

    assert [each["emptied_by"] for each in (excluded, partly, suiting, asleep)] == [
        ["excluded"],
        ["excluded", "rules"],
        ["unknown", "seen"],
        ["seen", "rules"],
    ]


async def test_rules_come_back_as_they_were_put_with_author_and_version() -> None:
    async with opened() as client:
        made = await put(client, NO_WINE)
        answer = await client.get("/rules")

    assert answer.json() == made
    assert answer.headers["etag"] == '"1"'
    assert (made["version"], made["author"], made["note"]) == (1, "anybody", "test")
    assert made["rules"][0]["where"] == {"category": ["grocery/wine"]}
    assert datetime.fromisoformat(made["at"]) - datetime.now(UTC) < timedelta(minutes=1)


@WHO
async def test_what_is_excluded_is_in_no_list_and_the_answer_says_by_what(
    user: str | None,
) -> None:
    async with opened() as client:
        await put(client, NO_WINE)
        answer = await listed(client, {"user_id": user, "limit": 18})
        emptied = await listed(client, {"user_id": user, "filters": {"category": "Grocery > wine"}})

    assert not [id for id in ids(answer) if id.startswith("wine")]
    assert answer["rules"] == [{"id": "no-wine", "does": "exclude", "items": 6}]
    assert named(answer) == {}
    assert (emptied["matched"], emptied["emptied_by"]) == (6, ["rules"])


@WHO
async def test_what_is_pinned_stands_in_its_place_and_says_who_put_it_there(
    user: str | None,
) -> None:
    pins = (
        rule("launch", {"pin": {"position": 2}}, **where(items=["wine-5"])),
        rule("more", {"pin": {"position": 2, "items": 2}}, **where(items=["rice-5", "rice-4"])),
        rule("nobody", {"pin": {"position": 60}}, **where(items=["rice-1"])),
    )
    async with opened() as client:
        before = await listed(client, {"user_id": user})
        await put(client, *pins)
        answer = await listed(client, {"user_id": user})

    assert ids(answer)[1] == "wine-5"
    assert set(ids(answer)[2:4]) == {"rice-5", "rice-4"}
    assert named(answer) == {"wine-5": ["launch"], "rice-5": ["more"], "rice-4": ["more"]}
    rest = [id for id in ids(before) if id not in {"wine-5", "rice-5", "rice-4"}]
    assert [id for id in ids(answer) if id not in named(answer)] == rest[:3]
    assert len(ids(answer)) == len(set(ids(answer))) == 6


async def test_what_is_excluded_or_not_asked_for_cannot_be_pinned() -> None:
    pin = rule("launch", {"pin": {}}, **where(items=["wine-5"]))
    async with opened() as client:
        await put(client, pin, NO_WINE)
        barred = await listed(client, {})
        await put(client, pin, version=1)
        filtered = await listed(client, {"filters": {"category": "Grocery > tea"}})
        excluded = await listed(client, {"exclude": ["wine-5"]})

    assert "wine-5" not in ids(barred) + ids(filtered) + ids(excluded)


@WHO
async def test_a_boost_moves_up_and_a_bury_down_and_relevance_stays_the_model_s(
    user: str | None,
) -> None:
    asked = {"user_id": user, "diversity": 0, "limit": 18}
    async with opened() as client:
        before = await listed(client, asked)
        await put(
            client,
            rule("up", {"boost": 2}, **where(category="Grocery > rice")),
            rule("down", {"bury": 2}, **where(category="Grocery > tea")),
        )
        answer = await listed(client, asked)

    kinds = [id.partition("-")[0] for id in ids(answer)]
    if user is None:  # of what is popular, a few of each category come first
        assert kinds[:3] == ["rice"] * 3
    else:
        assert kinds == ["rice"] * 6 + ["wine"] * 6 + ["tea"] * 5
    assert named(answer)["rice-1"] == ["up"]
    assert named(answer)["tea-1"] == ["down"]
    relevance = {item["item_id"]: item["relevance"] for item in before["items"]}
    for item in answer["items"]:
        assert item["relevance"] == pytest.approx(relevance[item["item_id"]], abs=2e-4)


@WHO
@pytest.mark.parametrize("per", ["brand", "category", "attributes.seller"])
async def test_a_quota_lets_in_no_more_of_each(user: str | None, per: str) -> None:
    async with opened() as client:
        await put(client, rule("two", {"quota": {"most": 2, "per": per}}))
        answer = await listed(client, {"user_id": user, "limit": 18})

    items = {item.id: item for item in SHELF}
    kinds = [kind_of(items[id], per) for id in ids(answer)]
    assert max(kinds.count(kind) for kind in kinds) == 2
    assert len(kinds) == 2 * len(set(kinds))


@WHO
async def test_a_quota_of_at_least_so_many_takes_the_places_of_the_last(user: str | None) -> None:
    async with opened() as client:
        before = await listed(client, {"user_id": user})
        await put(
            client,
            rule("own", {"quota": {"least": 3}}, **where(category="Grocery > rice")),
            rule("none", {"quota": {"most": 0}}, **where(category="Grocery > wine")),
        )
        answer = await listed(client, {"user_id": user})

    assert len([id for id in ids(answer) if id.startswith("rice")]) >= 3
    assert not [id for id in ids(answer) if id.startswith("wine")]
    assert len(ids(answer)) == len(set(ids(answer))) == 6
    assert ids(answer)[0] == ids(before)[0]
    assert all(id.startswith("rice") for id in named(answer))


async def test_rules_that_compare_follow_the_item_that_is_viewed() -> None:
    beside = [
        rule("brand", EXCLUDE, where={"not": {"same": ["brand", "attributes.seller"]}}),
        rule("band", EXCLUDE, where={"not": {"price_of_viewed": {"min": 0.5, "max": 2}}}),
    ]
    async with opened() as client:
        await put(client, *beside)
        viewed = await listed(client, {"session": {"items": ["rice-1", "wine-3"]}, "limit": 18})
        unknown = await listed(client, {"session": {"items": ["what"]}, "limit": 18})

    expected = {
        item.id for item in SHELF if item.brand == "brand 0" and 2 <= (item.price or 0) <= 8
    }
    expected = {id for id in expected if int(id[-1]) % 2 == 1} - {"wine-3"}
    assert set(ids(viewed)) == expected == {"tea-3", "rice-3"}
    assert [each["id"] for each in viewed["rules"]] == ["brand", "band"]
    assert (len(ids(unknown)), unknown["rules"]) == (18, [])


@pytest.mark.parametrize(
    ("asked", "is_subject"),
    [
        ({}, True),
        ({"declared": {"age": 17}}, True),
        ({"declared": {"age": "of age"}}, True),
        ({"declared": {"age": 18}}, False),
        ({"declared": {"age": "44"}}, False),
        ({"declared": {"region": "de"}}, True),
    ],
)
async def test_what_is_for_adults_alone_needs_a_declared_age(
    asked: dict[str, object], *, is_subject: bool
) -> None:
    adults = {**NO_WINE, "when": {"not": {"declared": {"age": {"min": 18}}}}}
    async with opened() as client:
        await put(client, adults)
        answer = await listed(client, {**asked, "limit": 18})

    assert (not [id for id in ids(answer) if id.startswith("wine")]) is is_subject
    assert bool(answer["rules"]) is is_subject


@pytest.mark.parametrize(
    ("when", "asked", "is_subject"),
    [
        ({"user": "known"}, {"user_id": "ann"}, True),
        ({"user": "known"}, {"user_id": "anonymous:c-1"}, False),
        ({"user": "anonymous"}, {"user_id": "anonymous:c-1"}, True),
        ({"user": "anonymous"}, {}, True),
        ({"declared": {"region": ["DE", "AT"]}}, {"declared": {"region": "at"}}, True),
        ({"viewed": {"category": "Grocery > tea"}}, {"session": {"items": ["tea-1"]}}, True),
        ({"viewed": {"category": "Grocery > tea"}}, {"session": {"items": ["wine-1"]}}, False),
        ({"viewed": {"category": "Grocery > tea"}}, {}, False),
        ({"any": [{"user": "known"}, {"declared": {"vip": "yes"}}]}, {}, False),
        (
            {"any": [{"user": "known"}, {"declared": {"vip": "yes"}}]},
            {"declared": {"vip": "YES"}},
            True,
        ),
        ({"all": [{"user": "anonymous"}, {"declared": {"vip": "yes"}}]}, {}, False),
    ],
)
async def test_a_rule_is_for_the_requests_that_it_says(
    when: dict[str, object], asked: dict[str, object], *, is_subject: bool
) -> None:
    async with opened() as client:
        await put(client, {**NO_WINE, "when": when})
        answer = await listed(client, asked)

    assert [each["id"] for each in answer["rules"]] == ["no-wine"] * is_subject


async def test_a_rule_holds_from_when_until_when() -> None:
    past, later = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
    ends = timedelta(seconds=1) + datetime.now(UTC)
    rules = [
        {**NO_WINE, "id": "over", "until": past.isoformat()},
        {**NO_WINE, "id": "to-come", "from": later.isoformat()},
        {**NO_WINE, "id": "ends", "from": past.isoformat(), "until": ends.isoformat()},
    ]
    async with opened() as client:
        await put(client, *rules)
        first = await listed(client, {})
        is_still = datetime.now(UTC) < ends
        await until(lambda: datetime.now(UTC) >= ends, "it has ended")
        then = await listed(client, {"limit": 18})

    if is_still:
        assert [each["id"] for each in first["rules"]] == ["ends"]
    assert then["rules"] == []
    assert len(ids(then)) == 18


async def test_of_two_editors_the_second_is_told_and_overwrites_nothing() -> None:
    async with opened() as client:
        await put(client, NO_WINE)
        await put(client, version=0, status=412)
        missing = await client.put("/rules", json={"rules": []})
        kept = (await client.get("/rules")).json()
        by_force = await client.put("/rules", json={"rules": []}, headers={"If-Match": "*"})

    assert missing.status_code == 428
    assert missing.json()["type"] == "urn:portrait:problem:version-missing"
    assert (kept["version"], len(kept["rules"])) == (1, 1)
    assert by_force.json()["version"] == 2


async def test_older_versions_can_be_read_and_put_again() -> None:
    async with opened() as client:
        await put(client, NO_WINE)
        await put(client, version=1)
        history = (await client.get("/rules/history")).json()["versions"]
        older = (await client.get("/rules?version=1")).json()
        unknown = await client.get("/rules?version=7")
        again = await put(client, *older["rules"], version=2)

    assert [(each["version"], each["rules"]) for each in history] == [(2, 0), (1, 1)]
    assert again["rules"] == older["rules"]
    assert again["version"] == 3
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("wrong", "pointer", "told"),
    [
        ({"id": "no wine", "do": EXCLUDE}, "#/rules/0/id", "`no wine`"),
        ({**NO_WINE, "where": {"pric": 1}}, "#/rules/0/where/pric", "`no-wine`"),
        ({**NO_WINE, "where": {}}, "#/rules/0/where", "names at least one thing"),
        ({**NO_WINE, "where": {"price": {}}}, "#/rules/0/where/price", "`min`, `max`"),
        ({**NO_WINE, "where": {"price": {"min": 3, "max": 1}}}, "#/rules/0/where/price", "above"),
        (
            {**NO_WINE, "where": {"attributes": {"stock": {"min": "x"}}}},
            "#/rules/0/where/attributes/stock/min",
            "a valid number",
        ),
        ({**NO_WINE, "do": {}}, "#/rules/0/do", "does one thing"),
        ({**NO_WINE, "do": {"exclude": True, "boost": 1}}, "#/rules/0/do", "does one thing"),
        ({**NO_WINE, "do": {"boost": 9}}, "#/rules/0/do/boost", "`no-wine`"),
        ({"id": "all", "do": EXCLUDE}, "#/rules/0", "needs `where`"),
        (
            {**NO_WINE, "from": "2026-01-02T00:00Z", "until": "2026-01-01T00:00Z"},
            "#/rules/0",
            "end",
        ),
        ({**NO_WINE, "when": {"viewed": {"same": "brand"}}}, "#/rules/0", "itself"),
        ({"id": "q", "do": {"quota": {"per": "brand"}}}, "#/rules/0/do/quota", "`least`, `most`"),
    ],
)
async def test_what_is_wrong_is_told_with_the_rule_and_the_field(
    wrong: dict[str, object], pointer: str, told: str
) -> None:
    async with opened() as client:
        answer = await put(client, wrong, status=422)
        kept = (await client.get("/rules")).json()

    (error,) = answer["errors"]
    assert error["pointer"] == pointer
    assert told in error["detail"]
    assert error["detail"].startswith("rule `")
    assert kept["version"] == 0


async def test_there_is_an_end_to_rules_to_their_depth_and_to_what_they_look_at() -> None:
    deep: dict[str, object] = {"brand": "a"}
    for _ in range(6):
        deep = {"not": deep}
    columns = [
        rule(f"r{n}", EXCLUDE, **where(attributes={f"a{n}": "x"})) for n in range(MOST_COLUMNS + 1)
    ]
    async with opened() as client:
        many = await put(
            client, *[{**NO_WINE, "id": f"r{n}"} for n in range(MOST_RULES + 1)], status=422
        )
        twice = await put(client, NO_WINE, NO_WINE, status=422)
        nested = await put(client, {**NO_WINE, "where": deep}, status=422)
        wide = await put(client, *columns, status=422)

    assert many["errors"][0]["pointer"] == "#/rules"
    assert "two rules are called `no-wine`" in twice["errors"][0]["detail"]
    assert "more than 6 conditions" in nested["errors"][0]["detail"]
    assert "`r16`" in wide["errors"][0]["detail"]


async def test_a_preview_tells_what_would_change_and_changes_nothing() -> None:
    rules = [NO_WINE, rule("launch", {"pin": {}}, **where(items=["rice-5"]))]
    async with opened() as client:
        before = await listed(client, {"user_id": "ann"})
        await listed(client, {"session": {"items": ["wine-1"]}})
        preview = await client.post(
            "/rules/preview", json={"rules": rules, "users": ["ann"], "newest": 2, "limit": 6}
        )
        unchanged = await listed(client, {"user_id": "ann"})
        await put(client, *rules)
        after = await listed(client, {"user_id": "ann"})

    told = preview.json()
    ann, *others = told["lists"]
    assert ann["user_id"] == "ann"
    assert [item["item_id"] for item in ann["before"]] == ids(before) == ids(unchanged)
    assert [item["item_id"] for item in ann["after"]] == ids(after)
    assert {item["item_id"]: item["rules"] for item in ann["after"] if item["rules"]} == named(
        after
    )
    assert [each["user_id"] for each in others] == [None, None]  # who asked is not said
    wines = [item for each in told["lists"] for item in each["gone"] if "wine" in item["item_id"]]
    assert wines
    assert all(item["rules"] == ["no-wine"] for item in wines)
    reach = {each["id"]: each for each in told["rules"]}
    assert (reach["no-wine"]["lists"], reach["no-wine"]["removed"]) == (3, len(wines))
    assert reach["launch"]["listed"] == 3
    assert told["changed"] == 3


async def test_a_preview_of_another_moment_goes_by_what_holds_then() -> None:
    later = datetime.now(UTC) + timedelta(days=1)
    rules = [{**NO_WINE, "from": later.isoformat()}]
    async with opened() as client:
        now = await client.post("/rules/preview", json={"rules": rules, "users": ["ann"]})
        then = await client.post(
            "/rules/preview", json={"rules": rules, "users": ["ann"], "at": later.isoformat()}
        )

    assert (now.json()["changed"], then.json()["changed"]) == (0, 1)


async def test_who_changes_rules_is_written_down_and_who_previews() -> None:
    shop = Shop()
    token = token_of(shop, Scope.RULES_ADMIN)
    await shop.stock(*SHELF)
    guard = Guard(shop.keys)
    await guard.read_keys()
    shown = {"authorization": f"Bearer {token}"}
    async with open_shop(shop, guard=guard) as client:
        tag = {"If-Match": '"0"', **shown}
        made = await client.put("/rules", json={"rules": [NO_WINE]}, headers=tag)
        await client.put("/rules", json={"rules": []}, headers=tag)
        await client.post("/rules/preview", json={"rules": []}, headers=shown)
        await client.get("/rules", headers=shown)

    (key,) = shop.keys.keys
    assert made.json()["author"] == f"key {key}"
    assert [(line.what, line.about, line.status) for line in shop.audit.lines] == [
        ("PUT /rules", "version 1, 1 rules", 200),
        ("POST /rules/preview", "", 200),
    ]
    assert {line.who for line in shop.audit.lines} == {f"key {key}"}


async def test_items_that_change_and_come_are_ruled_as_they_are_now() -> None:
    shop = Shop()
    async with opened(shop) as client:
        await put(
            client,
            rule("short", EXCLUDE, where={"not": {"attributes": {"stock": {"min": 3}}}}),
            rule("old", EXCLUDE, where={"age_days": {"min": 5}}),
        )
        before = await listed(client, {"limit": 30})
        changed = SHELF[0].model_copy(update={"attributes": {"stock": "9"}})
        new = SHELF[3].model_copy(update={"id": "tea-new"})
        await shop.stock(*SHELF[1:], changed, new)

        async def has_come() -> bool:
            return "tea-new" in ids(await listed(client, {"limit": 30}))

        await until(has_come, "the catalogue is followed")
        answer = await listed(client, {"limit": 30})

    assert {id[-1] for id in ids(before)} == {"3", "4"}
    assert set(ids(answer)) == {*ids(before), "tea-0", "tea-new"}


async def test_a_store_that_has_lost_the_rules_gets_them_back() -> None:
    shop = Shop()
    async with opened(shop) as client:
        made = await put(client, NO_WINE)
        shop.rules.books.clear()

        async def is_back() -> bool:
            return bool((await client.get("/rules")).json()["version"])

        await until(is_back, "the store has them again")
        again, answer = (await client.get("/rules")).json(), await listed(client, {})

    assert again == made
    assert answer["rules_version"] == 1


async def test_of_processes_that_know_different_rules_the_newest_are_given_back() -> None:
    shop = Shop()
    ahead, behind = NewestRules(shop.rules), NewestRules(shop.rules)
    async with opened(shop) as client:
        await put(client, NO_WINE)
        await behind.follow()
        await put(client, version=1)
        await ahead.follow()
    shop.rules.books.clear()

    for process in (behind, ahead, behind, behind):
        await process.follow()

    assert await shop.rules.version() == behind.book.version == ahead.book.version == 2


async def test_nobody_gets_a_list_before_the_rules_are_known() -> None:
    shop = Shop()
    await shop.stock(*SHELF)
    shop.rules.is_down = True
    live = Live(shop.parts)
    await live.follow_model()
    await live.follow_edges()
    with pytest.raises(StoreUnavailableError):
        await live.follow_rules()

    await live.follow_catalogue()
    before = live.view
    shop.rules.is_down = False
    await live.follow_rules()
    await live.follow_catalogue()

    assert before is None
    assert live.view is not None
