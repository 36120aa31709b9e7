"""The recommender: from a request and what is known, to items and reasons.

load profile ─▶ fetch the vectors of searches ─▶│─▶ gather ─▶ choose ─▶ rank ─▶ explain ─▶ answer
                                     on the loop │ in a thread, on a view

The vectors of a record are never multiplied with the view: its events are gathered in the view's
space, which gives the vectors that `paint` would give, and what their categories and prices say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import time
from uuid import uuid4

import numpy as np
from pydantic_core import to_json

from portrait.arrays import MISSING, Flags, Floats, Ring, Rows
from portrait.events.consent import Purpose, consent_of
from portrait.events.event import ANONYMOUS
from portrait.events.item import Item
from portrait.events.unwanted import NOTHING, Unwanted, What, read_unwanted
from portrait.inference.cart import bought, in_cart
from portrait.inference.explain import Evidence, evidence_of, merged, search_refs
from portrait.inference.popular import fill_up, rank_popular
from portrait.inference.ranking import Filters, Ranking, RankingRequest
from portrait.inference.session import read_words, session_evidence, session_ring
from portrait.inference.taste import FirstTaste, Taste, taste_of
from portrait.model.kinds import is_complaint, kinds_of, leave_out
from portrait.model.learned import Learned
from portrait.model.space import Vectors
from portrait.profiles.layout import LONG
from portrait.profiles.profile import Profile, decode_profile
from portrait.profiles.record import is_blank
from portrait.profiles.searched import Texts, read_searched
from portrait.ref import item_ref, search_ref
from portrait.rules.masks import Beside
from portrait.rules.rulings import Asked, Ruled, Ruling, Rulings
from service.live import Live, Parts, View
from service.profiles.damage import sound
from service.profiles.describe import DECIMALS, Json, moment, stale_seconds
from service.recommendations.matches import emptied_by, unknown_names
from service.recommendations.reasons import (
    ForAndAgainst,
    Mentions,
    popular_reasons,
    reasons_for,
    with_prices,
)
from service.recommendations.schemas import AskedFilters, RecommendationRequest, Session, Strategy
from service.recommendations.turns import Turns

NO_SESSION = Session()
NOT_PERSONALISED: Strategy = "not_personalised"
USUAL, FOUND = 0.3, 0.0  # diversity: of lists to choose from, and of what was searched for

Reasons = list[ForAndAgainst] | None  # by item


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of whoever asks, in the space of the view."""

    vectors: Vectors  # (2, K) of the profile; zeros if there is none
    past: Evidence | None  # the profile's events
    session: Evidence | None
    texts: Sequence[str]  # of the session
    searched: Texts  # of the profile, where reasons are asked for
    seen: Sequence[int]  # refs of the items that are not to be offered again
    had: Sequence[int]  # refs of those of which no variant is to be offered either
    disliked: Sequence[int]  # refs of the items that the profile complains about


@dataclass(frozen=True, slots=True)
class Basis:
    """What a ranking stands on."""

    strategy: Strategy
    evidence: Evidence | None
    mentions: Mentions  # of the evidence
    readings: Sequence[Json]  # how each text of the session was understood


@dataclass(frozen=True, slots=True)
class Loaded:
    """A request, and what was loaded for it."""

    asked: RecommendationRequest
    profile: Profile | None
    searched: Texts
    unwanted: Unwanted
    is_personal: bool  # false: the user does not let it be


@dataclass(frozen=True, slots=True)
class Listing:
    """A list, and what it was made of."""

    known: Known
    ruling: Ruling
    wish: RankingRequest
    basis: Basis
    taste: FirstTaste | Taste | None
    ranking: Ranking


async def recommend(asked: RecommendationRequest, parts: Parts, live: Live, turns: Turns) -> bytes:
    """Answer a request, in JSON. That it is a `Recommendations` is a test's to check.

    Raises:
        BusyError: Too many ask at once.
    """
    view = live.require()
    live.asked.append(asked)
    loaded = await load(asked, parts, live, view)
    stale = None if loaded.profile is None else _stale(loaded.profile, live)
    return await turns.take(partial(_answer, loaded, view, stale))


