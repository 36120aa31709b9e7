"""Routes: events, for producers without Kafka."""

import asyncio

from fastapi import APIRouter, Request, status

from service.dependencies import PartsDep, border_of
from service.http.problems import WRITING, declared
from service.intake import read_events
from service.routing import ExactRoute
from service.schemas import EventsAnswer

router = APIRouter(route_class=ExactRoute, tags=["events"])

CLICK = {
    "event_id": "e-1",
    "type": "click",
    "user_id": "household-1929",
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
async def post_events(request: Request, parts: PartsDep) -> EventsAnswer:
    """Take in one event, or up to 500 as `{"events": [...]}`, in any shape that Kafka takes.

    An event without an id or a time gets one. When this answers, Kafka has what was accepted; each
    event that was not has its reason. After a 503, send everything again: ids make that safe.
    """
    tolerance = border_of(request).future_tolerance
    intake = await asyncio.to_thread(read_events, await request.body(), tolerance)
    await parts.publisher.publish(intake.messages)
    accepted = len(intake.messages)
    return EventsAnswer(
        accepted=accepted, rejected=len(intake.results) - accepted, results=intake.results
    )
