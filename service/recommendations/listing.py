"""Listing: a list for whoever is known, under the shop's rules.

gather ─▶ choose what to go by ─▶ rank under the plan of the rules ─▶ fill up with what is popular
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import time

import numpy as np

from portrait.arrays import MISSING, Floats
from portrait.events.event import ANONYMOUS
from portrait.inference.again import Wanted, due
from portrait.inference.eligible import eligible
from portrait.inference.explain import Evidence, merged
from portrait.inference.parts import ALL_PARTS, Paired, narrowed
from portrait.inference.popular import fill_up, rank_popular
from portrait.inference.ranking import Filters, Ranking, RankingRequest
from portrait.inference.repeating import Repeating
from portrait.inference.session import factored_session, read_words
from portrait.inference.taste import FirstTaste, Taste, taste_of
from portrait.profiles.layout import LONG
from portrait.ref import item_ref, search_ref
from portrait.rules.masks import Beside
from portrait.rules.rulings import Asked, Ruling, Rulings
from service.profiles.describe import Json
from service.recommendations.known import Known, Loaded, gather
from service.recommendations.reasons import Mentions
from service.recommendations.schemas import (
    Found,
    RecommendationRequest,
    Strategy,
)
from service.recommendations.surfaces import DUE, POPULAR, Manner
from service.recommendations.wishes import wish_of
from service.view import View

NOT_PERSONALISED: Strategy = "not_personalised"
AnyTaste = FirstTaste | Taste | Paired | Repeating


@dataclass(frozen=True, slots=True)
class Basis:
    """What a ranking stands on."""

    strategy: Found
    evidence: Evidence | None
    mentions: Mentions  # of the evidence
    readings: Sequence[Json]  # how each text of the session was understood


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, and what it was made of."""

    asked: RecommendationRequest
    ruling: Ruling
    wish: RankingRequest
    basis: Basis
    taste: AnyTaste | None
    ranking: Ranking
    counted_by: Sequence[str]  # rules that say what some of the events count that it stands on

    def rules_of(self, row: int, put_by: str | None) -> list[str]:
        """Name the rules that have put an item where it is, or moved it."""
        is_filled = row in self.ranking.rows[len(self.ranking.rows) - self.ranking.filled :]
        return [*self.ruling.about(row, put_by), *([] if is_filled else self.counted_by)]


def rule_on(loaded: Loaded, view: View, rulings: Rulings, at: datetime | None = None) -> Ruling:
    """Return what some rules want of a request, as of a moment, else now."""
    return rulings.ruling(_asked(loaded, view, at or datetime.now(UTC)))


def list_items(loaded: Loaded, view: View, ruling: Ruling) -> Listing:
    """Make a list. Blocks for milliseconds."""
    wish, basis, taste = look_at(loaded, view, ruling)
    ranking = _rank(wish, taste, view, loaded.asked.manner)
    return Listing(loaded.asked, ruling, wish, basis, taste, ranking, _counted_by(basis, ruling))


def look_at(
    loaded: Loaded, view: View, ruling: Ruling
) -> tuple[RankingRequest, Basis, AnyTaste | None]:
    """Return what a list must hold to, what it stands on, and how the model sees that."""
    factors = factors_for(loaded, ruling)
    known = gather(loaded, view, factors)
    wish = wish_of(loaded, known, view, ruling)
    basis = _choose(known, view, loaded, factors)
    return wish, basis, _taste(basis, loaded.asked, view)


def factors_for(loaded: Loaded, ruling: Ruling) -> Floats | None:
    """Return what events count by the rules, (KINDS,); None: as the model has it.

    What is due to be bought again follows from purchases alone, and counts none of them.
    """
    return None if DUE in loaded.asked.manner.sources else ruling.factors


def strategy_of(loaded: Loaded, basis: Basis) -> Strategy:
    """Say what a list was made of."""
    return basis.strategy if loaded.is_personal else NOT_PERSONALISED


def _counted_by(basis: Basis, ruling: Ruling) -> Sequence[str]:
    """Name the rules that say what some events count that a list stands on."""
    evidence = basis.evidence
    if evidence is None or evidence.factor is None:
        return ()
    return ruling.counting(evidence.kinds[evidence.factor != 1])


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


def _taste(basis: Basis, asked: RecommendationRequest, view: View) -> AnyTaste | None:
    """See the events as the model does; None: there are none that say anything."""
    evidence, learned, manner = basis.evidence, view.model.learned, asked.manner
    if evidence is None:
        return None
    if DUE in manner.sources:
        now = round(time() * 1_000)
        return Repeating(evidence, due(evidence.ring, now, learned, _wanted(evidence, view)))
    whole = FirstTaste(evidence) if learned is None else taste_of(evidence, learned)
    parts = ALL_PARTS.intersection(manner.sources)
    taste = narrowed(whole, parts, view.shelf, view.source.rows, view.rulings.edges)
    return taste if asked.by_price else taste.without_prices()