async def load(asked: RecommendationRequest, parts: Parts, live: Live, view: View) -> Loaded:
    """Load what is known of whoever asks, and what a view lacks of what they searched for."""
    whole = await _load(asked, parts)
    if whole is None:
        return Loaded(_impersonal(asked), None, {}, NOTHING, is_personal=False)
    profile, searched, unwanted = whole
    await _fetch(asked, profile, view, live)
    return Loaded(asked, profile, searched, unwanted, is_personal=True)


def list_items(loaded: Loaded, view: View, rulings: Rulings, at: datetime | None = None) -> Listing:
    """Make a list by some rules, as of a moment, else now. Blocks for milliseconds."""
    asked = loaded.asked
    known = _gather(asked, loaded.profile, loaded.searched, view)
    ruling = rulings.ruling(_asked(loaded, view, at or datetime.now(UTC)))
    wish = _wish(asked, known, view, ruling, loaded.unwanted)
    basis = _choose(known, view)
    taste = _taste(basis.evidence, view.model.learned, asked)
    return Listing(known, ruling, wish, basis, taste, _rank(wish, taste, view))


def strategy_of(loaded: Loaded, listing: Listing) -> Strategy:
    """Say what a list was made of."""
    return listing.basis.strategy if loaded.is_personal else NOT_PERSONALISED


def _answer(loaded: Loaded, view: View, stale: float | None) -> bytes:
    """Rank, and write the answer. Blocks for milliseconds, so it runs in a thread."""
    asked, profile = loaded.asked, loaded.profile
    listing = list_items(loaded, view, view.rulings)
    basis, ranking, wish = listing.basis, listing.ranking, listing.wish
    reasons = _explain(ranking, basis, listing.taste, view) if asked.explain else None
    return to_json(
        {
            "recommendation_id": uuid4(),
            "strategy": strategy_of(loaded, listing),
            "model_version": view.model.version,
            "space_id": view.model.space_id,
            "profile_as_of": None if profile is None else moment(int(profile.head["last_at"])),
            "stale_seconds": stale,
            "session_texts": basis.readings,
            "matched": ranking.matched,
            "filled": ranking.filled,
            "unknown_names": unknown_names(wish.filters, view),
            "emptied_by": emptied_by(ranking, view.shelf, wish, len(asked.exclude)),
            "rules_version": view.rulings.book.version,
            "rules": [_ruled(each) for each in listing.ruling.ruled],
            "items": _items(ranking, reasons, view, listing.ruling),
        }
    )


def _stale(profile: Profile, live: Live) -> float | None:
    return stale_seconds(profile.partitions, live.reached, time())


def _impersonal(asked: RecommendationRequest) -> RecommendationRequest:
    """Leave out of a request who asks and what they do: what is left is what anybody may want."""
    return asked.model_copy(update={"session": None})


async def _load(
    asked: RecommendationRequest, parts: Parts
) -> tuple[Profile | None, Texts, Unwanted] | None:
    """Load a profile, and the texts of its searches where reasons are asked for.

    None: the user does not let what they are shown follow from what they do.
    """
    if asked.user_id is None:
        return None, {}, NOTHING
    ((record, searched, consent, refused),) = await parts.profiles.load_whole([asked.user_id])
    if not consent_of(consent, parts.unsaid).allows(Purpose.PERSONALISATION):
        return None
    unwanted = read_unwanted(refused)
    if record is None or sound(record) is None or is_blank(record):
        return None, {}, unwanted
    return decode_profile(record), read_searched(searched) if asked.explain else {}, unwanted


async def _fetch(
    asked: RecommendationRequest, profile: Profile | None, view: View, live: Live
) -> None:
    """Fetch the vectors of what was searched for; the mirror grows on the loop alone.

    What the session says and nobody has read yet is read meanwhile.
    """
    mirror = view.source.mirror
    past = [] if profile is None else search_refs(profile.ring)
    now = {search_ref(text): text for text in (asked.session or NO_SESSION).texts}
    lacking = await mirror.fetch_texts([*past, *now])
    if await live.new_texts.read([now[ref] for ref in lacking if ref in now]):
        await mirror.fetch_texts(now)


