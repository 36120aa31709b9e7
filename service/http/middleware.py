"""What every request passes: a name, limits to its body, one log line, its metrics.

Bodies that are being read hold memory, all together no more than a bound. Where it is reached,
whoever has kept most bytes waiting for longest makes room: a body that comes in at once goes past
any number of those that drip.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from random import getrandbits
from time import perf_counter
from typing import NoReturn

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portrait import metrics
from service.http.leaving import Leaving

HELD = "held"  # in a request's state: seconds that it was held open on purpose
# As programs name requests: a UUID, an id of a trace or a span (W3C, AWS), a hash, a ULID. Anything
# else may say who somebody is, and it goes into logs.
REQUEST_ID = re.compile(
    r"(?=[0-9-]*[a-f])(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{16,64}"
    r"|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}|1-[0-9a-f]{8}-[0-9a-f]{24})"
    r"|[0-7][0-9A-HJKMNP-TV-Z]{25}",
    re.ASCII | re.IGNORECASE,
)
NO_STORE = (b"cache-control", b"no-store")
TOO_SLOW = 408
TOO_LARGE = 413
CLIENT_LEFT = 499  # in logs and metrics alone: nobody is there to be told
FAILED = 500
BUSY = 503
MOST_SERIES = 256

log = structlog.get_logger()


class RequestLog:
    """Names each request, and says in one line and three metrics how it was answered."""

    def __init__(self, app: ASGIApp, leaving: Leaving) -> None:
        self.app = app
        self.leaving = leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and record it when it is over."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        request_id = _request_id(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        cycle = state.get("cycle")
        status = FAILED  # unless it is answered

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                named = {name for name, _ in message["headers"]}
                if b"x-request-id" not in named:
                    message["headers"].append((b"x-request-id", request_id.encode()))
                if NO_STORE[0] not in named:  # what others may keep says so itself
                    message["headers"].append(NO_STORE)
                if self.leaving.has_begun:
                    message["headers"].append((b"connection", b"close"))
            if cycle is not None and cycle.disconnected:
                status = CLIENT_LEFT
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        except ClientDisconnect:  # nobody is there to be answered
            status = CLIENT_LEFT
        finally:
            seconds = perf_counter() - started - state.get(HELD, 0.0)
            _record(scope, status, seconds, request_id)


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may be, and how long it may take."""

    most_bytes: int = 1_048_576
    most_at_once: int = 64 * 1_048_576  # of all bodies that are being read
    longest_pause: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(seconds=30)


class BodyLimit:
    """Refuses a body that is too large or too slow, by what it says of itself or as it comes in."""

    def __init__(self, app: ASGIApp, limits: BodyLimits, leaving: Leaving) -> None:
        self.app = app
        self.limits = limits
        self.leaving = leaving
        self.held = 0  # bytes of bodies that are being read
        self.waiting: set[_Body] = set()  # for the next part of theirs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with a body that ends in an error where it is too large or slow."""
        if scope["type"] != "http" or scope["method"] == "GET":  # whose body nobody reads
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        body = _Body(self, receive, int(length) if length.isdecimal() else 0)
        try:
            await self.app(scope, body.receive, send)
        finally:
            self.held -= body.held

    def make_room(self) -> None:
        """End who costs most, until the bound is kept; nobody whose body is whole, or in hand."""
        if self.held <= self.limits.most_at_once:
            return
        now = asyncio.get_running_loop().time()
        costly = [body for body in self.waiting if body.held]
        for body in sorted(costly, key=lambda body: body.cost(now), reverse=True):
            body.give_way()
            if self.held <= self.limits.most_at_once:
                return


class _Body:
    """A body that is being read."""

    def __init__(self, limit: BodyLimit, receive: Receive, announced: int) -> None:
        self.held = 0  # bytes of it
        self._limit = limit
        self._receive = receive
        self._announced = announced
        self._since = 0.0  # when it was asked for first, by the loop's clock
        self._due: float | None = None  # likewise; until it is asked for, nobody waits
        self._patience: asyncio.Timeout | None = None  # with the part that is waited for
        self._is_whole = False
        self._has_given_way = False

    async def receive(self) -> Message:
        limits = self._limit.limits
        if self._is_whole:
            return await self._receive()  # waits for the client to leave, as long as it takes
        if self._announced > limits.most_bytes:
            self._refuse_size()
        message = await self._next()
        self._is_whole = not message.get("more_body", False)
        self.held += len(message.get("body", b""))
        self._limit.held += len(message.get("body", b""))
        if self.held > limits.most_bytes:
            self._refuse_size()
        self._limit.make_room()
        if self._limit.held > limits.most_at_once:
            detail = "Too many bodies are being read."
            raise HTTPException(BUSY, detail, {"Retry-After": "1", "Connection": "close"})
        return message

    def cost(self, now: float) -> float:
        """Return what it has cost so far: bytes, for the seconds that they may have been held."""
        return self.held * (now - self._since)

    def give_way(self) -> None:
        """End, for somebody else: what is held of it is let go."""
        self._limit.waiting.discard(self)
        self._limit.held -= self.held
        self.held, self._has_given_way = 0, True
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(asyncio.get_running_loop().time())

    async def _next(self) -> Message:
        """Wait for a part, but not longer than for a part or for the whole."""
        self._limit.waiting.add(self)
        try:
            async with asyncio.timeout_at(self._latest()) as self._patience:
                message = await self._receive()
        except TimeoutError:
            self._refuse_time()
        finally:
            self._limit.waiting.discard(self)
        if self._has_given_way:  # in the moment in which this part came
            self._refuse_time()
        return message

    def _refuse_time(self) -> NoReturn:
        others = ": others wait." if self._has_given_way else "."
        detail = f"The body took too long{others}"
        raise HTTPException(TOO_SLOW, detail, {"Connection": "close"}) from None

    def _latest(self) -> float:
        """Return until when the next part is waited for."""
        limits, now = self._limit.limits, asyncio.get_running_loop().time()
        if self._due is None:
            self._since, self._due = now, now + limits.longest.total_seconds()
        latest = now + limits.longest_pause.total_seconds()
        if self._limit.leaving.has_begun:
            self._due = min(self._due, latest)
        return min(self._due, latest)

    def _refuse_size(self) -> NoReturn:
        detail = f"The body is larger than {self._limit.limits.most_bytes} bytes."
        raise HTTPException(TOO_LARGE, detail, {"Connection": "close"})


def _request_id(scope: Scope) -> str:
    """Return what the client calls the request, if only programs call it so; else a new name."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if REQUEST_ID.fullmatch(given):
                return given
    return f"{getrandbits(128):032x}"  # names, not secrets


def _record(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    """Name the route by its template: a path holds a user's id."""
    route = getattr(scope.get("route"), "path_format", "unknown")
    _requests(route, scope["method"], status).inc()
    _seconds(route).observe(seconds)
    log.info(
        "request_answered",
        route=route,
        status=status,
        seconds=round(seconds, 5),
        request_id=request_id,
    )


# Series are looked up once: by their labels it takes as long as counting does.
_requests = lru_cache(MOST_SERIES)(metrics.requests.labels)
_seconds = lru_cache(MOST_SERIES)(metrics.request_seconds.labels)
