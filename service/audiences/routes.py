"""Routes: audiences, how far they are, and who is in them."""

from asyncio import wait
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Path, Query, Request, Response, status

from portrait.audiences.best import Member
from portrait.audiences.gather import AudienceTooNarrowError, gather
from portrait.audiences.job import AudienceJob, AudienceNotReadyError, State
from portrait.audiences.leaving import gather_leaving
from portrait.audiences.people import may_be_told
from service.access.admission import name_subject, note
from service.audiences.advice import MOST_OFFERS, Adviser
from service.audiences.ask import Meant, mean, reader_of
from service.audiences.schemas import AUDIENCE_ID, AudienceAnswer, AudienceBody, AudienceName
from service.dependencies import LiveDep, PartsDep, Spoken, turns_of
from service.http.languages import language_of
from service.http.problems import WRITING, declared
from service.parts import Parts
from service.people_lists import Row, listed, streamed
from service.recommendations.recommender import Recommender
from service.routing import ExactRoute

AT_ONCE_SECONDS = 1.0  # what is there by then needs no second question
EXPORT = "GET /audiences/{audience_id}/members"
IdPath = Annotated[
    AudienceName, Path(description="As `POST /audiences` told it.", examples=[AUDIENCE_ID])
]
Offers = Annotated[
    int, Query(ge=0, le=MOST_OFFERS, description="Of who is leaving: items to offer each.")
]
SCORED = "user_id", "score"
ADVISED = *SCORED, "churn_risk", "because", "offers", "why"
LISTED = listed(
    "One person a line, the best first. Of who is leaving CSV has `churn_risk`, `because` (habits "
    "with their shares), `offers` (ids, each in a line of the cell) and `why` (the habits in a "
    "sentence) as columns, too.",
    '{"user_id":"household-441","score":4.31}\n',
    "user_id,score\nhousehold-441,4.31\n",
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
    """Gather those of whom most is to be expected, by whom they are to be like, or who is leaving.

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
    job = AudienceJob(id=uuid4().hex, asked_at=datetime.now(UTC), is_leaving=body.leaving)
    gathering = partial(gather, meant.wanted, parts.profiles, reader, heads)
    if body.leaving and heads is not None:
        gathering = partial(gather_leaving, meant.wanted, parts.profiles, reader, heads)
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
async def get_members(  # noqa: PLR0913, PLR0917 - what FastAPI reads of a query
    audience_id: IdPath,
    parts: PartsDep,
    live: LiveDep,
    request: Request,
    offers: Offers = 3,
    language: Spoken = None,
) -> Response:
    """Return who is in an audience, as NDJSON or CSV; it is written down in the audit log.

    Whoever was erased, suppressed or has withdrawn their consent since is left out. Of who is
    leaving each line has `churn_risk`, as of now and as `GET /profile/{user_id}` says it with the
    habits that make it; `why`, these in a sentence; and `offers`: the first items of their list, as
    `POST /recommend` makes it under the shop's rules, null if the service was too busy. It does not
    count as shown.
    """
    job = await parts.audiences.get(audience_id)
    if job.state is not State.READY:
        raise AudienceNotReadyError
    name_subject(request, f"{job.id}, {job.size} people")
    await note(request, EXPORT, status.HTTP_200_OK)
    file = f"audience-{job.id}"
    if not job.is_leaving:
        return streamed(request, file, SCORED, _rows(parts, job.id))
    view, turns = live.require(), turns_of(request)
    spoken = language or language_of(request.headers.get("accept-language", ""))
    recommender = Recommender(parts, live, turns, view, is_counted=False)
    adviser = Adviser(recommender, offers, spoken)
    return streamed(request, file, ADVISED, _advised(parts, job.id, adviser), _flat)


async def _rows(parts: Parts, id: str) -> AsyncIterator[list[Row]]:
    """Yield who may still be told, a part at a time."""
    async for members in _told(parts, id):
        yield [{"user_id": each.user, "score": _shown(each)} for each in members]


async def _advised(parts: Parts, id: str, adviser: Adviser) -> AsyncIterator[list[Row]]:
    """Yield those who may still be told, one at a time, with what is to be said of each."""
    async for members in _told(parts, id):
        async for member, risk, why, offers in adviser.advise(members):
            said = {"user_id": member.user, "score": _shown(member)}
            yield [{**said, "churn_risk": risk, "why": why, "offers": offers}]


async def _told(parts: Parts, id: str) -> AsyncIterator[list[Member]]:
    """Yield who may still be told, a part at a time."""
    async for members in parts.audiences.read(id):
        stored = await parts.profiles.load_whole([member.user for member in members])
        pairs = zip(members, stored, strict=True)
        yield [member for member, each in pairs if may_be_told(each, parts.unsaid)]


def _flat(row: Row) -> Row:
    """Write habits as `silence_days 0.81; …`, and offers as ids, one in each line of the cell."""
    risk, offers = row["churn_risk"], row["offers"]
    because = () if risk is None else risk.because
    return {
        **row,
        "churn_risk": None if risk is None else risk.probability,
        "because": "; ".join(f"{each.habit} {each.share}" for each in because),
        "offers": "\n".join(each.item_id for each in offers or ()),
    }


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
