"""Access over HTTP: who shows what, and what they are let do."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from portrait.access.key import ApiKey, new_key
from portrait.access.scope import Scope
from portrait.addresses import is_loopback
from portrait.ref import user_ref
from service.access.guard import Guard
from service.access.rules import ANY, OPEN, RULES, SERVERS
from service.app import create_app
from service.http.border import Border
from service.routing import ExactRoute
from tests.support.catalogues import catalogue
from tests.support.shop import Shop, open_shop

NOW = datetime.now(UTC)
PAGES = "https://shop.example"
CLICK = {"type": "click", "user_id": "ann", "item_id": "milk"}
PATHS = {
    "user_id": "ann",
    "item_id": "milk",
    "anonymous_id": "c-77",
    "job_id": "j1",
    "experiment_id": "diverse-home",
    "version": "20261124T030000Z-9f86d081",
    "key_id": "0" * 12,
    "erasure_id": "0" * 32,
    "audience_id": "0" * 32,
    "name": "cheese-regulars",
}
ALL = [(method, path, rule) for (method, path), rule in RULES.items()]
GUARDED = [(method, path, rule) for method, path, rule in ALL if rule != OPEN]


def token_of(shop: Shop, *scopes: Scope, origins: Sequence[str] = ()) -> str:
    """Make a key that the shop knows; a public one, if it has origins."""
    kind: Literal["server", "public"] = "public" if origins else "server"
    key, token = new_key("test", scopes, NOW, kind=kind, origins=origins)
    shop.keys.keys[key.id] = key
    return token


@asynccontextmanager
async def guarded(shop: Shop, border: Border | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """Run the app with access control on."""
    guard = Guard(shop.keys)
    await guard.read_keys()
    shop.remember("ann", {"type": "click", "item_id": "milk"}, painted=catalogue())
    async with open_shop(shop, guard=guard, border=border or Border()) as client:
        yield client


async def asked(  # noqa: PLR0913 - what a request is made of
    client: httpx.AsyncClient,
    method: str,
    path: str,
    token: str | None = None,
    *,
    json: object = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    shown = {} if token is None else {"authorization": f"Bearer {token}"}
    url = path.format(**PATHS)
    return await client.request(method, url, json=json, headers={**shown, **(headers or {})})


def kind_of(answer: httpx.Response) -> str:
    kind: str = answer.json()["type"]
    return kind.removeprefix("urn:portrait:problem:")


def decided(how: str) -> float:
    return REGISTRY.get_sample_value("portrait_access_total", {"decision": how}) or 0.0


def test_every_route_has_a_rule_and_every_rule_a_route() -> None:
    app = create_app(Shop().parts)
    routes = {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, ExactRoute)
        for method in route.methods or ()
    }

    assert routes == set(RULES)


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path, _ in GUARDED])
async def test_who_shows_nothing_is_told_to_show_a_key(method: str, path: str) -> None:
    shop, before = Shop(), decided("key-missing")
    await shop.stock()
    async with guarded(shop) as client:
        answer = await asked(client, method, path)

    assert (answer.status_code, kind_of(answer)) == (401, "key-missing")
    assert answer.headers["www-authenticate"] == 'Bearer realm="portrait"'
    assert decided("key-missing") == before + 1
    assert shop.publisher.messages == []
    assert shop.audit.lines == []


@pytest.mark.parametrize(("method", "path", "rule"), GUARDED)
async def test_all_scopes_but_the_one_do_not_open_a_route(
    method: str, path: str, rule: str
) -> None:
    shop, before = Shop(), decided("scope-missing")
    await shop.stock()
    token = token_of(shop, *(scope for scope in Scope if scope != rule))
    async with guarded(shop) as client:
        answer = await asked(client, method, path, token)

    if rule in {ANY, SERVERS}:  # any key will do
        assert answer.status_code not in {401, 403}
        return
    assert (answer.status_code, kind_of(answer)) == (403, "scope-missing")
    assert str(rule) in answer.json()["detail"]
    assert "insufficient_scope" in answer.headers["www-authenticate"]
    assert decided("scope-missing") == before + 1
    assert shop.publisher.messages == []


@pytest.mark.parametrize(("method", "path", "rule"), GUARDED)
async def test_the_one_scope_opens_a_route(method: str, path: str, rule: str) -> None:
    shop, before = Shop(), decided("let_in")
    await shop.stock()
    token = token_of(shop, Scope(rule) if rule in set(Scope) else Scope.RECOMMEND)
    border = Border()
    async with guarded(shop, border) as client:
        border.leaving.has_begun = path.endswith("/stream")  # or it would have no end
        answer = await asked(client, method, path, token)

    assert answer.status_code not in {401, 403}
    assert decided("let_in") == before + 1


@pytest.mark.parametrize("path", [path for _, path, rule in ALL if rule == OPEN])
async def test_whether_it_is_alive_and_ready_anybody_may_know(path: str) -> None:
    shop = Shop()
    await shop.stock()
    async with guarded(shop) as client:
        assert (await asked(client, "GET", path)).status_code == 200


@pytest.mark.parametrize(
    "shown",
    [
        {"authorization": "{token}"},
        {"authorization": "Basic {token}"},
        {"authorization": "Bearer"},
        {"authorization": "Bearer  "},
        {"x-api-key": "{token}"},
        {"cookie": "key={token}"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/profile/ann", "/profile/ann?recent=1"])
async def test_a_key_is_shown_as_a_bearer_token_or_not_at_all(
    shown: dict[str, str], path: str
) -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.PROFILES_READ)
    headers = {name: value.format(token=token) for name, value in shown.items()}
    async with guarded(shop) as client:
        answer = await client.get(path, headers=headers)

    assert answer.status_code == 401


async def test_a_key_in_the_query_opens_nothing() -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.PROFILES_READ)
    async with guarded(shop) as client:
        answer = await client.get(f"/profile/ann?access_token={token}")

    assert (answer.status_code, kind_of(answer)) == (401, "key-missing")


async def test_two_keys_are_none() -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.PROFILES_READ)
    async with guarded(shop) as client:
        shown = [("authorization", f"Bearer {token}"), ("authorization", f"Bearer {token}")]
        answer = await client.get("/profile/ann", headers=shown)

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/profile/ann", "/profile/ann?recent=1"])
@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": NOW},
        {"expires_at": NOW - timedelta(seconds=1)},
        {"digest": "00" * 32},
        {"id": "0" * 12},
    ],
    ids=["revoked", "expired", "another secret", "unknown"],
)
async def test_a_key_that_is_not_good_opens_nothing(path: str, change: dict[str, Any]) -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.PROFILES_READ)
    ((id, key),) = shop.keys.keys.items()
    changed: ApiKey = key.model_copy(update=change)
    shop.keys.keys = {changed.id: changed} if "id" in change else {id: changed}
    async with guarded(shop) as client:
        answer = await asked(client, "GET", path, token)

    assert (answer.status_code, kind_of(answer)) == (401, "key-invalid")
    assert "invalid_token" in answer.headers["www-authenticate"]


async def test_before_keys_are_known_nobody_comes_in() -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.PROFILES_READ)
    shop.keys.is_down = True
    async with open_shop(shop, guard=Guard(shop.keys)) as client:
        answer = await asked(client, "GET", "/profile/ann", token)

    assert (answer.status_code, kind_of(answer)) == (503, "keys-unknown")


async def test_while_redis_is_away_the_keys_that_are_known_count() -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.EVENTS_WRITE)
    guard = Guard(shop.keys)
    await guard.read_keys()
    shop.keys.is_down = True
    async with open_shop(shop, guard=guard) as client:
        answer = await asked(client, "POST", "/events", token, json=CLICK)

    assert answer.status_code == 202


async def test_a_key_is_made_used_listed_and_revoked() -> None:
    shop = Shop()
    await shop.stock()
    admin = token_of(shop, Scope.KEYS_ADMIN)
    guard = Guard(shop.keys)
    await guard.read_keys()
    asks = {"name": "结账", "scopes": ["events:write"]}
    async with open_shop(shop, guard=guard) as client:
        made = await asked(client, "POST", "/keys", admin, json=asks)
        token, id = made.json()["token"], made.json()["key"]["id"]
        await guard.read_keys()
        sent = await asked(client, "POST", "/events", token, json=CLICK)
        await guard.note_uses()
        listed = await asked(client, "GET", "/keys", admin)
        revoked = await asked(client, "DELETE", f"/keys/{id}", admin)
        await guard.read_keys()
        late = await asked(client, "POST", "/events", token, json=CLICK)
        told = await asked(client, "GET", "/audit", admin)

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert (sent.status_code, late.status_code) == (202, 401)
    (shown,) = [key for key in listed.json()["keys"] if key["id"] == id]
    assert shown["used_at"] is not None
    assert revoked.json()["revoked_at"] is not None
    secret, digest = token.split("_", 2)[2], shop.keys.keys[id].digest
    assert not any(part in listed.text + told.text for part in (secret, digest))
    assert [(line["what"], line["about"], line["status"]) for line in told.json()["lines"]] == [
        ("DELETE /keys/{key_id}", id, 200),
        ("GET /keys", "", 200),
        ("POST /keys", f"{id} 结账: events:write", 201),
    ]


@pytest.mark.parametrize(
    ("asks", "pointer"),
    [
        ({"name": "a", "scopes": ["everything"]}, "#/scopes/0"),
        ({"name": "a", "scopes": []}, "#/scopes"),
        ({"scopes": ["recommend"]}, "#/name"),
        ({"name": "a", "scopes": ["keys:admin"], "kind": "public", "origins": [PAGES]}, "#"),
        ({"name": "a", "scopes": ["recommend"], "kind": "public"}, "#"),
        ({"name": "a", "scopes": ["recommend"], "rate": 1e-300}, "#/rate"),
        ({"name": "a", "scopes": ["recommend"], "kind": "public", "origins": ["*"]}, "#/origins/0"),
    ],
)
async def test_a_key_that_cannot_be_is_refused_with_its_reason(
    asks: dict[str, Any], pointer: str
) -> None:
    shop = Shop()
    admin = token_of(shop, Scope.KEYS_ADMIN)
    async with guarded(shop) as client:
        answer = await asked(client, "POST", "/keys", admin, json=asks)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert len(shop.keys.keys) == 1


async def test_what_an_admin_does_is_written_down_and_names_nobody() -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.PRIVACY_ADMIN)
    (id,) = shop.keys.keys
    async with guarded(shop) as client:
        await asked(client, "DELETE", "/profile/anna@example.com", token)
        await asked(client, "DELETE", "/profile/ann?x=1", token)

    (first,) = shop.audit.lines
    assert (first.who, first.what, first.status) == (
        f"key {id}",
        "DELETE /profile/{user_id}",
        202,
    )
    assert first.about == f"user {user_ref('anna@example.com'):016x}"
    assert "anna" not in first.model_dump_json()


READS = [
    ("/keys", ""),
    ("/audit", ""),
    ("/erasures/{erasure}", "{erasure}"),
    ("/profile/zoe/export", f"user {user_ref('zoe'):016x}"),
]


@pytest.mark.parametrize(("path", "about"), READS)
async def test_what_an_administrator_reads_of_people_and_keys_is_written_down_once(
    path: str, about: str
) -> None:
    shop = Shop()
    await shop.stock()
    admin = token_of(shop, Scope.KEYS_ADMIN, Scope.PRIVACY_ADMIN)
    async with guarded(shop) as client:
        erased = await asked(client, "DELETE", "/profile/ann", admin)
        erasure = erased.json()["erasure"]
        answer = await asked(client, "GET", path.replace("{erasure}", erasure), admin)
        nobody = await asked(client, "GET", path.replace("{erasure}", erasure))
        nothing = await asked(client, "GET", "/erasures/" + "0" * 32, admin)

    assert (answer.is_success, nobody.status_code, nothing.status_code) == (True, 401, 404)
    first, *others = shop.audit.lines
    assert first.what == "DELETE /profile/{user_id}"
    (line,) = others
    assert (line.status, line.about) == (
        answer.status_code,
        about.replace("{erasure}", erasure),
    )
    assert line.what.startswith("GET /")


@pytest.mark.parametrize("path", ["/models", "/rules", "/experiments"])
async def test_what_changes_nothing_and_tells_of_nobody_fills_no_log(path: str) -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, *Scope)
    async with guarded(shop) as client:
        answer = await asked(client, "GET", path, token)

    assert (answer.status_code, shop.audit.lines) == (200, [])


async def test_an_audit_line_that_cannot_be_written_is_said_in_the_log() -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.PRIVACY_ADMIN)
    shop.audit.is_down = True
    with capture_logs() as logs:
        async with guarded(shop) as client:
            answer = await asked(client, "DELETE", "/profile/ann", token)

    assert answer.status_code == 202
    (missed,) = [line for line in logs if line["event"] == "audit_missed"]
    assert missed["what"] == "DELETE /profile/{user_id}"
    assert missed["who"].startswith("key ")


def public_token(shop: Shop) -> str:
    scopes = [Scope.EVENTS_WRITE, Scope.RECOMMEND]
    return token_of(shop, *scopes, origins=[PAGES])


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", f"{PAGES}.evil.example"])
@pytest.mark.parametrize("path", ["/events", "/recommend"])
async def test_a_public_key_works_on_its_pages_alone(origin: str | None, path: str) -> None:
    shop = Shop()
    await shop.stock()
    token = public_token(shop)
    headers = {} if origin is None else {"origin": origin}
    async with guarded(shop) as client:
        answer = await asked(client, "POST", path, token, json=CLICK, headers=headers)

    assert (answer.status_code, kind_of(answer)) == (403, "key-misplaced")
    assert shop.publisher.messages == []


async def test_a_page_sends_events_and_reads_what_suits_its_visitor() -> None:
    shop = Shop()
    await shop.stock()
    token = public_token(shop)
    page = {"origin": PAGES, "sec-fetch-site": "cross-site"}
    async with guarded(shop) as client:
        before = await client.options(
            "/recommend",
            headers={
                "origin": PAGES,
                "access-control-request-method": "POST",
                "access-control-request-headers": "authorization,content-type",
            },
        )
        sent = await asked(client, "POST", "/events", token, json=CLICK, headers=page)
        visit = {"session": {"items": ["milk"]}}
        listed = await asked(client, "POST", "/recommend", token, json=visit, headers=page)

    assert (before.status_code, before.headers["access-control-allow-origin"]) == (200, PAGES)
    assert (sent.status_code, listed.status_code) == (202, 200)
    assert listed.headers["access-control-allow-origin"] == PAGES


async def test_pages_without_a_key_are_not_let_in_by_those_that_have_one() -> None:
    shop = Shop()
    await shop.stock()
    public_token(shop)
    async with guarded(shop) as client:
        answer = await client.options(
            "/recommend",
            headers={
                "origin": "https://evil.example",
                "access-control-request-method": "POST",
            },
        )

    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(("user", "status"), [("ann", 403), ("anonymous:c-77", 200), (None, 200)])
async def test_a_public_key_asks_for_nobody_who_is_known(user: str | None, status: int) -> None:
    shop = Shop()
    await shop.stock()
    token = public_token(shop)
    async with guarded(shop) as client:
        answer = await asked(
            client,
            "POST",
            "/recommend",
            token,
            json={"user_id": user, "session": {"items": ["milk"]}},
            headers={"origin": PAGES},
        )

    assert answer.status_code == status


async def test_the_shortcut_and_the_usual_way_let_the_same_in() -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.PROFILES_READ)
    async with guarded(shop) as client:
        before = decided("let_in")
        direct = await asked(client, "GET", "/profile/ann", token)
        usual = await asked(client, "GET", "/profile/ann?recent=10", token)

    assert (direct.status_code, direct.content) == (200, usual.content)
    assert decided("let_in") == before + 2
    assert "vary" not in direct.headers or direct.headers["vary"] == usual.headers["vary"]


async def test_nothing_in_the_logs_opens_anything() -> None:
    shop = Shop()
    await shop.stock()
    token = token_of(shop, Scope.PROFILES_READ)
    with capture_logs() as logs:
        async with guarded(shop) as client:
            await asked(client, "GET", "/profile/ann", token)
            await asked(client, "GET", "/profile/ann", token[:-1] + "!")

    told = repr(logs)
    assert token.split("_", 2)[2] not in told
    assert token.split("_")[1] not in told


async def test_nobody_fills_the_audit_log_with_what_comes_to_nothing() -> None:
    shop = Shop()
    evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    async with open_shop(shop) as client:  # access is off
        await asked(client, "POST", "/models/train", headers=evil, json={})
        await client.post("/models/train", content=b"x", headers={"content-type": "text/plain"})
        await asked(client, "DELETE", "/keys/what-i-want-to-be-written-there")
        await asked(client, "POST", "/models/train", json={"reason": 1})

    assert shop.audit.lines == []


async def test_a_public_key_reads_no_metrics() -> None:
    shop = Shop()
    await shop.stock()
    token = public_token(shop)
    page = {"origin": PAGES}
    async with guarded(shop) as client:
        metrics = await asked(client, "GET", "/metrics", token, headers=page)
        item = await asked(client, "GET", "/items/milk", token, headers=page)

    assert (metrics.status_code, kind_of(metrics)) == (403, "scope-missing")
    assert item.status_code == 200


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - this is what is refused
        ("::", False),
        ("", False),
        ("192.168.1.5", False),
        ("127.0.0.1.nip.io", False),
        ("localhost.evil.example", False),
    ],
)
def test_which_addresses_others_reach(host: str, is_one: bool) -> None:  # noqa: FBT001
    assert is_loopback(host) is is_one
