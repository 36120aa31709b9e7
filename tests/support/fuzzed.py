"""A service over a small shop, and whatever the contract of its API allows, sent to it.

    python -m tests.support.fuzzed [--seconds 300]

schemathesis reads `/openapi.json`, makes requests of it, right and wrong, follows what one answer
says to the next request, and holds every answer against it. Twice: with access control off, and
with a key of every scope.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.service.shop import fill, open_shop
from portrait.access.scope import Scope
from portrait.adapters.redis_store import connect_redis
from sandbox.ports import free_port
from sandbox.processes import ROOT, finish, python, running
from sandbox.servers import Servers, start_servers
from tests.support.patience import PATIENCE

ITEMS, USERS = 40, 20
SECONDS = 300.0
CONFIG = ROOT / "tests" / "security" / "schemathesis.toml"


@dataclass(frozen=True, slots=True)
class Target:
    """A service that answers."""

    url: str
    token: str | None  # of every scope; None: nobody asks for one
    log: Path


@contextmanager
def serving_shop(servers: Servers, *, with_keys: bool) -> Iterator[Target]:
    """Serve a small shop with a learned model, and wait until it is ready."""
    asyncio.run(_fill(servers.redis))
    port, log = free_port(), servers.directory / f"service-{with_keys}.log"
    settings = servers.environment | {
        "PORTRAIT_PORT": str(port),
        "PORTRAIT_ACCESS": "keys" if with_keys else "off",
        "PORTRAIT_KEY_RATE": "1000000",
    }
    finish(python("workers", "topics"), servers.directory / "topics.log", settings)
    token = _token(settings) if with_keys else None
    with running(python("service"), log, settings):
        target = Target(f"http://127.0.0.1:{port}", token, log)
        _wait(target)
        yield target


def fuzz(target: Target, *options: str) -> subprocess.CompletedProcess[str]:
    """Send what the contract allows, and what it forbids."""
    shown = [] if target.token is None else ["--header", f"Authorization: Bearer {target.token}"]
    return subprocess.run(  # noqa: S603 - our own command line
        [
            *python("schemathesis.cli"),
            *("--config-file", str(CONFIG)),
            *("run", f"{target.url}/openapi.json", *shown, *options),
        ],
        cwd=target.log.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> None:
    """Fuzz for a while; the exit code says whether something was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    seconds = parser.parse_args().seconds
    code = 0
    for with_keys in (False, True):
        with (
            tempfile.TemporaryDirectory() as folder,
            start_servers(Path(folder)) as servers,
            serving_shop(servers, with_keys=with_keys) as target,
        ):
            found = fuzz(target, "--max-time", str(round(seconds / 2)))
        sys.stdout.write(found.stdout + found.stderr)
        code = code or found.returncode
    sys.exit(code)


async def _fill(url: str) -> None:
    redis = await connect_redis(url)
    await fill(redis, open_shop(ITEMS, USERS, is_learned=True))
    await redis.aclose()


def _token(settings: dict[str, str]) -> str:
    scopes = [part for scope in Scope for part in ("--scope", scope.value)]
    made = subprocess.run(  # noqa: S603 - our own command line
        python("portrait", "keys", "create", "fuzz", *scopes),
        env=settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.strip()


def _wait(target: Target) -> None:
    """Wait until it knows its key and its model."""
    headers = {} if target.token is None else {"Authorization": f"Bearer {target.token}"}
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            if httpx.get(f"{target.url}/profile/user-0", headers=headers).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    msg = f"not ready after {PATIENCE} s"
    raise TimeoutError(msg)


if __name__ == "__main__":
    main()
