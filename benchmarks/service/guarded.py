"""The same service with all that guards it: one shop of several, keys, limits of both, consent."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import Request, urlopen

from benchmarks.service.shop import Shop, fill
from portrait.adapters.redis_store import connect_redis
from sandbox.ports import free_port
from sandbox.processes import ROOT, python, running
from sandbox.servers import Servers

RATE = "1000000"  # tokens a second: counted like any other, and never enough to be refused
SCOPE = ("--scope", "profiles:read")
HOST = "Host: localhost\r\n"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A service that asks for a key, and one that is good."""

    port: int
    token: str
    process: int  # id

    def shown(self, requests: Sequence[str]) -> list[str]:
        """Show the key with each request."""
        line = f"{HOST}Authorization: Bearer {self.token}\r\n"
        return [request.replace(HOST, line, 1) for request in requests]


@contextmanager
def guarding(servers: Servers, shop: Shop, patience: float) -> Iterator[Guarded]:
    """Run such a service for a shop of its own, of the same content, until the block ends.

    Raises:
        TimeoutError: It was not ready in time.
    """
    port = free_port()
    settings = servers.environment | {
        "PORTRAIT_ACCESS": "keys",
        "PORTRAIT_KEY_RATE": RATE,
        "PORTRAIT_SHOPS": '["*"]',
        "PORTRAIT_PORT": str(port),
    }
    name = f"bench-{port}"
    _portrait(settings, "shops", "create", name, "--requests", RATE, "--events", RATE)
    asyncio.run(_fill(servers.redis, name, shop))
    token = _portrait(settings, "keys", "create", "bench", *SCOPE, "--shop", name)
    with running(python("service"), servers.directory / "guarded.log", settings) as process:
        guarded = Guarded(port, token, process.pid)
        _wait(guarded, time.monotonic() + patience)
        yield guarded


def _portrait(settings: dict[str, str], *arguments: str) -> str:
    """Run a command as an operator would. Returns what it prints."""
    done = subprocess.run(  # noqa: S603 - our own command line
        python("portrait", *arguments),
        env={**os.environ, **settings},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


async def _fill(url: str, name: str, shop: Shop) -> None:
    redis = await connect_redis(url, name)
    await fill(redis, shop)
    await redis.aclose()


def _wait(guarded: Guarded, until: float) -> None:
    asked = Request(
        f"http://127.0.0.1:{guarded.port}/profile/user-0",
        headers={"Authorization": f"Bearer {guarded.token}"},
    )
    while time.monotonic() < until:
        try:
            with urlopen(asked, timeout=5):  # noqa: S310 - likewise
                return
        except (URLError, TimeoutError):  # not listening yet, or busy with its catalogue
            time.sleep(0.2)
    msg = "the service with keys is not ready"
    raise TimeoutError(msg)
