"""What one shop would try against another, over real sockets: both served by one process."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from redis import Redis

from portrait.access.scope import Scope
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.events.topics import ITEMS, event_topic
from sandbox.issuer import AUDIENCE, Issuer, start_issuer
from sandbox.ports import free_port
from sandbox.processes import python, running
from sandbox.servers import start_servers
from tests.support.patience import ANSWER_SECONDS
from tests.support.processes import (
    asked,
    catalogue,
    environment,
    producing,
    until,
    worker,
)

pytestmark = pytest.mark.e2e

ACME, BETA = "acme", "beta"
MARK = "xq7beta"  # is in whatever beta has, and in nothing else
USER, ITEM = f"{MARK}-user", f"{MARK}-item"
BOTH = "u-1"  # is called so in both
GONE = f"{MARK}-gone"  # is erased in beta
TRY = f"{MARK}-try"  # an experiment of beta's
RULE = {"id": f"{MARK}-rule", "do": {"pin": {"position": 1}}, "where": {"items": [ITEM]}}
VARIANTS = {"variants": {"control": {}, "bare": {"personal": False}}, "author": "Mei"}
# Of the service alone; workers are of one shop.
ALONE = {"PORTRAIT_SHOPS": "null", "PORTRAIT_OIDC_ISSUER": "null", "PORTRAIT_OIDC_AUDIENCE": "null"}


@dataclass
class Served:
    """A service of two shops, and an administrator's key of each."""

    port: int
    issuer: Issuer
    redis: str
    settings: dict[str, str]
    keys: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)  # of keys and jobs of beta

    def portrait(self, *arguments: str) -> str:
        ended = asked(self.settings, *arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def ask(  # noqa: PLR0913, PLR0917 - whatever a request is made of
        self,
        shop: str,
        path: str,
        method: str = "GET",
        body: object = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> httpx.Response:
        shown = {"authorization": f"Bearer {token or self.keys[shop]}", **(headers or {})}
        return httpx.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            json=body,
            headers=shown,
            timeout=ANSWER_SECONDS,
        )

    def is_there(self, shop: str, path: str) -> bool:
        try:
            return self.ask(shop, path).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with start_servers(folder) as servers, ExitStack() as stack:
        issuer = stack.enter_context(start_issuer(folder))
        settings = environment(servers.kafka, servers.redis) | {
            "PORTRAIT_PORT": str(free_port()),
            "PORTRAIT_ACCESS": "keys",
            "PORTRAIT_SHOPS": '["*"]',
            "PORTRAIT_OIDC_ISSUER": issuer.url,
            "PORTRAIT_OIDC_AUDIENCE": AUDIENCE,
            "PORTRAIT_OIDC_SHOP_CLAIM": "shop",
            "PORTRAIT_ARCHIVE_URL": str(folder / "archive"),
        }
        it = Served(int(settings["PORTRAIT_PORT"]), issuer, servers.redis, settings)
        for shop in (ACME, BETA):
            it.portrait("shops", "create", shop)
            scopes = [part for scope in Scope for part in ("--scope", scope)]
            name = f"{MARK}-admin" if shop == BETA else "admin"
            it.keys[shop] = it.portrait("keys", "create", name, *scopes, "--shop", shop)
            asyncio.run(fill(servers.kafka, shop))
            work(it, shop, folder, stack)
        stack.enter_context(running(python("service"), folder / "service.log", settings))
        for shop in (ACME, BETA):
            asyncio.run(until(lambda s=shop: it.is_there(s, f"/profile/{BOTH}"), "it is folded"))  # type: ignore[misc]
        asyncio.run(until(lambda: it.is_there(BETA, f"/profile/{USER}"), "beta is folded"))
        asyncio.run(until(lambda: it.is_there(BETA, f"/items/{ITEM}"), "beta is indexed"))
        it.ids["key"] = it.keys[BETA].split("_")[1]
        made = it.ask(BETA, "/models/train", "POST", {"reason": f"{MARK} wants it"})
        assert made.status_code == 202, made.text
        it.ids["job"] = made.json()["id"]
        arrange(it, BETA)
        erased = it.ask(BETA, f"/profile/{GONE}", "DELETE")
        it.ids["erasure"] = erased.json()["erasure"]
        asyncio.run(until(lambda: it.is_there(BETA, f"/profile/{USER}/export"), "it is gathered"))
        yield it


def arrange(it: Served, shop: str) -> None:
    """Let a shop have a rule and an experiment, and somebody there not want something."""
    for path, method, body in (
        ("/rules", "PUT", {"rules": [RULE], "note": f"{MARK} first"}),
        (f"/experiments/{TRY}", "PUT", {**VARIANTS, "note": MARK}),
        (f"/profile/{USER}/unwanted", "POST", {"brand": f"{MARK} brand"}),
    ):
        answer = it.ask(shop, path, method, body, {"if-match": '"0"'})
        assert answer.is_success, answer.text


def work(it: Served, shop: str, folder: Path, stack: ExitStack) -> None:
    """Let workers of a shop run."""
    logs = folder / shop
    logs.mkdir()
    for name in ("index", "update", "archive", "experiments"):
        stack.enter_context(worker(name, it.settings | {"PORTRAIT_SHOP": shop, **ALONE}, logs))


async def fill(kafka: str, shop: str) -> None:
    """Publish a catalogue and events of one shop, past the service."""
    items = catalogue(20)
    done = [(BOTH, item.id) for item in items[:5]]
    if shop == BETA:
        items += [Item(id=ITEM, title=f"{MARK} lamp", category=f"{MARK} lamps", brand=MARK)]
        done += [(BOTH, ITEM), (USER, ITEM)]
    async with producing(kafka) as producer:
        for item in items:
            value = item.model_dump_json().encode()
            await producer.send(f"{shop}.{ITEMS}", value, item.id.encode())
        for number, (user, item_id) in enumerate(done):
            event = {
                "event_id": f"{shop}-{number}",
                "type": "click",
                "user_id": user,
                "item_id": item_id,
                "occurred_at": "2026-08-01T10:00:00Z",
            }
            topic = f"{shop}.{event_topic(Action.CLICK)}"
            await producer.send(topic, json.dumps(event).encode(), user.encode())


READS = [
    f"/profile/{USER}",
    f"/profile/{BOTH}",
    f"/profile/{BOTH}?shop=beta",
    f"/profile/{BOTH}?recent=50",
    f"/profile/beta.{USER}",
    f"/profile/beta:{USER}",
    f"/profile/beta%2F{USER}",
    f"/profile/%7D beta:profile:%7B{USER}",
    f"/beta/profile/{USER}",
    f"/shops/beta/profile/{USER}",
    f"/profile/{USER}/consent",
    f"/profile/{USER}/export",
    f"/profile/{BOTH}/export",
    "/erasures/{erasure}",
    "/erasures/{erasure}/receipt",
    f"/identities/{USER}",
    f"/items/{ITEM}",
    f"/items/beta/{ITEM}",
    f"/items/../beta/items/{ITEM}",
    f"/profile/{USER}/unwanted",
    f"/profile/{BOTH}/unwanted",
    "/rules",
    "/rules?version=1",
    "/rules/history",
    "/experiments",
    f"/experiments/{TRY}",
    f"/experiments/beta.{TRY}",
    "/attribution?by=variant&days=90",
    "/opinions?by=brand",
    f"/opinions?by=item&id={ITEM}",
    "/models",
    "/models/jobs",
    "/models/jobs/{job}",
    "/keys",
    "/audit?most=1000",
    "/metrics",
    "/readyz",
    "/livez",
    "/openapi.json",
]
NAMED: list[dict[str, str]] = [
    {},
    {"host": "beta"},
    {"host": "127.0.0.1", "x-forwarded-host": "beta"},
    {"x-shop": BETA, "x-portrait-shop": BETA, "shop": BETA, "portrait-shop": BETA},
    {"cookie": "shop=beta", "x-original-url": f"/profile/{USER}", "referer": "https://beta/"},
]


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("named", NAMED, ids=str)
def test_nothing_that_a_key_reads_is_of_another_shop(
    served: Served, path: str, named: dict[str, str]
) -> None:
    answer = served.ask(ACME, path.format(**served.ids), headers=named)

    assert MARK not in answer.text.replace(path, "").replace(USER, "").replace(ITEM, "")
    assert answer.status_code != 500


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/profile/{USER}", 200),
        (f"/items/{ITEM}", 200),
        ("/models/jobs/{job}", 200),
        ("/erasures/{erasure}", 200),
        (f"/experiments/{TRY}", 200),
        ("/rules?version=1", 200),
    ],
)
def test_the_same_is_there_for_its_own_key(served: Served, path: str, status: int) -> None:
    mine = served.ask(BETA, path.format(**served.ids))
    theirs = served.ask(ACME, path.format(**served.ids))

    assert (mine.status_code, theirs.status_code) == (status, 404)


