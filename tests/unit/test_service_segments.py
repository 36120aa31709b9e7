"""Segments over HTTP: put, tried, told and fetched."""

import asyncio
import csv
from collections.abc import AsyncIterator

import pytest
from pydantic_core import from_json

from portrait.access.scope import Scope
from portrait.events.consent import WITHDRAWN, Consent
from portrait.model.model import Model
from portrait.segments.segment import MOST_SEGMENTS
from portrait.segments.store import Moved
from portrait.times import DAY_MS
from service.recommendations import turns
from service.segments.expressions import forecasts_in
from tests.support.catalogues import MODEL, catalogue
from tests.support.fakes import MemoryProfiles
from tests.support.models import learned_model
from tests.support.patience import PATIENCE
from tests.support.shop import NOW_MS, Shop, open_shop
from tests.unit.test_audience import shop as people
from tests.unit.test_service_access import guarded, token_of

BUYERS = "bought('cheese') && interest('grocery/dairy') > 0"


async def shop_of() -> Shop:
    shop = Shop(profiles=people(cheese=30, milk=50, dog=40))
    await shop.stock()
    return shop


async def enter(shop: Shop, name: str, *users: str) -> None:
    """Let people be in a segment, as the worker does."""
    opened = await shop.segments.open(users)
    segment = shop.segments.segments[name]
    await shop.segments.settle(opened, [Moved(segment, user, is_in=True) for user in users], NOW_MS)


async def test_a_segment_is_kept_and_told() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        put = await client.put("/segments/cheese", json={"expression": BUYERS})
        await enter(shop, "cheese", "cheese-1", "cheese-2")
        told = (await client.get("/segments/cheese")).json()
        every = (await client.get("/segments")).json()

    assert put.status_code == 200
    assert (put.json()["version"], put.json()["state"], put.json()["size"]) == (1, "filling", 0)
    assert (told["expression"], told["size"], told["as_of"]) == (BUYERS, 2, None)
    assert every == {"segments": [told]}
    (kept,) = await shop.segments.all()
    assert kept.spelled == {"category:grocery/dairy": "Grocery > Dairy"}


async def test_another_expression_is_another_version_and_a_webhook_is_none() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        await client.put("/segments/tea", json={"expression": "spend > 1"})
        (before,) = await shop.segments.all()
        await shop.segments.note_walk([before], before.at)
        same = await client.put("/segments/tea", json={"expression": "spend > 1", "webhook": True})
        (kept,) = await shop.segments.all()
        other = await client.put("/segments/tea", json={"expression": "spend > 2"})

    assert (same.json()["version"], same.json()["state"]) == (1, "live")
    assert (other.json()["version"], other.json()["state"]) == (2, "filling")
    assert kept == before.model_copy(update={"walked_at": before.at, "webhook": True})


async def test_an_expression_is_read_once_however_often_it_is_told() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        await client.put(
            "/segments/tea", json={"expression": "spend > 1 && churn_risk.probability > 0"}
        )
        (told,) = (await client.get("/segments")).json()["segments"]
        read = forecasts_in.cache_info().misses
        await client.get("/segments")

    assert told["unforetold"] == ["churn_risk.probability"]
    assert forecasts_in.cache_info().misses == read


async def test_members_are_streamed_as_ndjson_and_csv() -> None:
    shop = await shop_of()
    shop.profiles.records["=1+1"] = shop.profiles.records["cheese-1"]
    async with open_shop(shop) as client:
        await client.put("/segments/cheese", json={"expression": "true"})
        await enter(shop, "cheese", "cheese-1", "cheese-2", "=1+1")
        lines = await client.get("/segments/cheese/members")
        table = await client.get("/segments/cheese/members", headers={"accept": "text/csv"})

    told = [from_json(line) for line in lines.text.splitlines()]
    since = "2026-09-21T14:13:20.000Z"
    assert {each["user_id"] for each in told} == {"cheese-1", "cheese-2", "=1+1"}
    assert {each["since"] for each in told} == {since}
    head, *rows = csv.reader(table.text.splitlines())
    assert head == ["user_id", "since"]
    assert sorted(rows) == sorted([[user, since] for user in ("cheese-1", "cheese-2", "'=1+1")])
    assert table.headers["content-disposition"] == 'attachment; filename="segment-cheese.csv"'


