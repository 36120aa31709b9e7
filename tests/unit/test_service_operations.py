"""Operations: alive, ready, measured, documented."""

import asyncio
import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import to_json

from portrait import metrics
from portrait.events.item import Item
from portrait.lifecycle.jobs import new_job
from portrait.model.model import Model
from portrait.model.space import fit_space
from service.app import create_app
from service.http.border import Border
from service.live import Live
from service.operations import FRESH
from service.parts import Parts
from service.recommendations.schemas import RecommendationRequest
from tests.support.cards import NOON
from tests.support.catalogues import ITEMS, SPACE, litter
from tests.support.fakes import HashEncoder
from tests.support.models import learned_model
from tests.support.openapi import example_of
from tests.support.patience import PATIENCE
from tests.support.processes import until
from tests.support.promotions import put_in_service
from tests.support.shop import Shop, look, open_shop

OTHER_SPACE = fit_space("hash", HashEncoder().encode([f"text {place}" for place in range(30)]))


class Counted:
    """A function that counts how often it is called."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.calls = 0
        self._function = function

    def __call__(self, *args: object, **kwargs: object) -> object:
        self.calls += 1
        return self._function(*args, **kwargs)


def app_of() -> FastAPI:
    return create_app(Shop().parts)


@cache
def document() -> dict[str, Any]:
    """Return what is said of the routes: made once, for that takes a second. Not to be written."""
    return app_of().openapi()


async def test_with_everything_up_the_service_is_ready() -> None:
    shop = Shop()
    await shop.stock()

    async with open_shop(shop) as client:
        answer = await client.get("/readyz")

    assert answer.json() == {"status": "ready", "up": ["redis", "kafka", "model"], "notes": []}


async def test_a_training_without_a_trainer_is_noted_and_counted_and_stops_nothing() -> None:
    shop = Shop()
    await shop.stock()
    await shop.jobs.ask(new_job("request", "new season", NOON))
    said = "A training waits. No trainer is alive: start one with `python -m workers train`."

    assert await _notes(shop) == ([said], 1)
    await shop.jobs.attend(timedelta(minutes=5))
    assert await _notes(shop) == ([], 0)


async def test_a_view_full_of_forgotten_items_is_made_anew() -> None:
    shop = Shop()
    await shop.stock()
    live = Live(shop.parts)
    await look(live)
    former = live.require()
    litter(former.source.mirror.catalogue)

    await look(live)

    anew = live.require()
    assert anew.source is not former.source
    assert len(anew.source.mirror.catalogue) == len(anew.shelf) == len(ITEMS)


async def test_no_trainer_is_no_matter_while_nothing_waits_for_one() -> None:
    shop = Shop()
    await shop.stock()

    assert await _notes(shop) == ([], 0)


async def test_an_empty_catalogue_is_noted_with_what_to_do() -> None:
    shop = Shop()
    await shop.stock()
    shop.items.items.clear()
    await shop.items.introduce_items([Item(id="seen", title="known from events alone")])

    (note,), _ = await _notes(shop)

    assert note.startswith("The catalogue is empty, so nothing is recommended: publish items")


async def test_what_redis_may_forget_is_noted() -> None:
    shop = Shop(redis_warning="Redis may delete what it holds.")
    await shop.stock()

    assert await _notes(shop) == (["Redis may delete what it holds."], 0)


async def _notes(shop: Shop) -> tuple[list[str], float]:
    async with open_shop(shop) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    return answer.json()["notes"], metrics.jobs_unattended._value.get()  # noqa: SLF001 - its only reader


@pytest.mark.parametrize("down", ["redis", "kafka", "model"])
async def test_readiness_names_what_is_down(down: str) -> None:
    shop = Shop()
    if down != "model":
        await shop.stock()
    shop.redis_is_down = down == "redis"
    shop.publisher.is_down = down == "kafka"

    async with open_shop(shop) as client:
        answer = await client.get("/readyz")
        alive = await client.get("/livez")

    assert answer.status_code == 503
    assert answer.json()["down"] == [down]
    assert answer.headers["retry-after"]
    assert alive.status_code == 200


async def test_a_service_whose_tasks_have_ended_is_not_alive() -> None:
    app = app_of()
    async with app.router.lifespan_context(app) as state:
        live = dict(state or {})["live"]
        assert live.is_running

    assert not live.is_running


async def test_requests_are_counted_by_route() -> None:
    shop = Shop()
    await shop.stock()

    async with open_shop(shop) as client:
        await client.get("/items/milk")
        text = (await client.get("/metrics")).text

    assert 'portrait_requests_total{method="GET",route="/items/{item_id}",status="200"}' in text
    assert 'route="/items/milk"' not in text
    assert "portrait_catalogue_items 5.0" in text


async def test_series_are_written_no_more_often_than_they_change_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To write them takes 10 ms of the loop: a thousand questions are not a thousand times that."""
    write = Counted(lambda _: b"a 1")
    moments = iter([*[-10 * FRESH] * 50, *[-9 * FRESH] * 50])  # long ago: no other test's
    monkeypatch.setattr("service.operations.written", write)
    monkeypatch.setattr("service.operations.monotonic", lambda: next(moments))

    async with open_shop(Shop()) as client:
        answers = [await client.get("/metrics") for _ in range(100)]

    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "a 1")}
    assert write.calls == 2


