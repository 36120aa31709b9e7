"""The shortcut: the requests that are sent most go past the framework, which takes half their time.

`GET /profile/{user}`, or `POST /recommend` with a small body that is there and right
                             ─▶ its function ─▶ answer, or a problem as any other
whatever is unusual about it ─▶ the usual way

The usual way alone is what documentation is made of, and refuses what is not to be answered.
"""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import NamedTuple

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from portrait.access.scope import Scope
from portrait.errors import PortraitError
from portrait.reading.records import LONGEST_KEY
from service.access.guard import Guard
from service.access.limits import COSTS
from service.http.bodies import INLINE_BYTES, parse
from service.http.border import REPLACEMENT, Border, is_known_host
from service.http.etags import is_named
from service.http.problems import answer_ours
from service.privacy.of_profile import is_of_profile
from service.profiles import routes as profiles
from service.profiles.routes import NOTHING_ASKED, ProfileRead, get_profile, read_profile
from service.recommendations import routes as recommendations
from service.recommendations.remembered import recommend
from service.recommendations.routes import post_recommend
from service.recommendations.schemas import ListRequest

PREFIX = "/profile/"
RECOMMEND = "/recommend"
RECOMMEND_COST = COSTS["POST", RECOMMEND]
JSON = (b"content-type", b"application/json")
CACHING = (b"cache-control", profiles.CACHING.encode())
LENGTH = b"content-length"
KNOWN = b"if-none-match"
ACCEPTED, ORIGIN = b"accept-language", b"origin"
FROM_PAGES = {ORIGIN, b"sec-fetch-site"}


class Answer(NamedTuple):
    """What is sent."""

    body: bytes
    headers: list[tuple[bytes, bytes]]
    status: int = 200


def _route_of(routes: list[BaseRoute], endpoint: object) -> APIRoute:
    return next(
        route for route in routes if isinstance(route, APIRoute) and route.endpoint is endpoint
    )


PROFILE_ROUTE = _route_of(profiles.router.routes, get_profile)
RECOMMEND_ROUTE = _route_of(recommendations.router.routes, post_recommend)


class Shortcut:
    """Answers them, and passes on everything else."""

    def __init__(self, app: ASGIApp, border: Border, guard: Guard | None, most_bytes: int) -> None:
        self.app = app
        self.border = border
        self.guard = guard
        self._most_bytes = min(most_bytes, INLINE_BYTES)  # of a body

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http":
            state = scope["state"]
            if self._is_profile(scope):
                user_id = scope["path"][len(PREFIX) :]
                reading = read_profile(user_id, NOTHING_ASKED, state["parts"], state["live"])
                answering = _named(reading, scope)
                await _answer(answering, PROFILE_ROUTE, scope, receive, send)
                return
            if self._is_recommendation(scope):
                message = await receive()
                asked = _read(message, scope)
                if asked is not None:
                    listing = recommend(asked, state["parts"], state["live"], state["turns"])
                    await _answer(_plain(listing), RECOMMEND_ROUTE, scope, receive, send)
                    return
                receive = _again(message, receive)
        await self.app(scope, receive, send)

    def _is_profile(self, scope: AsgiScope) -> bool:
        """Say whether a request asks for a profile and nothing needs to be said to it."""
        path: str = scope["path"]
        return (
            path.startswith(PREFIX)
            and scope["method"] == "GET"
            and not scope["query_string"]
            and 0 < len(path) - len(PREFIX) <= LONGEST_KEY
            and REPLACEMENT not in path
            and not is_of_profile(scope)
            and is_known_host(scope, self.border)
            and not (self._knows_pages and _is_from_page(scope))
            and self._lets_in(scope, Scope.PROFILES_READ)
        )

    @property
    def _knows_pages(self) -> bool:
        return self.guard is not None or bool(self.border.origins)

    def _lets_in(self, scope: AsgiScope, needed: Scope, cost: int = 1) -> bool:
        return self.guard is None or self.guard.lets_in(scope, needed, cost)

    def _is_recommendation(self, scope: AsgiScope) -> bool:
        """Say whether a request asks for recommendations and all of it has come, in JSON."""
        if scope["path"] != RECOMMEND or scope["method"] != "POST" or scope["query_string"]:
            return False
        cycle = scope["state"].get("cycle")
        if cycle is None or cycle.more_body or not 0 < len(cycle.body) <= self._most_bytes:
            return False
        headers = dict(scope["headers"])
        return (
            len(headers) == len(scope["headers"])  # none of them twice
            and headers.get(JSON[0]) == JSON[1]
            and not headers.keys() & FROM_PAGES
            and is_known_host(scope, self.border)
            and self._lets_in(scope, Scope.RECOMMEND, RECOMMEND_COST)
        )


def _is_from_page(scope: AsgiScope) -> bool:
    """Say whether a page of another origin may want to read the answer: it needs more headers."""
    return ORIGIN in [name for name, _ in scope["headers"]]


def _read(message: Message, scope: AsgiScope) -> ListRequest | None:
    """Read a body; what is wrong with one, the usual way says."""
    try:
        asked = parse(message.get("body", b""), ListRequest)
    except RequestValidationError:
        return None
    if asked.min_position is not None:  # what is waited for is waited for there
        return None
    return asked.spoken(dict(scope["headers"]).get(ACCEPTED, b"").decode("latin-1"))


def _again(message: Message, receive: Receive) -> Receive:
    """Receive a message again, then what comes after it."""
    messages = [message]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


async def _named(reading: Awaitable[ProfileRead], scope: AsgiScope) -> Answer:
    """Answer with a profile, or say that the client has it."""
    read = await reading
    named = (b"etag", read.etag.encode())
    known = [value for name, value in scope["headers"] if name == KNOWN]
    if known and is_named(b",".join(known).decode("latin-1"), read.etag):
        return Answer(b"", [named, CACHING], HTTPStatus.NOT_MODIFIED)
    body = read.body
    return Answer(body, [named, CACHING, (LENGTH, b"%d" % len(body)), JSON])


async def _plain(listing: Awaitable[bytes]) -> Answer:
    body = await listing
    return Answer(body, [(LENGTH, b"%d" % len(body)), JSON])


async def _answer(
    answering: Awaitable[Answer], route: APIRoute, scope: AsgiScope, receive: Receive, send: Send
) -> None:
    """Send an answer, or the problem that is there instead."""
    scope["route"] = route
    try:
        body, headers, status = await answering
    except PortraitError as error:
        problem = await answer_ours(Request(scope), error)
        await problem(scope, receive, send)
        return
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
