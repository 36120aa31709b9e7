"""Route: why an item is in somebody's list, or why not; and what the list would be otherwise."""

from collections.abc import Collection
from datetime import UTC, datetime
from functools import partial
from time import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic_core import to_json

from portrait.errors import (
    ConsentWithdrawnError,
    ItemNotFoundError,
    PositionNotReachedError,
    ProfileErasedError,
    ProfileNotFoundError,
)
from portrait.events.columns import RING
from portrait.events.consent import Purpose, consent_of
from portrait.events.item import LONGEST_ID
from portrait.profiles.profile import Profile
from portrait.profiles.record import is_blank, is_suppressed
from portrait.profiles.store import Stored
from portrait.ref import item_ref
from service.access.admission import pay
from service.access.limits import COSTS
from service.dependencies import Spoken, UserIdPath, caller_of, state_of, turns_of
from service.fields import USUAL_WAIT_MS, EventName, PositionToken, WaitMs
from service.http.languages import language_of
from service.http.problems import declared
from service.parts import Parts
from service.privacy.of_profile import OfProfile
from service.profiles.damage import is_readable
from service.profiles.describe import lag_of
from service.profiles.routes import NOT_REACHED
from service.recommendations.answer import Freshness
from service.recommendations.asked import MOST_ITEMS
from service.recommendations.known import load_of
from service.recommendations.schemas import RecommendationRequest
from service.recommendations.trials import trials_of
from service.view import View
from service.waiting import wait_for
from service.why.answer import Question, answer
from service.why.schemas import WhyAnswer
from service.why.words import words_of

COST = COSTS["GET", "/profile/{user_id}/why"]
UNKNOWN_EVENT = (
    f"is none of the {RING} newest events of this user: `events` of the answer without it names "
    "them"
)

router = APIRouter(route_class=OfProfile, tags=["profiles"])

ItemAsked = Annotated[
    str,
    Query(
        min_length=1,
        max_length=LONGEST_ID,
        description="As in the events.",
        examples=["1082185"],
    ),
]
Without = Annotated[
    list[EventName],
    Query(
        max_length=RING,
        description="Events of the user that shall never have happened, as `event` of reasons and "
        "of this answer names them: also the list without these is told.",
    ),
]
OfPerson = Annotated[
    Literal["home", "again", "email"],
    Query(description="Which list it is about: see `POST /recommend`."),
]
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How long the list is.")]


@router.get("/profile/{user_id:path}/why", response_model=WhyAnswer, responses=declared(410, 422))
async def get_why(  # noqa: PLR0913, PLR0917 - what FastAPI reads of a query
    user_id: UserIdPath,
    item_id: ItemAsked,
    request: Request,
    without: Without = [],  # noqa: B006 - FastAPI reads it, nobody writes it
    surface: OfPerson = "home",
    limit: Limit = 20,
    language: Spoken = None,
    min_position: Annotated[PositionToken, Query()] = "",
    wait_ms: Annotated[WaitMs, Query()] = USUAL_WAIT_MS,
) -> Response:
    """Return why an item is in a user's list, or what keeps it out, and what speaks for it.

    It is about the list that `POST /recommend` would give them now if it said nothing but who they
    are, a surface and a limit. It costs as much as a list. With `without` the list is made again by
    the same scorer from the profile less these events, not estimated: which items leave, which come
    in, and how the others move. That costs as much once more. `words` are read by a worker: the
    first answer asks for them, a later one has them.
    """
    (parts, live), caller = state_of(request), caller_of(request)
    if without:
        await pay(request, caller, COST)
    if min_position and not await wait_for(request, min_position, wait_ms):
        raise PositionNotReachedError(NOT_REACHED.format(wait_ms))
    spoken = language or language_of(request.headers.get("accept-language", ""))
    asked = RecommendationRequest(
        user_id=user_id, surface=surface, limit=limit, explain=True, language=spoken
    )
    view, stored = live.require(), await _stored(user_id, parts)
    row = _row(item_id, view)
    loaded = await load_of(stored, asked, parts, live, view)
    if loaded.profile is None:
        raise ProfileNotFoundError
    now = datetime.now(UTC)
    question = Question(
        loaded,
        loaded.profile,
        trials_of(asked, user_id, live.experiments, now),
        row,
        _ids(without, loaded.profile),
        spoken,
        now,
    )
    fresh = Freshness(lag_of(loaded.profile.partitions, live.reached, time()))
    told = await turns_of(request).take(partial(answer, question, view, fresh))
    told["words"] = await words_of(told, row, loaded.profile, view, parts)
    return Response(to_json(told), media_type="application/json")


async def _stored(user_id: str, parts: Parts) -> Stored:
    """Return what is stored of a user.

    Raises:
        ProfileNotFoundError: Nothing is known.
        ProfileErasedError: They were erased, and are suppressed.
        ConsentWithdrawnError: They do not let it be used.
    """
    (stored,) = await parts.profiles.load_whole([user_id])
    if stored.record is None or not is_readable(stored.record):
        raise ProfileNotFoundError
    if is_blank(stored.record):
        raise ProfileErasedError if is_suppressed(stored.record) else ProfileNotFoundError
    if not consent_of(stored.consent, parts.unsaid).allows(Purpose.PERSONALISATION):
        raise ConsentWithdrawnError
    return stored


def _row(item_id: str, view: View) -> int:
    """Find an item.

    Raises:
        ItemNotFoundError: The shop does not have it.
    """
    row = view.source.rows.get(item_ref(item_id))
    if row is None or row >= len(view.shelf) or view.shelf.hidden[row]:
        raise ItemNotFoundError
    return row


def _ids(events: Collection[str], profile: Profile) -> frozenset[int]:
    """Read which events are meant.

    Raises:
        RequestValidationError: The profile has no such event.
    """
    ids, known = [int(name, 16) for name in events], {*profile.ring["id"].tolist()}
    wrong = [
        {"type": "value_error", "loc": ("query", "without", place), "msg": UNKNOWN_EVENT}
        for place, id in enumerate(ids)
        if id not in known
    ]
    if wrong:
        raise RequestValidationError(wrong)
    return frozenset(ids)
