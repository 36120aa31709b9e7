"""Route: a list, and again whenever it has changed.

Every tick the record is looked at. Only where it has changed a list is made; where only the shop
has (its model, items, rules, or what is popular), at most every five seconds.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from portrait.errors import ProfileErasedError
from portrait.profiles.record import is_suppressed
from portrait.profiles.store import Stored
from service.access.admission import pay
from service.access.limits import COSTS
from service.dependencies import caller_of, seats_of, state_of, turns_of
from service.http.problems import WRITING, declared
from service.recommendations.recommender import Recommender, Written
from service.recommendations.routes import check_public, is_counted, is_reached
from service.recommendations.schemas import RecommendationRequest
from service.routing import CostlyRoute
from service.streams import LastEventId, Stream, Told, follow, shown

COST = COSTS["POST", "/recommend/stream"]
SHOP_EVERY = 5.0  # seconds, between two lists for the shop's sake alone

router = APIRouter(route_class=CostlyRoute, tags=["recommendations"])


class _Lists:
    """The lists of one stream."""

    def __init__(self, asked: RecommendationRequest, request: Request) -> None:
        self._asked = asked
        self._request = request
        self._stored: Stored | None = None  # what the newest list was made of
        self._view: object = None  # likewise
        self._due = 0.0  # from when on another one is made for the shop's sake

    async def first(self) -> Told:
        """Make the first, which is paid for; it waits for the position that was named."""
        reached = await is_reached(self._asked, self._request)
        return await self._made(await self._load(), reached)

    async def next(self) -> Told | None:
        """Make another, if anything has changed."""
        stored = await self._load()
        if stored == self._stored and not self._is_due:
            return None
        await pay(self._request, caller_of(self._request), COST)
        return await self._made(stored, None)

    @property
    def _is_due(self) -> bool:
        _, live = state_of(self._request)
        return live.view is not self._view and asyncio.get_running_loop().time() >= self._due

    async def _load(self) -> Stored:
        """Look at what is stored of them.

        Raises:
            ProfileErasedError: They were erased, and are suppressed.
        """
        if self._asked.user_id is None:
            return Stored(None, None)
        parts, _ = state_of(self._request)
        (stored,) = await parts.profiles.load_whole([self._asked.user_id])
        if stored.record is not None and is_suppressed(stored.record):
            raise ProfileErasedError
        return stored

    async def _made(self, stored: Stored, reached: bool | None) -> Told:  # noqa: FBT001
        (parts, live), turns = state_of(self._request), turns_of(self._request)
        view = live.require()
        counted = is_counted(self._request)  # nothing is drawn: it would be another list each time
        recommender = Recommender(parts, live, turns, view, counted, reached, is_explored=False)
        written = await recommender.write(await recommender.load(self._asked))
        self._stored, self._view = stored, view
        self._due = asyncio.get_running_loop().time() + SHOP_EVERY
        return Told(_id(written), written.body, partial(recommender.publish, written))


def _id(written: Written) -> str:
    """Name a list by what stands in it; how well each suits moves with every event."""
    body = written.told.body
    named = [body[name] for name in ("strategy", "model_version", "rules_version")]
    return blake2b(repr((*named, *written.told.items)).encode(), digest_size=12).hexdigest()


async def _opened(
    asked: RecommendationRequest, request: Request, known: LastEventId = ""
) -> AsyncIterator[Stream]:
    """Open a stream, or say why not as `POST /recommend` does."""
    check_public(caller_of(request), asked, is_told=asked.tells)
    lists = _Lists(asked.spoken(request.headers.get("accept-language", "")), request)
    with seats_of(request).held(request.scope):
        yield Stream(request, "recommendations", known, await lists.first(), lists.next)


@router.post(
    "/recommend/stream",
    response_class=EventSourceResponse,
    responses=shown("recommendations") | declared(*WRITING, 410),
)
async def stream_recommendations(
    stream: Annotated[Stream, Depends(_opened)],
) -> AsyncIterator[ServerSentEvent]:
    """Send a list, and again whenever other items stand in it, as server-sent events.

    It is asked for as at `POST /recommend`. Events are called `recommendations`; each is a list of
    its own, with a `recommendation_id`, and costs as much as one that was asked for. With
    `Last-Event-ID` only a newer one is sent. The event `end` says as a problem why nothing more
    comes: the user was erased, or the key was revoked.
    """
    async for event in follow(stream):
        yield event
