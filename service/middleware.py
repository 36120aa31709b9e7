"""What every request passes: a name, a limit to its body, one log line, its metrics."""

import re
from random import getrandbits
from time import perf_counter

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portrait import metrics

REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
TOO_LARGE = 413
FAILED = 500

log = structlog.get_logger()


class RequestLog:
    """Names each request, and says in one line and three metrics how it was answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and record it when it is over."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = FAILED  # unless it is answered

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if not any(name == b"x-request-id" for name, _ in message["headers"]):
                    message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        try:
            await self.app(scope, receive, send_named)
        finally:
            _record(scope, status, perf_counter() - started, request_id)


class BodyLimit:
    """Refuses a body larger than `most` bytes, by what it says of itself or as it comes in."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app = app
        self.most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with a body that ends in an error where it is too large."""
        if scope["type"] != "http" or scope["method"] == "GET":  # whose body nobody reads
            await self.app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        announced = int(length) if length.isdecimal() else 0
        read = 0

        async def receive_limited() -> Message:
            nonlocal read
            if announced <= self.most:
                message = await receive()
                read += len(message.get("body", b""))
                if read <= self.most:
                    return message
            detail = f"The body is larger than {self.most} bytes."
            raise HTTPException(TOO_LARGE, detail, {"Connection": "close"})

        await self.app(scope, receive_limited, send)


def _request_id(scope: Scope) -> str:
    """Return what the client calls the request, if that is fit for a log; else a new name."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given: str = value.decode("latin-1")
            if REQUEST_ID.fullmatch(given):
                return given
    return f"{getrandbits(128):032x}"  # names, not secrets


def _record(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    """Name the route by its template: a path holds a user's id."""
    route = getattr(scope.get("route"), "path_format", "unknown")
    metrics.requests.labels(route, scope["method"], status).inc()
    metrics.request_seconds.labels(route).observe(seconds)
    log.info(
        "request_answered",
        route=route,
        status=status,
        seconds=round(seconds, 5),
        request_id=request_id,
    )