async def test_the_openapi_document_is_made_and_written_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make, write = Counted(get_openapi), Counted(to_json)
    monkeypatch.setattr("service.app.get_openapi", make)
    monkeypatch.setattr("service.app.to_json", write)

    async with open_shop(Shop()) as client:
        answers = [await client.get("/openapi.json") for _ in range(5)]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert (make.calls, write.calls) == (1, 1)


async def test_the_model_is_picked_up_when_it_appears() -> None:
    shop = Shop()
    live = Live(shop.parts)
    await look(live)
    assert live.view is None

    await shop.stock()
    await look(live)

    assert live.require().model.space.id == SPACE.id
    assert len(live.require().shelf) == len(ITEMS)


async def test_changes_of_the_catalogue_and_of_popularity_show_in_the_next_view() -> None:
    shop = Shop()
    await shop.stock()
    live = Live(shop.parts)
    await look(live)
    first = live.require()

    await look(live)
    assert live.require() is first  # nothing has changed

    await shop.stock(ITEMS[0].model_copy(update={"id": "new"}))
    await look(live)
    second = live.require()
    await shop.popularity.add(1, {"new": 2_000})
    await look(live)
    third = live.require()

    assert (len(first.shelf), len(second.shelf), len(third.shelf)) == (5, 6, 6)
    assert second.popularity.weights.tolist() == [0, 0, 0, 0, 0, 0]
    assert third.popularity.weights.tolist() == [0, 0, 0, 0, 0, 2]


async def test_a_promotion_builds_the_new_space_beside_the_old_and_then_switches() -> None:
    shop = Shop()
    await shop.stock()
    live = Live(shop.parts)
    await look(live)
    before = live.require()

    await shop.stock(space=OTHER_SPACE)
    await live.follow_model()
    during = live.require()
    await live.follow_catalogue()
    after = live.require()

    assert during is before
    assert before.shelf.space_id == SPACE.id
    assert after.shelf.space_id == after.model.space.id == OTHER_SPACE.id
    assert await live.version_of(SPACE.id) == before.model.version
    assert await live.version_of(OTHER_SPACE.id) == after.model.version


async def test_the_model_of_a_profile_is_known_before_it_is_taken_up_here() -> None:
    shop = Shop()
    await shop.stock()
    live = Live(shop.parts)
    await look(live)
    coming = learned_model("coming")
    await shop.registry.store(coming)
    shop.registry.now = shop.registry.now._replace(wanted="coming")

    assert await live.version_of(coming.space_id) == "coming"
    assert await live.version_of("0" * 16) is None


async def test_a_new_version_of_the_same_space_keeps_the_catalogue() -> None:
    shop = Shop()
    await shop.stock()
    live = Live(shop.parts)
    await look(live)
    before = live.require()

    await put_in_service(shop.registry, Model("newer", SPACE))
    await look(live)

    assert live.require().model.version == "newer"
    assert live.require().source.mirror is before.source.mirror


async def test_redis_being_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODEL_EVERY", "CATALOGUE_EVERY", "PROGRESS_EVERY", "POPULARITY_EVERY"):
        monkeypatch.setattr(f"service.live.{name}", 0.01)
    shop = Shop()
    shop.registry.is_down = shop.progress.is_down = shop.popularity.is_down = True
    live = Live(shop.parts)

    async with live.running():
        await asyncio.sleep(0.1)
        assert live.is_running
        shop.registry.is_down = shop.progress.is_down = shop.popularity.is_down = False
        await shop.stock()
        await shop.progress.mark({0: 7})
        await until(lambda: live.view is not None and live.reached, "it is there")
        live.require()
        assert live.reached == {0: 7}


