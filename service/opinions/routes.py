"""Routes: what is written of items, brands, categories and sources, and where that turned."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import StringConstraints

from portrait.events.progress import OPINIONS_GROUP, OffsetReader
from portrait.opinions.store import OpinionStore, Page
from portrait.opinions.subject import Subject, SubjectKind
from portrait.opinions.windows import KEPT, LENGTHS, Width
from portrait.times import to_ms
from service.dependencies import PartsDep
from service.fields import SentMoment
from service.http.problems import declared
from service.opinions.describe import described
from service.opinions.schemas import OpinionsAnswer
from service.routing import ExactRoute

MOST_ALERTS = 100
NOBODY_READS = (
    "No review or post has been read yet. An opinion worker does that: if none runs, start one "
    "with `portrait opinions`."
)
WINDOWS = 7  # of each subject, where nothing else is asked for

router = APIRouter(route_class=ExactRoute, tags=["opinions"])

KindQuery = Annotated[SubjectKind, Query(description="What the subjects are.")]
Name = Annotated[
    Annotated[str, StringConstraints(min_length=1, max_length=512)] | None,
    Query(description="One subject alone: an item's id, a brand, a category's path, a source."),
]
WidthQuery = Annotated[Width, Query(description="How long a window is.")]
Since = Annotated[
    SentMoment,
    Query(description="Windows and alerts after that moment alone; else all that are kept."),
]
Windows = Annotated[int, Query(ge=1, le=max(KEPT.values()), description="Most of each subject.")]
Limit = Annotated[int, Query(ge=1, le=50, description="Most subjects to return.")]
After = Annotated[
    str | None,
    Query(pattern=r"^\d{1,15}:[0-9a-f]{16}$", description="`next` of the page before."),
]


@router.get("/opinions", responses=declared(422))
async def get_opinions(  # noqa: PLR0913, PLR0917 - what may be asked
    parts: PartsDep,
    kind: KindQuery = SubjectKind.ITEM,
    name: Name = None,
    window: WidthQuery = Width.DAY,
    since: Since = None,
    windows: Windows = WINDOWS,
    limit: Limit = 20,
    after: After = None,
) -> OpinionsAnswer:
    """Return what was said, with intervals and examples, and what has turned.

    An opinion worker reads it, which an installation may do without: `hint` says so where none has
    read anything.
    """
    moment = since or datetime.now(UTC) - timedelta(milliseconds=KEPT[window] * LENGTHS[window])
    begins = max(0, to_ms(moment))
    page = await _page(parts.opinions, kind, name, begins, after, limit)
    topics = {topic.id: topic.name for topic in (await parts.opinions.topics()).topics}
    alerts = [each for each in await parts.opinions.alerts(MOST_ALERTS) if each.at >= moment]
    return OpinionsAnswer(
        opinions=tuple(
            described(ledger, window, begins, windows, topics, alerts) for ledger in page.subjects
        ),
        next=page.next,
        alerts=tuple(alerts),
        hint=None if page.subjects or await _has_read(parts.offsets) else NOBODY_READS,
    )


async def _has_read(offsets: OffsetReader) -> bool:
    """Say whether an opinion worker has ever read anything."""
    return bool((await offsets.look(OPINIONS_GROUP)).ends)


async def _page(  # noqa: PLR0913, PLR0917 - of what is asked
    store: OpinionStore,
    kind: SubjectKind,
    name: str | None,
    since: int,
    after: str | None,
    limit: int,
) -> Page:
    """Return the one that is named, or a page of its kind."""
    if name is None:
        return await store.page(kind, since, after, limit)
    ledger = await store.find(Subject(kind, name))
    return Page(() if ledger is None else (ledger,), None)
