"""Bodies: however many mistakes a megabyte has, they cost little, and the first are told."""

from collections.abc import Callable
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from service.http.bodies import MOST_VALUES, is_crowded
from tests.support.pace import times_slower
from tests.support.shop import Shop, open_shop

MEGABYTE = 1_048_576
MOST_BYTES, MOST_ERRORS = 16_384, 20  # of an answer, as promised, whatever the code says
SECONDS = (
    1.5  # of processor time, coverage counted; unbounded, the worst of these took 1.7 s without
)
CLICK = {"type": "click", "user_id": "ann", "item_id": "milk"}
JSON = {"content-type": "application/json"}


def many(part: bytes, head: bytes, tail: bytes, *, size: int = MEGABYTE - 100) -> bytes:
    return head + b",".join([part] * ((size - len(head) - len(tail)) // (len(part) + 1))) + tail


def members(count: int, name: str = "x", value: object = 1) -> dict[str, object]:
    return {f"{name}{place}": value for place in range(count)}


BODIES: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "wrong ids": ("POST", "/recommend", lambda: many(b"1", b'{"exclude":[', b"]}")),
    "wrong texts": ("POST", "/recommend", lambda: many(b"1", b'{"session":{"texts":[', b"]}}")),
    "empty ids": ("POST", "/recommend", lambda: many(b'""', b'{"session":{"items":[', b"]}}")),
    "wrong brands": ("POST", "/recommend", lambda: many(b"[]", b'{"filters":{"brand":[', b"]}}")),
    "unknown fields": ("POST", "/recommend", lambda: to_json(members(70_000))),
    "long names": ("POST", "/recommend", lambda: to_json(members(10, "~/" * 50_000))),
    "long names of four bytes": (
        "POST",
        "/recommend",
        lambda: to_json(members(1_000, "\N{GRINNING FACE}" * 250)),
    ),
    "deep": ("POST", "/recommend", lambda: b'{"a":' + b"[" * 1_000_000),
    "deep and closed": (
        "POST",
        "/recommend",
        lambda: b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    ),
    "an array": ("POST", "/recommend", lambda: many(b"1", b"[", b"]")),
    "wrong attributes": ("PUT", "/items/milk", lambda: to_json({"attributes": members(70_000)})),
    "a wrong reason": ("POST", "/models/train", lambda: to_json({"reason": "x" * 900_000})),
    "wrong events": ("POST", "/events", lambda: many(b"{}", b'{"events":[', b"]}", size=1_400)),
    "events of wrong attributes": (
        "POST",
        "/events",
        lambda: to_json({"events": [{"item": {"attributes": members(5_000)}}] * 15}),
    ),
    "events with long names": (
        "POST",
        "/events",
        lambda: to_json({"events": [{"item": {"attributes": members(1, "x" * 60_000)}}] * 15}),
    ),
    "events with long ids": (
        "POST",
        "/events",
        lambda: to_json({"events": [{"event_id": "x" * 60_000}] * 15}),
    ),
    "events of nothing": ("POST", "/events", lambda: many(b"[]", b'{"events":[', b"]}")),
    "too many events": ("POST", "/events", lambda: many(b"{}", b'{"events":[', b"]}")),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_full_of_mistakes_is_refused_shortly_and_soon(name: str) -> None:
    method, path, body = BODIES[name]
    content = body()
    assert len(content) <= MEGABYTE

    async with open_shop(Shop(), most_bytes=MEGABYTE) as client:
        began = process_time()
        answer = await client.request(method, path, content=content, headers=JSON)
        took = process_time() - began

    assert answer.status_code == 422
    assert len(answer.content) <= MOST_BYTES
    assert len(answer.json().get("errors", ())) <= MOST_ERRORS
    assert took < SECONDS * times_slower()


@pytest.mark.parametrize(
    "path",
    [
        "/profile/ann?" + "&".join(["include=x"] * 3_000),
        f"/profile/ann?recent={'9' * 30_000}",
        f"/profile/{'x' * 30_000}",
        f"/items/{'%F0%9F%98%80' * 2_000}",
        f"/models/{'x' * 30_000}",
        f"/models/jobs/{'x' * 30_000}",
    ],
    ids=lambda path: path[:20],
)
async def test_a_long_path_or_query_is_refused_shortly(path: str) -> None:
    shop = Shop()
    await shop.stock()

    async with open_shop(shop) as client:
        answer = await client.get(path)

    assert answer.status_code in {404, 422}
    assert len(answer.content) <= MOST_BYTES


async def test_the_first_mistakes_are_told_and_how_many_there_are() -> None:
    async with open_shop(Shop()) as client:
        answer = await client.post("/recommend", json={"exclude": [True] * 300})

    problem = answer.json()
    assert problem["detail"] == f"The first {MOST_ERRORS} of 300 errors are shown."
    assert [error["pointer"] for error in problem["errors"]] == [
        f"#/exclude/{place}" for place in range(MOST_ERRORS)
    ]


async def test_a_pointer_is_one_whatever_the_name() -> None:
    async with open_shop(Shop()) as client:
        answer = await client.post("/recommend", json={"a/b~c": 1})

    assert answer.json()["errors"][0]["pointer"] == "#/a~1b~0c"


async def test_the_largest_request_there_is_is_valid() -> None:
    shop = Shop()
    await shop.stock()
    ids = [f"{place:03}{',[{' * 31}" for place in range(1_000)]
    asked = {
        "user_id": ids[0],
        "session": {"items": ids[:64], "texts": ids[:20]},
        "exclude": ids,
        "filters": {"category": ids[:50], "brand": ids[:50], "price_min": 1, "price_max": 2},
    }

    async with open_shop(shop, most_bytes=MEGABYTE) as client:
        answer = await client.post("/recommend", json=asked)

    assert answer.status_code == 200


TEXTS = st.text(max_size=3) | st.text('"\\,[{', max_size=6)
JSON_VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner),
)


@given(JSON_VALUES, st.integers(0, 40))
def test_values_are_counted_whatever_the_texts_hold(sent: object, most: int) -> None:
    def count(node: object) -> int:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return 1 + sum(map(count, inner))

    if is_crowded(to_json(sent), most):
        assert 2 * count(sent) > most
    else:
        assert count(sent) <= most + 1


async def test_an_event_of_too_many_values_costs_itself_alone() -> None:
    crowded = {**CLICK, "mine": [0] * MOST_VALUES}

    async with open_shop(Shop()) as client:
        answer = await client.post("/events", json={"events": [CLICK, crowded]})

    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["accepted", "rejected"]
    assert results[1]["reason"] == f"payload: more than {MOST_VALUES} values"
