"""Routes: the shop's rules, what they were, and what others would change."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from portrait.rules.rule import RuleBook
from portrait.rules.store import MOST_BOOKS, RulesChangedError
from service.access.admission import name_subject
from service.dependencies import LiveDep, PartsDep, caller_of, turns_of
from service.http.problems import WRITING, ProblemError, declared
from service.routing import ExactRoute
from service.rules.preview import preview
from service.rules.schemas import (
    BookSummary,
    HistoryAnswer,
    RulesBody,
    RulesPreviewAnswer,
    RulesPreviewBody,
)

router = APIRouter(route_class=ExactRoute, tags=["rules"])

Version = Annotated[
    int | None, Query(ge=1, description="An older one, of `GET /rules/history`; else the newest.")
]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="`ETag` of the version that is replaced.", max_length=64),
]


class VersionMissingError(ProblemError):
    """Say which version is to be replaced."""

    status = HTTPStatus.PRECONDITION_REQUIRED
    name = "version-missing"


class VersionUnknownError(ProblemError):
    """There are no rules of this version, or no more."""

    status = HTTPStatus.NOT_FOUND
    name = "version-unknown"


@router.get("/rules", response_model_exclude_none=True, responses=declared(422))
async def get_rules(parts: PartsDep, response: Response, version: Version = None) -> RuleBook:
    """Return all rules. `ETag` is what `PUT /rules` takes as `If-Match`."""
    book = await parts.rules.newest()
    if version not in {None, book.version}:
        found = [each for each in await parts.rules.history() if each.version == version]
        if not found:
            msg = f"The newest {MOST_BOOKS} are kept."
            raise VersionUnknownError(msg)
        book = found[0]
    response.headers["ETag"] = etag_of(book)
    return book


@router.put("/rules", response_model_exclude_none=True, responses=declared(412, 428, *WRITING))
async def put_rules(
    body: RulesBody,
    parts: PartsDep,
    request: Request,
    response: Response,
    if_match: IfMatch = None,
) -> RuleBook:
    """Replace all rules. Within a second every process goes by them.

    Send the `ETag` of the rules that you have changed: if somebody else has changed them since,
    nothing is, and the answer is 412.
    """
    version, newest = await parts.rules.version(), await parts.rules.newest()
    if if_match is None:
        msg = "Send its `ETag`, as `GET /rules` has it, as `If-Match`."
        raise VersionMissingError(msg)
    if if_match.strip() not in {etag_of(newest), "*"}:
        raise RulesChangedError
    book = RuleBook(
        version=max(version, newest.version) + 1,
        author=caller_of(request).name,
        at=datetime.now(UTC),
        note=body.note,
        rules=body.rules,
    )
    await parts.rules.put(book, version)
    name_subject(request, f"version {book.version}, {len(book.rules)} rules")
    response.headers["ETag"] = etag_of(book)
    return book


@router.get("/rules/history", responses=declared())
async def get_history(parts: PartsDep) -> HistoryAnswer:
    """Return the versions that are kept: who changed the rules when, and why."""
    return HistoryAnswer(
        versions=tuple(
            BookSummary(
                version=book.version,
                author=book.author,
                at=book.at,
                note=book.note,
                rules=len(book.rules),
            )
            for book in await parts.rules.history()
        )
    )


@router.post("/rules/preview", responses=declared(*WRITING))
async def post_preview(
    body: RulesPreviewBody, parts: PartsDep, live: LiveDep, request: Request
) -> RulesPreviewAnswer:
    """Return what other rules would change in lists, before and after; nothing is changed by it."""
    return await preview(body, parts, live, turns_of(request))


def etag_of(book: RuleBook) -> str:
    """Return what names a version, as RFC 9110 has it."""
    return f'"{book.version}"'
