"""Routes: one user's profile."""

from http import HTTPStatus
from time import time
from typing import Literal, NamedTuple

import numpy as np
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from portrait.errors import (
    ConsentWithdrawnError,
    PositionNotReachedError,
    ProfileErasedError,
    ProfileNotFoundError,
)
from portrait.events.consent import Purpose, consent_of
from portrait.events.unwanted import What, read_unwanted
from portrait.model.space import Vectors
from portrait.profiles.profile import decode_profile
from portrait.profiles.record import (
    is_blank,
    is_suppressed,
    partitions_of,
    received_at_of,
    space_of,
)
from portrait.profiles.searched import read_readings, read_searched
from service.answers import AnswerKey, Written
from service.dependencies import UserIdPath, state_of
from service.fields import USUAL_WAIT_MS, PositionToken, WaitMs
from service.http.etags import IF_NONE_MATCH, is_named, weak_etag
from service.http.problems import declared
from service.live import Live
from service.parts import Parts
from service.privacy.of_profile import WholeProfile
from service.profiles.damage import is_readable, sound
from service.profiles.describe import extended, lag_of, profile_json, with_lag
from service.profiles.outlook import NOTHING, hours_silent, outlook
from service.profiles.reviews import reviews_told
from service.profiles.schemas import ProfileAnswer
from service.view import View
from service.waiting import wait_for

CACHING = "private, no-cache"  # ask each time, with the ETag
NOT_REACHED = "It was waited for {} ms. What is known is answered without `min_position`."

router = APIRouter(route_class=WholeProfile, tags=["profiles"])


class ProfileQuery(BaseModel):
    """What is asked of a profile beside whose it is."""

    model_config = ConfigDict(frozen=True)

    recent: int = Field(10, ge=0, le=10, description="Most newest events to return.")
    include: tuple[Literal["vectors"], ...] = Field((), description="What to answer beside.")
    min_position: PositionToken = ""
    wait_ms: WaitMs = USUAL_WAIT_MS


NOTHING_ASKED = ProfileQuery()
PARAMETERS = [
    {"name": name, "in": "query", "description": schema.pop("description"), "schema": schema}
    for name, schema in ProfileQuery.model_json_schema()["properties"].items()
] + [IF_NONE_MATCH]


@router.get(
    "/profile/{user_id:path}",
    response_model=ProfileAnswer,
    responses={304: {"description": "Nothing has changed."}, **declared(410, 422)},
    openapi_extra={"parameters": PARAMETERS},
)
async def get_profile(user_id: UserIdPath, request: Request) -> Response:
    """Return what is known of a user: facts, interests and why, brands, prices.

    With `min_position` it waits until all that was sent before that is in the profile, and answers
    503 `position-not-reached` if it is not by then.
    """
    query = _query(request)
    if query.min_position and not await wait_for(request, query.min_position, query.wait_ms):
        raise PositionNotReachedError(NOT_REACHED.format(query.wait_ms))
    read = await read_profile(user_id, query, *state_of(request))
    headers = {"ETag": read.etag, "Cache-Control": CACHING}
    if is_named(request.headers.get("if-none-match", ""), read.etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(read.body, headers=headers, media_type="application/json")


class ProfileRead(NamedTuple):
    """A profile as it is known, and how far it lags."""

    written: Written
    lag_ms: int | None

    @property
    def etag(self) -> str:
        """Its name: the same as long as nothing in it but its lag has changed."""
        return self.written.etag

    @property
    def body(self) -> bytes:
        """All of it, in JSON."""
        return with_lag(self.written.body, self.lag_ms)


async def read_profile(user_id: str, query: ProfileQuery, parts: Parts, live: Live) -> ProfileRead:
    """Read what is known of a user. That it is a `ProfileAnswer` is a test's to check.

    Raises:
        ModelMissingError: There is no model yet.
        ProfileNotFoundError: Nothing is known.
        ProfileErasedError: They were erased, and are suppressed.
        ConsentWithdrawnError: They do not let it be used.
    """
    view = live.require()
    ((payload, searched, consent, unwanted),) = await parts.profiles.load_whole([user_id])
    if payload is None or not is_readable(payload):
        raise ProfileNotFoundError
    if is_blank(payload):
        raise ProfileErasedError if is_suppressed(payload) else ProfileNotFoundError
    if not consent_of(consent, parts.unsaid).allows(Purpose.PERSONALISATION):
        raise ConsentWithdrawnError
    now = time()
    hours = hours_silent(received_at_of(payload), now)
    key = user_id, payload, searched, unwanted, hours
    written = view.written.get(key) if query is NOTHING_ASKED else None
    if written is None:
        version = await live.version_of(space_of(payload))
        body = _write(key, query, view, version, now)
        written = Written(body, weak_etag(body))
        if query is NOTHING_ASKED:  # what is asked for by most is kept until something changes it
            view.written.keep(key, written)
    return ProfileRead(written, lag_of(partitions_of(payload), live.reached, now))


def _write(
    key: AnswerKey, query: ProfileQuery, view: View, version: str | None, now: float
) -> bytes:
    """Write a profile, by what its key has, as of `now`.

    Raises:
        ProfileNotFoundError: The record is damaged.
    """
    user_id, payload, searched, unwanted, hours = key
    record = sound(payload)
    if record is None:
        raise ProfileNotFoundError
    readings = read_readings(searched)
    things = read_unwanted(unwanted).things_at(round(now * 1_000))
    body = profile_json(
        user_id,
        record,
        read_searched(searched),
        readings,
        view.source,
        things=things,
        model_version=version,
        recent=query.recent,
        vectors=_vectors(payload) if "vectors" in query.include else None,
        now=now,
    )
    body = extended(body, {"reviews": reviews_told(record, readings, view.source)})
    if view.model.learned is None:
        return extended(body, NOTHING)
    profile, categories = decode_profile(payload), things[What.CATEGORY]
    return extended(body, outlook(profile, view.source, hours, categories))


def _vectors(payload: bytes) -> Vectors:
    vectors: Vectors = decode_profile(payload).portrait["vectors"].astype(np.float32)
    return vectors


def _query(request: Request) -> ProfileQuery:
    """Read the query. FastAPI's own reading takes 40 us a request, asked or not."""
    if not request.scope["query_string"]:
        return NOTHING_ASKED
    asked = request.query_params
    fields = dict(asked) | ({"include": asked.getlist("include")} if "include" in asked else {})
    try:
        return ProfileQuery.model_validate(fields)
    except ValidationError as error:
        wrong = [{**one, "loc": ("query", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(wrong) from error
