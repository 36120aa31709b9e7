"""Routes: somebody is forgotten, how far that is, and that they may come back."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response, status
from pydantic import StringConstraints

from portrait.errors import NotSuppressedError
from portrait.events.erasure import LIFTING, SUPPRESSING
from portrait.events.stream import Message
from portrait.events.topics import ERASURES
from portrait.identity.keys import keys_of
from portrait.profiles.record import is_suppressed
from portrait.reading.records import EXACT
from portrait.rights.erasure_job import ErasureJob, new_erasure
from service.dependencies import PartsDep, UserIdPath
from service.http.problems import WRITING, declared
from service.privacy.of_profile import WholeProfile
from service.privacy.schemas import (
    ERASURE_ID,
    ErasureAccepted,
    ErasureAnswer,
    SuppressionLifted,
)

router = APIRouter(route_class=WholeProfile, tags=["privacy"])

ErasureId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{32}$"),
    Path(description="As `DELETE /profile/{user_id}` told it.", examples=[ERASURE_ID]),
]
SIGNED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A JWS, as JSON (RFC 7515).",
        "content": {
            "application/jose+json": {
                "schema": {"type": "object"},
                "example": {"payload": "eyJ…", "protected": "eyJ…", "signature": "oP9Y…"},
            }
        },
    }
}


@router.delete(
    "/profile/{user_id:path}",
    status_code=status.HTTP_202_ACCEPTED,
    responses=declared(*WRITING),
)
async def delete_profile(
    user_id: UserIdPath, parts: PartsDep, response: Response
) -> ErasureAccepted:
    """Forget a user: all that was received so far, and all that comes until that is lifted.

    Whether anything is known of the user does not matter, nor does asking again. How far it is,
    `GET /erasures/{id}` says; the profile is 410 within a second. What they do later is passed
    over until `DELETE /suppressions/{user_id}`.
    """
    roles = await parts.registry.roles()
    _, *devices = await keys_of(user_id, parts.identities)
    job = new_erasure(user_id, devices, datetime.now(UTC), roles.champion)
    await parts.erasures.ask(job)
    await parts.publisher.publish([Message(ERASURES, user_id.encode(), SUPPRESSING, [EXACT])])
    response.headers["Location"] = f"/erasures/{job.id}"
    return ErasureAccepted(user_id=user_id, erasure=job.id)


@router.get("/erasures/{erasure_id}", responses=declared(422))
async def get_erasure(erasure_id: ErasureId, parts: PartsDep) -> ErasureAnswer:
    """Say how far an erasure is, place by place."""
    return _answer(await parts.erasures.get(erasure_id))


@router.get(
    "/erasures/{erasure_id}/receipt",
    response_class=Response,
    responses={**SIGNED, **declared(422)},
)
async def get_receipt(erasure_id: ErasureId, parts: PartsDep) -> Response:
    """Return the signed receipt, once nobody sees anything of them any more.

    It is signed anew whenever a place is done. `portrait receipt verify` reads it.
    """
    written = await parts.erasures.receipt(erasure_id)
    return Response(written, media_type="application/jose+json")


@router.delete(
    "/suppressions/{user_id:path}",
    status_code=status.HTTP_202_ACCEPTED,
    responses=declared(*WRITING),
)
async def delete_suppression(user_id: UserIdPath, parts: PartsDep) -> SuppressionLifted:
    """Let what somebody does count again, from now on: the beginning of a new profile."""
    (record,) = await parts.profiles.load([user_id])
    if record is None or not is_suppressed(record):
        raise NotSuppressedError
    await parts.publisher.publish([Message(ERASURES, user_id.encode(), None, [EXACT, LIFTING])])
    return SuppressionLifted(user_id=user_id)


def _answer(job: ErasureJob) -> ErasureAnswer:
    return ErasureAnswer(
        id=job.id,
        subject=job.subject,
        asked_at=job.asked_at,
        forgotten=job.is_forgotten,
        over=job.is_over,
        places=job.places,
    )
