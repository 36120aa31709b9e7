"""Experiments over HTTP: what is put is taken up, changes lists, and is told with its figures."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from portrait.errors import StreamUnavailableError
from portrait.events.impression import Answer, read_impression
from portrait.events.stream import Message
from portrait.events.topics import IMPRESSIONS
from portrait.events.unwanted import Unwanted, Word
from portrait.experiments.attribution import Attribution
from portrait.experiments.definition import Definition, said_of
from portrait.experiments.joining import Deed
from portrait.experiments.verdict import End, verdict_of
from portrait.lifecycle.lease import stopped
from service.recommendations.impressions import MOST_WAITING, Outbox
from tests.support.catalogues import catalogue
from tests.support.lists import ANN, LIST, answer, done, experiment
from tests.support.processes import until
from tests.support.shop import Shop, open_shop

BODY = {"variants": {"control": {}, "bare": {"personal": False}}, "author": "Mei"}
DRAFT = {**BODY, "kind": "interleaving"}


async def taken_up(client: httpx.AsyncClient, id: str, body: object) -> Any:  # noqa: ANN401 - JSON
    put = (await client.put(f"/experiments/{id}", json=body)).raise_for_status().json()

    async def is_there() -> bool:
        return id in (await asked(client, user_id="ann"))["experiments"]

    await until(is_there, "the service follows")
    return put


async def asked(client: httpx.AsyncClient, **body: object) -> Any:  # noqa: ANN401 - JSON
    return (await client.post("/recommend", json=body)).raise_for_status().json()


async def stocked(**settings: Any) -> Shop:  # noqa: ANN401 - fields of a shop
    shop = Shop(**settings)
    await shop.stock()
    return shop


async def test_an_experiment_is_taken_up_within_a_second_and_keeps_people_apart() -> None:
    async with open_shop(await stocked()) as client:
        put = await taken_up(client, "try", BODY)
        variants = Counter[str]()
        for number in range(60):
            first, again = [await asked(client, user_id=f"u{number}") for _ in range(2)]
            assert first["experiments"] == again["experiments"]
            variants[first["experiments"]["try"]] += 1
        nobody = await asked(client)

    assert (put["revision"], put["state"], put["end"]) == (1, "running", "open")
    assert variants.keys() == {"control", "bare"}
    assert min(variants.values()) > 15
    assert nobody["experiments"] == {}


async def test_a_variant_asks_for_what_it_says_whatever_the_request_says() -> None:
    shop = await stocked()
    shop.remember("ann", {"type": "purchase", "item_id": "milk"}, painted=catalogue())
    async with open_shop(shop) as client:
        assert (await asked(client, user_id="ann"))["strategy"] == "profile"
        body = {**BODY, "split": {"control": 0.000_1, "bare": 0.999_9}}
        await taken_up(client, "try", body)

        assert (await asked(client, user_id="ann"))["strategy"] == "popular"
        assert (await asked(client, user_id="ann", surface="email"))["experiments"]
        await client.put("/experiments/try", json={**body, "surfaces": ["cart"]})

        async def is_elsewhere() -> bool:
            return not (await asked(client, user_id="ann"))["experiments"]

        await until(is_elsewhere, "the service follows")
        assert (await asked(client, user_id="ann", surface="cart", session={"cart": ["milk"]}))[
            "experiments"
        ]


async def test_two_lists_are_drawn_into_one_and_whose_pick_each_is_is_published() -> None:
    shop = await stocked(impressions="answers")
    async with open_shop(shop) as client:
        await taken_up(client, "draft", DRAFT)
        shop.publisher.messages.clear()
        told = await asked(client, user_id="ann", limit=4)

    published = [read_impression(value or b"") for _, _, value, *_ in shop.publisher.messages]
    (listed,) = [each for each in published if each.recommendation_id == told["recommendation_id"]]
    assert isinstance(listed, Answer)
    assert listed.experiments == {"draft:1": "interleaved"}
    ids = [item["item_id"] for item in told["items"]]
    assert [slot.item_id for slot in listed.items] == ids
    assert len({*ids}) == len(ids) > 1
    assert {slot.team for slot in listed.items} == {"control", "bare"}


async def test_what_is_answered_is_published_with_where_it_came_from() -> None:
    shop = await stocked(impressions="answers")
    async with open_shop(shop) as client:
        told = await asked(client, user_id="ann", surface="home", limit=2)

    ((topic, key, value, *_),) = shop.publisher.messages
    assert (topic, key.decode()) == (IMPRESSIONS, told["recommendation_id"])
    listed = read_impression(value or b"")
    assert isinstance(listed, Answer)
    assert (listed.user_key, listed.surface, listed.is_seen) == ("ann", "home", True)
    assert {slot.source for slot in listed.items} == {"popular"}


@pytest.mark.parametrize(("mode", "seen"), [("sent", [False]), ("off", [])])
async def test_what_counts_as_seen_is_a_setting(mode: Any, seen: list[bool]) -> None:  # noqa: ANN401 - one of three
    shop = await stocked(impressions=mode)
    async with open_shop(shop) as client:
        await asked(client, user_id="ann")

    values = [json.loads(value or b"") for _, _, value, *_ in shop.publisher.messages]
    assert [each["is_seen"] for each in values] == seen


async def test_sightings_go_to_the_log() -> None:
    shop = await stocked()
    async with open_shop(shop) as client:
        said = {"impressions": [{"recommendation_id": "r1", "item_ids": ["milk"]}]}
        answer = await client.post("/impressions", json=said)
        wrong = await client.post("/impressions", json={"impressions": []})

    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    assert wrong.status_code == 422
    ((topic, key, value, *_),) = shop.publisher.messages
    assert (topic, key) == (IMPRESSIONS, b"r1")
    assert read_impression(value or b"").recommendation_id == "r1"


PINNED = {"id": "launch", "do": {"pin": {"position": 2}}, "where": {"items": ["towels"]}}
NO_TUNA = {"id": "no-tuna", "do": {"exclude": True}, "where": {"items": ["tuna"]}}
VIEWED = {
    "id": "not-beside-milk",
    "when": {"viewed": {"items": ["milk"]}},
    "do": {"exclude": True},
    "where": {"items": ["beef"]},
}


@pytest.mark.parametrize("body", [BODY, DRAFT])
async def test_rules_hold_whatever_a_variant_asks_for(body: dict[str, object]) -> None:
    shop = await stocked(impressions="answers")
    shop.remember("ann", {"type": "purchase", "item_id": "milk"}, painted=catalogue())
    lists: list[Any] = []
    async with open_shop(shop) as client:
        await client.put(
            "/rules", json={"rules": [PINNED, NO_TUNA, VIEWED]}, headers={"If-Match": "*"}
        )
        await taken_up(client, "try", body)

        async def is_ruled() -> bool:
            return bool((await asked(client))["rules_version"])

        await until(is_ruled, "the service goes by the rules")
        shop.publisher.messages.clear()
        for number in range(20):
            session = {"items": ["milk"]}
            told = await asked(client, user_id=f"u{number}", session=session, limit=5)
            lists.append(told)

    assert {each["experiments"]["try"] for each in lists} == (
        {"interleaved"} if body is DRAFT else {"control", "bare"}
    )
    for told in lists:
        ids = [item["item_id"] for item in told["items"]]
        assert ids[1] == "towels"
        assert told["items"][1]["rules"] == ["launch"]
        assert not {"tuna", "beef"} & {*ids}
        assert [each["id"] for each in told["rules"]] == ["launch", "no-tuna", "not-beside-milk"]
    published = [read_impression(value or b"") for _, _, value, *_ in shop.publisher.messages]
    sources = [
        [slot.source for slot in each.items] for each in published if isinstance(each, Answer)
    ]
    assert {each[1] for each in sources} == {"rules"}


async def test_what_somebody_does_not_want_stays_so_with_every_variant() -> None:
    shop = await stocked()
    await shop.profiles.refuse({"ann": Unwanted({"item:milk": Word(1, 0)})})
    async with open_shop(shop) as client:
        await taken_up(client, "draft", DRAFT)
        told = await asked(client, user_id="ann")

    assert told["experiments"] == {"draft": "interleaved"}
    assert "milk" not in [item["item_id"] for item in told["items"]]


class Away:
    """A log that is away so often."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.taken = list[Message]()

    async def publish(self, messages: Sequence[Message]) -> Mapping[tuple[str, int], int]:
        self.times -= 1
        if self.times >= 0:
            raise StreamUnavailableError
        self.taken += messages
        return {}

    async def check(self) -> None:
        """Answer."""


