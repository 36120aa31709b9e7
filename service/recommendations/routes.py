"""Routes: recommendations."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.dependencies import state_of, turns_of
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
    answer = await recommend(asked, *state_of(request), turns_of(request))
    return Response(answer, media_type="application/json")
