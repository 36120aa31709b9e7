"""Problems: every error as RFC 9457 `application/problem+json`, and what each route declares."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from portrait.access.store import KeyNotFoundError, TooManyKeysError
from portrait.audiences.gather import AudienceTooNarrowError
from portrait.audiences.job import AudienceNotFoundError, AudienceNotReadyError
from portrait.errors import (
    BusyError,
    ConsentWithdrawnError,
    ItemNotFoundError,
    ModelMissingError,
    NotSuppressedError,
    PortraitError,
    PositionInvalidError,
    PositionNotReachedError,
    ProfileErasedError,
    ProfileNotFoundError,
    StoreUnavailableError,
    StreamUnavailableError,
)
from portrait.events.item import ID_PATTERN, ID_RULE
from portrait.experiments.given import ListPassedError
from portrait.experiments.store import ExperimentNotFoundError, TooManyExperimentsError
from portrait.helpdesk.desk import DeskNotReadError
from portrait.helpdesk.labels import MessageNotFoundError
from portrait.lifecycle.jobs import JobNotFoundError, JobOpenError, JobOverError
from portrait.lifecycle.registry import (
    ModelNotFoundError,
    ModelNotPromotableError,
    NoFormerModelError,
)
from portrait.rights.erasure_job import ErasureNotFoundError, ReceiptMissingError
from portrait.rights.export import ExportTooLargeError
from portrait.rules.store import RulesChangedError
from portrait.segments.store import SegmentNotFoundError, TooManySegmentsError

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
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        down: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.more_headers = headers or {}
        self.detail = detail
        self.errors = tuple(errors)
        self.down = tuple(down)


class EventsInvalidError(ProblemError):
    """Not one of the events sent can be taken in."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    name = "events-invalid"


