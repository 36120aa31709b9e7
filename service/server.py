"""The server: uvicorn, that leaves without cutting anybody off.

told to stop ─▶ /readyz says so, answers close their connections ─▶ drain
             ─▶ nobody new is let in, who has just come is answered ─▶ what is idle is closed

uvicorn alone closes what is idle at once: a request on its way there is reset.
"""

import asyncio
from datetime import timedelta
from socket import socket

import uvicorn
from starlette.types import ASGIApp

from service.connection import Limits, bounded
from service.leaving import Leaving

TICK = timedelta(milliseconds=50)  # between two looks at whether it must be at once
LAST_COMERS = timedelta(seconds=1)  # to be read and answered after the door was closed
GRACE_SECONDS = 10  # for requests in flight at the end


class DrainingServer(uvicorn.Server):
    """A server that says that it leaves, and then leaves."""

    def __init__(self, config: uvicorn.Config, leaving: Leaving, drain: timedelta) -> None:
        super().__init__(config)
        self._leaving = leaving
        self._drain = drain

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Leave. A second SIGINT makes it at once."""
        self._leaving.has_begun = True
        await self._wait(self._drain, until_empty=False)
        for server in self.servers:
            server.close()
        await self._wait(LAST_COMERS, until_empty=True)
        await super().shutdown(sockets)

    async def _wait(self, longest: timedelta, *, until_empty: bool) -> None:
        for _ in range(round(longest / TICK)):
            if self.force_exit or (until_empty and not self.server_state.connections):
                return
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
) -> DrainingServer:
    """Put a server together. Nothing is opened before it serves."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=bounded(limits),
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody reads who the client is
        headers=[("x-content-type-options", "nosniff")],
        timeout_keep_alive=int(keep_alive.total_seconds()),
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return DrainingServer(config, leaving, drain)
