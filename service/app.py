"""The app: routers, middleware and problems put together. Importing it has no effect."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from portrait.events.event import Event
from service import events, items, operations
from service.dependencies import State
from service.http.border import Border
from service.http.middleware import BodyLimit, BodyLimits, RequestLog
from service.http.problems import Problem, install_problems
from service.live import Live, Parts
from service.models import routes as models
from service.profiles import routes as profiles
from service.recommendations import routes as recommendations
from service.recommendations.turns import Turns
from service.shortcut import Shortcut

VERSION = "0.1.0"
DESCRIPTION = "Live e-commerce user profiles, and recommendations that stand on them."


def create_app(
    parts: Parts, *, body_limits: BodyLimits | None = None, border: Border | None = None
) -> FastAPI:
    """Put the app together. Nothing is opened or sent before its lifespan begins."""
    border = border or Border()
    app = PortraitApp(
        title="Portrait",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=_lifespan(parts, border),
        redirect_slashes=False,
        border=border,
        most_bytes=(body_limits or BodyLimits()).most_bytes,
    )
    for resource in (profiles, recommendations, events, items, models, operations):
        app.router.routes += resource.router.routes  # including them would compile their paths anew
    app.router.routes.insert(0, Route(str(app.openapi_url), app.document, include_in_schema=False))
    app.add_middleware(BodyLimit, limits=body_limits or BodyLimits(), leaving=border.leaving)
    if border.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=[*border.origins],
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["content-type", "x-request-id"],
        )
    install_problems(app)
    return app


class PortraitApp(FastAPI):
    """FastAPI, with the schemas that routes name but do not return, and with a shortcut."""

    _written = b""

    def __init__(self, *, border: Border, most_bytes: int, **kwargs: Any) -> None:  # noqa: ANN401 - FastAPI's
        super().__init__(**kwargs)
        self._border = border
        self._most_bytes = most_bytes

    def build_middleware_stack(self) -> ASGIApp:
        """Put what every request passes before what FastAPI adds to it."""
        usual = super().build_middleware_stack()
        shortcut = Shortcut(usual, self._border, self._most_bytes)
        named = RequestLog(shortcut, self._border.leaving)
        return ServerErrorMiddleware(named, self.exception_handlers[Exception])

    def openapi(self) -> dict[str, object]:
        """Return the OpenAPI document; it is made once."""
        if not self.openapi_schema:
            document = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                routes=self.routes,
            )
            _, named = models_json_schema(
                [(Problem, "serialization"), (Event, "validation")],
                ref_template="#/components/schemas/{model}",
            )
            document["components"]["schemas"] |= named["$defs"]
            self.openapi_schema = document
        return self.openapi_schema

    async def document(self, _request: Request) -> Response:
        """Answer with it; it is written once, for to write it takes 10 ms of the loop."""
        if not self._written:
            self._written = to_json(self.openapi())
        return Response(self._written, media_type="application/json")


def _lifespan(
    parts: Parts, border: Border
) -> Callable[[FastAPI], AbstractAsyncContextManager[State]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        live = Live(parts)
        with Turns() as turns:
            async with live.running():
                yield {"parts": parts, "live": live, "border": border, "turns": turns}

    return lifespan
