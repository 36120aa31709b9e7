"""Health: /livez, /readyz and /metrics on a port of their own, beside the work of a process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from ssl import SSLContext

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from portrait import metrics
from portrait.addresses import is_loopback
from portrait.errors import PortraitError
from portrait.events.stream import Notes
from portrait.listening import ListeningServer

Check = Callable[[], Awaitable[None]]
GRACE_SECONDS = 1  # for a probe in hand: one that waits for what is down would keep a worker


def health_app(
    checks: Mapping[str, Check],
    notes: Notes | None = None,
    shop: str | None = None,
    hosts: Sequence[str] = (),
) -> Starlette:
    """Build the app; each check raises if what it is named for is down.

    Notes say what has befallen the log lately, ready or not. It answers to some names, or to any.
    """
    notes = notes or Notes()

    async def livez(_: Request) -> Response:
        return JSONResponse({"status": "alive"})  # that it answers at all says the loop moves

    async def readyz(_: Request) -> Response:
        down = [name for name, check in checks.items() if not await _passes(check)]
        status = 503 if down else 200
        answer = {"status": "down" if down else "ready", "down": down, "notes": notes.lately()}
        return JSONResponse(answer, status)

    async def series(_: Request) -> Response:
        return Response(metrics.written(shop), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", series)],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)] if hosts else [],
    )


def hosts_of_probes(bound: str) -> tuple[str, ...]:
    """Return the names that a server bound to an address answers to; none: to any.

    What listens on loopback alone is reached by any page in a browser of its machine whose name was
    made to point there.
    """
    return ("localhost", "127.0.0.1", "[::1]", bound) if is_loopback(bound) else ()


@asynccontextmanager
async def serve_health(  # noqa: PLR0913, PLR0917 - where, and what is told there
    host: str,
    port: int,
    checks: Mapping[str, Check],
    notes: Notes | None = None,
    tls: SSLContext | None = None,
    shop: str | None = None,
) -> AsyncIterator[None]:
    """Serve while the work goes on, over TLS if there is a context; port 0 serves nothing."""
    if not port:
        yield
        return
    config = uvicorn.Config(
        health_app(checks, notes, shop, hosts_of_probes(host)),
        host=host,
        port=port,
        lifespan="off",  # or what ends the work is logged there, words and all
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        try:
            yield
        finally:
            server.should_exit = True


class _Server(ListeningServer):
    """A server that leaves signals to the worker it stands beside."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Serve, whatever is sent: `should_exit` ends it."""
        yield


async def _passes(check: Check) -> bool:
    try:
        await check()
    except PortraitError:
        return False
    return True
