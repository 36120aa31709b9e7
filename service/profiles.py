"""Routes: one user's profile."""

from time import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from portrait.errors import ProfileNotFoundError
from portrait.profile import decode_profile
from service.dependencies import LiveDep, PartsDep, UserIdPath
from service.describe import profile_json, stale_seconds
from service.examples import PROFILE, answered
from service.problems import declared
from service.schemas import ProfileAnswer

router = APIRouter(tags=["profiles"])

Recent = Annotated[int, Query(ge=0, le=10, description="Most newest events to return.")]
Include = Annotated[list[Literal["vectors"]], Query(description="What to answer beside.")]


@router.get(
    "/profile/{user_id:path}",
    response_model=ProfileAnswer,
    responses=answered(200, PROFILE) | declared(404, 422, 503),
)
async def get_profile(
    user_id: UserIdPath,
    parts: PartsDep,
    live: LiveDep,
    recent: Recent = 10,
    include: Include = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Return what is known of a user: facts, interests and why, brands, prices."""
    view = live.require()
    (record,) = await parts.profiles.load([user_id])
    if record is None:
        raise ProfileNotFoundError
    profile = decode_profile(record)
    body = profile_json(
        user_id,
        profile,
        view.source.mirror.catalogue,
        model_version=live.versions.get(profile.space_id),
        stale_seconds=stale_seconds(profile, live.reached, time()),
        recent=recent,
        with_vectors="vectors" in include,
    )
    return Response(body, media_type="application/json")
