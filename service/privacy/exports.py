"""Routes: all that is kept of somebody, as one file."""

from typing import Any

from fastapi import APIRouter, Request, status
from fastapi.responses import JSONResponse, Response, StreamingResponse

from service.access.admission import note
from service.dependencies import PartsDep, UserIdPath
from service.http.problems import declared
from service.privacy.of_profile import OfProfile
from service.privacy.schemas import ExportAwaited

RETRY_SECONDS = 1
ROUTE = "GET /profile/{user_id}/export"
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file, by `docs/export.schema.json`.",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {"format": "portrait-export/1", "user_id": "household-441"},
            }
        },
    },
    202: {"model": ExportAwaited, "description": "It is being gathered: ask again."},
}

router = APIRouter(route_class=OfProfile, tags=["privacy"])


@router.get(
    "/profile/{user_id:path}/export",
    response_class=Response,
    responses={**FILE, **declared(409, 422)},
)
async def get_export(user_id: UserIdPath, parts: PartsDep, request: Request) -> Response:
    """Return all that is kept of somebody: profile, archive, dead letters, audit log, as one file.

    The first time that it is asked for it is gathered, by the archive worker, which takes seconds:
    202 until it is there. It is kept for an hour. Both is written down in the audit log.
    """
    size = await parts.exports.size(user_id)
    if size is None:
        if await parts.exports.ask(user_id):
            await note(request, ROUTE, status.HTTP_202_ACCEPTED)
        waiting = ExportAwaited(user_id=user_id).model_dump()
        headers = {"Retry-After": str(RETRY_SECONDS), "Cache-Control": "no-store"}
        return JSONResponse(waiting, status.HTTP_202_ACCEPTED, headers)
    await note(request, ROUTE, status.HTTP_200_OK)
    headers = {
        "Content-Length": str(size),
        "Content-Disposition": 'attachment; filename="export.json"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(parts.exports.read(user_id), 200, headers, "application/json")
