"""Routes: recommendations."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portrait.events.event import ANONYMOUS
from service.access.admission import pay
from service.access.caller import Caller
from service.access.limits import COSTS
from service.access.problems import ScopeMissingError
from service.dependencies import caller_of, state_of, turns_of
from service.events import asks_for_privacy
from service.http.problems import WRITING, declared
from service.recommendations.asked import AskerBody
from service.recommendations.page import make_page
from service.recommendations.page_schemas import Page, PageRequest
from service.recommendations.recommender import Recommender
from service.recommendations.remembered import recommend
from service.recommendations.schemas import ListRequest, Recommendations
from service.routing import CostlyRoute
from service.waiting import wait_for

PAGE_COST = COSTS["POST", "/recommend/page"]

router = APIRouter(route_class=CostlyRoute, tags=["recommendations"])


@router.post("/recommend", response_model=Recommendations, responses=declared(*WRITING))
async def post_recommend(asked: ListRequest, request: Request) -> Response:
    """Return items that suit a user, a session, or anybody, in the order of their scores.

    By the session if it says anything, with the user's profile for the long term; else by the
    profile; else what is popular, a few of each category. `strategy` says which. On another
    `surface` than `home`, what is looked at, searched for or in the cart stands for the session.
    With `min_position` it waits until all that was sent before that is known; a list that could not
    is answered all the same, and says so: `position_reached`.
    """
    check_public(caller_of(request), asked, is_told=asked.tells)
    asked = asked.spoken(request.headers.get("accept-language", ""))
    answer = await recommend(
        asked,
        *state_of(request),
        turns_of(request),
        is_counted=is_counted(request),
        is_reached=await is_reached(asked, request),
    )
    return Response(answer, media_type="application/json")


@router.post("/recommend/page", response_model=Page, responses=declared(*WRITING))
async def post_page(asked: PageRequest, request: Request) -> Response:
    """Return the rows of a whole page: each a list with a title of its own, no item in two.

    A row of surface `item` without an `item_id` is about what they bought last, each such row about
    another item; it is left out where they have done nothing. A row costs as much as a list.
    """
    caller, (parts, live) = caller_of(request), state_of(request)
    is_told = any(row.surface == "item" or row.tells for row in asked.rows)
    check_public(caller, asked, is_told=is_told)
    await pay(request, caller, PAGE_COST * (len(asked.rows) - 1))
    asked = asked.spoken(request.headers.get("accept-language", ""))
    reached = await is_reached(asked, request)
    recommender = Recommender(
        parts, live, turns_of(request), live.require(), is_counted(request), reached
    )
    answer = await make_page(asked, recommender)
    return Response(answer, media_type="application/json")


async def is_reached(asked: AskerBody, request: Request) -> bool | None:
    """Wait for the position that a request names; None if it names none."""
    if asked.min_position is None:
        return None
    return await wait_for(request, asked.min_position, asked.wait_ms)


def is_counted(request: Request) -> bool:
    """Say whether what comes of a list may be counted."""
    return not (caller_of(request).is_public and asks_for_privacy(request.headers))


def check_public(caller: Caller, asked: AskerBody, *, is_told: bool) -> None:
    """Refuse a public key that would read a profile: any visitor of a page may have it.

    Whoever knows or guesses the id of an anonymous visitor gets a list for them, and no more.

    Args:
        caller: Whose key it is.
        asked: For whom, and with which reasons.
        is_told: Whether what is asked for says what somebody did: what they bought is due again,
            a row stands there because they bought something, a list differs from another by what
            they have seen.

    Raises:
        ScopeMissingError: It would.
    """
    if not caller.is_public or asked.user_id is None:
        return
    if not asked.user_id.startswith(ANONYMOUS):
        msg = (
            "A public key asks for sessions and anonymous visitors; let your server ask for users."
        )
        raise ScopeMissingError(msg)
    if asked.explain or is_told:
        msg = (
            "A public key is not told what a visitor did: neither `explain`, nor what is due again,"
            " nor rows of a page about an item, nor `exclude_seen` other than the surface has it,"
            " nor `rotation` or the surface `email`; leave out `user_id`, or let your server ask."
        )
        raise ScopeMissingError(msg)
