"""Problems: every error is an RFC 9457 document that says what to do and nothing it should not."""

import logging
from collections.abc import AsyncIterator

import httpx
import pytest

from service.http.problems import Problem
from tests.support.catalogues import catalogue
from tests.support.shop import MOST_BYTES, Shop, open_shop

CLICK = {"type": "click", "user_id": "ann", "item_id": "milk"}
ITEM = {"title": "milk"}


def problem_of(answer: httpx.Response) -> Problem:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == answer.status_code
    assert problem.request_id == answer.headers["x-request-id"]
    return problem


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/", 404),
        ("DELETE", "/livez", 405),
        ("GET", "/recommend", 405),
        ("POST", "/profile/ann", 405),
        ("GET", "/profile/", 422),
        ("GET", f"/profile/{'x' * 139}", 422),
        ("GET", "/profile/ann?recent=11", 422),
        ("GET", "/profile/ann?include=secrets", 422),
        ("GET", "/profile/bob", 404),
        ("GET", "/items/bob", 404),
        ("POST", "/recommend", 422),
        ("POST", "/events", 422),
        ("PUT", "/items/milk", 422),
    ],
)
async def test_what_a_client_does_wrong_is_a_problem(method: str, path: str, status: int) -> None:
    shop = Shop()
    await shop.stock()

    async with open_shop(shop) as client:
        answer = await client.request(method, path)

    assert problem_of(answer).status == status


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/recommend", "POST"),
        ("/events", "POST"),
        ("/profile/ann", "DELETE, GET"),
        ("/profile/ann/why", "GET"),
        ("/profile/ann/consent", "GET, PUT"),
        ("/items/a/b", "DELETE, GET, PATCH, PUT"),
        ("/models/train", "POST"),
        ("/models/v1", "GET"),
        ("/models/v1/promote", "POST"),
        ("/livez", "GET"),
    ],
)
@pytest.mark.parametrize("method", ["COPY", "OPTIONS", "TRACE", "QUERY"])
async def test_a_method_not_allowed_says_which_are(method: str, path: str, allowed: str) -> None:
    async with open_shop(Shop()) as client:
        answer = await client.request(method, path)

    assert problem_of(answer).status == 405
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "body",
    [
        {"explain": 0},
        {"explain": "yes"},
        {"exclude_seen": 1},
        {"limit": "5"},
        {"limit": 5.5},
        {"limit": True},
        {"diversity": "0.3"},
        {"filters": {"available": 0}},
        {"filters": {"price_min": "1"}},
        {"user_id": 7.5},
        {"user_id": True},
        {"session": {"items": {"milk": 1}}},
        {"session": ["milk"]},
    ],
    ids=str,
)
async def test_what_is_of_another_type_is_refused(body: dict[str, object]) -> None:
    async with open_shop(Shop()) as client:
        answer = await client.post("/recommend", json=body)

    assert problem_of(answer).status == 422


@pytest.mark.parametrize("body", [b"{", b'{"limit": NaN}', b'"text"', b"[" * 50_000])
async def test_a_body_that_is_no_json_object_is_a_problem(body: bytes) -> None:
    async with open_shop(Shop()) as client:
        headers = {"content-type": "application/json"}
        answer = await client.post("/recommend", content=body, headers=headers)

    assert problem_of(answer).status in {400, 422}


async def test_what_was_sent_is_not_repeated() -> None:
    async with open_shop(Shop()) as client:
        answer = await client.post("/recommend", json={"limit": "s3cret", "s3cret": 1})

    assert answer.text.count("s3cret") == 1  # where the field is, which is what its name says
    assert problem_of(answer).errors


