"""The recommender: from a request and what is known, to items and reasons.

load profile ─▶ fetch the vectors of searches ─▶│─▶ gather ─▶ choose ─▶ rank ─▶ explain ─▶ answer
                                     on the loop │ in a thread, on a view

A record of another space than the view's is never multiplied with it: its events are gathered
again in the view's space, which gives the vectors that `paint` would give.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import time
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from portrait.explain import Evidence, evidence_of, search_refs, together
from portrait.hash_index import MISSING
from portrait.item import Item
from portrait.kinds import is_complaint, kinds_of
from portrait.paint import LONG, SHORT
from portrait.profile import Profile, decode_profile
from portrait.recommend import Filters, Ranking, Wish, blend, rank, rank_by, rank_popular
from portrait.record import is_blank
from portrait.ref import item_ref, text_ref
from portrait.searched import Texts, read_searched
from portrait.session import read_words, session_evidence, session_ring
from portrait.space import Vectors
from portrait.store import Model
from portrait.taste import Taste, taste_of
from service.damage import sound
from service.describe import Json, moment, stale_seconds
from service.live import Live, Parts, View
from service.reasons import Mentions, reasons_for
from service.schemas import AskedFilters, RecommendationRequest, Session, Strategy
from service.turns import Turns

DECIMALS = 6  # of scores
NO_SESSION = Session()

Rows = NDArray[np.int64]
Ring = NDArray[np.void]
Reasons = list[tuple[list[Json], list[Json]]] | None  # by item: for it, against it


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of whoever asks, in the space of the view."""

    vectors: Vectors  # (2, K) of the profile; zeros if there is none
    past: Evidence | None  # the profile's events, where they are needed
    session: Evidence | None
    texts: Sequence[str]  # of the session
    searched: Texts  # of the profile, where reasons are asked for
    seen: Sequence[int]  # refs of the items that are not to be offered again
    disliked: Sequence[int]  # refs of the items that the profile complains about


@dataclass(frozen=True, slots=True)
class Basis:
    """What a ranking stands on."""

    strategy: Strategy
    vectors: Vectors  # (2, K)
    evidence: Evidence | None
    mentions: Mentions  # of the evidence
    readings: Sequence[Json]  # how each text of the session was understood


async def recommend(asked: RecommendationRequest, parts: Parts, live: Live, turns: Turns) -> bytes:
    """Answer a request, in JSON. That it is a `Recommendations` is a test's to check.

    Raises:
        BusyError: Too many ask at once.
    """
    view = live.require()
    profile, searched = await _load(asked, parts)
    await _fetch(asked, profile, view, live)
    stale = None if profile is None else _stale(profile, live)
    return await turns.take(partial(_answer, asked, profile, searched, view, stale))


def _answer(
    asked: RecommendationRequest,
    profile: Profile | None,
    searched: Texts,
    view: View,
    stale: float | None,
) -> bytes:
    """Rank, and write the answer. Blocks for milliseconds, so it runs in a thread."""
    basis, ranking, reasons = _compute(asked, _gather(asked, profile, searched, view), view)
    return to_json(
        {
            "recommendation_id": uuid4(),
            "strategy": basis.strategy,
            "model_version": view.model.version,
            "space_id": view.model.space_id,
            "profile_as_of": None if profile is None else moment(int(profile.head["last_at"])),
            "stale_seconds": stale,
            "session_texts": basis.readings,
            "items": _items(ranking, reasons, view),
        }
    )


def _stale(profile: Profile, live: Live) -> float | None:
    return stale_seconds(profile.partitions, live.reached, time())


async def _load(asked: RecommendationRequest, parts: Parts) -> tuple[Profile | None, Texts]:
    """Load a profile, and the texts of its searches where reasons are asked for."""
    if asked.user_id is None:
        return None, {}
    ((record, searched),) = await parts.profiles.load_whole([asked.user_id])
    if record is None or sound(record) is None or is_blank(record):
        return None, {}
    return decode_profile(record), read_searched(searched) if asked.explain else {}


async def _fetch(
    asked: RecommendationRequest, profile: Profile | None, view: View, live: Live
) -> None:
    """Fetch the vectors of what was searched for; the mirror grows on the loop alone.

    What the session says and nobody has read yet is read meanwhile.
    """
    ring, mirror = _past_ring(asked, profile, view), view.source.mirror
    past = [] if ring is None else search_refs(ring)
    now = {text_ref(text): text for text in (asked.session or NO_SESSION).texts}
    lacking = await mirror.fetch_texts([*past, *now])
    if await live.new_texts.read([now[ref] for ref in lacking if ref in now]):
        await mirror.fetch_texts(now)


def _past_ring(asked: RecommendationRequest, profile: Profile | None, view: View) -> Ring | None:
    """Return a profile's events, where its vectors alone do not say enough of it."""
    if profile is None:
        return None
    is_foreign = profile.space_id != view.model.space_id
    is_needed = asked.explain or is_foreign or view.model.learned is not None
    return profile.ring if is_needed else None