def test_nobody_is_recommended_what_another_shop_sells(served: Served) -> None:
    for who in ({"user_id": BOTH}, {"user_id": USER}, {"session": [{"item_id": ITEM}]}):
        body = {**who, "limit": 100}
        answer = served.ask(ACME, "/recommend", "POST", body)
        assert f"{MARK} lamp" not in answer.text
        assert ITEM not in {item["item_id"] for item in answer.json().get("items", [])}

    own = served.ask(BETA, "/recommend", "POST", {"user_id": "stranger", "limit": 100})
    assert ITEM in own.text


@pytest.mark.parametrize("where", ["shop", "tenant", "database", "prefix"])
def test_no_body_names_another_shop(served: Served, where: str) -> None:
    body = {"user_id": USER, "limit": 10, where: BETA}

    answer = served.ask(ACME, "/recommend", "POST", body)

    assert MARK not in answer.text.replace(USER, "")


def test_what_is_sent_goes_to_the_sender_s_own_shop(served: Served) -> None:
    event = {
        "event_id": "planted",
        "type": "purchase",
        "user_id": USER,
        "item_id": "item-1",
        "shop": BETA,
        "topic": "beta.events.purchase",
    }
    before = served.ask(BETA, f"/profile/{USER}").json()["events_folded"]

    sent = served.ask(ACME, "/events", "POST", event, {"x-shop": BETA})

    assert sent.status_code == 202
    asyncio.run(until(lambda: served.is_there(ACME, f"/profile/{USER}"), "it is folded in acme"))
    assert served.ask(BETA, f"/profile/{USER}").json()["events_folded"] == before
    assert served.ask(ACME, f"/profile/{USER}").json()["events_folded"] == 1


