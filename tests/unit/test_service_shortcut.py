"""The shortcut: what goes past the framework is answered as if it had not."""

import pytest

from portrait.errors import StoreUnavailableError
from portrait.reading.records import LONGEST_KEY
from service import shortcut
from service.http.border import Border
from tests.support.catalogues import catalogue
from tests.support.shop import NOW_MS, Shop, open_shop

NAME = "4bf92f3577b34da6a3ce929d0e0e4736"
USUAL = "?recent=10"  # as it is without, but asked
ANY_QUERY = "?any"  # which nobody reads
LONGEST = "u" * LONGEST_KEY
SHOP = "https://shop.example"


async def shop_of(*users: str) -> Shop:
    shop = Shop()
    await shop.stock()
    shop.remember("eve", {"type": "click", "item_id": "milk"}, painted=catalogue())
    for user in users:  # also those whose ids no event may have today
        shop.profiles.records[user] = shop.profiles.records["eve"]
    return shop


@pytest.fixture(autouse=True)
def _moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.profiles.routes.time", lambda: NOW_MS / 1_000)


@pytest.mark.parametrize("user", ["ann", "a/b", "a b", "a\n", "ä", "profile/ann", LONGEST])
async def test_it_answers_as_the_usual_way_does(user: str) -> None:
    async with open_shop(await shop_of(user)) as client:
        url = f"/profile/{user}".replace("\n", "%0A")
        direct = await client.get(url, headers={"x-request-id": NAME})
        usual = await client.get(f"{url}{USUAL}", headers={"x-request-id": NAME})

    assert direct.status_code == usual.status_code == 200
    assert direct.content == usual.content
    assert dict(direct.headers) == dict(usual.headers)


async def test_its_problems_are_those_of_the_usual_way() -> None:
    async with open_shop(await shop_of()) as client:
        direct = await client.get("/profile/nobody", headers={"x-request-id": NAME})
        usual = await client.get(f"/profile/nobody{USUAL}", headers={"x-request-id": NAME})

    assert direct.status_code == usual.status_code == 404
    assert direct.content == usual.content
    assert dict(direct.headers) == dict(usual.headers)


async def test_a_store_that_is_away_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def load(users: list[str]) -> list[bytes | None]:
        asked.extend(users)
        raise StoreUnavailableError

    shop = await shop_of()
    monkeypatch.setattr(shop.profiles, "load", load)
    async with open_shop(shop) as client:
        answer = await client.get("/profile/ann")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert asked == ["ann"]


async def test_a_bug_in_it_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "read_profile", None)

    async with open_shop(await shop_of()) as client:
        answer = await client.get("/profile/ann")

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/profile/", {}),
        ("GET", "/profile", {}),
        ("GET", "/profiles/ann", {}),
        ("GET", "/profile/ann?recent=1", {}),
        ("GET", "/profile/ann?", {"host": "evil.example"}),
        ("GET", f"/profile/{LONGEST}u", {}),
        ("GET", "/profile/%ff", {}),
        ("GET", "/profile/ann", {"host": "evil.example"}),
        ("GET", "/profile/ann", {"origin": SHOP}),
        ("HEAD", "/profile/ann", {}),
        ("DELETE", "/profile/ann", {}),
    ],
)
async def test_what_is_unusual_goes_the_usual_way(
    method: str, path: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    border = Border(hosts=frozenset({"shop"}), origins=frozenset({SHOP}))
    monkeypatch.setattr(shortcut, "read_profile", None)  # would be a bug, and 500

    async with open_shop(await shop_of("ann"), border=border) as client:
        answer = await client.request(method, path, headers=headers)

    assert answer.status_code in {200, 202, 400, 404, 405, 422}
    if "origin" in headers:
        assert answer.headers["access-control-allow-origin"] == SHOP


BODIES = [
    b"{}",
    b'{"user_id": "eve"}',
    b'{"user_id": "eve", "explain": true, "session": {"items": ["tuna"], "texts": ["x"]}}',
    b'{"user_id": "nobody", "diversity": 0, "filters": {"brand": ["Acme"]}}',
    b' {"limit": 3, "limit": 2} ',
]
WRONG = [
    b"",
    b"null",
    b"[]",
    b"{",
    b"{}x",
    b"\xff",
    b'{"limit": 0}',
    b'{"limit": "3"}',
    b'{"explain": 0}',
    b'{"who": 1}',
    b'{"diversity": NaN}',
    b'{"filters": {"price_min": 2, "price_max": 1}}',
    b"[" + b"0," * 2_000 + b"0]",
    b'{"exclude": [' + b'"",' * 1_010 + b'""]}',
]


@pytest.mark.parametrize("body", BODIES + WRONG)
async def test_it_recommends_as_the_usual_way_does(body: bytes) -> None:
    headers = {"content-type": "application/json", "x-request-id": NAME}
    async with open_shop(await shop_of()) as client:
        direct, usual = [
            await client.post(f"/recommend{query}", content=body, headers=headers)
            for query in ("", ANY_QUERY)
        ]

    assert direct.status_code == usual.status_code == (200 if body in BODIES else 422)
    assert dict(direct.headers) == dict(usual.headers)
    assert {**direct.json(), "recommendation_id": 0} == {**usual.json(), "recommendation_id": 0}


async def test_what_is_right_and_small_goes_past_the_framework_and_nothing_else_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shortcut, "recommend", None)  # would be a bug, and 500
    statuses = []
    async with open_shop(await shop_of(), most_bytes=20_000) as client:
        for content, headers in (
            (b"{}", {}),
            (b"{}" + b" " * 5_000, {}),
            (b"{}", {"origin": "http://shop"}),
            (b"{}", {"sec-fetch-site": "same-origin"}),
            (b"{}", {"content-type": "application/json; charset=utf-8"}),
        ):
            answer = await client.post(
                "/recommend",
                content=content,
                headers={"content-type": "application/json", **headers},
            )
            statuses.append(answer.status_code)

    assert statuses == [500, 200, 200, 200, 200]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 400),
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": ""}, 415),
    ],
)
async def test_what_may_not_be_asked_is_refused_the_usual_way(
    headers: dict[str, str], status: int
) -> None:
    border = Border(hosts=frozenset({"shop"}))
    async with open_shop(await shop_of(), border=border) as client:
        answer = await client.post(
            "/recommend", content=b"{}", headers={"content-type": "application/json", **headers}
        )

    assert answer.status_code == status


async def test_a_body_may_be_no_longer_than_the_limit_here_either() -> None:
    async with open_shop(await shop_of(), most_bytes=10) as client:
        answer = await client.post("/recommend", json={"user_id": "eve"})

    assert answer.status_code == 413


async def test_a_store_that_is_away_is_a_problem_for_who_asks_for_items_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def load(_users: list[str]) -> list[bytes | None]:
        raise StoreUnavailableError

    shop = await shop_of()
    monkeypatch.setattr(shop.profiles, "load", load)
    async with open_shop(shop) as client:
        answer = await client.post("/recommend", json={"user_id": "ann"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
