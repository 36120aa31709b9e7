"""Routes: keys, and what administrators did."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response, status
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from portrait.access.key import KeyId, described, new_key
from service.access.admission import name_subject
from service.access.schemas import (
    KEY_ID,
    AuditAnswer,
    KeyAnswer,
    KeyMade,
    KeyRequest,
    KeysAnswer,
    answer_of,
)
from service.dependencies import PartsDep
from service.http.problems import WRITING, declared
from service.routing import ExactRoute

router = APIRouter(route_class=ExactRoute, tags=["access"])

KeyIdPath = Annotated[KeyId, Path(description="As in `GET /keys`.", examples=[KEY_ID])]
Most = Annotated[int, Query(ge=1, le=1_000, description="Most lines to return.")]


@router.get("/keys", responses=declared())
async def get_keys(parts: PartsDep) -> KeysAnswer:
    """Return all keys, revoked ones among them, and when each was used last."""
    keys, uses = await parts.keys.all(), await parts.keys.uses()
    return KeysAnswer(keys=tuple(answer_of(key, uses.get(key.id)) for key in keys))


@router.post("/keys", status_code=status.HTTP_201_CREATED, responses=declared(409, *WRITING))
async def make_key(
    parts: PartsDep, request: Request, response: Response, body: KeyRequest
) -> KeyMade:
    """Make a key. Its token is in this answer alone; within a second it opens every process."""
    try:
        key, token = new_key(
            body.name,
            body.scopes,
            datetime.now(UTC),
            kind=body.kind,
            origins=body.origins,
            expires_at=body.expires_at,
            rate=body.rate,
        )
    except ValidationError as error:
        wrong = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(wrong) from error
    await parts.keys.add(key)
    name_subject(request, described(key))
    response.headers["Cache-Control"] = "no-store"
    response.headers["Location"] = f"/keys/{key.id}"
    return KeyMade(key=answer_of(key), token=token)


@router.delete("/keys/{key_id}", responses=declared(*WRITING))
async def revoke_key(key_id: KeyIdPath, parts: PartsDep) -> KeyAnswer:
    """Revoke a key: within a second it opens nothing. Doing it again changes nothing."""
    return answer_of(await parts.keys.revoke(key_id, datetime.now(UTC)))


@router.get("/audit", responses=declared(422))
async def get_audit(parts: PartsDep, most: Most = 100) -> AuditAnswer:
    """Return what administrators did, the newest first: who, what, when, and how it ended."""
    return AuditAnswer(lines=tuple(await parts.audit.newest(most)))
