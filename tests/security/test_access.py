"""What an attacker would try, against a real service with keys on, over real sockets."""

import asyncio
import gzip
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from redis import Redis

from portrait.access.scope import Scope
from sandbox.issuer import AUDIENCE, Issuer, start_issuer
from sandbox.ports import free_port
from sandbox.processes import ROOT, finish, python, running
from sandbox.servers import start_servers
from tests.support.processes import environment, until

pytestmark = pytest.mark.e2e

PAGES = "https://shop.example"
USER = "anna.private@example.com"
CLICK = {"type": "click", "user_id": USER, "item_id": "milk"}
READS = f"/profile/{USER}"
# Of who comes in: there is no model and no such profile, which nobody else is told.
INSIDE = {200, 202, 404, 422, 503}


@dataclass
class Guarded:
    """A service that asks for keys."""

    port: int
    issuer: Issuer
    redis: str
    log: Path
    settings: dict[str, str]
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def portrait(self, *arguments: str) -> str:
        ended = subprocess.run(  # noqa: S603 - our own
            python("portrait", *arguments),
            env=self.settings,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout.strip()

    def raw(self, sent: bytes) -> bytes:
        """Send bytes; return all that is answered until the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(sent)
            parts = []
            while part := connection.recv(65_536):
                parts.append(part)
        return b"".join(parts)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    port = free_port()
    with start_servers(folder) as servers, start_issuer(folder) as issuer:
        settings = environment(servers.kafka, servers.redis) | {
            "PORTRAIT_PORT": str(port),
            "PORTRAIT_ACCESS": "keys",
            "PORTRAIT_OIDC_ISSUER": issuer.url,
            "PORTRAIT_OIDC_AUDIENCE": AUDIENCE,
        }
        finish(python("workers", "topics"), folder / "topics.log", settings)
        service = folder / "service.log"
        with running(python("service"), service, settings):
            it = Guarded(port, issuer, servers.redis, service, settings)
            for scope in Scope:
                it.keys[scope] = it.portrait("keys", "create", scope.value, "--scope", scope.value)
            it.keys["public"] = it.portrait(
                *("keys", "create", "pages", "--origin", PAGES),
                *("--scope", "events:write", "--scope", "recommend"),
            )
            asyncio.run(until(lambda: is_let_in(it), "the service knows the keys"))
            yield it


def ask(it: Guarded, path: str, token: str | None, method: str = "GET") -> httpx.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return httpx.request(method, it.url + path, headers=headers, timeout=20)


def is_let_in(it: Guarded) -> bool:
    """Say whether the service knows the newest key, and the issuer's."""
    shown = it.keys["public"], it.issuer.token()
    try:
        answers = [ask(it, READS, each) for each in shown]
    except httpx.TransportError:
        return False
    return not any(each.status_code == 401 or "keys-unknown" in each.text for each in answers)


@pytest.mark.parametrize("name", [*Scope, "public"])
def test_a_key_of_another_scope_reads_no_profile(guarded: Guarded, name: str) -> None:
    answer = ask(guarded, READS, guarded.keys[name])

    assert answer.status_code in (INSIDE if name == Scope.PROFILES_READ else {403})


@pytest.mark.parametrize("name", [*Scope, "public"])
def test_a_key_of_another_scope_erases_nobody(guarded: Guarded, name: str) -> None:
    answer = ask(guarded, READS, guarded.keys[name], "DELETE")

    assert answer.status_code == (202 if name == Scope.PRIVACY_ADMIN else 403)


@pytest.mark.parametrize("name", [*Scope, "public"])
def test_nobody_makes_keys_but_who_may(guarded: Guarded, name: str) -> None:
    answer = httpx.post(
        f"{guarded.url}/keys",
        json={"name": "mine", "scopes": ["keys:admin"]},
        headers={"authorization": f"Bearer {guarded.keys[name]}"},
    )

    assert answer.status_code == (201 if name == Scope.KEYS_ADMIN else 403)


PATHS = [
    READS,
    f"{READS}?recent=1",
    f"{READS}?access_token={{key}}",
    f"//profile/{USER}",
    f"/profile/../profile/{USER}",
    f"/keys/%2e%2e/profile/{USER}",
    f"/%70rofile/{USER}",
    f"/profile/{USER}%00",
    f"/profile/{USER}%0a",
    "/keys",
    "/keys/",
    "/KEYS",
    "/audit",
    "/metrics",
    "/models",
    "/items/milk",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "lines",
    [
        "",
        "Authorization: {key}\r\n",
        "Authorization: Basic {key}\r\n",
        "Authorization: Bearer {cut}\r\n",
        "Authorization: Bearer {mixed}\r\n",
        "Authorization: Bearer {key}\r\nAuthorization: Bearer {key}\r\n",
        "Cookie: authorization=Bearer {key}\r\nX-Api-Key: {key}\r\n",
        "X-Original-URL: /livez\r\nX-HTTP-Method-Override: GET\r\n",
        "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\n",
    ],
)
def test_there_is_no_way_around_a_key(guarded: Guarded, path: str, lines: str) -> None:
    key = guarded.keys[Scope.PROFILES_READ]
    secret = guarded.keys[Scope.KEYS_ADMIN].split("_", 2)[2]  # of another key
    mixed = "_".join([*key.split("_", 2)[:2], secret])
    written = lines.format(key=key, cut=key[:-1], mixed=mixed)
    target = path.format(key=key)
    sent = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{written}\r\n"

    answer = guarded.raw(sent.encode())

    status = int(answer.split(b" ", 2)[1])
    assert status in {401, 404}
    assert b"interests" not in answer
    assert b"portrait_requests_total" not in answer


@pytest.mark.parametrize(
    "sent",
    [
        "GET {url}/profile/x HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        "get /profile/x HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        "HEAD /profile/x HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        "OPTIONS /keys HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        "TRACE /profile/x HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\n",
        "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX: y\r\n GET /keys HTTP/1.1\r\n",
        (
            "POST /keys HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
            "Transfer-Encoding: chunked\r\n"
        ),
    ],
)
def test_unusual_requests_open_nothing(guarded: Guarded, sent: str) -> None:
    answer = guarded.raw(f"{sent.format(url=guarded.url)}Connection: close\r\n\r\n".encode())

    assert not answer.startswith(b"HTTP/1.1 2") or b'"alive"' in answer
    assert b"Bearer x" not in answer


@pytest.mark.parametrize(
    "kind",
    [
        "unsigned",
        "of no algorithm",
        "of another head",
        "stranger",
        "audience",
        "issuer",
        "expired",
        "endless",
        "a subject of several lines",
        "cut",
    ],
)
def test_a_forged_token_opens_nothing(guarded: Guarded, kind: str) -> None:
    assert ask(guarded, READS, guarded.issuer.forged()[kind]).status_code == 401


def test_a_token_of_the_issuer_opens_what_it_names(guarded: Guarded) -> None:
    assert ask(guarded, READS, guarded.issuer.token()).status_code in INSIDE
    assert ask(guarded, "/keys", guarded.issuer.token()).status_code == 403


def test_a_revoked_key_opens_nothing_a_second_later(guarded: Guarded) -> None:
    token = guarded.portrait("keys", "create", "short", "--scope", "profiles:read")
    asyncio.run(until(lambda: ask(guarded, READS, token).status_code != 401, "it opens"))

    guarded.portrait("keys", "revoke", token.split("_")[1])
    began = time.monotonic()
    asyncio.run(until(lambda: ask(guarded, READS, token).status_code == 401, "it opens nothing"))

    assert time.monotonic() - began < 3  # a second, and a busy machine's


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", f"{PAGES}:8443"])
def test_a_public_key_is_worth_nothing_elsewhere(guarded: Guarded, origin: str | None) -> None:
    headers = {"authorization": f"Bearer {guarded.keys['public']}"}
    headers |= {} if origin is None else {"origin": origin}

    answer = httpx.post(f"{guarded.url}/events", json=CLICK, headers=headers)

    assert answer.status_code == 403


VISITOR = {"user_id": "anonymous:guessed"}


@pytest.mark.parametrize(
    ("path", "body", "is_refused"),
    [
        ("/recommend", VISITOR, False),
        ("/recommend", VISITOR | {"exclude_seen": True}, False),  # as `home` has it
        ("/recommend", VISITOR | {"exclude_seen": False}, True),
        ("/recommend", VISITOR | {"surface": "email"}, True),
        ("/recommend", VISITOR | {"rotation": 1}, True),
        ("/recommend/stream", VISITOR | {"exclude_seen": False}, True),
        ("/recommend/page", VISITOR | {"rows": [{}, {"exclude_seen": False}]}, True),
    ],
    ids=str,
)
def test_a_page_does_not_choose_whether_what_a_visitor_has_seen_or_was_given_is_left_out(
    guarded: Guarded,
    path: str,
    body: dict[str, object],
    is_refused: bool,  # noqa: FBT001 - a case
) -> None:
    def answer(token: str, **headers: str) -> httpx.Response:
        headers |= {"authorization": f"Bearer {token}"}
        return httpx.post(guarded.url + path, json=body, headers=headers, timeout=20)

    shown = answer(guarded.keys["public"], origin=PAGES)
    own = answer(guarded.keys[Scope.RECOMMEND])

    assert own.status_code == 503  # there is no model yet
    assert shown.status_code == (403 if is_refused else 503), shown.text


def test_a_packed_body_is_not_unpacked(guarded: Guarded) -> None:
    headers = {
        "authorization": f"Bearer {guarded.keys[Scope.EVENTS_WRITE]}",
        "content-type": "application/json",
        "content-encoding": "gzip",
    }
    bomb = gzip.compress(b" " * 50_000_000)

    answer = httpx.post(f"{guarded.url}/events", content=bomb, headers=headers, timeout=20)

    assert answer.status_code in {415, 422}


def test_a_large_body_is_refused_before_it_is_read(guarded: Guarded) -> None:
    sent = (
        "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {guarded.keys[Scope.EVENTS_WRITE]}\r\n"
        "Content-Length: 10000000\r\n\r\n"
    )

    with socket.create_connection(("127.0.0.1", guarded.port), timeout=20) as connection:
        connection.sendall(sent.encode())
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 413")


def test_when_redis_is_emptied_nobody_comes_in(guarded: Guarded) -> None:
    store = Redis.from_url(guarded.redis)
    token = guarded.keys[Scope.PROFILES_READ]
    store.rename("keys", "elsewhere")
    asyncio.run(until(lambda: ask(guarded, READS, token).status_code == 401, "keys are gone"))
    store.rename("elsewhere", "keys")
    asyncio.run(until(lambda: ask(guarded, READS, token).status_code != 401, "keys are back"))
    store.close()


def test_nothing_that_opens_and_nobody_is_in_log_audit_or_metrics(guarded: Guarded) -> None:
    ask(guarded, READS, guarded.keys[Scope.PRIVACY_ADMIN], "DELETE")
    lines = ask(guarded, "/audit?most=1000", guarded.keys[Scope.KEYS_ADMIN])
    metrics = ask(guarded, "/metrics", guarded.keys[Scope.RECOMMEND])
    left = guarded.log.read_text() + lines.text + metrics.text

    assert lines.status_code == metrics.status_code == 200
    assert "DELETE /profile/{user_id}" in lines.text
    assert "portrait_access_total" in metrics.text
    for token in guarded.keys.values():
        assert token.split("_", 2)[2] not in left
    assert not re.search(r"anna\.private", left)
