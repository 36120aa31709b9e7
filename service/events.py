"""Routes: events, for producers without Kafka."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request, status

from portrait.events.position import position_of, write_position
from portrait.events.private import PRIVATE
from service.access.admission import pay_events
from service.dependencies import LiveDep, PartsDep, border_of, caller_of
from service.http.problems import WRITING, declared
from service.intake import cloud_event_headers, read_events
from service.routing import ExactRoute
from service.schemas import EventsAnswer

DryRun = Annotated[bool, Query(description="Only tell what would be read: nothing goes to Kafka.")]

SIGNALS = ("sec-gpc", "dnt")  # by which a browser says that nobody else is to learn of it

router = APIRouter(route_class=ExactRoute, tags=["events"])

CLICK = {
    "event_id": "e-1",
    "type": "click",
    "user_id": "household-441",
    "item_id": "1082185",
    "occurred_at": "2026-11-23T18:01:58+01:00",
}
SEARCH = {"type": "search", "anonymous_id": "c-77", "text": "dark chocolate"}
BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "anyOf": [
                    {"$ref": "#/components/schemas/Event"},
                    {
                        "type": "object",
                        "required": ["events"],
                        "properties": {
                            "events": {
                                "type": "array",
                                "maxItems": 500,
                                "items": {"$ref": "#/components/schemas/Event"},
                            }
                        },
                    },
                ]
            },
            "examples": {
                "one": {"summary": "One event", "value": CLICK},
                "several": {
                    "summary": "Several; what has no id and no time gets them",
                    "value": {"events": [CLICK, SEARCH]},
                },
            },
        }
    },
}


@router.post(
    "/events",
    status_code=status.HTTP_202_ACCEPTED,
    responses=declared(*WRITING),
    openapi_extra={"requestBody": BODY},
)
async def post_events(
    request: Request,
    parts: PartsDep,
    live: LiveDep,
    dry_run: DryRun = False,  # noqa: FBT002 - FastAPI passes it by name
) -> EventsAnswer:
    """Take in one event, or up to 500 as `{"events": [...]}`, in any shape that Kafka takes.

    An event without an id or a time gets one. When this answers, Kafka has what was accepted; each
    event that was not has its reason. After a 503, send everything again: ids make that safe.

    What is read with `min_position`, the `position` of the answer, holds what was accepted.

    Where a browser asks for privacy, by `Sec-GPC: 1` or `DNT: 1` and with a public key, its events
    count for the visitor's own profile alone: neither in popularity nor for learning.

    With `dry_run=true` the answer is the same, each result has the events that were `read`, and
    nothing is sent anywhere.
    """
    border = border_of(request)
    intake = await asyncio.to_thread(
        read_events,
        await request.body(),
        border.future_tolerance,
        headers=cloud_event_headers(request.headers.raw),
        dialect=border.dialect,
        dry_run=dry_run,
    )
    messages = intake.messages
    if caller_of(request).is_public and asks_for_privacy(request.headers):
        messages = tuple(message._replace(headers=(PRIVATE,)) for message in messages)
    await pay_events(request, messages)
    before = live.folded.now
    published = await parts.publisher.publish(messages)
    ends = Counter(result.status for result in intake.results)
    return EventsAnswer(
        accepted=ends["accepted"],
        passed_over=ends["passed_over"],
        rejected=ends["rejected"],
        position=write_position(position_of(published, before), parts.shop),
        results=intake.results,
    )


def asks_for_privacy(headers: Mapping[str, str]) -> bool:
    """Say whether a browser sends Global Privacy Control, or the older Do Not Track."""
    return any(headers.get(name) == "1" for name in SIGNALS)