async def test_while_kafka_is_away_the_newest_lists_wait_in_their_order() -> None:
    log = Away(times=1)
    outbox = Outbox(log)
    for number in range(MOST_WAITING + 10):
        outbox.put(f"r{number}", b"")

    await outbox.empty()
    assert len(outbox) == MOST_WAITING
    await outbox.empty()

    assert [message.key for message in log.taken[:2]] == [b"r10", b"r11"]
    assert len(log.taken) == MOST_WAITING
    assert len(outbox) == 0


class Stuck(Away):
    """A log that does not answer."""

    def __init__(self) -> None:
        super().__init__(times=0)
        self.is_asked = asyncio.Event()

    async def publish(self, messages: Sequence[Message]) -> Mapping[tuple[str, int], int]:
        del messages
        self.is_asked.set()
        await asyncio.Event().wait()
        return {}


async def test_what_was_on_its_way_when_a_process_is_told_to_stop_is_not_lost() -> None:
    log = Stuck()
    outbox = Outbox(log)
    outbox.put("r1", b"")
    emptying = asyncio.create_task(outbox.empty())
    await log.is_asked.wait()

    await stopped(emptying)

    assert len(outbox) == 1


async def test_two_experiments_that_ask_for_different_things_are_refused() -> None:
    async with open_shop(await stocked()) as client:
        await client.put("/experiments/one", json=BODY)
        quarrel = await client.put("/experiments/two", json=BODY)
        other = await client.put("/experiments/two", json={**BODY, "surfaces": ["cart"]})
        of_one = {"name": "lists", "begin": 0, "end": 0.5}
        first = await client.put("/experiments/one", json={**BODY, "layer": of_one})
        second = await client.put(
            "/experiments/two", json={**BODY, "layer": {**of_one, "begin": 0.5, "end": 1}}
        )
        missing = await client.get("/experiments/three")
        every = (await client.get("/experiments")).json()["experiments"]

    assert quarrel.status_code == 409
    assert quarrel.json()["type"] == "urn:portrait:problem:experiment-quarrels"
    assert "`one`" in quarrel.json()["detail"]
    assert other.status_code == 409  # `one` is seen everywhere
    assert (first.status_code, first.json()["revision"], second.status_code) == (200, 2, 200)
    assert (missing.status_code, missing.json()["type"]) == (
        404,
        "urn:portrait:problem:experiment-not-found",
    )
    assert [each["experiment_id"] for each in every] == ["one", "two"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"variants": {"only": {}}},
        {"split": {"control": 0.5, "bare": 0.6}},
        {"split": {"control": 1.0}},
        {"kind": "interleaving", "goal": "revenue"},
        {"kind": "interleaving", "variants": {"a": {}, "b": {}}},
        {"variants": {"a": {"diversity": 2}, "b": {}}},
        {"layer": {"name": "x", "begin": 0.5, "end": 0.5}},
        {"ramp": 1.5},
        {"begins_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"},
        {"author": ""},
        {"colour": "red"},
    ],
)
async def test_what_cannot_be_an_experiment_is_refused_with_a_reason(wrong: Any) -> None:  # noqa: ANN401 - JSON
    async with open_shop(await stocked()) as client:
        refused = await client.put("/experiments/x", json={**BODY, **wrong})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["detail"]


