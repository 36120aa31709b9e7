"""The installation: two shops on one Kafka and one Redis, workers of each, one service for both.

It is asked as an operator asks it, by `portrait …`, and as a shop does, over HTTP with its keys.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from joserfc.jwk import OKPKey

from demo.secure.shops import SHOPS, Shop
from demo.stage import Stage, step
from portrait.access.scope import FOR_BROWSERS, Scope
from sandbox.issuer import AUDIENCE, Issuer, start_issuer
from sandbox.ports import free_port
from sandbox.processes import ROOT, fail_if_missed, python
from sandbox.servers import start_servers

PATIENCE = 180.0  # seconds, for whatever a busy machine takes long to do
POLL_SECONDS = 0.05
WORKERS = ("index", "update", "archive")
OFFICER, PAGES = "officer", "pages"  # kinds of keys
AGAIN = {httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE}  # says nothing yet


@dataclass
class Installation:
    """Servers that run, and keys of both shops. Lives as long as its stack."""

    stage: Stage
    issuer: Issuer
    receipts: Path  # the key that signs them
    http: httpx.Client
    health: int  # port of the service's own series
    keys: dict[tuple[str, str], str] = field(default_factory=dict)  # by shop and kind

    def portrait(self, *arguments: str) -> str:
        """Run a command of ours, and show it. Returns what it prints.

        Raises:
            SystemExit: It failed.
        """
        print(f"    $ portrait {' '.join(arguments)}")
        done = self.tried(*arguments)
        if done.returncode:
            msg = f"`portrait {' '.join(arguments)}` failed: {done.stderr}"
            raise SystemExit(msg)
        return done.stdout.strip()

    def tried(self, *arguments: str, shop: Shop | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of ours, for a shop or for all; it may fail."""
        of_shop = {} if shop is None else {"PORTRAIT_SHOP": shop.name}
        return subprocess.run(  # noqa: S603 - our own
            python("portrait", *arguments),
            env={
                **os.environ,
                **self.stage.servers.environment,
                **self.stage.settings,
                **of_shop,
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request; one that is told to come again does so, for a while."""
        ends = time.monotonic() + PATIENCE
        while True:
            answer = self.http.request(method, path, json=body, headers=headers)
            if answer.status_code not in AGAIN or time.monotonic() > ends:
                return answer
            time.sleep(POLL_SECONDS)

    def of_shop(
        self, shop: Shop, method: str, path: str, body: object = None, kind: str = OFFICER
    ) -> httpx.Response:
        """Send a request with a key of a shop, a public one from its pages."""
        headers = shown(self.keys[shop.name, kind])
        headers |= {"origin": shop.pages} if kind == PAGES else {}
        return self.ask(method, path, body, headers)

    def is_read(self, shop: Shop, path: str) -> bool:
        """Say whether a shop's own key reads something."""
        try:
            answer = self.http.get(path, headers=shown(self.keys[shop.name, OFFICER]))
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    def metrics(self) -> str:
        """Return the series of the service, as monitoring reads them."""
        return self.http.get(f"http://127.0.0.1:{self.health}/metrics").raise_for_status().text


def shown(token: str) -> dict[str, str]:
    """Return the header by which a key or a token is shown."""
    return {"authorization": f"Bearer {token}"}


def wait(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds.

    Raises:
        SystemExit: It does not, for a long time.
        EndedError: A process has ended meanwhile.
    """
    ends = time.monotonic() + PATIENCE
    while not holds():
        fail_if_missed()
        if time.monotonic() > ends:
            msg = f"Still not so: {what}. The logs are in build/demo."
            raise SystemExit(msg)
        time.sleep(POLL_SECONDS)


def open_installation(stack: ExitStack, logs: Path) -> Installation:
    """Start the servers: a broker, a Redis and an identity provider. Nothing of ours runs yet."""
    with step("Starting a Kafka broker, a Redis and an identity provider"):
        servers = stack.enter_context(start_servers(logs))
        issuer = stack.enter_context(start_issuer(logs))
    receipts = logs / "receipts.pem"
    receipts.touch(mode=0o600)
    receipts.write_bytes(OKPKey.generate_key("Ed25519").as_pem(private=True))
    url = f"http://127.0.0.1:{free_port()}"
    settings = {
        "PORTRAIT_ARCHIVE_URL": str(logs / "archive"),
        "PORTRAIT_ARCHIVE_WAIT": "PT1S",
        "PORTRAIT_ARCHIVE_TIDY": "PT1S",
        "PORTRAIT_RECEIPT_KEY_FILE": str(receipts),
    }
    http = stack.enter_context(httpx.Client(base_url=url, timeout=PATIENCE))
    return Installation(Stage(stack, servers, url, settings), issuer, receipts, http, free_port())


def make_shops(it: Installation) -> None:
    """Make the shops and two keys of each: one that may do anything, and one for its pages."""
    for shop in SHOPS:
        it.portrait("shops", "create", shop.name)
    for shop in SHOPS:
        own = ("--shop", shop.name)
        it.keys[shop.name, OFFICER] = it.portrait("keys", "create", OFFICER, *_scopes(Scope), *own)
        it.keys[shop.name, PAGES] = it.portrait(
            *("keys", "create", PAGES, *_scopes(sorted(FOR_BROWSERS)), "--origin", shop.pages),
            *own,
        )


def start_work(stack: ExitStack, it: Installation) -> None:
    """Start the workers of each shop, the reader of opinions of one, and a service for both."""
    working = Stage(stack, it.stage.servers, it.stage.url, it.stage.settings)
    for shop in SHOPS:
        for name in (*WORKERS, *(["opinions"] if shop is SHOPS[0] else [])):
            command = python("workers", name)
            working.start(f"{shop.name}-{name}", command, PORTRAIT_SHOP=shop.name)
    working.start(
        "service",
        python("service"),
        PORTRAIT_HEALTH_PORT=str(it.health),
        PORTRAIT_ACCESS="keys",
        PORTRAIT_SHOPS='["*"]',
        PORTRAIT_OIDC_ISSUER=it.issuer.url,
        PORTRAIT_OIDC_AUDIENCE=AUDIENCE,
        PORTRAIT_OIDC_SHOP_CLAIM="shop",
    )


def _scopes(scopes: Iterable[Scope]) -> list[str]:
    return [part for scope in scopes for part in ("--scope", str(scope))]