async def test_a_bug_in_a_task_ends_them_all() -> None:
    shop = Shop()

    async def broken() -> dict[int, int]:
        raise ZeroDivisionError

    parts = Parts(**{name: getattr(shop.parts, name) for name in Parts.__slots__})
    parts.progress.reached = broken  # type: ignore[method-assign] # a port that breaks its promise
    live = Live(parts)

    with pytest.raises(ExceptionGroup):
        async with live.running():
            await asyncio.sleep(PATIENCE)

    assert not live.is_running


def routes() -> list[tuple[str, str]]:
    paths = document()["paths"]
    assert isinstance(paths, dict)
    return [(method, path) for path, methods in paths.items() for method in methods]


def answers() -> dict[str, type[BaseModel]]:
    routes = [route for route in app_of().routes if isinstance(route, APIRoute)]
    models = [route.response_model for route in routes if route.response_model is not None]
    return {model.__name__: model for model in models}


def test_the_routes_are_these() -> None:
    assert sorted(routes()) == [
        ("delete", "/identities/{anonymous_id}"),
        ("delete", "/items/{item_id}"),
        ("delete", "/keys/{key_id}"),
        ("delete", "/profile/{user_id}"),
        ("delete", "/segments/{name}"),
        ("delete", "/suppressions/{user_id}"),
        ("get", "/attribution"),
        ("get", "/audiences/{audience_id}"),
        ("get", "/audiences/{audience_id}/members"),
        ("get", "/audit"),
        ("get", "/erasures/{erasure_id}"),
        ("get", "/erasures/{erasure_id}/receipt"),
        ("get", "/experiments"),
        ("get", "/experiments/{experiment_id}"),
        ("get", "/identities/{anonymous_id}"),
        ("get", "/items/{item_id}"),
        ("get", "/items/{item_id}/similar"),
        ("get", "/items/{item_id}/together"),
        ("get", "/keys"),
        ("get", "/livez"),
        ("get", "/metrics"),
        ("get", "/models"),
        ("get", "/models/jobs"),
        ("get", "/models/jobs/{job_id}"),
        ("get", "/models/{version}"),
        ("get", "/opinions"),
        ("get", "/profile/{user_id}"),
        ("get", "/profile/{user_id}/consent"),
        ("get", "/profile/{user_id}/export"),
        ("get", "/profile/{user_id}/stream"),
        ("get", "/profile/{user_id}/unwanted"),
        ("get", "/profile/{user_id}/why"),
        ("get", "/readyz"),
        ("get", "/rules"),
        ("get", "/rules/history"),
        ("get", "/segments"),
        ("get", "/segments/{name}"),
        ("get", "/segments/{name}/members"),
        ("get", "/stats/behaviour"),
        ("patch", "/items/{item_id}"),
        ("post", "/audiences"),
        ("post", "/events"),
        ("post", "/identities"),
        ("post", "/impressions"),
        ("post", "/keys"),
        ("post", "/models/jobs/{job_id}/cancel"),
        ("post", "/models/rollback"),
        ("post", "/models/train"),
        ("post", "/models/{version}/promote"),
        ("post", "/profile/{user_id}/unwanted"),
        ("post", "/recommend"),
        ("post", "/recommend/groups"),
        ("post", "/recommend/page"),
        ("post", "/recommend/stream"),
        ("post", "/rules/preview"),
        ("post", "/segments/preview"),
        ("put", "/experiments/{experiment_id}"),
        ("put", "/items/{item_id}"),
        ("put", "/profile/{user_id}/consent"),
        ("put", "/rules"),
        ("put", "/segments/{name}"),
    ]


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_shows_what_it_takes_and_answers(method: str, path: str) -> None:
    operation = document()["paths"][path][method]
    schemas = document()["components"]["schemas"]

    successes = [answer for status, answer in operation["responses"].items() if status < "300"]
    assert successes
    for success in successes:
        for answer in success["content"].values():
            assert "example" in answer or example_of(answer["schema"], schemas)
    if method in {"patch", "post", "put"}:
        (body,) = operation["requestBody"]["content"].values()
        name = body["schema"].get("$ref", "").rsplit("/", 1)[-1]
        assert "examples" in body or schemas[name]["examples"]


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_says_how_it_fails(method: str, path: str) -> None:
    responses = document()["paths"][path][method]["responses"]

    expected = {"400", "404", "405", "500", "503"}
    expected |= {"401", "403", "429"} if path not in {"/livez", "/readyz"} else set()
    asks_more = {"/audit", "/attribution", "/opinions", "/rules", "/stats/behaviour"}
    expected |= {"422"} if "{" in path or path in asks_more else set()
    of_profiles = ("/profile/{user_id}", "/profile/{user_id}/stream", "/profile/{user_id}/why")
    ends_of_profiles = (*of_profiles, "/recommend/stream")
    expected |= {"410"} if method != "delete" and path in ends_of_profiles else set()
    what_they_said = ("/profile/{user_id}/consent", "/profile/{user_id}/unwanted")
    expected |= {"410"} if method == "get" and path in what_they_said else set()
    expected |= {"409"} if path.endswith(("/export", "_id}/members")) else set()
    expected |= {"408", "413", "415", "422"} if method != "get" else set()
    in_conflict = ("/models", "/keys", "/audiences")
    expected |= {"409"} if method == "post" and path.startswith(in_conflict) else set()
    put_in_conflict = ("/experiments", "/segments")
    expected |= {"409"} if method == "put" and path.startswith(put_in_conflict) else set()
    expected |= {"412", "428"} if (method, path) == ("put", "/rules") else set()
    has_etag = path.endswith(("/similar", "/together", "/profile/{user_id}")) and method == "get"
    assert ("304" in responses) == has_etag
    failures = {status: answer for status, answer in responses.items() if status >= "400"}
    assert set(failures) == expected
    for status, answer in failures.items():
        problem = answer["content"]["application/problem+json"]
        assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert problem["example"]["status"] == int(status)