def test_only_what_changes_what_people_see_begins_a_revision() -> None:
    before = experiment(ramp=0.2)
    now = before.changed_at

    def revision(**changes: object) -> int:
        said = {**before.definition.model_dump(exclude_unset=True), **changes}
        return said_of("tone", Definition.model_validate(said), before, now).revision

    assert revision(ramp=0.5, note="more", goal="revenue", author="Li", ends_at=now) == 1
    assert revision(ramp=0.1) == 2
    assert revision(variants={"control": {}, "diverse": {"diversity": 0.8}}) == 2
    assert revision(variants={"diverse": {"diversity": 0.9}, "control": {}}) == 2
    assert revision(split={"control": 0.1, "diverse": 0.9}) == 2
    assert revision(surfaces=["cart"]) == 2


def test_an_experiment_runs_between_its_moments() -> None:
    now = datetime.now(UTC)
    hour = timedelta(hours=1)

    runs = experiment(begins_at=now - hour, ends_at=now + hour)

    assert runs.runs(now)
    assert not runs.runs(now - 2 * hour)
    assert not runs.runs(now + 2 * hour)


async def test_figures_are_told_by_place_and_source() -> None:
    shop = await stocked()
    opened = await shop.lists.load([LIST], [ANN])
    joined = Attribution(opened.journeys, opened.people)
    joined.answered(LIST, answer(experiments={"tone:1": "diverse"}))
    joined.did(done(Deed.CLICK, named="r1"))
    joined.did(done(Deed.PURCHASE, event="e2", worth=2_500))
    await shop.lists.save(opened, joined.tally)
    await shop.lists.change("tone", lambda _: experiment())

    async with open_shop(shop) as client:
        (all_of,) = (await client.get("/attribution")).json()["brought"]
        places = (await client.get("/attribution?by=position&surface=home")).json()["brought"]
        other = (await client.get("/attribution?surface=cart")).json()["brought"]
        told = (await client.get("/experiments/tone")).json()

    assert all_of == {
        "surface": "home",
        "value": "",
        "lists": 1,
        "items": 3,
        "clicks": 1,
        "carts": 0,
        "purchases": 1,
        "revenue": 2.5,
    }
    assert {each["value"]: each["revenue"] for each in places} == {"1": 2.5, "2": 0, "3": 0}
    assert other == []
    assert told["may_be_looked_at"] == "at any time"
    assert [each["people"] for each in told["variants"]] == [0, 1]
    control, diverse = told["variants"]
    assert {each["p"] for each in control["compared"]} == {None}
    assert {each["goal"] for each in diverse["compared"]} == {
        *("clicks", "carts", "purchases", "revenue", "spending")
    }