async def _pieces(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 1_000


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/events"), ("POST", "/recommend"), ("PUT", "/items/milk")]
)
async def test_a_body_too_large_is_refused_announced_or_not(method: str, path: str) -> None:
    headers = {"content-type": "application/json"}
    async with open_shop(Shop()) as client:
        announced = await client.request(
            method, path, content=b" " * (MOST_BYTES + 1), headers=headers
        )
        streamed = await client.request(
            method, path, content=_pieces(MOST_BYTES // 1_000 + 1), headers=headers
        )
        fitting = await client.request(method, path, content=b" " * MOST_BYTES, headers=headers)

    assert problem_of(announced).status == problem_of(streamed).status == 413
    assert problem_of(fitting).status == 422


async def test_a_body_announced_too_large_is_refused_before_it_is_read() -> None:
    async with open_shop(Shop()) as client:
        headers = {"content-length": str(MOST_BYTES + 1), "content-type": "application/json"}
        answer = await client.post("/events", content=b"{}", headers=headers)

    assert problem_of(answer).status == 413


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/profile/ann", None), ("POST", "/recommend", {})],
)
async def test_without_a_model_the_answer_is_to_come_back(
    method: str, path: str, body: dict[str, object] | None
) -> None:
    async with open_shop(Shop()) as client:
        answer = await client.request(method, path, json=body)

    assert problem_of(answer).type == "urn:portrait:problem:model-missing"
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        ("GET", "/profile/ann", None, "store-unavailable"),
        ("POST", "/recommend", {"user_id": "ann"}, "store-unavailable"),
        ("GET", "/items/milk", None, "store-unavailable"),
        ("POST", "/events", CLICK, "stream-unavailable"),
        ("PUT", "/items/milk", ITEM, "stream-unavailable"),
        ("DELETE", "/items/milk", None, "stream-unavailable"),
    ],
)
async def test_a_dependency_that_is_down_is_a_503_with_a_time_to_come_back(
    method: str, path: str, body: dict[str, object] | None, kind: str
) -> None:
    shop = Shop()
    await shop.stock()

    async with open_shop(shop) as client:
        shop.profiles.is_down = shop.items.is_down = shop.publisher.is_down = True
        answer = await client.request(method, path, json=body)

    problem = problem_of(answer)
    assert (problem.status, problem.type) == (503, f"urn:portrait:problem:{kind}")
    assert int(answer.headers["retry-after"]) > 0


async def test_a_bug_is_a_500_that_says_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop()
    await shop.stock()
    shop.remember("ann", CLICK, painted=catalogue())
    monkeypatch.setattr("service.profiles.routes.space_of", lambda payload: payload["numpy"])

    async with open_shop(shop) as client:
        answer = await client.get("/profile/ann")

    problem = problem_of(answer)
    assert (problem.status, problem.title, problem.detail) == (500, "Internal Server Error", None)
    assert "numpy" not in answer.text
    assert "Traceback" not in answer.text


NAMES = (
    "5e1b0c1e-7a53-4c0f-9d57-0a4c2f6d8e11",
    "5E1B0C1E7A534C0F9D570A4C2F6D8E11",
    "4bf92f3577b34da6",  # of a span
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "1-67891233-abcdef012345678912345678",  # of AWS
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
)
NO_NAMES = (
    "two words\x07",
    "anna.private-0049-171-1234567",
    "anna@example.com",
    "0049171123456789",
    "4111111111111111",
    "11010519491231002X",
    "order-7.a:b_c",
    "anna",
    "",
)


@pytest.mark.parametrize("name", NAMES)
async def test_a_request_is_called_as_its_client_calls_it(name: str) -> None:
    async with open_shop(Shop()) as client:
        given = await client.get("/livez", headers={"X-Request-Id": name})

    assert given.headers["x-request-id"] == name


@pytest.mark.parametrize("name", NO_NAMES)
async def test_a_request_whose_name_may_be_somebody_s_gets_another(name: str) -> None:
    async with open_shop(Shop()) as client:
        odd = await client.get("/livez", headers={"X-Request-Id": name})
        none = await client.get("/livez")

    assert len(odd.headers["x-request-id"]) == len(none.headers["x-request-id"]) == 32
    assert odd.headers["x-request-id"] != none.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/profile/ann", "private, no-cache"),  # by who asked, and it is asked for again
        ("/profile/ann?recent=1", "private, no-cache"),
        ("/profile/nobody", "no-store"),
        ("/keys", "no-store"),
        ("/audit", "no-store"),
        ("/x", "no-store"),
    ],
)
async def test_nobody_keeps_what_does_not_say_so(path: str, kept: str) -> None:
    shop = Shop()
    await shop.stock()
    shop.remember("ann", {"type": "click", "item_id": "milk"}, painted=catalogue())
    async with open_shop(shop) as client:
        answer = await client.get(path)

    assert answer.headers.get_list("cache-control") == [kept]


async def test_one_line_is_logged_per_request_and_it_names_no_user(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shop = Shop()
    await shop.stock()

    async with open_shop(shop) as client:
        capsys.readouterr()
        await client.get("/profile/very-secret-user", headers={"X-Request-Id": NAMES[1]})

    lines = [line for line in capsys.readouterr().out.splitlines() if "request_answered" in line]
    assert len(lines) == 1
    assert "/profile/{user_id}" in lines[0]
    assert NAMES[1] in lines[0]
    assert "very-secret-user" not in lines[0]