IDS = ("milk", "x" * 300, "a%0Ab", "%FF", "a/b")
QUERIES = ("", "?recent=99&%FF")
BODIES = (b"", b"{", b"\xff", b"{}", b"[]", b'{"reason": 1}', b'{"events": [{}]}', b" " * 200_000)
JSON = {"content-type": "application/json"}
HEADERS = (JSON, {"content-type": "text/plain"}, JSON | {"origin": "https://evil.example"})


@pytest.mark.parametrize(("method", "path"), routes())
async def test_whatever_is_answered_is_declared(method: str, path: str) -> None:
    shop = Shop()
    await shop.stock()
    bodies, headers = (BODIES, HEADERS) if method in {"post", "put"} else ((b"",), ({}, *HEADERS))
    ids = IDS if "{" in path else ("",)
    found = set()
    border = Border()

    async with open_shop(shop, border=border) as client:
        border.leaving.has_begun = path.endswith("/stream")  # or it would have no end
        for id, query, body, sent in itertools.product(ids, QUERIES, bodies, headers):
            url = re.sub("{.*}", id, path) + query
            answer = await client.request(method, url, content=body, headers=sent)
            found.add(str(answer.status_code))

    assert found <= set(document()["paths"][path][method]["responses"])
    assert found & {"200", "202", "404", "422"}


def test_every_reference_of_the_document_leads_somewhere() -> None:
    known = {f"#/components/schemas/{name}" for name in document()["components"]["schemas"]}

    def references(node: object) -> set[str]:
        if isinstance(node, list):
            return set().union(*map(references, node))
        if not isinstance(node, dict):
            return set()
        here = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return here.union(*map(references, node.values()))

    assert references(document()) <= known


def test_no_two_schemas_of_the_document_share_a_name() -> None:
    names = document()["components"]["schemas"]

    assert not [name for name in names if "__" in name]


@pytest.mark.parametrize("name", answers())
def test_the_examples_of_answers_are_valid(name: str) -> None:
    schemas = document()["components"]["schemas"]

    example = example_of(schemas[name], schemas)

    answers()[name].model_validate_json(to_json(example))


def test_the_examples_of_requests_are_valid() -> None:
    extra = RecommendationRequest.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    examples = extra["examples"]
    assert isinstance(examples, list)
    for example in examples:
        RecommendationRequest.model_validate_json(to_json(example))


def test_the_app_is_imported_without_torch() -> None:
    script = (
        "import sys, service.app; sys.exit({'torch', 'transformers'} & set(sys.modules) != set())"
    )

    finished = subprocess.run([sys.executable, "-c", script], check=False)  # noqa: S603 - ours

    assert finished.returncode == 0
