"""Route: one user's profile, and again whenever it has changed."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service.dependencies import UserIdPath, seats_of, state_of
from service.http.etags import opaque
from service.http.problems import declared
from service.privacy.of_profile import OfProfile
from service.profiles.routes import NOTHING_ASKED, read_profile
from service.streams import LastEventId, Stream, Told, follow, shown

router = APIRouter(route_class=OfProfile, tags=["profiles"])


async def _opened(
    user_id: UserIdPath, request: Request, known: LastEventId = ""
) -> AsyncIterator[Stream]:
    """Open a stream, or say why not as `GET /profile/{user_id}` does."""

    async def read() -> Told:
        profile = await read_profile(user_id, NOTHING_ASKED, *state_of(request))
        return Told(opaque(profile.etag), profile.body)

    with seats_of(request).held(request.scope):
        yield Stream(request, "profile", known, await read(), read)


@router.get(
    "/profile/{user_id:path}/stream",
    response_class=EventSourceResponse,
    responses=shown("profile") | declared(410, 422),
)
async def stream_profile(
    stream: Annotated[Stream, Depends(_opened)],
) -> AsyncIterator[ServerSentEvent]:
    """Send a profile, and again whenever it has changed, as server-sent events.

    Events are called `profile`, and each is a whole one, as `GET /profile/{user_id}` answers it;
    its `id` is what its ETag quotes. With `Last-Event-ID` only what is newer is sent. The event
    `end` says as a problem why nothing more comes: they were erased, or do not let it be used, or
    the key was revoked.
    """
    async for event in follow(stream):
        yield event
