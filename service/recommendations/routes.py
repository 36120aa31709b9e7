"""Routes: recommendations."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from portrait.events.event import ANONYMOUS
from service.access.caller import Caller
from service.access.problems import ScopeMissingError
from service.dependencies import caller_of, state_of, turns_of
from service.events import asks_for_privacy
from service.http.problems import WRITING, declared
from service.recommendations.recommender import recommend
from service.recommendations.schemas import RecommendationRequest, Recommendations
from service.routing import CostlyRoute

router = APIRouter(route_class=CostlyRoute, tags=["recommendations"])


@router.post("/recommend", response_model=Recommendations, responses=declared(*WRITING))
async def post_recommend(asked: RecommendationRequest, request: Request) -> Response:
    """Return items that suit a user, a session, or anybody, in the order of their scores.

    By the session if it says anything, with the user's profile for the long term; else by the
    profile; else what is popular, a few of each category. `strategy` says which.
    """
    caller = caller_of(request)
    check_public(caller, asked)
    is_private = caller.is_public and asks_for_privacy(request.headers)
    answer = await recommend(
        asked, *state_of(request), turns_of(request), is_counted=not is_private
    )
    return Response(answer, media_type="application/json")


def check_public(caller: Caller, asked: RecommendationRequest) -> None:
    """Refuse a public key that asks what suits a known user: it would read their profile.

    Raises:
        ScopeMissingError: It does.
    """
    user = asked.user_id
    if caller.is_public and user is not None and not user.startswith(ANONYMOUS):
        msg = (
            "A public key asks for sessions and anonymous visitors; let your server ask for users."
        )
        raise ScopeMissingError(msg)