def test_a_position_is_good_for_the_shop_that_it_was_given_to_alone(served: Served) -> None:
    event = {"type": "click", "user_id": BOTH, "item_id": "item-1"}
    position = served.ask(BETA, "/events", "POST", event).json()["position"]
    path = f"/profile/{BOTH}?wait_ms=10000&min_position={position}"

    asyncio.run(until(lambda: served.is_there(BETA, path), "it is folded"))
    theirs = served.ask(ACME, path)
    listed = served.ask(ACME, "/recommend", "POST", {"user_id": BOTH, "min_position": position})

    for answer in (theirs, listed):
        assert (answer.status_code, answer.json()["detail"]) == (422, "It is of another shop.")


def test_a_stream_is_of_the_shop_of_its_key(served: Served) -> None:
    asked = {"user_id": BOTH, "limit": 100}

    mine, theirs = [first_sent(served, shop, f"/profile/{BOTH}/stream") for shop in (BETA, ACME)]
    my_list, their_list = [
        first_sent(served, shop, "/recommend/stream", {**asked, "exclude_seen": False})
        for shop in (BETA, ACME)
    ]
    gone, unknown = [first_sent(served, shop, f"/profile/{GONE}/stream") for shop in (BETA, ACME)]

    assert MARK in mine
    assert MARK in my_list
    assert MARK not in theirs + their_list
    assert '"status":410' in gone
    assert '"status":404' in unknown


def first_sent(served: Served, shop: str, path: str, body: object = None) -> str:
    """Return the first event of a stream, or the problem that there is instead."""
    shown = {"authorization": f"Bearer {served.keys[shop]}"}
    method, url = "GET" if body is None else "POST", f"http://127.0.0.1:{served.port}{path}"
    with httpx.stream(method, url, json=body, headers=shown, timeout=ANSWER_SECONDS) as answer:
        return next(line for line in answer.iter_lines() if line.startswith(("data: ", "{")))


