"""The server: uvicorn, that leaves without cutting anybody off.

told to stop ─▶ /readyz says so, answers close their connections ─▶ drain ─▶ nobody new is let in
             ─▶ who is at the door is taken, and answered ─▶ what is idle is closed

uvicorn alone closes what is idle at once: a request on its way there is reset. Who came last has
not asked yet, and on a busy machine takes a while to.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from socket import socket
from ssl import SSLContext
from time import monotonic

import uvicorn
from starlette.types import ASGIApp

from portrait.listening import ListeningServer
from service.http.connection import Limits, bounded, has_asked
from service.http.door import is_anybody_waiting, let_nobody_in
from service.http.leaving import Leaving

TICK = timedelta(milliseconds=50)  # between two looks at whether it must be at once
AT_THE_DOOR = timedelta(milliseconds=100)  # for handshakes that have begun
LONGEST_AT_THE_DOOR = timedelta(seconds=5)  # to take them
LAST_WORDS = timedelta(seconds=1)  # of everybody, after the door was closed
FIRST_WORDS = timedelta(seconds=5)  # then of who has not asked yet
SECURITY_HEADERS = [  # of every answer
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
]
GRACE_SECONDS = 10  # for requests in flight at the end
LONGEST = (  # from the end of the drain
    AT_THE_DOOR + LONGEST_AT_THE_DOOR + LAST_WORDS + FIRST_WORDS + timedelta(seconds=GRACE_SECONDS)
)


def _never() -> bool:
    return False


class DrainingServer(ListeningServer):
    """A server that says that it leaves, and then leaves."""

    def __init__(self, config: uvicorn.Config, leaving: Leaving, drain: timedelta) -> None:
        super().__init__(config)
        self._leaving = leaving
        self._drain = drain

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Leave. A second SIGINT makes it at once."""
        self._leaving.has_begun = True
        await self._wait(self._drain)
        listening = [each for server in self.servers for each in server.sockets]
        let_nobody_in(listening)
        await self._wait(AT_THE_DOOR)
        await self._wait(LONGEST_AT_THE_DOOR, lambda: not is_anybody_waiting(listening))
        for server in self.servers:
            server.close()
        there = self.server_state.connections
        await self._wait(LAST_WORDS, lambda: not there)
        await self._wait(FIRST_WORDS, lambda: all(map(has_asked, there)))
        await super().shutdown(sockets)

    async def _wait(self, longest: timedelta, is_over: Callable[[], bool] = _never) -> None:
        """Wait so long, or until it is over."""
        ends_at = monotonic() + longest.total_seconds()
        while not (self.force_exit or is_over()) and monotonic() < ends_at:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(TICK.total_seconds())


def server_of(  # noqa: PLR0913 - it is what a server is made of
    app: ASGIApp,
    *,
    host: str,
    port: int,
    limits: Limits,
    keep_alive: timedelta,
    leaving: Leaving,
    drain: timedelta,
    tls: SSLContext | None = None,
) -> DrainingServer:
    """Put a server together. Nothing is opened before it serves."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=bounded(limits),
        ws="none",  # an upgrade is no concern of ours
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody reads who the client is
        headers=SECURITY_HEADERS,
        timeout_keep_alive=int(keep_alive.total_seconds()),
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    return DrainingServer(config, leaving, drain)
