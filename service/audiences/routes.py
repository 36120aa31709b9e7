"""Routes: audiences, how far they are, and who is in them."""

from asyncio import wait
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Path, Request, Response, status

from portrait.audiences.best import Member
from portrait.audiences.gather import AudienceTooNarrowError, gather
from portrait.audiences.job import AudienceJob, AudienceNotReadyError, State
from portrait.audiences.people import may_be_told
from service.access.admission import name_subject, note
from service.audiences.ask import Meant, mean, reader_of
from service.audiences.schemas import AUDIENCE_ID, AudienceAnswer, AudienceBody, AudienceName
from service.dependencies import LiveDep, PartsDep, turns_of
from service.http.problems import WRITING, declared
from service.parts import Parts
from service.people_lists import Row, listed, streamed
from service.routing import ExactRoute

AT_ONCE_SECONDS = 1.0  # what is there by then needs no second question
EXPORT = "GET /audiences/{audience_id}/members"
IdPath = Annotated[
    AudienceName, Path(description="As `POST /audiences` told it.", examples=[AUDIENCE_ID])
]
LISTED = listed(
    "One person a line, the best first.",
    '{"user_id":"household-1929","score":4.31}\n',
    "user_id,score\nhousehold-1929,4.31\n",
)

router = APIRouter(route_class=ExactRoute, tags=["audiences"])


@router.post(
    "/audiences",
    status_code=status.HTTP_202_ACCEPTED,
    responses={
        201: {"model": AudienceAnswer, "description": "It is ready."},
        **declared(409, *WRITING),
    },
)
async def post_audience(
    body: AudienceBody, parts: PartsDep, live: LiveDep, request: Request, response: Response
) -> AudienceAnswer:
    """Gather the people of whom most is to be expected, by those whom they are to be like.

    Of whom no more is to be expected than of anybody has a score of 1. It takes two walks over all
    profiles: what takes longer than a second is followed by `GET /audiences/{id}`. It is kept for
    an hour. In it are only people who let what they are shown follow from what they do, who are not
    suppressed, and who have not said that they do not want what it is about; and never fewer than
    20, nor by fewer than 20 whom they are to be like.
    """
    view = live.require()
    meant = await mean(body, live, view, turns_of(request))
    heads = None if view.model.learned is None else view.model.learned.heads
    reader = reader_of(view, parts.unsaid)
    job = AudienceJob(id=uuid4().hex, asked_at=datetime.now(UTC))
    gathering = partial(gather, meant.wanted, parts.profiles, reader, heads)
    name_subject(request, job.id)
    run = live.audiences.start(job, gathering, parts.audiences)
    await note(request, "POST /audiences", status.HTTP_202_ACCEPTED)
    await wait([run], timeout=AT_ONCE_SECONDS)
    job = await parts.audiences.get(job.id)
    if job.state is State.REFUSED:
        raise AudienceTooNarrowError(job.reason)
    if job.state is State.READY:
        response.status_code = status.HTTP_201_CREATED
    response.headers["Location"] = f"/audiences/{job.id}"
    return _answer(job, meant)


@router.get("/audiences/{audience_id}", responses=declared(422))
async def get_audience(audience_id: IdPath, parts: PartsDep) -> AudienceAnswer:
    """Say how far an audience is."""
    return _answer(await parts.audiences.get(audience_id))


@router.get(
    "/audiences/{audience_id}/members",
    response_class=Response,
    responses={**LISTED, **declared(409, 422)},
)
async def get_members(audience_id: IdPath, parts: PartsDep, request: Request) -> Response:
    """Return who is in an audience, as NDJSON or CSV; it is written down in the audit log.

    Whoever was erased, suppressed or has withdrawn their consent since is left out.
    """
    job = await parts.audiences.get(audience_id)
    if job.state is not State.READY:
        raise AudienceNotReadyError
    name_subject(request, f"{job.id}, {job.size} people")
    await note(request, EXPORT, status.HTTP_200_OK)
    rows = _rows(parts, job.id)
    return streamed(request, f"audience-{job.id}", ("user_id", "score"), rows)


async def _rows(parts: Parts, id: str) -> AsyncIterator[list[Row]]:
    """Yield who may still be told, a part at a time."""
    async for members in parts.audiences.read(id):
        stored = await parts.profiles.load_whole([member.user for member in members])
        pairs = zip(members, stored, strict=True)
        told = [member for member, each in pairs if may_be_told(each, parts.unsaid)]
        yield [{"user_id": each.user, "score": _shown(each)} for each in told]


def _shown(member: Member) -> float:
    return float(f"{member.score:.4g}")


def _answer(job: AudienceJob, meant: Meant | None = None) -> AudienceAnswer:
    return AudienceAnswer(
        audience_id=job.id,
        state=job.state,
        reason=job.reason,
        asked_at=job.asked_at,
        looked_at=job.looked_at,
        leaders=job.leaders,
        people=job.people,
        fitting=job.fitting,
        size=job.size,
        left_out=job.left_out,
        items=None if meant is None else meant.items,
        read=None if meant is None else meant.read,
    )
