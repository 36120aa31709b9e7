"""Routes: segments, who is in them, and who would be."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from portrait.audiences.people import may_be_told
from portrait.segments.segment import Segment, SegmentName
from portrait.segments.store import SegmentNotFoundError
from portrait.times import to_moment
from service.access.admission import name_subject, note
from service.dependencies import LiveDep, PartsDep, caller_of, turns_of
from service.http.problems import TYPES, WRITING, Problem, declared
from service.live import Live
from service.parts import Parts
from service.people_lists import Row, listed, streamed
from service.routing import ExactRoute
from service.segments.expressions import forecasts_in, forecasts_of, understood
from service.segments.preview import preview
from service.segments.schemas import (
    SegmentAnswer,
    SegmentBody,
    SegmentPreviewAnswer,
    SegmentPreviewBody,
    SegmentsAnswer,
)

router = APIRouter(route_class=ExactRoute, tags=["segments"])

NamePath = Annotated[
    SegmentName, Path(description="Chosen by whoever puts it.", examples=["cheese-regulars"])
]
TOO_MANY = Problem(
    type=f"{TYPES}too-many-segments",
    title="A shop has no more segments than this: delete one first.",
    status=409,
    detail="There are 20 segments: delete one first.",
    request_id="5f0c8a",
)
LISTED = listed(
    "One person a line, in no order.",
    '{"user_id":"household-441","since":"2026-11-27T09:30:01Z"}\n',
    "user_id,since\nhousehold-441,2026-11-27T09:30:01Z\n",
)


@router.get("/segments", responses=declared())
async def get_segments(parts: PartsDep, live: LiveDep) -> SegmentsAnswer:
    """Return every segment, and how many people are in each."""
    segments = await parts.segments.all()
    sizes = await parts.segments.sizes([each.name for each in segments])
    pairs = zip(segments, sizes, strict=True)
    return SegmentsAnswer(segments=tuple(_answer(each, size, live) for each, size in pairs))


@router.post("/segments/preview", responses=declared(*WRITING))
async def post_preview(
    body: SegmentPreviewBody, parts: PartsDep, live: LiveDep, request: Request
) -> SegmentPreviewAnswer:
    """Say who would be in a segment, of as many people as can be looked at within a second.

    Or where in the expression the fault is: 422. Nothing is kept of it.
    """
    said, _ = understood(body.expression, live)
    turns = turns_of(request)
    async with turns.looking():
        return await preview(said, forecasts_of(live), parts, turns)


@router.get("/segments/{name}", responses=declared(422))
async def get_segment(name: NamePath, parts: PartsDep, live: LiveDep) -> SegmentAnswer:
    """Return a segment, and how many people are in it."""
    return await _told(await _found(name, parts), parts, live)


@router.put("/segments/{name}", responses=declared(409, *WRITING, examples={409: TOO_MANY}))
async def put_segment(
    name: NamePath, body: SegmentBody, parts: PartsDep, live: LiveDep, request: Request
) -> SegmentAnswer:
    """Make a segment, or change it; it is written down in the audit log.

    The segment worker looks at everybody by it at once, or, while expressions change without end,
    half of the time; and from then on at whoever does anything. The same expression again changes
    nothing but `webhook`.
    Whoever enters or leaves is told on the topic `segments`, also because the expression is
    another. In it are only people who let what they are shown follow from what they do, and who are
    not suppressed; no anonymous visitors.
    """
    said, spelled = understood(body.expression, live)
    author, now = caller_of(request).name, datetime.now(UTC)

    def changed(before: Segment | None) -> Segment:
        if before is not None and (before.expression, before.spelled) == (said.text, spelled):
            return before.model_copy(update={"webhook": body.webhook})
        return Segment(
            name=name,
            version=1 if before is None else before.version + 1,
            expression=said.text,
            spelled=dict(spelled),
            webhook=body.webhook,
            author=author,
            at=now,
        )

    segment = await parts.segments.put(name, changed)
    await note(request, "PUT /segments/{name}", HTTPStatus.OK)
    return await _told(segment, parts, live)


@router.delete("/segments/{name}", responses=declared(*WRITING))
async def delete_segment(
    name: NamePath, parts: PartsDep, live: LiveDep, request: Request
) -> SegmentAnswer:
    """Forget a segment and who is in it; it is written down in the audit log.

    Returns it as it was. Nobody is told that anybody has left it.
    """
    answer = await _told(await _found(name, parts), parts, live)
    if not await parts.segments.remove(name):
        raise SegmentNotFoundError
    await note(request, "DELETE /segments/{name}", HTTPStatus.OK)
    return answer


@router.get(
    "/segments/{name}/members", response_class=Response, responses={**LISTED, **declared(422)}
)
async def get_members(name: NamePath, parts: PartsDep, request: Request) -> Response:
    """Return who is in a segment, as NDJSON or CSV; it is written down in the audit log.

    Whoever was erased, suppressed or has withdrawn their consent a moment ago is left out.
    """
    await _found(name, parts)
    (size,) = await parts.segments.sizes([name])
    name_subject(request, f"{name}, {size} people")
    await note(request, "GET /segments/{name}/members", HTTPStatus.OK)
    return streamed(request, f"segment-{name}", ("user_id", "since"), _rows(name, parts))


async def _rows(name: str, parts: Parts) -> AsyncIterator[list[Row]]:
    """Yield who may still be told, a part at a time."""
    async for members in parts.segments.members(name):
        stored = await parts.profiles.load_whole([member.user for member in members])
        pairs = zip(members, stored, strict=True)
        told = [member for member, each in pairs if may_be_told(each, parts.unsaid)]
        yield [{"user_id": each.user, "since": _written(each.since)} for each in told]


def _written(moment_ms: int) -> str:
    return to_moment(moment_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _found(name: str, parts: Parts) -> Segment:
    for each in await parts.segments.all():
        if each.name == name:
            return each
    raise SegmentNotFoundError


async def _told(segment: Segment, parts: Parts, live: Live) -> SegmentAnswer:
    (size,) = await parts.segments.sizes([segment.name])
    return _answer(segment, size, live)


def _answer(segment: Segment, size: int, live: Live) -> SegmentAnswer:
    return SegmentAnswer(
        **segment.model_dump(exclude={"spelled", "walked_at"}),
        state="filling" if segment.walked_at is None else "live",
        as_of=segment.walked_at,
        size=size,
        unforetold=forecasts_of(live).lacking(forecasts_in(segment.expression)),
    )