def _gather(
    asked: RecommendationRequest, profile: Profile | None, searched: Texts, view: View
) -> Known:
    """Look up the events."""
    catalogue = view.source.mirror.catalogue
    session = asked.session or NO_SESSION
    past = None if profile is None else evidence_of(profile.ring, catalogue)
    ring = session_ring(session.items, session.texts)
    now = session_evidence(ring, catalogue) if len(ring) else None
    return Known(
        np.zeros((2, view.model.space.dim), np.float32) if past is None else past.portrait(),
        past,
        now,
        session.texts,
        searched,
        _seen(profile, ring) if asked.exclude_seen else [],
        _had(session, profile, with_bought=asked.exclude_seen),
        _disliked(profile),
    )


def _seen(profile: Profile | None, ring: Ring) -> list[int]:
    """Name the items of a session and of a profile; a search among them is no item."""
    session: list[int] = ring["ref"].tolist()
    if profile is None:
        return session
    past = profile.ring
    known: list[int] = past["ref"][leave_out(past["ref"], past["action"], past["at"])].tolist()
    return session + known


def _had(session: Session, profile: Profile | None, *, with_bought: bool) -> list[int]:
    """Name the items that are in the cart, and those that were bought."""
    had = [*map(item_ref, session.cart)]
    if profile is not None:
        had += in_cart(profile.ring).tolist()
        had += bought(profile.ring).tolist() if with_bought else []
    return had


def _disliked(profile: Profile | None) -> list[int]:
    """Name the items that a profile has complaints about."""
    if profile is None:
        return []
    ring = profile.ring
    refs: list[int] = ring["ref"][is_complaint(kinds_of(ring["action"], ring["rating"]))].tolist()
    return refs


def _asked(loaded: Loaded, view: View, at: datetime) -> Asked:
    """See a request as rules do. The viewed item is the newest of the session."""
    session = loaded.asked.session or NO_SESSION
    viewed = item_ref(session.items[-1]) if session.items else 0
    user = loaded.asked.user_id
    return Asked(
        is_known=loaded.is_personal and user is not None and not user.startswith(ANONYMOUS),
        declared=loaded.asked.declared,
        beside=Beside(
            view.source.rows.get(viewed, MISSING),
            viewed,
            tuple(_had(session, loaded.profile, with_bought=True)),
        ),
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


def _explain(
    ranking: Ranking, basis: Basis, taste: FirstTaste | Taste | None, view: View
) -> list[ForAndAgainst]:
    """Name what speaks for each item: events, its price; and popularity where it alone does."""
    evidence, suiting = basis.evidence, len(ranking.rows) - ranking.filled
    if evidence is None or taste is None:
        return _popular_reasons(ranking, 0, view)
    rows, peak = ranking.rows[:suiting], np.float32(ranking.peak)
    shares = taste.without_prices().shares(view.shelf, rows)
    by_events = reasons_for(shares / peak, evidence, basis.mentions)
    explained = with_prices(by_events, taste.prices(view.shelf, rows) / peak)
    return explained + _popular_reasons(ranking, suiting, view)


def _popular_reasons(ranking: Ranking, start: int, view: View) -> list[ForAndAgainst]:
    weights = view.popularity.weights[ranking.rows[start:]]
    return popular_reasons(weights, ranking.scores[start:] / np.float32(ranking.peak))


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


def _items(ranking: Ranking, reasons: Reasons, view: View, ruling: Ruling) -> list[Json]:
    shown = _told(ranking.shown), _told(ranking.scores / np.float32(ranking.peak))
    scored = zip(ranking.rows.tolist(), *shown, strict=True)
    return [
        {
            **_item(view.shelf.items[row], scores),
            "rules": ruling.about(row, ranking.put.get(row)),
            "reasons": None if reasons is None else reasons[place][0],
            "against": None if reasons is None else reasons[place][1],
        }
        for place, (row, *scores) in enumerate(scored)
    ]


def _told(scores: Floats) -> list[float]:
    """Round scores, (n,), to what is told of them."""
    told: list[float] = np.round(scores.astype(np.float64), DECIMALS).tolist()
    return told


def _item(item: Item, scores: Sequence[float]) -> Json:
    score, relevance = scores
    return {
        "item_id": item.id,
        "title": item.title,
        "category": item.category,
        "brand": item.brand,
        "price": item.price,
        "score": score,
        "relevance": relevance,
    }


def _ruled(ruled: Ruled) -> Json:
    return {"id": ruled.rule.id, "does": ruled.kind, "items": ruled.on_offer}
