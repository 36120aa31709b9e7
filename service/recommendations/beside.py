"""Routes: what stands beside an item, for caches and static pages.

They say the same to everybody: who asks is not looked at, and nothing is counted. Whoever shows
such a list to somebody they know asks `POST /recommend` with `surface: item`.
"""

from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from pydantic_core import to_json
from starlette.routing import Match

from portrait.errors import ItemNotFoundError
from portrait.events.unwanted import NOTHING
from portrait.ref import item_ref
from service.access.caller import ANYBODY
from service.dependencies import OldItemIdPath, caller_of, standing_of, state_of, turns_of
from service.http.etags import DESCRIPTION, MOST_CHARACTERS, is_named
from service.http.problems import declared
from service.recommendations.answer import Freshness, tell
from service.recommendations.asked import MOST_ITEMS
from service.recommendations.known import Loaded
from service.recommendations.schemas import ItemsBeside, RecommendationRequest
from service.recommendations.surfaces import Source
from service.recommendations.trials import PLAIN
from service.routing import ExactRoute
from service.view import View

FRESH_SECONDS = 60  # that a cache may answer without asking
SIMILAR: tuple[Source, ...] = ("similar",)
TOGETHER: tuple[Source, ...] = ("together",)

BENEATH = b"/similar", b"/together"


class OfItem(ExactRoute):
    """A route to something beneath an item: a slash of an id is sent as `%2F`."""

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, Any]:
        """Match a path that was sent so, as beneath a profile."""
        raw: bytes = scope.get("raw_path") or b""
        return super().matches(scope) if raw.endswith(BENEATH) else (Match.NONE, {})


router = APIRouter(route_class=OfItem, prefix="/items/{item_id:path}", tags=["items"])

Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="Most items to return.")]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        description=DESCRIPTION,
        max_length=MOST_CHARACTERS,
    ),
]
RESPONSES: dict[int | str, dict[str, object]] = {
    HTTPStatus.NOT_MODIFIED.value: {"description": "Nothing has changed."},
    **declared(404, 422),
}


@router.get("/similar", response_model=ItemsBeside, responses=RESPONSES)
async def get_similar(
    item_id: OldItemIdPath, request: Request, limit: Limit = 10, known: IfNoneMatch = None
) -> Response:
    """Return items that are like one: by text, category and price, and no variants of it."""
    return await _beside(item_id, SIMILAR, limit, known, request)


@router.get("/together", response_model=ItemsBeside, responses=RESPONSES)
async def get_together(
    item_id: OldItemIdPath, request: Request, limit: Limit = 10, known: IfNoneMatch = None
) -> Response:
    """Return items of other categories that go with one.

    By what people take together, as a learned model knows it, and by the shop's edges, which go
    first; none where neither says anything.
    """
    return await _beside(item_id, TOGETHER, limit, known, request)


async def _beside(
    item_id: str, sources: tuple[Source, ...], limit: int, known: str | None, request: Request
) -> Response:
    _, live = state_of(request)
    view = live.require()
    row = view.source.rows.get(item_ref(item_id))
    if row is None or row >= len(view.shelf) or view.shelf.hidden[row]:
        raise ItemNotFoundError
    headers = {"ETag": _etag(view, item_id, *sources, str(limit)), **_kept_for(request)}
    if known is not None and is_named(known, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    asked = RecommendationRequest(
        surface="item",
        item_id=item_id,
        sources=sources,
        same_category=sources == SIMILAR,
        limit=limit,
    )
    loaded = Loaded(asked, None, {}, NOTHING, is_personal=True)
    told = await turns_of(request).take(partial(tell, loaded, PLAIN, "", view, Freshness()))
    said = {name: told.body[name] for name in ItemsBeside.model_fields if name != "item_id"}
    body = to_json({"item_id": item_id, **said})
    return Response(body, headers=headers, media_type="application/json")


def _kept_for(request: Request) -> dict[str, str]:
    """Say who may keep an answer, for whom: everybody what everybody may ask for.

    Pages of two shops may be of one origin and ask at one address. Their keys tell them apart, and
    not every cache between looks at `Vary`.
    """
    caller = caller_of(request)
    if caller is ANYBODY:
        return {"Cache-Control": f"public, max-age={FRESH_SECONDS}"}
    is_everybodys = caller.is_public and not standing_of(request).is_shared
    whose = "public" if is_everybodys else "private"
    return {"Cache-Control": f"{whose}, max-age={FRESH_SECONDS}", "Vary": "Authorization"}


def _etag(view: View, *asked: str) -> str:
    """Name an answer by what it follows from: the same in every process."""
    rulings = view.rulings
    stands_on = (
        view.model.version,
        view.revision,
        view.shelf.changes_at,  # what begins or ends to be available moves it
        rulings.book.version,
        rulings.edges.version,
        _minute() if rulings.book.rules else "",  # they begin and end by the clock
        *asked,
    )
    return f'"{blake2b(repr(stands_on).encode(), digest_size=12).hexdigest()}"'


def _minute() -> str:
    return datetime.now(UTC).strftime("%Y%m%d%H%M")
