"""Listening: uvicorn's server, with an end to how long a handshake of TLS may take.

Before a handshake is over there is no connection that a limit could count; asyncio waits a minute
for each, and uvicorn hands nothing else on.
"""

import asyncio
from collections.abc import Callable
from socket import socket

import uvicorn

HANDSHAKE_SECONDS = 10.0  # as long as the headers of a request may take


class ListeningServer(uvicorn.Server):
    """A server that leaves who does not finish a handshake."""

    handshake_seconds = HANDSHAKE_SECONDS

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Begin, and listen where the settings say."""
        del sockets  # nobody hands any over
        await super().startup(sockets=[])
        if self.should_exit:  # what has to be there was not
            return
        self.started = False
        config = self.config
        listening = await asyncio.get_running_loop().create_server(
            self._protocol(),
            host=config.host,
            port=config.port,
            ssl=config.ssl,
            backlog=config.backlog,
            ssl_handshake_timeout=self.handshake_seconds if config.ssl else None,
        )
        self.servers = [listening]
        self.started = True

    def _protocol(self) -> Callable[[], asyncio.Protocol]:
        """Return what makes the protocol of a connection, as uvicorn makes it."""

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg] # as there
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        return protocol
