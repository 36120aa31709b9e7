"""The app of a shop on fakes, behind real sockets: what a client sees of a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from service.access.guard import Guard
from service.app import create_app
from service.http.border import Border
from service.http.connection import Limits
from service.http.middleware import BodyLimits
from service.http.server import DrainingServer, server_of
from service.operations import FRESH
from service.seats import Seats
from tests.support.shop import Shop

SHORT = timedelta(milliseconds=300)
PATIENCE = 10.0  # seconds, on a busy machine


@dataclass(frozen=True)
class Rules:
    """What a server allows, all times short."""

    limits: Limits = field(default_factory=lambda: Limits(header_time=SHORT, write_time=SHORT))
    bodies: BodyLimits = field(
        default_factory=lambda: BodyLimits(longest_pause=SHORT, longest=3 * SHORT)
    )
    keep_alive: timedelta = timedelta(seconds=60)
    drain: timedelta = timedelta(0)


@dataclass(frozen=True)
class Serving:
    """A server that listens."""

    server: DrainingServer
    port: int
    border: Border
    task: asyncio.Task[None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        return len(self.server.server_state.connections)

    async def open(self, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**16)
        writer.write(sent)
        return reader, writer

    async def exchange(self, sent: bytes) -> bytes:
        """Send bytes, and read until the server closes."""
        reader, writer = await self.open(sent)
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.close()
        return answer

    async def until_connections(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.connections != count:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.01)

    async def metric(self, of: str) -> float:
        """Return a series' value, once it can be of now; 0 where there is none."""
        await asyncio.sleep(FRESH)
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"{self.url}/metrics")).text
        found = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith(of)]
        return float(found[0]) if found else 0.0


@asynccontextmanager
async def serving(
    shop: Shop,
    rules: Rules | None = None,
    *,
    guard: Guard | None = None,
    seats: Seats | None = None,
) -> AsyncIterator[Serving]:
    """Serve on a free port; stop at the end."""
    rules, border = rules or Rules(), Border()
    app = create_app(shop.parts, body_limits=rules.bodies, border=border, guard=guard, seats=seats)
    server = server_of(
        app,
        host="127.0.0.1",
        port=0,
        limits=rules.limits,
        keep_alive=rules.keep_alive,
        leaving=border.leaving,
        drain=rules.drain,
    )
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(PATIENCE):
        while not server.started:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Serving(server, port, border, task)
    finally:
        server.should_exit = True
        await task