def _wanted(evidence: Evidence, view: View) -> Wanted | None:
    """Say how much everybody wants what events are about; None: nobody knows."""
    weights, rows = view.popularity.weights, evidence.items
    if not weights.any():
        return None
    is_known = (rows != MISSING) & (rows < len(weights))
    return Wanted(
        np.where(is_known, weights[np.where(is_known, rows, 0)], np.float32(0)),
        float(weights.sum(dtype=np.float64)),
    )


def _is_about(loaded: Loaded) -> bool:
    """Say whether a list is about what is looked at or in the cart now, whatever was before."""
    return loaded.asked.surface in {"item", "cart"} and not loaded.looks_back


def _asked_for(loaded: Loaded) -> list[int]:
    """Name what a list is asked to be about, of its session: all else there is what they did."""
    asked, session = loaded.asked, loaded.session
    if asked.surface in {"item", "cart"}:
        return [*map(item_ref, session.items)]
    return [] if asked.query is None else [search_ref(asked.query)]


def _choose(known: Known, view: View, loaded: Loaded, factors: Floats | None) -> Basis:
    """Take the session if it says anything, else the profile, else what is popular.

    A profile of complaints alone says what somebody does not want, and nothing of what they do.
    What is due is a matter of the profile.
    """
    manner, readings = loaded.asked.manner, list[Json]()
    mentions = Mentions(view.source.items)
    if DUE in manner.sources:
        return _with_repeats(known, mentions, manner)
    if known.session is not None:
        source = view.source
        matrix = source.mirror.catalogue.vectors.matrix
        read, ways = read_words(known.session, known.texts, source.lexicon, matrix)
        session = factored_session(read, factors, _asked_for(loaded))
        readings = [
            {"text": text, "read": way} for text, way in zip(known.texts, ways, strict=True)
        ]
        if session.portrait().any() and not ALL_PARTS.isdisjoint(manner.sources):
            mentions.with_session(session, known.texts, is_about=_is_about(loaded))
            return _with_session(known, session, mentions, readings)
    if known.vectors.any() and known.past is not None and not ALL_PARTS.isdisjoint(manner.sources):
        mentions.with_past(known.past, known.searched)
        return Basis("profile", known.past, mentions, readings)
    return _without_events(mentions, readings, manner)


def _with_repeats(known: Known, mentions: Mentions, manner: Manner) -> Basis:
    if known.past is None:
        return _without_events(mentions, [], manner)
    mentions.with_past(known.past, known.searched)
    return Basis("repeats", known.past, mentions, [])


def _without_events(mentions: Mentions, readings: Sequence[Json], manner: Manner) -> Basis:
    found: Found = "popular" if POPULAR in manner.sources else "nothing"
    return Basis(found, None, mentions, readings)


def _with_session(
    known: Known, session: Evidence, mentions: Mentions, readings: Sequence[Json]
) -> Basis:
    """Let the session say what somebody is after now, and their profile what they like."""
    past = known.past
    if past is None or not known.vectors[LONG].any():
        return Basis("session", session, mentions, readings)
    mentions.with_past(past, known.searched)
    return Basis("session_and_profile", merged(past, session), mentions, readings)


def _rank(wish: RankingRequest, taste: AnyTaste | None, view: View, manner: Manner) -> Ranking:
    """Rank by what is known; what is left of the limit is filled up with what is popular."""
    if taste is None:
        return _popular(wish, view) if POPULAR in manner.sources else _nothing(wish, view)
    ranking = taste.rank(view.shelf, wish, view.popularity.weights)
    if len(ranking.rows) == wish.limit or POPULAR not in manner.sources:
        return ranking
    return fill_up(view.shelf, ranking, view.popularity.order, wish)


def _nothing(wish: RankingRequest, view: View) -> Ranking:
    """Return a list without items, where nothing is known to go by."""
    _, matched = eligible(view.shelf, wish)
    none = np.zeros(0, np.float32)
    return Ranking(np.zeros(0, np.int64), none, none, matched)


def _popular(wish: RankingRequest, view: View) -> Ranking:
    """Rank what is popular, once in a view for all who ask for nothing else."""
    wanted = view.popularity
    is_plain = wish.filters == Filters() and not len(wish.excluded) and not len(wish.disliked)
    is_plain = is_plain and wish.plan is None and wish.unwanted is None
    is_plain = is_plain and wish.alike is None and wish.above is None
    if is_plain and wish.limit in view.popular:
        return view.popular[wish.limit]
    ranking = rank_popular(view.shelf, wanted.order, wish, wanted.weights)
    if is_plain:
        view.popular[wish.limit] = ranking
    return ranking
