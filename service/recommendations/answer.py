"""The answer: a list in JSON, and what is published of it.

a list for each arm ─▶ some places drawn ─▶ items, with reasons ─▶ one list, or two interleaved
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import SystemRandom
from time import time

import numpy as np

from portrait.arrays import Floats
from portrait.events.item import Item
from portrait.experiments.joining import OWN
from portrait.inference.ranking import Ranking
from portrait.inference.shelf import Shelf
from portrait.rules.rulings import Ruled
from service.http.languages import USUAL, Language
from service.profiles.describe import DECIMALS, Json, moment, stale_seconds
from service.recommendations.exploring import NO_TRIES, Try, explore
from service.recommendations.interleaved import Drawn, interleave
from service.recommendations.known import Loaded
from service.recommendations.listing import Listing, list_items, rule_on, strategy_of
from service.recommendations.matches import emptied_by, unknown_names
from service.recommendations.reasons import ForAndAgainst, popular_reasons
from service.recommendations.sentences import About, being_tried, sentence
from service.recommendations.shares import explained, shares_of
from service.recommendations.trials import Trials
from service.view import View

BY_RULES, POPULAR = "rules", "popular"  # sources beside what a list was made of


SCORES = "score", "relevance"  # of an item of a list


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far what an answer stands on may be behind."""

    lag_ms: int | None = None  # None: it stands on no profile, or that is not known
    is_reached: bool | None = None  # whether it holds what it was to hold, if that was said


@dataclass(frozen=True, slots=True)
class Told:
    """A list as it is told, and what is published of it."""

    body: Json
    impression: Json
    items: Sequence[str]  # ids
    first: Listing  # the list, or the first of two that were interleaved


def tell(loaded: Loaded, trials: Trials, id: str, view: View, fresh: Freshness) -> Told:
    """Make an answer. Blocks for milliseconds: in a thread.

    Args:
        loaded: The request, and what is known of whoever asks.
        trials: What it is tried with. The shop's rules are the same for every arm.
        id: Of the recommendation.
        view: What is ranked.
        fresh: How far what is known may be behind.
    """
    asked, profile, shelf = loaded.asked, loaded.profile, view.shelf
    ruling = rule_on(loaded, view, view.rulings)
    listings = [list_items(arm.of(loaded), view, ruling) for arm in trials.arms]
    tried = NO_TRIES
    if trials.tries is not None and trials.share:
        explored, tried = explore(listings[0], trials.share, trials.tries, view, id)
        listings = [explored]
    first, drawn = listings[0], _drawn(listings, view)
    language = (asked.language or USUAL) if asked.explain else None
    told = [_items(listing, view, language) for listing in listings]
    body: Json = {
        "recommendation_id": id,
        "strategy": strategy_of(loaded, first.basis),
        "popular_among": view.popular_among,
        "model_version": view.model.version,
        "space_id": view.model.space_id,
        "experiments": trials.named,
        "profile_as_of": None if profile is None else moment(int(profile.head["last_at"])),
        "lag_ms": fresh.lag_ms,
        "stale_seconds": stale_seconds(fresh.lag_ms),
        "position_reached": fresh.is_reached,
        "session_texts": first.basis.readings,
        "matched": first.ranking.matched,
        "filled": first.ranking.filled if len(listings) == 1 else 0,
        "unknown_names": unknown_names(first.wish.filters, view),
        "emptied_by": emptied_by(first, trials.arms[0].of(loaded), view),
        "rules_version": view.rulings.book.version,
        "rules": [ruled(each) for each in ruling.ruled],
        "order": "explored" if tried else "score" if len(listings) == 1 else "interleaved",
        "items": [
            {
                **told[team][row],
                "rules": listings[team].rules_of(row, drawn.put.get(row)),
                **_tried(tried.get(row), told[team][row], language),
            }
            for row, team in drawn.team.items()
        ],
    }
    impression: Json = {
        "kind": "answer",
        "recommendation_id": id,
        "occurred_at": moment(round(time() * 1_000)),
        "user_key": asked.user_id,
        "surface": asked.surface,
        "model_version": view.model.version,
        "experiments": trials.variants,
        "items": [
            {
                "item_id": shelf.items[row].id,
                "source": BY_RULES if row in drawn.put else _source(row, listings[team], tried),
                "team": trials.arms[team].team,
                **_published(tried.get(row), shelf),
            }
            for row, team in drawn.team.items()
        ],
    }
    return Told(body, impression, [shelf.items[row].id for row in drawn.team], first)


