"""Connections: uvicorn's own, with an end to what a client may hold open.

        first byte ─▶ headers are complete ─▶ body: middleware.py ─▶ answer ─▶ taken by the client
idle:   header_time   header_bytes            body_time              write_time
        keep_alive between two requests

Without these, a client that stops in the middle keeps what it has sent in memory for ever. Where
there are too many connections, the one that has kept us waiting longest makes room, idle or in the
middle of a request, so that a probe or a customer is let in. Who is being answered stays.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from httptools import HttpParserError
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.http.problems import MEDIA_TYPE, Problem
from service.http.upgrades import Parser

MOST_PIPELINED = 16  # requests that came before an answer: beyond that nobody is in earnest


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may hold."""

    connections: int = 800
    header_bytes: int = 32_768
    header_time: timedelta = timedelta(seconds=10)
    write_time: timedelta = timedelta(seconds=10)


class WholeAnswers:
    """A transport for one answer: its head goes out with its body, in one call of the system."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.is_closing = transport.is_closing
        self.close = transport.close
        self._write = transport.write
        self._head: bytes | None = None  # until it is known; then what is still to be sent of it

    def write(self, sent: bytes) -> None:
        """Keep the head; send everything else, with the head before it."""
        if self._head is None and not sent.startswith(b"HTTP/1.1 100 "):
            self._head = sent
        elif self._head:
            self._write(self._head + sent)
            self._head = b""
        else:
            self._write(sent)


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    limits = Limits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.parser = Parser(self)
        self._answering: RequestResponseCycle | None = None  # `cycle` is what came last
        self._headers_due: asyncio.TimerHandle | None = None
        self._taken_due: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._field_bytes = 0  # of all headers of a request, and of what follows its body
        self._is_in_headers = False  # of a request that has begun
        self._is_in_message = False  # after the headers of one, before its end
        self.waiting_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait_for_headers()
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was waited for, and tell who is answering."""
        self._headers_are_there()
        self._is_taken()
        self._unset_keepalive_if_required()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read; what does not complete the headers of a request counts against their limits."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if not self.is_idle:
            self._header_bytes = 0
            return
        if not self._is_in_message:  # the rest of a body that was answered already is let go
            self._header_bytes += len(data)
        if self._headers_due is None:
            self._wait_for_headers()
        if self._header_bytes > self.limits.header_bytes:
            self.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin the headers of a request."""
        self._is_in_headers, self._field_bytes = True, 0
        self.waiting_since = self.loop.time()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address; a fragment is nothing that a client sends."""
        if b"#" in url or len(self.url) + len(url) > self.limits.header_bytes:
            raise HttpParserError
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, up to so many; what comes after a body is counted, and let go."""
        self._field_bytes += len(name) + len(value) + 4
        if self._field_bytes > 2 * self.limits.header_bytes:
            raise HttpParserError
        if not self._is_in_message:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin a request; one that offers an upgrade begins when it is told again."""
        if self.parser.get_method() == b"CONNECT":  # we are no proxy
            raise HttpParserError
        if self.parser.should_upgrade():
            return
        self._headers_are_there()
        if len(self.pipeline) >= MOST_PIPELINED:
            raise HttpParserError
        self._is_in_headers, self._is_in_message = False, True
        super().on_headers_complete()
        self.scope["state"]["cycle"] = self.cycle
        if self.scope["method"] != "HEAD":  # which has no body to wait for
            self.cycle.transport = WholeAnswers(self.transport)  # type: ignore[assignment] # all it needs

    def on_message_complete(self) -> None:
        """End a request; after an upgrade, its body is still to come."""
        if self.parser.should_upgrade():
            return
        self._is_in_message = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait until the client has taken the answer, if this was the last."""
        super().on_response_complete()
        self.waiting_since = self.loop.time()
        if self.transport.is_closing():
            self._wait_for_client()
        elif self._is_in_headers and self._headers_due is None:  # they came before this answer
            self._wait_for_headers()

    def pause_writing(self) -> None:
        """Wait until the client takes what was written."""
        super().pause_writing()
        self._wait_for_client()

    def resume_writing(self) -> None:
        """Go on."""
        if not self.transport.is_closing():
            self._is_taken()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close what is idle, at once if the client has not even taken its answer."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self.refuse(HTTPStatus.BAD_REQUEST, msg)

    def refuse(self, status: HTTPStatus, detail: str | None = None) -> None:
        """Answer with a problem, and close."""
        problem = Problem(type="about:blank", title=status.phrase, status=status, detail=detail)
        body = problem.model_dump_json(exclude_defaults=True).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
        self._wait_for_client()

    def give_way(self) -> None:
        """Leave, for somebody else; who was sending a body is told."""
        self.connections.discard(self)  # now: the next may come before the loop has closed this
        if self.is_idle or self.transport.is_closing():
            self.transport.abort()
        else:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "The body took too long: others wait.")

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def is_waiting(self) -> bool:
        """Whether it is the client's turn: no request is whole, or being answered."""
        is_asked = self.cycle is not self._answering or not self._is_in_message
        return self.is_idle or not (is_asked or self.cycle.response_started)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _wait_for_headers(self) -> None:
        self.waiting_since = self.loop.time()
        seconds = self.limits.header_time.total_seconds()
        self._headers_due = self.loop.call_later(seconds, self._headers_are_late)

    def _headers_are_there(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _headers_are_late(self) -> None:
        if self._header_bytes:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, "The headers took too long.")
        else:
            self.transport.close()

    def _wait_for_client(self) -> None:
        if self._taken_due is None:
            seconds = self.limits.write_time.total_seconds()
            self._taken_due = self.loop.call_later(seconds, self.transport.abort)

    def _is_taken(self) -> None:
        if self._taken_due is not None:
            self._taken_due.cancel()
            self._taken_due = None

    def _make_room(self) -> None:
        """Close who has kept us waiting longest; if nobody else has, whoever came last."""
        ours = [each for each in self.connections if isinstance(each, BoundedProtocol)]
        waiting = [each for each in ours if each.is_waiting and each is not self]
        oldest = min(waiting, key=lambda each: each.waiting_since, default=self)
        if oldest is self:
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "There are too many connections.")
        else:
            oldest.give_way()


def has_asked(connection: asyncio.Protocol) -> bool:
    """Whether a request ever came on a connection of ours, or none will."""
    if not isinstance(connection, BoundedProtocol):
        return True
    return connection.cycle is not None or connection.transport.is_closing()


def bounded(limits: Limits) -> type[BoundedProtocol]:
    """Return connections of these limits, as uvicorn takes them: a class."""
    return type("LimitedProtocol", (BoundedProtocol,), {"limits": limits})
