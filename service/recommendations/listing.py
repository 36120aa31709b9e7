"""Listing: a list for whoever is known, under the shop's rules.

gather ─▶ choose what to go by ─▶ rank under the plan of the rules ─▶ fill up with what is popular
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time

import numpy as np

from portrait.arrays import MISSING, Flags, Rows
from portrait.events.event import ANONYMOUS
from portrait.events.unwanted import Unwanted, What
from portrait.inference.explain import Evidence, merged
from portrait.inference.popular import fill_up, rank_popular
from portrait.inference.ranking import Filters, Ranking, RankingRequest
from portrait.inference.session import read_words
from portrait.inference.taste import FirstTaste, Taste, taste_of
from portrait.model.learned import Learned
from portrait.profiles.layout import LONG
from portrait.ref import item_ref
from portrait.rules.masks import Beside
from portrait.rules.rulings import Asked, Ruling, Rulings
from service.profiles.describe import Json
from service.recommendations.known import Known, Loaded, gather
from service.recommendations.reasons import Mentions
from service.recommendations.schemas import AskedFilters, RecommendationRequest, Strategy
from service.view import View

NOT_PERSONALISED: Strategy = "not_personalised"
USUAL, FOUND = 0.3, 0.0  # diversity: of lists to choose from, and of what was searched for


@dataclass(frozen=True, slots=True)
class Basis:
    """What a ranking stands on."""

    strategy: Strategy
    evidence: Evidence | None
    mentions: Mentions  # of the evidence
    readings: Sequence[Json]  # how each text of the session was understood


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, and what it was made of."""

    ruling: Ruling
    wish: RankingRequest
    basis: Basis
    taste: FirstTaste | Taste | None
    ranking: Ranking


def rule_on(loaded: Loaded, view: View, rulings: Rulings, at: datetime | None = None) -> Ruling:
    """Return what some rules want of a request, as of a moment, else now."""
    return rulings.ruling(_asked(loaded, view, at or datetime.now(UTC)))


def list_items(loaded: Loaded, view: View, ruling: Ruling) -> Listing:
    """Make a list. Blocks for milliseconds."""
    asked, known = loaded.asked, gather(loaded, view)
    wish = _wish(asked, known, view, ruling, loaded.unwanted)
    basis = _choose(known, view)
    taste = _taste(basis.evidence, view.model.learned, asked)
    return Listing(ruling, wish, basis, taste, _rank(wish, taste, view))


def strategy_of(loaded: Loaded, listing: Listing) -> Strategy:
    """Say what a list was made of."""
    return listing.basis.strategy if loaded.is_personal else NOT_PERSONALISED


def _asked(loaded: Loaded, view: View, at: datetime) -> Asked:
    """See a request as rules do. The viewed item is the newest of the session."""
    items, user = loaded.session.items, loaded.asked.user_id
    viewed = item_ref(items[-1]) if items else 0
    return Asked(
        is_known=loaded.is_personal and user is not None and not user.startswith(ANONYMOUS),
        declared=loaded.asked.declared,
        beside=Beside(view.source.rows.get(viewed, MISSING), viewed, tuple(loaded.had)),
        at=at,
    )


def _wish(
    asked: RecommendationRequest, known: Known, view: View, ruling: Ruling, unwanted: Unwanted
) -> RankingRequest:
    left_out = _rows([*map(item_ref, asked.exclude), *known.seen], view)
    return RankingRequest(
        asked.limit,
        _filters(asked.filters),
        np.r_[left_out, view.shelf.variants.of(_rows(known.had, view))],
        _rows(known.disliked, view),
        _diversity(asked),
        unwanted=_unwanted(unwanted, view),
        plan=ruling.plan if ruling.ruled else None,
    )


def _unwanted(said: Unwanted, view: View) -> Flags | None:
    """Return which items somebody does not want, (N,), with their variants; None: any may come."""
    if not said.said:
        return None
    things, shelf = said.things_at(round(time() * 1_000)), view.shelf
    mask = shelf.in_categories(things[What.CATEGORY]) | shelf.of_brands(things[What.BRAND])
    rows = _rows([*map(item_ref, things[What.ITEM])], view)
    mask[shelf.variants.of(rows)] = True
    return mask


def _diversity(asked: RecommendationRequest) -> float:
    """Return how different items are to be: whoever searches means one thing."""
    if asked.diversity is not None:
        return asked.diversity
    has_searched = asked.session is not None and bool(asked.session.texts)
    return FOUND if has_searched else USUAL


def _taste(
    evidence: Evidence | None, learned: Learned | None, asked: RecommendationRequest
) -> FirstTaste | Taste | None:
    """See the events as the model does; None: there are none that say anything."""
    if evidence is None:
        return None
    taste = FirstTaste(evidence) if learned is None else taste_of(evidence, learned)
    return taste if asked.by_price else taste.without_prices()


def _choose(known: Known, view: View) -> Basis:
    """Take the session if it says anything, else the profile, else what is popular.

    A profile of complaints alone says what somebody does not want, and nothing of what they do.
    """
    readings: list[Json] = []
    mentions = Mentions(view.source.items)
    if known.session is not None:
        source = view.source
        matrix = source.mirror.catalogue.vectors.matrix
        session, ways = read_words(known.session, known.texts, source.lexicon, matrix)
        readings = [
            {"text": text, "read": way} for text, way in zip(known.texts, ways, strict=True)
        ]
        if session.portrait().any():
            mentions.with_session(session, known.texts)
            return _with_session(known, session, mentions, readings)
    if known.past is not None:
        mentions.with_past(known.past, known.searched)
    if known.vectors.any():
        return Basis("profile", known.past, mentions, readings)
    return Basis("popular", None, mentions, readings)


def _with_session(
    known: Known, session: Evidence, mentions: Mentions, readings: Sequence[Json]
) -> Basis:
    """Let the session say what somebody is after now, and their profile what they like."""
    past = known.past
    if past is None or not known.vectors[LONG].any():
        return Basis("session", session, mentions, readings)
    mentions.with_past(past, known.searched)
    return Basis("session_and_profile", merged(past, session), mentions, readings)


def _rank(wish: RankingRequest, taste: FirstTaste | Taste | None, view: View) -> Ranking:
    """Rank by what is known; what is left of the limit is filled up with what is popular."""
    if taste is None:
        return _popular(wish, view)
    ranking = taste.rank(view.shelf, wish, view.popularity.weights)
    if len(ranking.rows) == wish.limit:
        return ranking
    return fill_up(view.shelf, ranking, view.popularity.order, wish)


def _popular(wish: RankingRequest, view: View) -> Ranking:
    """Rank what is popular, once in a view for all who ask for nothing else."""
    wanted = view.popularity
    is_plain = wish.filters == Filters() and not len(wish.excluded) and not len(wish.disliked)
    is_plain = is_plain and wish.plan is None and wish.unwanted is None
    if is_plain and wish.limit in view.popular:
        return view.popular[wish.limit]
    ranking = rank_popular(view.shelf, wanted.order, wish, wanted.weights)
    if is_plain:
        view.popular[wish.limit] = ranking
    return ranking


def _rows(refs: Sequence[int], view: View) -> Rows:
    """Find the rows of items, or MISSING."""
    row_of = view.source.rows
    return np.array([row_of.get(ref, MISSING) for ref in refs], np.int64)


def _filters(asked: AskedFilters) -> Filters:
    return Filters(
        categories=asked.category,
        brands=asked.brand,
        price_min=asked.price_min,
        price_max=asked.price_max,
        only_available=asked.available,
    )