async def test_who_has_withdrawn_or_is_gone_is_not_told_of() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        await client.put("/segments/cheese", json={"expression": "true"})
        await enter(shop, "cheese", "cheese-1", "cheese-2", "cheese-3")
        await shop.profiles.agree({"cheese-1": Consent(1_000, WITHDRAWN.withdrawn)})
        del shop.profiles.records["cheese-2"]
        lines = await client.get("/segments/cheese/members")

    assert [from_json(line)["user_id"] for line in lines.text.splitlines()] == ["cheese-3"]


async def test_a_segment_that_is_deleted_is_gone_with_its_members() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        await client.put("/segments/tea", json={"expression": "true"})
        await enter(shop, "tea", "cheese-1")
        deleted = await client.delete("/segments/tea")
        answers = [
            await client.request(method, f"/segments/{path}")
            for method, path in (("GET", "tea"), ("GET", "tea/members"), ("DELETE", "tea"))
        ]
        again = await client.put("/segments/tea", json={"expression": "true"})

    assert (deleted.status_code, deleted.json()["size"]) == (200, 1)
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert answers[0].json()["type"].endswith("segment-not-found")
    assert (again.json()["version"], again.json()["size"]) == (1, 0)


async def test_a_preview_says_how_many_and_which_condition_keeps_people_out() -> None:
    shop = await shop_of()
    await shop.profiles.agree({"dog-1": Consent(1_000, WITHDRAWN.withdrawn)})
    async with open_shop(shop) as client:
        answer = await client.post("/segments/preview", json={"expression": BUYERS})

    assert answer.json() == {
        "looked_at": 119,
        "is_everybody": True,
        "members": 30,
        "share": 0.2521,
        "clauses": [
            {"clause": "bought('cheese')", "people": 30, "share": 0.2521},
            {"clause": "interest('grocery/dairy') > 0", "people": 80, "share": 0.6723},
        ],
        "unforetold": [],
    }
    assert await shop.segments.all() == []


