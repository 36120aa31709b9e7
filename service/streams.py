"""Streams: what a read answers, sent again whenever it has changed, as server-sent events.

a first answer, or a problem as any other ─▶ a seat ─▶ an event
      every tick: may they still? has it changed? ─▶ an event
                   └ gone for good ─▶ the event `end`, with the problem     told to stop ─▶ the end

An event is all that is known, and its id names that. So nothing is kept for anybody: who comes back
with the last id they had (`Last-Event-ID`) is sent what is known now, unless that is it, and a slow
reader misses states that were over before they were read, and never the newest.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, NamedTuple

from fastapi import Header, Request
from fastapi.sse import ServerSentEvent

from portrait.errors import PortraitError
from service.access.admission import check_still
from service.dependencies import border_of
from service.http.problems import ProblemError, answer_problem, status_of

TICK_SECONDS = 0.25  # the same moments for all streams, so that all of them read at once
RETRY_MS = 2_000  # that a client waits before it comes back
TEMPORARY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}  # a stream outlives them
END = "end"  # event: nothing more comes, and why

LastEventId = Annotated[
    str,
    Header(
        alias="Last-Event-ID",
        description="The `id` of the last event that a client has had: nothing is sent before "
        "there is another.",
        max_length=256,
    ),
]


def shown(event: str) -> dict[int | str, dict[str, object]]:
    """Return what a route says in OpenAPI of what it sends."""
    example = f'event: {event}\nid: 5d41402abc4b2a76\ndata: {{"user_id": "household-441"}}\n\n'
    return {200: {"content": {"text/event-stream": {"example": example}}}}


def _nothing() -> None:
    """Do nothing."""


class Told(NamedTuple):
    """What is known at a moment."""

    id: str  # the same as long as it is
    body: bytes  # JSON
    note_sent: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Stream:
    """A request that is answered again and again. Lives as long as somebody reads it."""

    request: Request
    event: str  # what its events are called
    known: str  # the id of what the client has
    first: Told | None
    read: Callable[[], Awaitable[Told | None]]  # None: nothing has changed


async def follow(stream: Stream) -> AsyncIterator[ServerSentEvent]:
    """Send what is known, and again whenever it has changed, until nothing more can come."""
    yield ServerSentEvent(retry=RETRY_MS)  # at once: a client knows then that it is heard
    told, known, leaving = stream.first, stream.known, border_of(stream.request).leaving
    while True:
        if told is not None and told.id != known:
            known = told.id
            told.note_sent()
            yield ServerSentEvent(event=stream.event, id=known, raw_data=told.body.decode())
        await _next_tick()
        if leaving.has_begun:
            return
        try:
            check_still(stream.request)
            told = await stream.read()
        except (PortraitError, ProblemError) as error:
            if status_of(error) not in TEMPORARY:
                problem = await answer_problem(stream.request, error)
                yield ServerSentEvent(event=END, raw_data=bytes(problem.body).decode())
                return
            told = None


async def _next_tick() -> None:
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(TICK_SECONDS - now % TICK_SECONDS)
