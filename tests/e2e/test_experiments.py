"""An experiment as a shop runs it: a planted winner is found, and nothing where nothing is."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

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

PEOPLE = 600
PLANTED = {
    "variants": {"plain": {"diversity": 0.0}, "varied": {"diversity": 0.9}},
    "goal": "clicks",
    "author": "Mei",
}
NOTHING = {"variants": {"a": {}, "b": {}}, "goal": "clicks", "author": "Mei"}
CLICKS = {"plain": 0.2, "varied": 0.6}  # of who gets such a list
SLICE = 400  # events of one request


def put(portrait: Portrait, id: str, body: object) -> Any:  # noqa: ANN401 - parsed JSON
    answer = httpx.put(f"{portrait.url}/experiments/{id}", json=body, timeout=ANSWER_SECONDS)
    return answer.raise_for_status().json()


def found(portrait: Portrait, id: str) -> Any:  # noqa: ANN401 - parsed JSON
    return portrait.get(f"/experiments/{id}").raise_for_status().json()


def shopped(portrait: Portrait) -> Iterator[dict[str, Any]]:
    """Let people get a list each; yield what they do then."""
    random = Random(3)  # noqa: S311 - a crowd
    with httpx.Client(base_url=portrait.url, timeout=ANSWER_SECONDS) as client:
        for number in range(PEOPLE):
            user = f"person-{number}"
            asked = {"user_id": user, "limit": 4}
            told = client.post("/recommend", json=asked).raise_for_status().json()
            assert told["experiments"].keys() == {"planted", "nothing"}
            if random.random() < CLICKS[told["experiments"]["planted"]]:
                item = random.choice(told["items"])["item_id"]
                did = {"user_id": user, "item_id": item}
                named = {"recommendation_id": told["recommendation_id"]}
                yield {"event_id": f"c{number}", "type": "click", **did, **named}
                if number % 3 == 0:
                    paid = {"price": 2.5, "quantity": 2}
                    yield {"event_id": f"p{number}", "type": "purchase", **did, **paid}


def send(portrait: Portrait, events: list[dict[str, Any]]) -> None:
    for at in range(0, len(events), SLICE):
        portrait.post("/events", {"events": events[at : at + SLICE]})


def test_a_planted_winner_is_found_and_no_other(tmp_path: Path) -> None:
    with running_portrait(tmp_path) as portrait:
        asyncio.run(publish_items(portrait.kafka, catalogue(40)))
        asyncio.run(until(portrait.is_ready, "a model serves"))
        put(portrait, "planted", PLANTED)
        put(portrait, "nothing", NOTHING)

        def is_taken_up() -> bool:
            told = portrait.post("/recommend", {"user_id": "somebody", "limit": 1})
            return set(told["experiments"]) == {"planted", "nothing"}

        asyncio.run(until(is_taken_up, "the service follows"))
        events = [*shopped(portrait)]
        clicks = sum(event["type"] == "click" for event in events)
        purchases = len(events) - clicks

        def is_counted() -> object:
            (home,) = portrait.get("/attribution").json()["brought"] or [
                {"clicks": 0, "purchases": 0}
            ]
            return (home["clicks"], home["purchases"]) == (clicks, purchases)

        with worker("experiments", portrait.settings, tmp_path):
            send(portrait, events[: len(events) // 2])
        with worker("experiments", portrait.settings, tmp_path):  # a restart goes on where it was
            send(portrait, events[len(events) // 3 :])  # and what comes again counts once
            asyncio.run(until(is_counted, "all that was sent is counted"))

            planted, nothing = found(portrait, "planted"), found(portrait, "nothing")
            (home,) = portrait.get("/attribution").json()["brought"]
            positions = portrait.get("/attribution?by=position").json()["brought"]

        assert planted["end"] == "better", planted
        people = {each["variant"]: each["people"] for each in planted["variants"]}
        assert sum(people.values()) == PEOPLE + 1  # and who asked whether it is taken up
        lift = goal(planted, "varied", "clicks")
        assert 0 < lift["low"] < lift["lift"] < lift["high"]
        assert lift["p"] < 0.05
        assert planted["ratio_p"] > 0.05
        assert "it is better" in planted["verdict"]
        assert nothing["end"] == "open", nothing
        none = goal(nothing, "b", "clicks")
        assert none["low"] < 0 < none["high"]
        assert "may be chance" in nothing["verdict"]
        assert home["lists"] >= PEOPLE
        assert home["revenue"] == pytest.approx(5 * purchases)
        assert {each["value"] for each in positions} == {"1", "2", "3", "4"}
        assert sum(each["clicks"] for each in positions) == clicks
        log = (tmp_path / "experiments.log").read_text()
        assert "person-" not in log


def goal(experiment: Any, variant: str, name: str) -> Any:  # noqa: ANN401 - parsed JSON
    (of,) = [each for each in experiment["variants"] if each["variant"] == variant]
    (told,) = [each for each in of["compared"] if each["goal"] == name]
    return told
