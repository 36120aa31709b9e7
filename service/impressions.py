"""Routes: what of recommended lists was seen, for shops where not all of an answer is."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request, status

from portrait.events.impression import Sighting
from portrait.events.stream import Message
from portrait.events.topics import IMPRESSIONS
from service.access.admission import pay_events
from service.dependencies import PartsDep, caller_of
from service.events import asks_for_privacy
from service.http.problems import WRITING, declared
from service.routing import ExactRoute
from service.schemas import ImpressionsAccepted, ImpressionsBody

router = APIRouter(route_class=ExactRoute, tags=["events"])


@router.post("/impressions", status_code=status.HTTP_202_ACCEPTED, responses=declared(*WRITING))
async def post_impressions(
    body: ImpressionsBody, parts: PartsDep, request: Request
) -> ImpressionsAccepted:
    """Say which items of recommended lists were seen; each counts once, however often it is said.

    Only where `PORTRAIT_IMPRESSIONS` is `sent` does it matter: else all that is answered counts.
    """
    now = datetime.now(UTC)
    sightings = [
        Sighting(
            recommendation_id=each.recommendation_id,
            item_ids=each.item_ids,
            occurred_at=each.occurred_at or now,
        )
        for each in body.impressions
    ]
    messages = [
        Message(IMPRESSIONS, each.recommendation_id.encode(), each.model_dump_json().encode())
        for each in sightings
    ]
    if not (caller_of(request).is_public and asks_for_privacy(request.headers)):
        await pay_events(request, messages)
        await parts.publisher.publish(messages)
    return ImpressionsAccepted(accepted=len(messages))