def counts(people: int, clicks: int) -> dict[str, float]:
    return {"people": people, "clicks_people": clicks}


@pytest.mark.parametrize(
    ("control", "diverse", "end", "words"),
    [
        (counts(9_000, 900), counts(9_100, 1_300), End.BETTER, "it is better"),
        (counts(9_000, 1_300), counts(9_100, 900), End.WORSE, "it is worse"),
        (counts(900, 90), counts(910, 95), End.OPEN, "may be chance"),
        (counts(900, 0), counts(910, 0), End.OPEN, "too little"),
        (counts(9_000, 900), counts(10_000, 1_300), End.NOT_DIVIDED, "believe none"),
    ],
)
def test_a_verdict_is_one_plain_sentence(
    control: dict[str, float], diverse: dict[str, float], end: End, words: str
) -> None:
    verdict = verdict_of(experiment().definition, {"control": control, "diverse": diverse})

    assert verdict.end is end
    assert words in verdict.sentence


def test_a_verdict_of_lists_says_whose_are_preferred() -> None:
    draft = experiment(kind="interleaving").definition

    told = verdict_of(
        draft, {"control": {"lists_preferred": 400}, "diverse": {"lists_preferred": 620}}
    )

    assert told.end is End.BETTER
    assert "620 of 1020 lists" in told.sentence