class Slow(MemoryProfiles):
    """Profiles of which nobody is found before a gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.gate = asyncio.Event(), asyncio.Event()

    async def scan(self) -> AsyncIterator[list[str]]:
        self.is_asked.set()
        await self.gate.wait()
        async for users in super().scan():
            yield users


async def test_one_preview_at_a_time_looks_at_people_and_lists_do_not_wait_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "LONGEST_WAIT", 0.05)
    profiles, body = Slow(), {"expression": "true"}
    shop = Shop(profiles=profiles)
    await shop.stock()
    async with open_shop(shop) as client:
        first = asyncio.create_task(client.post("/segments/preview", json=body))
        await profiles.is_asked.wait()
        async with asyncio.timeout(PATIENCE):
            second = await client.post("/segments/preview", json=body)
        listed = await client.post("/recommend", json={})
        profiles.gate.set()
        third = await client.post("/segments/preview", json=body)

    assert (await first).status_code == 200
    assert (second.status_code, second.json()["type"]) == (503, "urn:portrait:problem:busy")
    assert listed.status_code == 200
    assert third.status_code == 200


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("purchases >= && true", "At character 14 (`&& true`): `&&` stands where"),
        ("interest('Grocery > Dary') > 0", "At character 10 (`'Grocery > Dary') > 0`)"),
        ("interest('Grocery > Dary') > 0", "Perhaps `Grocery > Dairy` is meant"),
        ("interest('dairy') > 0", "Perhaps `Grocery > Dairy` is meant"),
        ("interest('grocery') > 0", "`Grocery > Dairy`"),
        ("brand('nobody') > 0", "no such name of a brand"),
    ],
)
async def test_where_the_fault_is_is_told(expression: str, words: str) -> None:
    async with open_shop(await shop_of()) as client:
        tried = await client.post("/segments/preview", json={"expression": expression})
        put = await client.put("/segments/tea", json={"expression": expression})

    for answer in (tried, put):
        assert answer.status_code == 422
        assert answer.json()["type"].endswith("expression-wrong")
        assert words in answer.json()["detail"]
        assert answer.json()["errors"][0]["pointer"] == "#/expression"


async def test_there_are_no_more_than_so_many() -> None:
    async with open_shop(await shop_of()) as client:
        body = {"expression": "true"}
        for n in range(MOST_SEGMENTS):
            assert (await client.put(f"/segments/s{n}", json=body)).status_code == 200
        answer = await client.put("/segments/more", json=body)

    assert answer.status_code == 409
    assert answer.json()["type"].endswith("too-many-segments")


async def test_who_may_read_audiences_may_and_it_is_written_down() -> None:
    shop = await shop_of()
    reader, other = (
        token_of(shop, Scope.AUDIENCES_READ),
        token_of(shop, Scope.RECOMMEND),
    )
    async with guarded(shop) as client:
        client.headers["authorization"] = f"Bearer {other}"
        refused = await client.put("/segments/tea", json={"expression": "true"})
        client.headers["authorization"] = f"Bearer {reader}"
        await client.put("/segments/tea", json={"expression": "true"})
        await client.get("/segments/tea/members")
        await client.delete("/segments/tea")

    assert refused.status_code == 403
    lines = [(line.what, line.about) for line in shop.audit.lines]
    assert sorted(lines) == [
        ("DELETE /segments/{name}", "tea"),
        ("GET /segments/{name}/members", "tea, 0 people"),
        ("PUT /segments/{name}", "tea"),
    ]


async def foretelling_shop(serves: Model) -> Shop:
    """Open a shop with Ann, whom a learned model has painted."""
    shop = Shop()
    await shop.stock(model=serves)
    events = {"type": "purchase", "item_id": "milk", "price": 1.0}
    shop.remember("ann", events, painted=catalogue(model=learned_model()))
    return shop


async def test_a_preview_goes_by_the_same_forecast_as_the_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("service.profiles.routes", "service.segments.preview"):
        monkeypatch.setattr(f"{module}.time", lambda: (NOW_MS + 10 * DAY_MS) / 1_000)
    async with open_shop(await foretelling_shop(learned_model())) as client:
        risk = (await client.get("/profile/ann")).json()["churn_risk"]["probability"]
        asked = f"churn_risk.probability > {risk - 1e-4} && churn_risk.probability < {risk + 1e-4}"
        answer = (await client.post("/segments/preview", json={"expression": asked})).json()

    assert risk == pytest.approx(11 / 12, abs=0.01)
    assert (answer["looked_at"], answer["members"], answer["unforetold"]) == (1, 1, [])


async def test_what_no_model_foretells_is_said_where_it_is_tried_and_where_it_is_put() -> None:
    body = {"expression": "churn_risk.probability > 0 || purchases == 1"}
    async with open_shop(await foretelling_shop(MODEL)) as client:
        tried = (await client.post("/segments/preview", json=body)).json()
        put = (await client.put("/segments/gone", json=body)).json()
        told = (await client.get("/segments/gone")).json()
        other = (await client.put("/segments/tea", json={"expression": "spend > 1"})).json()

    assert (tried["members"], tried["looked_at"]) == (1, 1)
    for answer in (tried, put, told):
        assert answer["unforetold"] == ["churn_risk.probability"]
    assert other["unforetold"] == []


async def test_a_preview_passes_over_whom_the_model_in_service_has_not_painted() -> None:
    async with open_shop(await foretelling_shop(learned_model("next", seed=4))) as client:
        body = {"expression": "churn_risk.probability > 0"}
        answer = (await client.post("/segments/preview", json=body)).json()

    assert (answer["looked_at"], answer["is_everybody"]) == (0, True)


async def test_a_segment_that_another_version_wrote_is_told_all_the_same() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        await client.put("/segments/tea", json={"expression": "true"})
        odd = shop.segments.segments["tea"].model_copy(update={"expression": "of_another > 1"})
        shop.segments.segments["tea"] = odd
        answer = await client.get("/segments/tea")

    assert answer.json()["unforetold"] == []
