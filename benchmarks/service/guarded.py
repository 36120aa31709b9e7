"""The same service with access control: keys are asked for, and each has a limit."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import Request, urlopen

from sandbox.ports import free_port
from sandbox.processes import ROOT, python, running
from sandbox.servers import Servers

RATE = "1000000"  # tokens a second: counted like any other, and never enough to be refused
HOST = "Host: localhost\r\n"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A service that asks for a key, and one that is good."""

    port: int
    token: str

    def shown(self, requests: Sequence[str]) -> list[str]:
        """Show the key with each request."""
        line = f"{HOST}Authorization: Bearer {self.token}\r\n"
        return [request.replace(HOST, line, 1) for request in requests]


@contextmanager
def guarding(servers: Servers, patience: float) -> Iterator[Guarded]:
    """Run such a service over the same Redis, until the block ends.

    Raises:
        TimeoutError: It was not ready in time.
    """
    settings = servers.environment | {"PORTRAIT_ACCESS": "keys", "PORTRAIT_KEY_RATE": RATE}
    made = subprocess.run(  # noqa: S603 - our own command line
        python("portrait", "keys", "create", "bench", "--scope", "profiles:read"),
        env=settings,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    guarded = Guarded(free_port(), made.stdout.strip())
    settings["PORTRAIT_PORT"] = str(guarded.port)
    with running(python("service"), servers.directory / "guarded.log", settings):
        _wait(guarded, time.monotonic() + patience)
        yield guarded


def _wait(guarded: Guarded, until: float) -> None:
    asked = Request(
        f"http://127.0.0.1:{guarded.port}/profile/user-0",
        headers={"Authorization": f"Bearer {guarded.token}"},
    )
    while time.monotonic() < until:
        try:
            with urlopen(asked, timeout=5):  # noqa: S310 - likewise
                return
        except URLError:
            time.sleep(0.2)
    msg = "the service with keys is not ready"
    raise TimeoutError(msg)
