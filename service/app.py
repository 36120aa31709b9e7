"""The app: routers, middleware and problems put together. Importing it has no effect."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from portrait.access.scope import Scope
from portrait.events.event import Event
from service import events, identities, impressions, items, operations
from service.access import routes as access
from service.access.guard import Guard
from service.access.rules import OPEN, rule_of
from service.audiences import routes as audiences
from service.audiences import statistics
from service.dependencies import State
from service.documents import routes_of
from service.experiments import routes as experiments
from service.http.border import Border
from service.http.middleware import BodyLimit, BodyLimits, RequestLog
from service.http.problems import Problem, install_problems
from service.live import Live
from service.models import routes as models
from service.opinions import routes as opinions
from service.parts import Parts
from service.privacy import consents, erasures, exports
from service.profiles import routes as profiles
from service.profiles import stream as profile_stream
from service.recommendations import beside, groups
from service.recommendations import routes as recommendations
from service.recommendations import stream as list_stream
from service.recommendations.turns import Turns
from service.rules import routes as rules
from service.seats import Seats
from service.segments import routes as segments
from service.shortcut import Shortcut
from service.standing import OfOne
from service.why import routes as why

VERSION = "0.1.0"
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of `portrait keys create`, or a token of the shop's identity provider.",
}
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Any]]
DESCRIPTION = "Live e-commerce user profiles, and recommendations that stand on them."


def create_app(
    parts: Parts,
    *,
    body_limits: BodyLimits | None = None,
    border: Border | None = None,
    guard: Guard | None = None,
    seats: Seats | None = None,
) -> FastAPI:
    """Put the app together. Nothing is opened or sent before its lifespan begins.

    Args:
        parts: What it stands on.
        body_limits: Of what is sent.
        border: Who may come in at all.
        guard: Who of those may do what; None: everybody everything.
        seats: How many may hold requests open.
    """
    border, limits = border or Border(), body_limits or BodyLimits()
    lifespan = _lifespan(parts, border, guard, seats or Seats())
    shortcut = partial(Shortcut, border=border, guard=guard, most_bytes=limits.most_bytes)
    return app_of(lifespan, shortcut, limits, border, guard)


def app_of(
    lifespan: Lifespan,
    shortcut: Callable[[ASGIApp], ASGIApp],
    body_limits: BodyLimits,
    border: Border,
    guard: Guard | None,
) -> FastAPI:
    """Put the app together, over whatever its lifespan yields."""
    resources = (
        *(consents, exports, erasures, beside),  # before profiles and items: longer paths
        *(profile_stream, list_stream, why),
        *(profiles, recommendations, groups, rules, events, identities, items, opinions),
        *(audiences, segments, statistics, impressions, experiments),
        *(models, access, operations),
    )
    return assemble(
        PortraitApp(
            title="Portrait",
            description=DESCRIPTION,
            lifespan=lifespan,
            shortcut=shortcut,
            border=border,
            is_asked=guard is not None,
        ),
        [route for resource in resources for route in resource.router.routes],
        body_limits,
        border,
        guard,
    )


def assemble(
    app: "PortraitApp",
    routes: Iterable[BaseRoute],
    body_limits: BodyLimits,
    border: Border,
    guard: Guard | None,
) -> FastAPI:
    """Give an app its routes, and what every request passes on its way to them."""
    app.router.routes += routes  # including routers would compile their paths anew
    app.router.routes += routes_of(app)
    app.router.routes.insert(0, Route(str(app.openapi_url), app.document, include_in_schema=False))
    app.add_middleware(BodyLimit, limits=body_limits, leaving=border.leaving)
    if border.origins or guard is not None:
        app.add_middleware(
            Pages,
            allow_origins=[*border.origins],
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "authorization",
                "content-type",
                "if-match",
                "if-none-match",
                "last-event-id",
                "x-request-id",
            ],
            expose_headers=["etag"],
            guard=guard,
        )
    install_problems(app)
    return app


class Pages(CORSMiddleware):
    """Lets pages read answers: those that an operator named, and those that have a public key."""

    def __init__(self, app: ASGIApp, /, *, guard: Guard | None, **kwargs: Any) -> None:  # noqa: ANN401 - Starlette's
        super().__init__(app, **kwargs)
        self._guard = guard

    def is_allowed_origin(self, origin: str) -> bool:
        """Say whether pages of an origin may."""
        has_key = self._guard is not None and self._guard.is_page(origin)
        return has_key or super().is_allowed_origin(origin)


class PortraitApp(FastAPI):
    """FastAPI, with the schemas that routes name but do not return, and perhaps a shortcut."""

    _written = b""

    def __init__(  # noqa: PLR0913 - what an app is
        self,
        *,
        title: str,
        description: str,
        lifespan: Lifespan,
        border: Border,
        is_asked: bool,
        shortcut: Callable[[ASGIApp], ASGIApp] | None = None,
    ) -> None:
        super().__init__(
            title=title,
            version=VERSION,
            description=description,
            lifespan=lifespan,
            redirect_slashes=False,
            docs_url=None,  # FastAPI's own pages load scripts from other hosts
            redoc_url=None,
        )
        self._border = border
        self._shortcut = shortcut
        self._is_asked = is_asked  # for a key

    def build_middleware_stack(self) -> ASGIApp:
        """Put what every request passes before what FastAPI adds to it."""
        usual = super().build_middleware_stack()
        shortened = usual if self._shortcut is None else self._shortcut(usual)
        named = RequestLog(shortened, self._border.leaving)
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
            _write_access(document, is_asked=self._is_asked)
            self.openapi_schema = document
        return self.openapi_schema

    async def document(self, _request: Request) -> Response:
        """Answer with it; it is written once, for to write it takes 10 ms of the loop."""
        if not self._written:
            self._written = to_json(self.openapi())
        return Response(self._written, media_type="application/json")


def _write_access(document: dict[str, Any], *, is_asked: bool) -> None:
    """Say in an OpenAPI document what each operation asks for; if nobody asks, nothing."""
    document["components"]["securitySchemes"] = {"bearer": BEARER} if is_asked else {}
    for path, operations_of in document["paths"].items():
        for method, operation in operations_of.items():
            rule = rule_of(method.upper(), path)
            if rule == OPEN:
                for status in ("401", "403", "429"):
                    del operation["responses"][status]
            elif is_asked:
                operation["security"] = [{"bearer": [str(rule)] if rule in set(Scope) else []}]


def _lifespan(
    parts: Parts, border: Border, guard: Guard | None, seats: Seats
) -> Callable[[FastAPI], AbstractAsyncContextManager[State]]:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[State]:
        live = Live(parts)
        guarding = nullcontext() if guard is None else guard.running()
        with Turns() as turns:
            async with guarding, live.running():
                yield {
                    "parts": parts,
                    "live": live,
                    "border": border,
                    "turns": turns,
                    "guard": guard,
                    "standing": OfOne(parts, live),
                    "seats": seats,
                    "shop": parts.shop,
                }

    return lifespan
