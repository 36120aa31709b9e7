"""The app of the help desk: its routes behind the service's own doors. Importing has no effect."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from fastapi import FastAPI

from assist import routes
from assist.answer import Stand
from assist.live_desk import LiveDesk
from service import operations
from service.access.guard import Guard
from service.app import PortraitApp, assemble
from service.http.border import Border
from service.http.middleware import BodyLimits
from service.live import Live
from service.parts import Parts
from service.recommendations.turns import Turns
from service.standing import OfOne

DESCRIPTION = (
    "Customers' messages: what they mean, which reply fits, which help text answers them, and who "
    "writes; and labels, from which it learns."
)
SHARED = {"/livez", "/metrics"}  # routes of the service that are the same here


def create_assist_app(
    parts: Parts,
    desk: LiveDesk,
    *,
    body_limits: BodyLimits | None = None,
    border: Border | None = None,
    guard: Guard | None = None,
) -> FastAPI:
    """Put the app together. Nothing is opened or sent before its lifespan begins."""
    border = border or Border()
    app = PortraitApp(
        title="Portrait: help desk",
        description=DESCRIPTION,
        lifespan=_lifespan(parts, desk, border, guard),
        border=border,
        is_asked=guard is not None,
    )
    shared = [route for route in operations.router.routes if getattr(route, "path", None) in SHARED]
    return assemble(
        app, [*routes.router.routes, *shared], body_limits or BodyLimits(), border, guard
    )


def _lifespan(
    parts: Parts, desk: LiveDesk, border: Border, guard: Guard | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        live = Live(parts)
        guarding = nullcontext() if guard is None else guard.running()
        with Turns() as rankings, Turns() as readings:
            async with guarding, live.running(), desk.running():
                yield {
                    "parts": parts,
                    "live": live,
                    "border": border,
                    "turns": rankings,
                    "guard": guard,
                    "standing": OfOne(parts, live),
                    "shop": parts.shop,
                    "stand": Stand(parts, live, desk, rankings, readings),
                }

    return lifespan