def test_nobody_erases_or_changes_what_is_of_another_shop(served: Served) -> None:
    item = served.ask(BETA, f"/items/{ITEM}").json()

    assert served.ask(ACME, f"/profile/{BOTH}", "DELETE").status_code == 202
    assert served.ask(ACME, f"/items/{ITEM}", "DELETE").status_code == 202
    assert served.ask(ACME, f"/keys/{served.ids['key']}", "DELETE").status_code == 404
    assert served.ask(ACME, f"/suppressions/{GONE}", "DELETE").status_code == 404
    cancelled = served.ask(ACME, f"/models/jobs/{served.ids['job']}/cancel", "POST", {})
    assert cancelled.status_code == 404

    asyncio.run(
        until(lambda: not served.is_there(ACME, f"/profile/{BOTH}"), "it is erased in acme")
    )
    assert served.is_there(BETA, f"/profile/{BOTH}")
    assert served.ask(BETA, f"/profile/{GONE}").status_code == 410
    assert served.ask(BETA, f"/items/{ITEM}").json() == item
    assert served.ask(BETA, f"/models/jobs/{served.ids['job']}").json()["state"] != ("cancelled")


def test_no_cache_has_one_list_for_the_pages_of_two_shops(served: Served) -> None:
    page = {"origin": "https://shop.example"}
    body = {"name": "page", "kind": "public", "scopes": ["recommend"], "origins": [page["origin"]]}
    path = "/items/item-1/similar"
    tokens = [
        (shop, served.ask(shop, "/keys", "POST", body).json()["token"]) for shop in (ACME, BETA)
    ]

    for shop, token in tokens:

        def answer(shop: str = shop, token: str = token) -> httpx.Response:
            return served.ask(shop, path, headers=page, token=token)

        asyncio.run(until(lambda: answer().status_code == 200, "the page's key opens"))
        assert answer().headers["cache-control"].startswith("private")
        assert "Authorization" in answer().headers["vary"]


def test_rules_are_each_shop_s_own(served: Served) -> None:
    before = served.ask(BETA, "/rules").json()
    body = {"rules": [{"id": "none", "do": {"exclude": True}, "where": {"items": ["item-1"]}}]}
    tried = served.ask(ACME, "/rules/preview", "POST", {"rules": [RULE], "users": [BOTH, USER]})

    put = served.ask(ACME, "/rules", "PUT", body, {"if-match": '"0"'})  # though beta's are newer

    assert put.json()["version"] == 1
    assert ITEM not in tried.text
    asyncio.run(until(lambda: rules_of(served, ACME) == ["none"], "acme goes by its own"))
    assert rules_of(served, BETA) == [RULE["id"]]
    assert served.ask(BETA, "/rules").json() == before


def rules_of(served: Served, shop: str) -> list[str]:
    """Return which rules a list of a shop is subject to."""
    answer = served.ask(shop, "/recommend", "POST", {"user_id": BOTH})
    return [each["id"] for each in answer.json()["rules"]]


def test_what_is_not_wanted_in_one_shop_is_wanted_in_another(served: Served) -> None:
    def said(shop: str) -> list[str]:
        words = served.ask(shop, f"/profile/{BOTH}-2/unwanted").json()["words"]
        return [word["name"] for word in words]

    body = {"item_id": "item-2"}
    assert served.ask(ACME, f"/profile/{BOTH}-2/unwanted", "POST", body).status_code == 202

    asyncio.run(until(lambda: said(ACME) == ["item-2"], "it is kept in acme"))
    assert said(BETA) == []


def test_experiments_and_what_comes_of_lists_are_each_shop_s_own(served: Served) -> None:
    def brought(shop: str) -> list[dict[str, object]]:
        answer = served.ask(shop, "/attribution?by=variant&surface=search")
        found: list[dict[str, object]] = answer.json()["brought"]
        return found

    def has_been_counted() -> bool:
        asked = {"user_id": f"{BOTH}-3", "surface": "search", "query": "tea"}
        listed = served.ask(ACME, "/recommend", "POST", asked).json()
        return listed["experiments"] == {TRY: "own"} and bool(brought(ACME))

    own = {"variants": {"own": {}, "other": {}}, "split": {"own": 0.999_9, "other": 0.000_1}}
    before = served.ask(BETA, f"/experiments/{TRY}").json()

    put = served.ask(ACME, f"/experiments/{TRY}", "PUT", {**own, "author": "Bo"})

    assert put.json()["revision"] == 1
    asyncio.run(until(has_been_counted, "acme counts its lists"))
    assert {each["value"] for each in brought(ACME)} == {f"{TRY}:1=own"}
    assert brought(BETA) == []
    assert served.ask(BETA, f"/experiments/{TRY}").json() == before


