"""The shortcut: what goes past the framework is answered as if it had not."""

import pytest

from portrait.errors import StoreUnavailableError
from portrait.reading import LONGEST_KEY
from service import shortcut
from service.border import Border
from tests.catalogues import catalogue
from tests.shop import NOW_MS, Shop, open_shop

USUAL = "?recent=10"  # as it is without, but asked
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
    monkeypatch.setattr("service.profiles.time", lambda: NOW_MS / 1_000)


@pytest.mark.parametrize("user", ["ann", "a/b", "a b", "a\n", "ä", "profile/ann", LONGEST])
async def test_it_answers_as_the_usual_way_does(user: str) -> None:
    async with open_shop(await shop_of(user)) as client:
        url = f"/profile/{user}".replace("\n", "%0A")
        direct = await client.get(url, headers={"x-request-id": "one"})
        usual = await client.get(f"{url}{USUAL}", headers={"x-request-id": "one"})

    assert direct.status_code == usual.status_code == 200
    assert direct.content == usual.content
    assert dict(direct.headers) == dict(usual.headers)


async def test_its_problems_are_those_of_the_usual_way() -> None:
    async with open_shop(await shop_of()) as client:
        direct = await client.get("/profile/nobody", headers={"x-request-id": "one"})
        usual = await client.get(f"/profile/nobody{USUAL}", headers={"x-request-id": "one"})

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
