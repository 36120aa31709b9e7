"""The border: a page of a stranger changes nothing here, and reads nothing under its own name."""

import pytest

from portrait.events.stream import Message
from service.http.border import Border, hosts_of
from tests.support.shop import Shop, open_shop

CLICK = b'{"type": "click", "user_id": "ann", "item_id": "milk"}'
JSON = {"content-type": "application/json"}
ROUTES = [
    ("POST", "/events", CLICK),
    ("POST", "/recommend", b"{}"),
    ("PUT", "/items/milk", b'{"title": "milk"}'),
    ("PATCH", "/items/milk", b'{"price": 2}'),
    ("POST", "/models/train", b"{}"),
    ("POST", "/models/rollback", b"{}"),
    ("POST", "/models/v1/promote", b"{}"),
    ("DELETE", "/profile/ann", b""),
    ("DELETE", "/items/milk", b""),
]
SHOP = "https://shop.example"


async def asked(
    method: str, path: str, body: bytes, headers: dict[str, str], border: Border | None = None
) -> tuple[int, str, list[Message]]:
    """Return what was answered, and what came of it."""
    shop = Shop()
    async with open_shop(shop, border=border) as client:
        answer = await client.request(method, path, content=body, headers=headers)
    kind = answer.json().get("type", "").removeprefix("urn:portrait:problem:")
    return answer.status_code, kind, shop.publisher.messages


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
@pytest.mark.parametrize(
    "who",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://shop.evil.example"},
        {"origin": "http://shop:81"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://shop"},
    ],
    ids=str,
)
async def test_a_page_of_another_origin_writes_nothing(
    method: str, path: str, body: bytes, who: dict[str, str]
) -> None:
    status, kind, messages = await asked(method, path, body, {**JSON, **who})

    assert (status, kind, messages) == (403, "origin-refused", [])


@pytest.mark.parametrize(("method", "path", "body"), ROUTES[:6])
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "application/jsonp",
        "application/octet-stream",
    ],
)
async def test_a_body_that_does_not_say_it_is_json_is_refused(
    method: str, path: str, body: bytes, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}

    status, kind, messages = await asked(method, path, body, headers)

    assert (status, kind, messages) == (415, "content-type", [])


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/cloudevents+json",
        "application/vnd.shop+json;v=1",
    ],
)
async def test_every_type_of_json_is_taken(content_type: str) -> None:
    status, _, messages = await asked("POST", "/events", CLICK, {"content-type": content_type})

    assert (status, len(messages)) == (202, 1)


@pytest.mark.parametrize("path", ["/models/train", "/models/rollback"])
async def test_what_needs_no_body_needs_no_type_but_a_form_is_refused(path: str) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}

    without = await asked("POST", path, b"", {})
    with_form = await asked("POST", path, b"", form)

    assert without[0] in {202, 409}
    assert with_form[:2] == (415, "content-type")


@pytest.mark.parametrize(
    "who",
    [
        {},
        {"origin": "http://shop"},
        {"origin": "http://shop:80"},
        {"origin": "http://shop", "sec-fetch-site": "same-origin"},
        {"origin": SHOP, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "same-origin"},
    ],
    ids=str,
)
async def test_programs_our_own_pages_and_those_allowed_may_write(who: dict[str, str]) -> None:
    border = Border(origins=frozenset({SHOP}))

    status, _, messages = await asked("POST", "/events", CLICK, {**JSON, **who}, border)

    assert (status, len(messages)) == (202, 1)


async def test_an_allowed_page_may_ask_first_and_read_what_is_answered() -> None:
    border = Border(origins=frozenset({SHOP}))
    ask = {"origin": SHOP, "access-control-request-method": "POST"}
    ask["access-control-request-headers"] = "content-type"

    async with open_shop(Shop(), border=border) as client:
        preflight = await client.options("/events", headers=ask)
        answer = await client.post("/events", content=CLICK, headers={**JSON, "origin": SHOP})
        stranger = await client.get("/livez", headers={"origin": "https://evil.example"})

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "access-control-allow-origin" not in stranger.headers


@pytest.mark.parametrize("bound", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
@pytest.mark.parametrize("path", ["/profile/ann", "/livez", "/models"])
async def test_on_loopback_no_other_name_is_answered(bound: str, path: str) -> None:
    border = Border(hosts=hosts_of(bound))
    own = f"[{bound}]" if ":" in bound else bound
    names = [
        "127.0.0.1",
        "localhost:8000",
        "LOCALHOST",
        "[::1]:8000",
        own,
        f"{own}:8000",
        f"{own}:",
    ]

    async with open_shop(Shop(), border=border) as client:
        ours = [(await client.get(path, headers={"host": name})).status_code for name in names]
        others = [
            (await client.get(path, headers={"host": name})).json()
            for name in (
                "evil.example",
                "evil.example:8000",
                "",
                ":",
                "127.0.0.1.evil.example",
                "[::2]",
            )
        ]

    assert 400 not in ours
    assert {answer["type"] for answer in others} == {"urn:portrait:problem:host-unknown"}


@pytest.mark.parametrize("bound", ["0.0.0.0", "::", "10.0.0.7", "portrait.internal"])  # noqa: S104 - only its name
def test_what_listens_for_others_answers_to_any_name(bound: str) -> None:
    assert hosts_of(bound) == frozenset()