class ExperimentQuarrelsError(ProblemError):
    """Another experiment asks for something else of the same lists."""

    status = HTTPStatus.CONFLICT
    name = "experiment-quarrels"


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
    ProfileErasedError: (HTTPStatus.GONE, "profile-erased", None),
    PositionInvalidError: (HTTPStatus.UNPROCESSABLE_ENTITY, "position-invalid", None),
    PositionNotReachedError: (HTTPStatus.SERVICE_UNAVAILABLE, "position-not-reached", 1),
    NotSuppressedError: (HTTPStatus.NOT_FOUND, "not-suppressed", None),
    ErasureNotFoundError: (HTTPStatus.NOT_FOUND, "erasure-not-found", None),
    ReceiptMissingError: (HTTPStatus.NOT_FOUND, "receipt-missing", None),
    ExportTooLargeError: (HTTPStatus.CONFLICT, "export-too-large", None),
    ConsentWithdrawnError: (HTTPStatus.FORBIDDEN, "consent-withdrawn", None),
    ItemNotFoundError: (HTTPStatus.NOT_FOUND, "item-not-found", None),
    AudienceNotFoundError: (HTTPStatus.NOT_FOUND, "audience-not-found", None),
    AudienceNotReadyError: (HTTPStatus.CONFLICT, "audience-not-ready", 1),
    AudienceTooNarrowError: (HTTPStatus.CONFLICT, "audience-too-narrow", None),
    KeyNotFoundError: (HTTPStatus.NOT_FOUND, "key-not-found", None),
    TooManyKeysError: (HTTPStatus.CONFLICT, "too-many-keys", None),
    ModelNotFoundError: (HTTPStatus.NOT_FOUND, "model-not-found", None),
    ListPassedError: (HTTPStatus.NOT_FOUND, "list-passed", None),
    ExperimentNotFoundError: (HTTPStatus.NOT_FOUND, "experiment-not-found", None),
    TooManyExperimentsError: (HTTPStatus.CONFLICT, "too-many-experiments", None),
    SegmentNotFoundError: (HTTPStatus.NOT_FOUND, "segment-not-found", None),
    TooManySegmentsError: (HTTPStatus.CONFLICT, "too-many-segments", None),
    JobNotFoundError: (HTTPStatus.NOT_FOUND, "job-not-found", None),
    ModelNotPromotableError: (HTTPStatus.CONFLICT, "model-not-promotable", None),
    NoFormerModelError: (HTTPStatus.CONFLICT, "no-former-model", None),
    JobOpenError: (HTTPStatus.CONFLICT, "job-open", None),
    JobOverError: (HTTPStatus.CONFLICT, "job-over", None),
    MessageNotFoundError: (HTTPStatus.NOT_FOUND, "message-not-found", None),
    DeskNotReadError: (HTTPStatus.SERVICE_UNAVAILABLE, "desk-not-read", 5),
    RulesChangedError: (HTTPStatus.PRECONDITION_FAILED, "rules-changed", None),
    ModelMissingError: (HTTPStatus.SERVICE_UNAVAILABLE, "model-missing", 5),
    BusyError: (HTTPStatus.SERVICE_UNAVAILABLE, "busy", 1),
    StoreUnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable", 2),
    StreamUnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, "stream-unavailable", 2),
}
RETRY_SECONDS = 2
MOST_ERRORS = 20  # named in one answer
MOST_CHARACTERS = 200  # of what is said of one
MOST_BYTES = 16_384  # of one answer
NEWER_PHRASES = {413: "Content Too Large"}  # RFC 9110; Python has it from 3.13 on
ANYWHERE = (400, 401, 403, 404, 405, 429, 500, 503)
WRITING = (408, 413, 415, 422)  # what else can happen where something is sent
EXAMPLES: Mapping[int, Problem] = {
    400: Problem(
        type=f"{TYPES}address-invalid",
        title="The path is not UTF-8.",
        status=400,
        detail="Percent-encode the bytes of its UTF-8.",
        request_id="5f0c8a",
    ),
    401: Problem(
        type=f"{TYPES}key-invalid",
        title="This key or token opens nothing.",
        status=401,
        detail="It is unknown, expired or revoked, or not written as it was given out.",
        request_id="5f0c8a",
    ),
    403: Problem(
        type=f"{TYPES}scope-missing",
        title="This key or token may not do this.",
        status=403,
        detail="It needs the scope `profiles:read`.",
        request_id="5f0c8a",
    ),
    404: Problem(
        type=f"{TYPES}profile-not-found",
        title="Nothing is known of this user.",
        status=404,
        request_id="5f0c8a",
    ),
    405: Problem(type="about:blank", title="Method Not Allowed", status=405, request_id="5f0c8a"),
    408: Problem(
        type="about:blank",
        title="Request Timeout",
        status=408,
        detail="The body took too long.",
        request_id="5f0c8a",
    ),
    409: Problem(
        type=f"{TYPES}job-open",
        title="A training is under way already.",
        status=409,
        detail="Job 5f2c7a0c9d1e4b6f8a3b2c1d0e9f8a7b is under way.",
        request_id="5f0c8a",
    ),
    410: Problem(
        type=f"{TYPES}profile-erased",
        title="They were erased, and what they do is passed over until that is lifted.",
        status=410,
        request_id="5f0c8a",
    ),
    412: Problem(
        type=f"{TYPES}rules-changed",
        title="Somebody has changed the rules meanwhile: read them again, and change those.",
        status=412,
        request_id="5f0c8a",
    ),
    413: Problem(
        type="about:blank",
        title="Content Too Large",
        status=413,
        detail="The body is larger than 1048576 bytes.",
        request_id="5f0c8a",
    ),
    415: Problem(
        type=f"{TYPES}content-type",
        title="The body must be JSON, and say so.",
        status=415,
        detail="Send it with `content-type: application/json`, "
        "or another type that ends in `+json`.",
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
    428: Problem(
        type=f"{TYPES}version-missing",
        title="Say which version is to be replaced.",
        status=428,
        detail="Send its `ETag`, as `GET /rules` has it, as `If-Match`.",
        request_id="5f0c8a",
    ),
    429: Problem(
        type=f"{TYPES}rate-limited",
        title="This key or token asks for too much: try again in a moment.",
        status=429,
        detail="It may ask for 1000 tokens a second; "
        "recommendations and answers cost 4, each event and all else 1.",
        request_id="5f0c8a",
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


def declared(
    *statuses: int, examples: Mapping[int, Problem] | None = None
) -> dict[int | str, dict[str, object]]:
    """Return what a route says in OpenAPI about its errors, beside those that happen anywhere.

    Args:
        *statuses: That it may end in.
        examples: Of its own, by status.
    """
    shown = {**EXAMPLES, **(examples or {})}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "example": shown[status].model_dump(mode="json", exclude_defaults=True),
                }
            },
        }
        for status in sorted({*ANYWHERE, *statuses})
    }


def install_problems(app: FastAPI) -> None:
    """Answer every error with a problem."""
    app.exception_handler(PortraitError)(answer_ours)
    app.exception_handler(ProblemError)(_own)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_bug)


def _known(error: Exception) -> tuple[HTTPStatus, str, int | None] | None:
    """Return what a client can do about an error, by the nearest kind that is ours."""
    return next((OURS[kind] for kind in type(error).mro() if kind in OURS), None)