def test_a_key_that_is_made_over_http_is_of_its_maker_s_shop(served: Served) -> None:
    body = {"name": "mine", "scopes": ["profiles:read"], "shop": BETA}
    refused = served.ask(ACME, "/keys", "POST", body)
    body.pop("shop")

    made = served.ask(ACME, "/keys", "POST", body).json()["token"]

    assert refused.status_code == 422
    asyncio.run(
        until(lambda: served.ask(ACME, "/items/item-1", token=made).status_code == 200, "it counts")
    )
    assert served.ask(ACME, f"/items/{ITEM}", token=made).status_code == 404
    with Redis.from_url(served.redis) as redis:
        assert made.split("_")[1].encode() not in redis.hkeys(f"keys:of:{BETA}")


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"shop": BETA}, 200),
        ({"shop": ACME}, 404),
        ({}, 401),
        ({"shop": "gamma"}, 401),
        ({"shop": "*"}, 401),
        ({"shop": None}, 401),
        ({"shop": [ACME, BETA]}, 401),
        ({"shop": {"name": BETA}}, 401),
        ({"shop": "Beta"}, 401),
        ({"shop": "beta "}, 401),
        ({"tenant": BETA}, 401),
    ],
)
def test_a_token_opens_the_shop_that_it_names(
    served: Served, claims: dict[str, object], status: int
) -> None:
    answer = served.ask(ACME, f"/profile/{USER}-nobody", token=served.issuer.token(**claims))
    there = served.ask(ACME, f"/items/{ITEM}", token=served.issuer.token(**claims))

    assert answer.status_code == (404 if status == 200 else status)
    assert there.status_code == status


def test_a_stranger_learns_no_name_of_a_shop(served: Served) -> None:
    told = [
        httpx.get(f"http://127.0.0.1:{served.port}{path}")
        for path in ("/readyz", "/livez", "/openapi.json", "/docs", "/metrics", "/profile/u", "/x")
    ]

    assert told[0].status_code == 200
    assert told[4].status_code == 401
    assert not [each for each in told if ACME in each.text or BETA in each.text]
    assert not [each for each in told[:2] if "shop" in each.text]


def test_no_shop_reads_the_series_of_all(served: Served) -> None:
    answer = served.ask(ACME, "/metrics")

    assert (answer.status_code, answer.json()["title"]) == (
        403,
        "The series of this process are for its operator alone.",
    )


def test_many_requests_of_both_at_once_are_not_mixed(served: Served) -> None:
    async def all_answers() -> list[tuple[str, int, str]]:
        # A connection that waited for its turn may have been closed for its silence meanwhile.
        limits = httpx.Limits(max_connections=20, max_keepalive_connections=0)
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, limits=limits) as client:

            async def one(shop: str, path: str) -> tuple[str, int, str]:
                headers = {"authorization": f"Bearer {served.keys[shop]}"}
                url = f"http://127.0.0.1:{served.port}{path}"
                try:
                    answer = await client.get(url, headers=headers)
                except httpx.RemoteProtocolError:  # so was one that sent nothing: a busy machine
                    answer = await client.get(url, headers=headers)
                return shop, answer.status_code, answer.text

            paths = f"/items/{ITEM}", f"/items/{ITEM}?", "/items/item-1"
            return await asyncio.gather(
                *(one(shop, path) for _ in range(100) for path in paths for shop in (ACME, BETA))
            )

    answers = asyncio.run(all_answers())

    found = {(shop, status, f"{MARK} lamp" in text) for shop, status, text in answers}
    assert found == {(ACME, 404, False), (ACME, 200, False), (BETA, 200, True), (BETA, 200, False)}


def test_a_shop_that_is_deleted_is_served_no_more(served: Served) -> None:
    served.portrait("shops", "create", "gamma")
    served.keys["gamma"] = served.portrait(
        *("keys", "create", "admin", "--shop", "gamma"),
        *(part for scope in Scope for part in ("--scope", scope)),
    )
    gone = "/profile/nobody"
    asyncio.run(until(lambda: served.ask("gamma", gone).status_code != 401, "gamma is served"))
    arrange(served, "gamma")

    served.portrait("shops", "delete", "gamma", "--yes")

    asyncio.run(until(lambda: served.ask("gamma", gone).status_code == 401, "it is closed"))
    with Redis.from_url(served.redis) as redis:
        assert {*redis.info("keyspace")} == {"db0", "db1", "db2"}
        assert not redis.exists("keys:of:gamma", "keys:used:of:gamma")
    assert served.is_there(BETA, f"/profile/{BOTH}")