def _gather(
    asked: RecommendationRequest, profile: Profile | None, searched: Texts, view: View
) -> Known:
    """Look up the events."""
    catalogue, past_ring = view.source.mirror.catalogue, _past_ring(asked, profile, view)
    session = asked.session or NO_SESSION
    past = None if past_ring is None else evidence_of(past_ring, catalogue)
    ring = session_ring(session.items, session.texts)
    now = session_evidence(ring, catalogue) if len(ring) else None
    return Known(
        _vectors(profile, past, view.model),
        past,
        now,
        session.texts,
        searched,
        _seen(profile, ring) if asked.exclude_seen else [],
        _disliked(profile),
    )


def _seen(profile: Profile | None, ring: Ring) -> list[int]:
    """Name the items of a session and of a profile; a search among them is no item."""
    session: list[int] = ring["ref"].tolist()
    return session + ([] if profile is None else profile.ring["ref"].tolist())


def _disliked(profile: Profile | None) -> list[int]:
    """Name the items that a profile has complaints about."""
    if profile is None:
        return []
    ring = profile.ring
    refs: list[int] = ring["ref"][is_complaint(kinds_of(ring["action"], ring["rating"]))].tolist()
    return refs


def _vectors(profile: Profile | None, past: Evidence | None, model: Model) -> Vectors:
    """Return the profile's vectors, (2, K), in the model's space; zeros if there is no profile."""
    if past is not None:
        return past.portrait()
    if profile is None:
        return np.zeros((2, model.space.dim), np.float32)
    stored: Vectors = profile.portrait["vectors"].astype(np.float32)
    return stored


def _compute(
    asked: RecommendationRequest, known: Known, view: View
) -> tuple[Basis, Ranking, Reasons]:
    """Choose, rank, explain."""
    basis = _choose(known, view)
    learned, evidence = view.model.learned, basis.evidence
    taste = None if learned is None or evidence is None else taste_of(evidence, learned)
    ranking = _rank(asked, known, basis, taste, view)
    if not asked.explain:
        return basis, ranking, None
    if evidence is None:
        return basis, ranking, [([], []) for _ in ranking.rows]  # what is popular is nobody's doing
    if taste is not None:
        shares = taste.shares(view.shelf, ranking.rows)
    else:
        shares = evidence.shares(view.shelf.matrix[view.shelf.text[ranking.rows]])
    return basis, ranking, reasons_for(shares, evidence, basis.mentions)


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
        return Basis("profile", known.vectors, known.past, mentions, readings)
    return Basis("popular", known.vectors, None, mentions, readings)


def _with_session(
    known: Known, session: Evidence, mentions: Mentions, readings: Sequence[Json]
) -> Basis:
    """Let the session say what somebody is after now, and their profile what they like."""
    now, past = session.portrait(), known.past
    if not known.vectors[LONG].any():
        return Basis("session", now, session, mentions, readings)
    vectors = np.stack([known.vectors[LONG], now[SHORT]])
    if past is None:
        return Basis("session", vectors, None, mentions, readings)
    mentions.with_past(past, known.searched)
    return Basis("session", vectors, together(past, session), mentions, readings)


def _rank(
    asked: RecommendationRequest, known: Known, basis: Basis, taste: Taste | None, view: View
) -> Ranking:
    wish = Wish(
        asked.limit,
        _filters(asked.filters),
        _rows([*map(item_ref, asked.exclude), *known.seen], view),
        _rows(known.disliked, view),
        asked.diversity,
    )
    if basis.strategy == "popular":
        return _popular(wish, view)
    if taste is not None:
        scorer = partial(taste.scores, view.shelf)
        return rank_by(view.shelf, basis.vectors[SHORT], wish, scorer)
    return rank(view.shelf, blend(basis.vectors), wish, view.popularity.weights)


def _popular(wish: Wish, view: View) -> Ranking:
    """Rank what is popular, once in a view for all who ask for nothing else."""
    wanted = view.popularity
    is_plain = wish.filters == Filters() and not len(wish.excluded) and not len(wish.disliked)
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


def _items(ranking: Ranking, reasons: Reasons, view: View) -> list[Json]:
    scored = zip(ranking.rows.tolist(), ranking.scores.tolist(), strict=True)
    return [
        _item(view.shelf.items[row], score, (None, None) if reasons is None else reasons[place])
        for place, (row, score) in enumerate(scored)
    ]


def _item(item: Item, score: float, reasons: tuple[list[Json] | None, list[Json] | None]) -> Json:
    favour, against = reasons
    return {
        "item_id": item.id,
        "title": item.title,
        "category": item.category,
        "brand": item.brand,
        "price": item.price,
        "score": round(score, DECIMALS),
        "reasons": favour,
        "against": against,
    }
