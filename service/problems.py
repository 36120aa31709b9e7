"""Problems: every error as RFC 9457 `application/problem+json`, and what each route declares."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from portrait.errors import (
    BusyError,
    ItemNotFoundError,
    ModelMissingError,
    PortraitError,
    ProfileNotFoundError,
    StoreUnavailableError,
    StreamUnavailableError,
)
from portrait.jobs import JobNotFoundError, JobOpenError
from portrait.model_index import ModelNotFoundError, ModelNotPromotableError, NoFormerModelError

MEDIA_TYPE = "application/problem+json"
TYPES = "urn:portrait:problem:"


class FieldError(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(frozen=True)

    detail: str = Field(description="What is wrong with it.")
    pointer: str | None = Field(None, description="Where in the body: a JSON pointer.")
    parameter: str | None = Field(None, description="Which query or path parameter.")


class Problem(BaseModel):
    """What went wrong: RFC 9457."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Names the kind of problem, for programs. It does not change.")
    title: str = Field(description="The same for people.")
    status: int
    detail: str | None = Field(None, description="What is special about this one.")
    request_id: str | None = Field(None, description="Also in the log of the service.")
    errors: tuple[FieldError, ...] = Field((), description="Each thing that is wrong.")
    down: tuple[str, ...] = Field((), description="What does not answer, of `/readyz`.")


class ProblemError(Exception):
    """A request that ends in a problem of its own."""

    status: ClassVar[int]
    name: ClassVar[str]

    def __init__(
        self, detail: str, *, errors: Sequence[FieldError] = (), down: Sequence[str] = ()
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.down = tuple(down)


class EventsInvalidError(ProblemError):
    """Not one of the events sent can be taken in."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    name = "events-invalid"


class NotReadyError(ProblemError):
    """Something the service stands on does not answer."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    name = "not-ready"


class NotAliveError(ProblemError):
    """The service's own tasks have ended: restart it."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    name = "not-alive"


# What a client can do about each error of ours: the status, the type's name, when to come back.
OURS: Mapping[type[PortraitError], tuple[HTTPStatus, str, int | None]] = {
    ProfileNotFoundError: (HTTPStatus.NOT_FOUND, "profile-not-found", None),
    ItemNotFoundError: (HTTPStatus.NOT_FOUND, "item-not-found", None),
    ModelNotFoundError: (HTTPStatus.NOT_FOUND, "model-not-found", None),
    JobNotFoundError: (HTTPStatus.NOT_FOUND, "job-not-found", None),
    ModelNotPromotableError: (HTTPStatus.CONFLICT, "model-not-promotable", None),
    NoFormerModelError: (HTTPStatus.CONFLICT, "no-former-model", None),
    JobOpenError: (HTTPStatus.CONFLICT, "job-open", None),
    ModelMissingError: (HTTPStatus.SERVICE_UNAVAILABLE, "model-missing", 5),
    BusyError: (HTTPStatus.SERVICE_UNAVAILABLE, "busy", 1),
    StoreUnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable", 2),
    StreamUnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, "stream-unavailable", 2),
}
RETRY_SECONDS = 2
NEWER_PHRASES = {413: "Content Too Large"}  # RFC 9110; Python has it from 3.13 on
EXAMPLES: Mapping[int, Problem] = {
    404: Problem(
        type=f"{TYPES}profile-not-found",
        title="Nothing is known of this user.",
        status=404,
        request_id="5f0c8a",
    ),
    405: Problem(type="about:blank", title="Method Not Allowed", status=405, request_id="5f0c8a"),
    409: Problem(
        type=f"{TYPES}job-open",
        title="A training is under way already.",
        status=409,
        detail="Job 5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b is under way.",
        request_id="5f0c8a",
    ),
    413: Problem(
        type="about:blank",
        title="Content Too Large",
        status=413,
        detail="The body is larger than 1048576 bytes.",
        request_id="5f0c8a",
    ),
    422: Problem(
        type=f"{TYPES}request-invalid",
        title="The request is not valid.",
        status=422,
        request_id="5f0c8a",
        errors=(
            FieldError(
                detail="Input should be less than or equal to 100",
                pointer="#/limit",
                parameter=None,
            ),
        ),
    ),
    500: Problem(
        type="about:blank", title="Internal Server Error", status=500, request_id="5f0c8a"
    ),
    503: Problem(
        type=f"{TYPES}store-unavailable",
        title="Redis did not answer: try again later.",
        status=503,
        request_id="5f0c8a",
    ),
}


def declared(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Return what a route says in OpenAPI about its errors; every route can also end in a 500."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": EXAMPLES[status].model_dump(mode="json", exclude_defaults=True),
                }
            },
        }
        for status in (*statuses, HTTPStatus.INTERNAL_SERVER_ERROR)
    }


def install_problems(app: FastAPI) -> None:
    """Answer every error with a problem."""
    app.exception_handler(PortraitError)(_ours)
    app.exception_handler(ProblemError)(_own)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_bug)


async def _ours(request: Request, error: PortraitError) -> Response:
    known = next((OURS[kind] for kind in type(error).mro() if kind in OURS), None)
    if known is None:
        raise error
    status, name, retry = known
    title = str(type(error).__doc__)
    detail = None if str(error) == title else str(error)
    problem = Problem(type=f"{TYPES}{name}", title=title, status=status, detail=detail)
    headers = {} if retry is None else {"Retry-After": str(retry)}
    return _answer(request, problem, headers)


async def _own(request: Request, error: ProblemError) -> Response:
    problem = Problem(
        type=f"{TYPES}{error.name}",
        title=str(type(error).__doc__),
        status=error.status,
        detail=error.detail,
        errors=error.errors,
        down=error.down,
    )
    is_temporary = error.status == HTTPStatus.SERVICE_UNAVAILABLE
    return _answer(request, problem, {"Retry-After": str(RETRY_SECONDS)} if is_temporary else {})


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    problem = Problem(
        type=f"{TYPES}request-invalid",
        title="The request is not valid.",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        errors=tuple(_field_error(one["loc"], one["msg"]) for one in error.errors()),
    )
    return _answer(request, problem)


async def _http(request: Request, error: HTTPException) -> Response:
    title = NEWER_PHRASES.get(error.status_code) or HTTPStatus(error.status_code).phrase
    detail = None if error.detail == title else error.detail
    problem = Problem(type="about:blank", title=title, status=error.status_code, detail=detail)
    return _answer(request, problem, error.headers)


async def _bug(request: Request, _error: Exception) -> Response:
    """Say nothing of what happened; Starlette raises the error on, so that the log has it."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _answer(request, Problem(type="about:blank", title=status.phrase, status=status))


def _answer(
    request: Request, problem: Problem, headers: Mapping[str, str] | None = None
) -> Response:
    request_id = getattr(request.state, "request_id", None)
    named = problem.model_copy(update={"request_id": request_id})
    return Response(
        named.model_dump_json(exclude_defaults=True),
        problem.status,
        headers={**(headers or {}), **({"X-Request-Id": request_id} if request_id else {})},
        media_type=MEDIA_TYPE,
    )


def _field_error(place: Sequence[int | str], detail: str) -> FieldError:
    where, *path = place
    if where == "body":
        return FieldError(detail=detail, pointer="#" + "".join(f"/{part}" for part in path))
    return FieldError(detail=detail, parameter=".".join(map(str, path)))