def _drawn(listings: Sequence[Listing], view: View) -> Drawn:
    """Return the only list, or both in one."""
    first, *others = listings
    if not others:
        return Drawn(dict.fromkeys(first.ranking.rows.tolist(), 0), first.ranking.put)
    (second,) = others
    return interleave(first.ranking, second.ranking, first.wish, view.shelf, SystemRandom())


def _tried(tried: Try | None, told: Json, language: Language | None) -> Json:
    """Say of an item whether its place was given to a draw, and that it is tried."""
    if tried is None:
        return {"explored": False, "propensity": None}
    chance = round(tried.drawn.chance, DECIMALS)
    said: Json = {"explored": True, "propensity": chance}
    if language is None or tried.drawn.arm == OWN:
        return said
    return {**said, "why": being_tried(tried.drawn.arm, told["why"], language)}


def _published(tried: Try | None, shelf: Shelf) -> Json:
    """Return what is published of a draw, beside what was drawn."""
    if tried is None:
        return {}
    choices = [
        {"item_id": shelf.items[row].id, "arm": arm, "propensity": chance}
        for row, arm, chance in tried.among
    ]
    return {"arm": tried.drawn.arm, "propensity": tried.drawn.chance, "choices": choices}


def _source(row: int, listing: Listing, tried: Mapping[int, Try]) -> str:
    """Say what proposed an item."""
    if row in tried and tried[row].drawn.arm != OWN:
        return tried[row].drawn.arm
    filled = listing.ranking.rows[len(listing.ranking.rows) - listing.ranking.filled :]
    return POPULAR if row in filled else listing.basis.strategy


def _items(listing: Listing, view: View, language: Language | None) -> dict[int, Json]:
    """Return the items of a list as they are told, by row; explained, if in a language."""
    ranking = listing.ranking
    reasons = None if language is None else _explain(listing, view)
    among = view.among_whom(ranking.rows)
    shown = _told(ranking.shown), _told(ranking.scores / np.float32(ranking.peak))
    scored = zip(ranking.rows.tolist(), *shown, strict=True)
    return {
        row: {
            **told_of(view.shelf.items[row]),
            **dict(zip(SCORES, scores, strict=True)),
            "faded": _faded(row, listing),
            **_reasons(
                None if reasons is None else reasons[place],
                scores,
                listing,
                language,
                among[place],
            ),
        }
        for place, (row, *scores) in enumerate(scored)
    }


def _faded(row: int, listing: Listing) -> float:
    plan = listing.wish.plan
    return 0.0 if plan is None or plan.fade is None else round(float(plan.fade[row]), DECIMALS)


def _reasons(
    told: ForAndAgainst | None,
    scores: Sequence[float],
    listing: Listing,
    language: Language | None,
    among: Sequence[str],
) -> Json:
    """Say why an item is recommended, if that is asked for."""
    if told is None or language is None:
        return {"reasons": None, "why": None, "against": None}
    favour, against = told
    _, relevance = scores
    why = sentence(favour, against, relevance, language, _about(listing), among=among)
    return {"reasons": favour, "why": why, "against": against}


def _about(listing: Listing) -> About:
    """Say how a list is about the items that the request names."""
    surface = listing.asked.surface
    if surface == "cart":
        return "in_cart"
    return (listing.asked.manner.alone or "suits") if surface == "item" else "session"


def _explain(listing: Listing, view: View) -> list[ForAndAgainst]:
    """Name what speaks for each item: events, its price; and popularity where it alone does."""
    ranking = listing.ranking
    suiting = len(ranking.rows) - ranking.filled
    shares = shares_of(listing, ranking.rows[:suiting], view)
    if shares is None:
        return _popular_reasons(ranking, 0, view)
    return explained(shares, listing) + _popular_reasons(ranking, suiting, view)


def _popular_reasons(ranking: Ranking, start: int, view: View) -> list[ForAndAgainst]:
    rows = ranking.rows[start:]
    weights = view.popularity.weights[rows]
    shares = ranking.scores[start:] / np.float32(ranking.peak)
    return popular_reasons(weights, shares, view.among_whom(rows))


def _told(scores: Floats) -> list[float]:
    """Round scores, (n,), to what is told of them."""
    told: list[float] = np.round(scores.astype(np.float64), DECIMALS).tolist()
    return told


def told_of(item: Item) -> Json:
    """Tell of an item what a list does, whomever it is for."""
    return {
        "item_id": item.id,
        "title": item.title,
        "category": item.category,
        "category_read": item.category_read,
        "brand": item.brand,
        "brand_read": item.brand_read,
        "price": item.price,
    }


def ruled(by: Ruled) -> Json:
    """Describe a rule that a request is subject to."""
    return {"id": by.rule.id, "does": by.kind, "items": by.on_offer}
