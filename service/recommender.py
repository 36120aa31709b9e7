"""The recommender: from a request and what is known, to items and reasons.

load profile ─▶ fetch the vectors of searches ─▶ gather ─▶│─▶ choose ─▶ rank ─▶ explain ─▶ answer
                                on the loop, which owns the mirror │ in a thread, on a view

A record of another space than the view's is never multiplied with it: its events are gathered
again in the view's space, which gives the vectors that `paint` would give.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import time
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from portrait.catalogue import Catalogue
from portrait.explain import Evidence, evidence_of, search_refs, together
from portrait.hash_index import MISSING
from portrait.item import Item
from portrait.paint import LONG, SHORT
from portrait.profile import Profile, decode_profile
from portrait.recommend import Filters, Ranking, Wish, blend, rank, rank_by, rank_popular
from portrait.record import is_blank
from portrait.ref import item_ref, text_ref
from portrait.session import read_words, session_evidence, session_ring
from portrait.space import Vectors
from portrait.store import Model
from portrait.taste import Taste, taste_of
from service.describe import moment, stale_seconds
from service.live import Live, Parts, View
from service.reasons import Mention, past_mentions, reasons_for, session_mentions
from service.schemas import (
    AskedFilters,
    Reason,
    RecommendationRequest,
    Recommendations,
    RecommendedItem,
    Session,
    Strategy,
    TextReading,
)

DECIMALS = 6  # of scores

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of whoever asks, in the space of the view."""

    vectors: Vectors  # (2, K) of the profile; zeros if there is none
    past: Evidence | None  # the profile's events, where they are needed
    past_mentions: Sequence[Mention]
    session: Evidence | None
    session_mentions: Sequence[Mention]
    texts: Sequence[str]  # of the session
    excluded: Rows


@dataclass(frozen=True, slots=True)
class Basis:
    """What a ranking stands on."""

    strategy: Strategy
    vectors: Vectors  # (2, K)
    evidence: Evidence | None = None
    mentions: Sequence[Mention] = ()
    readings: Sequence[TextReading] = ()


async def recommend(asked: RecommendationRequest, parts: Parts, live: Live) -> Recommendations:
    """Answer a request."""
    view = live.require()
    profile = await _load(asked.user_id, parts)
    known = await _gather(asked, profile, view)
    basis, ranking, reasons = await asyncio.to_thread(_compute, asked, known, view)
    return Recommendations(
        recommendation_id=uuid4(),
        strategy=basis.strategy,
        model_version=view.model.version,
        space_id=view.model.space_id,
        profile_as_of=None if profile is None else moment(int(profile.head["last_at"])),
        stale_seconds=None if profile is None else _stale(profile, live),
        session_texts=tuple(basis.readings),
        items=_items(ranking, reasons, view),
    )


def _stale(profile: Profile, live: Live) -> float | None:
    return stale_seconds(profile.partitions, live.reached, time())


async def _load(user_id: str | None, parts: Parts) -> Profile | None:
    if user_id is None:
        return None
    (record,) = await parts.profiles.load([user_id])
    return None if record is None or is_blank(record) else decode_profile(record)


async def _gather(asked: RecommendationRequest, profile: Profile | None, view: View) -> Known:
    """Look up what the thread may not."""
    mirror, model = view.source.mirror, view.model
    session = asked.session or Session()
    is_foreign = profile is not None and profile.space_id != model.space_id
    is_needed = asked.explain or is_foreign or model.learned is not None
    past_ring = None if profile is None or not is_needed else profile.ring
    refs = [] if past_ring is None else search_refs(past_ring)
    await mirror.fetch_texts([*refs, *map(text_ref, session.texts)])

    catalogue = mirror.catalogue
    past = None if past_ring is None else evidence_of(past_ring, catalogue)
    ring = session_ring(session.items, session.texts)
    seen = catalogue.find(ring["ref"].copy())
    seen_before = np.zeros(0, np.int64) if profile is None else _rows_of(profile, catalogue)
    return Known(
        _vectors(profile, past, model),
        past,
        [] if past is None else past_mentions(past.ring, _items_at(seen_before, catalogue)),
        session_evidence(ring, catalogue) if len(ring) else None,
        session_mentions(ring, _items_at(seen, catalogue), session.texts),
        session.texts,
        np.r_[
            catalogue.find(np.array([item_ref(id) for id in asked.exclude], np.uint64)),
            np.r_[seen, seen_before] if asked.exclude_seen else seen[:0],
        ],
    )