def status_of(error: Exception) -> int:
    """Return the status of the answer that an error ends in."""
    if isinstance(error, ProblemError):
        return error.status
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, RequestValidationError):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    known = _known(error)
    return HTTPStatus.INTERNAL_SERVER_ERROR if known is None else known[0]


async def answer_ours(request: Request, error: PortraitError) -> Response:
    """Answer an error of ours, or raise it on if no client can do anything about it."""
    known = _known(error)
    if known is None:
        raise error
    status, name, retry = known
    title = str(type(error).__doc__)
    detail = None if str(error) == title else str(error)
    problem = Problem(type=f"{TYPES}{name}", title=title, status=status, detail=detail)
    headers = {} if retry is None else {"Retry-After": str(retry)}
    return _answer(request, problem, headers)


async def answer_problem(request: Request, error: PortraitError | ProblemError) -> Response:
    """Answer an error of either kind."""
    if isinstance(error, ProblemError):
        return await _own(request, error)
    return await answer_ours(request, error)


async def _own(request: Request, error: ProblemError) -> Response:
    problem = Problem(
        type=f"{TYPES}{error.name}",
        title=str(type(error).__doc__).partition("\n")[0],
        status=error.status,
        detail=_with_count(error.detail, len(error.errors)),
        errors=error.errors[:MOST_ERRORS],
        down=error.down,
    )
    is_temporary = error.status == HTTPStatus.SERVICE_UNAVAILABLE
    retry = {"Retry-After": str(RETRY_SECONDS)} if is_temporary else {}
    return _answer(request, problem, {**retry, **error.headers, **error.more_headers})


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    errors = error.errors()
    problem = Problem(
        type=f"{TYPES}request-invalid",
        title="The request is not valid.",
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        detail=_with_count(None, len(errors)),
        errors=tuple(_field_error(one["loc"], _said(one)) for one in errors[:MOST_ERRORS]),
    )
    return _answer(request, problem)


async def _http(request: Request, error: HTTPException) -> Response:
    title = NEWER_PHRASES.get(error.status_code) or HTTPStatus(error.status_code).phrase
    detail = None if error.detail == title else error.detail
    problem = Problem(type="about:blank", title=title, status=error.status_code, detail=detail)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return _answer(request, problem, {"Allow": ", ".join(_allowed(request))})
    return _answer(request, problem, error.headers)


def _allowed(request: Request) -> list[str]:
    """Return what may be done to a path, by all routes that are written as the first one is."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    alike = [route for route in matching if route.path_format == matching[0].path_format]
    return sorted({method for route in alike for method in route.methods or ()})


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
        _bounded(named),
        problem.status,
        headers={**(headers or {}), **({"X-Request-Id": request_id} if request_id else {})},
        media_type=MEDIA_TYPE,
    )


def _bounded(problem: Problem) -> str:
    """Write a problem; of many long errors fewer."""
    written = problem.model_dump_json(exclude_defaults=True)
    while len(written.encode()) > MOST_BYTES:
        fewer = problem.errors[: len(problem.errors) // 2]
        problem = problem.model_copy(update={"errors": fewer})
        written = problem.model_dump_json(exclude_defaults=True)
    return written


def _with_count(detail: str | None, errors: int) -> str | None:
    """Say how many errors there are, if they are not all shown."""
    if errors <= MOST_ERRORS:
        return detail
    count = f"The first {MOST_ERRORS} of {errors} errors are shown."
    return count if detail is None else f"{detail} {count}"


def _said(error: Mapping[str, Any]) -> str:
    """Say what is wrong in a person's words: of an id, the rule and not its pattern."""
    is_id = error.get("ctx", {}).get("pattern") == ID_PATTERN or ID_PATTERN in error["msg"]
    return ID_RULE if is_id else str(error["msg"]).removeprefix("Value error, ")


def _field_error(place: Sequence[int | str], detail: str) -> FieldError:
    where, *path = place
    detail = cut(detail)
    if where == "body":
        return FieldError(detail=detail, pointer=cut("#" + "".join(map(_step, path))))
    return FieldError(detail=detail, parameter=cut(".".join(map(str, path))))


def _step(part: int | str) -> str:
    """Write one step of a JSON pointer: RFC 6901."""
    return "/" + str(part)[:MOST_CHARACTERS].replace("~", "~0").replace("/", "~1")


def cut(text: str) -> str:
    """Cut what is said of one error: a client's own names are repeated in it."""
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
