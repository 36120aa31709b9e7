"""Route: categories and brands as what is recommended, each with a few of its items.

who asks, as for a list ─▶ what may be listed ─▶ groups of it, best first ─▶ reasons
"""

from collections.abc import Collection, Sequence
from functools import partial
from time import time

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic_core import to_json

from portrait.inference.groups import Groups, rank_groups, rank_popular_groups
from portrait.inference.taste import FirstTaste, Taste
from service.dependencies import caller_of, state_of, turns_of
from service.http.problems import WRITING, declared
from service.profiles.describe import DECIMALS, Json, lag_of, moment, stale_seconds
from service.recommendations.answer import ruled, told_of
from service.recommendations.asked import AskerBody
from service.recommendations.group_schemas import By, GroupRequest, RecommendedGroups
from service.recommendations.known import Loaded
from service.recommendations.listing import Basis, look_at, rule_on, strategy_of
from service.recommendations.reasons import (
    ForAndAgainst,
    popular_reasons,
    reasons_for,
    with_prices,
)
from service.recommendations.recommender import Recommender
from service.recommendations.routes import check_public, is_counted, is_reached
from service.recommendations.schemas import RecommendationRequest
from service.routing import CostlyRoute
from service.view import View

router = APIRouter(route_class=CostlyRoute, tags=["recommendations"])


@router.post("/recommend/groups", response_model=RecommendedGroups, responses=declared(*WRITING))
async def post_groups(asked: GroupRequest, request: Request) -> Response:
    """Return categories or brands that suit a user, a session, or anybody, with their best items.

    What may be in no list is in no group: by the shop's rules, by what the user does not want, by
    `filters`. Groups are in no experiment, and nothing that comes of them is counted.
    """
    check_public(caller_of(request), asked, is_told=True)  # groups tell what somebody does
    asked = asked.spoken(request.headers.get("accept-language", ""))
    reached = await is_reached(asked, request)
    parts, live = state_of(request)
    recommender = Recommender(
        parts, live, turns_of(request), live.require(), is_counted(request), reached
    )
    loaded = await recommender.load(_as_list(asked))
    tell = partial(_tell, asked, loaded, recommender.view, parts.declared)
    body = await turns_of(request).take(tell)
    lag_ms = None
    if loaded.profile is not None:
        lag_ms = lag_of(loaded.profile.partitions, live.reached, time())
    fresh = {
        "lag_ms": lag_ms,
        "stale_seconds": stale_seconds(lag_ms),
        "position_reached": reached,
    }
    return Response(to_json({**body, **fresh}), media_type="application/json")


def _as_list(asked: GroupRequest) -> RecommendationRequest:
    """Return the list that groups are made of: both parts have been read already."""
    fields = {name: getattr(asked, name) for name in AskerBody.model_fields}
    fields |= {name: getattr(asked, name) for name in ("limit", "filters", "exclude_seen")}
    return RecommendationRequest.model_construct(**fields)


def _tell(asked: GroupRequest, loaded: Loaded, view: View, counted: Collection[str]) -> Json:
    """Make an answer. Blocks for milliseconds: in a thread."""
    view = view.for_declared(asked.declared, counted)
    shelf, ruling = view.shelf, rule_on(loaded, view, view.rulings)
    wish, basis, taste = look_at(loaded, view, ruling)
    codes = shelf.interest if asked.by == "category" else shelf.brand
    if isinstance(taste, FirstTaste | Taste):
        groups = rank_groups(shelf, taste, codes, wish, asked.items)
    else:
        weights = view.popularity.weights
        groups = rank_popular_groups(shelf, weights, codes, wish, asked.items)
    explained = _explain(groups, basis, view.popular_among) if asked.explain else None
    return {
        "by": asked.by,
        "strategy": strategy_of(loaded, basis),
        "model_version": view.model.version,
        "space_id": view.model.space_id,
        "profile_as_of": None
        if loaded.profile is None
        else moment(int(loaded.profile.head["last_at"])),
        "rules_version": view.rulings.book.version,
        "rules": [ruled(each) for each in ruling.ruled],
        "groups": [
            _group(groups, place, asked.by, None if explained is None else explained[place], view)
            for place in range(len(groups.codes))
        ],
    }


def _explain(groups: Groups, basis: Basis, among: Sequence[str]) -> list[ForAndAgainst]:
    """Name what speaks for each group: events, prices; popularity where nobody's events do."""
    if basis.evidence is None:
        return popular_reasons(groups.wanted, groups.scores, [among] * len(groups.codes))
    by_events = reasons_for(groups.shares, basis.evidence, basis.mentions)
    return with_prices(by_events, groups.prices)


def _group(groups: Groups, place: int, by: By, explained: ForAndAgainst | None, view: View) -> Json:
    names = view.source.mirror.catalogue.interests if by == "category" else view.shelf.brands
    favour, against = (None, None) if explained is None else explained
    items = zip(groups.rows[place].tolist(), groups.worth[place].tolist(), strict=True)
    return {
        "name": names.name(int(groups.codes[place])),
        "score": round(float(groups.scores[place]), DECIMALS),
        "reasons": favour,
        "against": against,
        "items": [
            {**told_of(view.shelf.items[row]), "relevance": round(worth, DECIMALS)}
            for row, worth in items
        ],
    }