def _rows_of(profile: Profile, catalogue: Catalogue) -> Rows:
    return catalogue.find(profile.ring["ref"].copy())


def _items_at(rows: Rows, catalogue: Catalogue) -> list[Item | None]:
    return [None if row == MISSING else catalogue.items[row] for row in rows.tolist()]


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
) -> tuple[Basis, Ranking, list[tuple[Reason, ...]] | None]:
    """Choose, rank, explain. Blocks for milliseconds, so it runs in a thread."""
    basis = _choose(known, view)
    learned, evidence = view.model.learned, basis.evidence
    taste = None if learned is None or evidence is None else taste_of(evidence, learned)
    ranking = _rank(asked, known, basis, taste, view)
    if not asked.explain:
        return basis, ranking, None
    if evidence is None:
        return basis, ranking, [()] * len(ranking.rows)  # what is popular is nobody's doing
    if taste is not None:
        shares = taste.shares(view.shelf, ranking.rows)
    else:
        shares = evidence.shares(view.shelf.matrix[view.shelf.text[ranking.rows]])
    return basis, ranking, reasons_for(shares, basis.mentions)


def _choose(known: Known, view: View) -> Basis:
    """Take the session if it says anything, else the profile, else what is popular."""
    readings: list[TextReading] = []
    if known.session is not None:
        source = view.source
        matrix = source.mirror.catalogue.vectors.matrix
        session, ways = read_words(known.session, known.texts, source.lexicon, matrix)
        readings = [
            TextReading(text=text, read=way) for text, way in zip(known.texts, ways, strict=True)
        ]
        if session.portrait().any():
            return _with_session(known, session, readings)
    if known.vectors.any():
        return Basis("profile", known.vectors, known.past, known.past_mentions, readings)
    return Basis("popular", known.vectors, readings=readings)


def _with_session(known: Known, session: Evidence, readings: Sequence[TextReading]) -> Basis:
    """Let the session say what somebody is after now, and their profile what they like."""
    now = session.portrait()
    if not known.vectors[LONG].any():
        return Basis("session", now, session, known.session_mentions, readings)
    return Basis(
        "session",
        np.stack([known.vectors[LONG], now[SHORT]]),
        None if known.past is None else together(known.past, session),
        [*known.session_mentions, *known.past_mentions],
        readings,
    )


def _rank(
    asked: RecommendationRequest, known: Known, basis: Basis, taste: Taste | None, view: View
) -> Ranking:
    wish = Wish(asked.limit, _filters(asked.filters), known.excluded, asked.diversity)
    wanted = view.popularity
    if basis.strategy == "popular":
        return rank_popular(view.shelf, wanted.order, wish, wanted.weights)
    if taste is not None:
        scorer = partial(taste.scores, view.shelf)
        return rank_by(view.shelf, taste.short, wish, scorer)
    return rank(view.shelf, blend(basis.vectors), wish, wanted.weights)


def _filters(asked: AskedFilters) -> Filters:
    return Filters(
        categories=asked.category,
        brands=asked.brand,
        price_min=asked.price_min,
        price_max=asked.price_max,
        only_available=asked.available,
    )


def _items(
    ranking: Ranking, reasons: list[tuple[Reason, ...]] | None, view: View
) -> tuple[RecommendedItem, ...]:
    scored = zip(ranking.rows.tolist(), ranking.scores.tolist(), strict=True)
    return tuple(
        _item(view.shelf.items[row], score, None if reasons is None else reasons[place])
        for place, (row, score) in enumerate(scored)
    )


def _item(item: Item, score: float, reasons: tuple[Reason, ...] | None) -> RecommendedItem:
    return RecommendedItem(
        item_id=item.id,
        title=item.title,
        category=item.category,
        brand=item.brand,
        price=item.price,
        score=round(score, DECIMALS),
        reasons=reasons,
    )
