"""The recommender: from a request and what is known, to items and reasons.

load profile ─▶ fetch the vectors of its searches ─▶ gather ─┬─▶ choose ─▶ rank ─▶ explain ─▶ answer
                         (on the loop, which owns the mirror) │   (in a thread: views never change)

A record of another space than the view's is never multiplied with it: its events are gathered
again in the view's space, which gives the vectors that `paint` would give.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from time import time
from typing import Literal
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from portrait.catalogue import Catalogue
from portrait.event import Action
from portrait.explain import Evidence, evidence_of, search_refs, strongest, together
from portrait.hash_index import MISSING
from portrait.item import Item
from portrait.paint import LONG, SHORT
from portrait.profile import Profile, decode_profile
from portrait.recommend import Filters, Ranking, Wish, blend, rank, rank_popular
from portrait.ref import item_ref, text_ref
from portrait.session import read_words, session_evidence, session_ring
from portrait.space import Vectors
from service.describe import moment, stale_seconds
from service.live import Live, Parts, View
from service.schemas import (
    AskedFilters,
    Reason,
    RecommendationRequest,
    Recommendations,
    RecommendedItem,
    Session,
    TextReading,
)

REASONS = 3  # named for each item
DECIMALS = 6  # of scores and shares

_ACTIONS = tuple(Action)

Strategy = Literal["profile", "session", "popular"]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of whoever asks, in the space of the view."""

    profile: Profile | None
    past: Evidence | None  # of the profile; None where its stored vectors will do
    session: Evidence | None
    seen: tuple[Item | None, ...]  # the item of each event: the profile's, then the session's
    excluded: Rows


@dataclass(frozen=True, slots=True)
class Basis:
    """What a ranking stands on."""

    strategy: Strategy
    vectors: Vectors  # (2, K)
    readings: tuple[TextReading, ...]
    session: Evidence | None  # with the vectors that its words gave


async def recommend(request: RecommendationRequest, parts: Parts, live: Live) -> Recommendations:
    """Answer a request."""
    view = live.require()
    profile = await _load(request.user_id, parts)
    gathered = await _gather(request, profile, view)
    stale = None if profile is None else stale_seconds(profile, live.reached, time())
    return await asyncio.to_thread(_answer, request, gathered, view, stale)


async def _load(user_id: str | None, parts: Parts) -> Profile | None:
    if user_id is None:
        return None
    (record,) = await parts.profiles.load([user_id])
    return None if record is None else decode_profile(record)


async def _gather(
    request: RecommendationRequest, profile: Profile | None, view: View
) -> Gathered:
    """Look up what the thread may not: the mirror belongs to the loop."""
    mirror = view.source.mirror
    session = request.session or Session()
    has_session = bool(session.items or session.texts)
    repaint = profile is not None and (
        request.explain or profile.space_id != view.model.space.id
    )
    refs = search_refs(profile.ring) if profile is not None and repaint else []
    await mirror.fetch_texts([*refs, *map(text_ref, session.texts)])

    catalogue = mirror.catalogue
    ring = session_ring(session.items, session.texts)
    rings = ([] if profile is None else [profile.ring]) + [ring]
    rows = catalogue.find(np.concatenate([ring["ref"] for ring in rings]))
    return Gathered(
        profile,
        evidence_of(profile.ring, catalogue) if profile is not None and repaint else None,
        session_evidence(ring, catalogue) if has_session else None,
        tuple(None if row == MISSING else catalogue.items[row] for row in rows.tolist()),
        _excluded(request, rows, catalogue),
    )


def _excluded(request: RecommendationRequest, seen: Rows, catalogue: Catalogue) -> Rows:
    named = catalogue.find(np.array([item_ref(id) for id in request.exclude], np.uint64))
    return np.r_[named, seen] if request.exclude_seen else named


def _answer(
    request: RecommendationRequest, gathered: Gathered, view: View, stale: float | None
) -> Recommendations:
    """Choose, rank, explain. Runs in a thread; blocks for milliseconds."""
    basis = _choose(request, gathered, view)
    ranking = _rank(request, gathered, view, basis)
    reasons = _reasons(request, gathered, view, basis, ranking) if request.explain else None
    profile = gathered.profile
    return Recommendations(
        recommendation_id=uuid4(),
        strategy=basis.strategy,
        model_version=view.model.version,
        space_id=view.model.space.id,
        profile_as_of=None if profile is None else moment(int(profile.head["last_at"])),
        stale_seconds=stale,
        session_texts=basis.readings,
        items=_items(ranking, view, reasons),
    )


def _choose(request: RecommendationRequest, gathered: Gathered, view: View) -> Basis:
    """Take the session if it says anything, else the profile, else what is popular."""
    vectors = _past_vectors(gathered, view)
    session, readings = gathered.session, ()
    if session is not None and request.session is not None:
        session, readings = _read(request.session.texts, session, view)
        here = session.portrait()
        if here.any():
            long = vectors[LONG] if vectors[LONG].any() else here[LONG]
            return Basis("session", np.stack([long, here[SHORT]]), readings, session)
    strategy: Strategy = "profile" if vectors.any() else "popular"
    return Basis(strategy, vectors, readings, None)


def _past_vectors(gathered: Gathered, view: View) -> Vectors:
    """Return the profile's vectors, (2, K), in the view's space; zeros if there is no profile."""
    profile, space = gathered.profile, view.model.space
    if profile is not None and profile.space_id == space.id:
        stored: Vectors = profile.portrait["vectors"].astype(np.float32)
        return stored
    if gathered.past is not None:
        return gathered.past.portrait()
    return np.zeros((2, space.dim), np.float32)


def _read(
    texts: Sequence[str], session: Evidence, view: View
) -> tuple[Evidence, tuple[TextReading, ...]]:
    source = view.source
    session, ways = read_words(
        session, texts, source.lexicon, source.mirror.catalogue.vectors.matrix
    )
    readings = (TextReading(text=text, read=way) for text, way in zip(texts, ways, strict=True))
    return session, tuple(readings)


def _rank(
    request: RecommendationRequest, gathered: Gathered, view: View, basis: Basis
) -> Ranking:
    popularity = view.popularity
    wish = Wish(request.limit, _filters(request.filters), gathered.excluded, request.diversity)
    if basis.strategy == "popular":
        return rank_popular(view.shelf, popularity.order, wish, popularity.weights)
    return rank(view.shelf, blend(basis.vectors), wish, popularity.weights)


def _filters(asked: AskedFilters) -> Filters:
    return Filters(
        asked.category, asked.brand, asked.price_min, asked.price_max, asked.available
    )


def _reasons(
    request: RecommendationRequest,
    gathered: Gathered,
    view: View,
    basis: Basis,
    ranking: Ranking,
) -> list[tuple[Reason, ...]]:
    """Name the strongest events for each item; what is popular stands on nobody's own events."""
    evidence = _evidence(gathered, basis)
    if evidence is None:
        return [()] * len(ranking.rows)
    texts = view.shelf.text[ranking.rows]
    shares = evidence.shares(view.shelf.matrix[texts])
    past = 0 if gathered.past is None else len(gathered.past)
    offset = past + len(basis.session or ()) - len(evidence)  # a session alone has no past events
    names = _session_names(request, gathered, basis)
    return [
        tuple(
            _reason(evidence, event, gathered.seen[event + offset], past - offset, names, share)
            for event, share in events
        )
        for events in strongest(shares, REASONS)
    ]
