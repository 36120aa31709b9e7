"""Routes: who an anonymous visitor is."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request, status
from pydantic import ConfigDict, Field

from portrait.events.event import UserId
from portrait.events.item import Id
from portrait.events.login import Identification
from portrait.identity.device import decode_device
from portrait.times import to_moment
from service.access.admission import pay_events
from service.dependencies import PartsDep
from service.fields import Moment, RequestBody, ResponseBody, SentMoment
from service.http.problems import WRITING, declared
from service.routing import ExactRoute

router = APIRouter(route_class=ExactRoute, tags=["identities"])

AnonymousName = Annotated[str, Field(examples=["c-77"])]
UserName = Annotated[str, Field(examples=["household-441"])]
AnonymousIdPath = Annotated[
    Id, Path(description="As in the events, without `anonymous:`.", examples=["c-77"])
]


class IdentityBody(RequestBody):
    """Who an anonymous visitor turned out to be."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"anonymous_id": "c-77", "user_id": "household-441"}]}
    )

    anonymous_id: Id
    user_id: UserId
    occurred_at: SentMoment = Field(None, description="When they logged in. Without it: now.")


class IdentityAccepted(ResponseBody):
    """The change was taken in; profiles show it within a second."""

    anonymous_id: AnonymousName
    status: str = Field("accepted", examples=["accepted"])


class VisitAnswer(ResponseBody):
    """That a user was seen there, and until when at least."""

    user_id: UserName
    since: Moment
    until: Moment


class IdentityAnswer(ResponseBody):
    """Whom an anonymous visitor was said to be."""

    anonymous_id: AnonymousName
    visits: tuple[VisitAnswer, ...]
    unlinked_until: Moment | None = Field(
        description="Up to then it is nobody's: that was taken back, or forgotten.",
        examples=[None],
    )


@router.post("/identities", status_code=status.HTTP_202_ACCEPTED, responses=declared(*WRITING))
async def post_identity(body: IdentityBody, parts: PartsDep, request: Request) -> IdentityAccepted:
    """Say that an anonymous visitor is a user: what they did before is the user's from now on.

    Events that say both ids do the same, as do Segment's `identify` and `alias`. Any order and any
    repetition leave the same. Of a device that several users log in on, each has what was done
    between their login and the next; what was done before the first is the first one's.
    """
    at = body.occurred_at or datetime.now(UTC)
    said = Identification(anonymous_id=body.anonymous_id, user_id=body.user_id, occurred_at=at)
    await pay_events(request, [said.message])
    await parts.publisher.publish([said.message])
    return IdentityAccepted(anonymous_id=body.anonymous_id)


@router.get("/identities/{anonymous_id:path}", responses=declared(422))
async def get_identity(anonymous_id: AnonymousIdPath, parts: PartsDep) -> IdentityAnswer:
    """Return whom an anonymous visitor was said to be, and when. Of most it is nobody."""
    (stored,) = await parts.identities.load_devices([anonymous_id])
    device = decode_device(stored)
    return IdentityAnswer(
        anonymous_id=anonymous_id,
        visits=tuple(
            VisitAnswer(user_id=user, since=to_moment(start), until=to_moment(end))
            for start, end, user in device.visits
        ),
        unlinked_until=to_moment(device.unlinked) if device.unlinked else None,
    )


@router.delete(
    "/identities/{anonymous_id:path}",
    status_code=status.HTTP_202_ACCEPTED,
    responses=declared(*WRITING),
)
async def delete_identity(anonymous_id: AnonymousIdPath, parts: PartsDep) -> IdentityAccepted:
    """Take back who an anonymous visitor was said to be up to now.

    What they did up to now is in nobody's profile but their own any more. A later login joins what
    is done from now on.
    """
    said = Identification(anonymous_id=anonymous_id, user_id=None, occurred_at=datetime.now(UTC))
    await parts.publisher.publish([said.message])
    return IdentityAccepted(anonymous_id=anonymous_id)
