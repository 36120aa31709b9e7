"""The answer: why one item is in somebody's list or not, and the list without some events.

loaded ─▶ the list ─▶ where the item stands in it, its reasons
  └─ less events ─▶ the list ─▶ what left, what came, where the item stands

Both lists are made by the same scorer over the same view, one right after the other.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from portrait.profiles.profile import Profile
from portrait.profiles.without import remembers_all, without
from service.http.languages import Language
from service.profiles.describe import DECIMALS, Json, event_name, moment, stale_seconds
from service.recommendations.answer import Freshness
from service.recommendations.known import Loaded
from service.recommendations.listing import (
    Listing,
    factors_for,
    list_items,
    rule_on,
    strategy_of,
)
from service.recommendations.sentences import sentence
from service.recommendations.trials import Trials
from service.view import View
from service.why.reasons import NAMED, events_of, price_of, reasons_in, shares_in, with_reasons
from service.why.standing import Standing, Standings


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    loaded: Loaded  # the list
    profile: Profile
    trials: Trials
    row: int  # of the item
    without: Collection[int]  # ids of events of the profile
    language: Language
    at: datetime  # the moment that rules are asked about


def answer(asked: Question, view: View, fresh: Freshness) -> Json:
    """Answer. Blocks for as long as a list takes, or two: in a thread."""
    loaded, item = asked.loaded, view.shelf.items[asked.row]
    listing = _listing(asked, view, asked.profile)
    of = Standings(listing, view, np.array([asked.row])).of(asked.row)
    shares = shares_in(of, listing, view)
    favour, against = reasons_in(of, shares, listing, view)
    factors = factors_for(loaded, listing.ruling)
    events = events_of(asked.profile, loaded.searched, shares, view, factors)
    relevance = round(of.relevance, DECIMALS)
    return {
        "user_id": loaded.asked.user_id,
        "item": {
            "item_id": item.id,
            "title": item.title,
            "category": item.category,
            "brand": item.brand,
            "price": item.price,
        },
        "strategy": strategy_of(loaded, listing.basis),
        "model_version": view.model.version,
        "space_id": view.model.space_id,
        "experiments": asked.trials.named,
        "profile_as_of": moment(int(asked.profile.head["last_at"])),
        "lag_ms": fresh.lag_ms,
        "stale_seconds": stale_seconds(fresh.lag_ms),
        **_told(of),
        "rules": of.rules,
        "reasons": favour,
        "against": against,
        "why": sentence(favour, against, relevance, asked.language),
        "events": with_reasons(events, asked.profile, [*favour, *against]),
        "price_share": price_of(shares),
        "without": _without(asked, listing, events, view) if asked.without else None,
    }


def _listing(asked: Question, view: View, profile: Profile | None) -> Listing:
    """Make the list that a profile gives, in the variants of the person's experiments."""
    arm = asked.trials.arms[0]
    loaded = arm.of(replace(asked.loaded, profile=profile))
    return list_items(loaded, view, rule_on(loaded, view, view.rulings, asked.at))


def _told(of: Standing) -> Json:
    return {
        "place": None if of.listed is None else of.listed + 1,
        "relevance": round(of.relevance, DECIMALS),
        "rank": of.rank,
        "kept_out": of.kept_out,
    }


def _without(asked: Question, before: Listing, events: list[Json], view: View) -> Json:
    """Tell the list without some events, and what is different in it."""
    after = _listing(asked, view, without(asked.profile, asked.without))
    was = {row: place for place, row in enumerate(before.ranking.rows.tolist(), start=1)}
    items, ranking = view.shelf.items, after.ranking
    stay = {*ranking.rows.tolist()}
    left = [row for row in was if row not in stay]
    standings = Standings(after, view, np.array([asked.row, *left]))
    gone = {event_name(id) for id in asked.without}
    return {
        "events": [
            {name: each[name] for name in NAMED} for each in events if each["event"] in gone
        ],
        "is_exact": remembers_all(asked.profile),
        "strategy": strategy_of(asked.loaded, after.basis),
        **_told(standings.of(asked.row)),
        "items": [
            {
                "item_id": items[row].id,
                "title": items[row].title,
                "relevance": round(score / ranking.peak, DECIMALS),
                "place": place,
                "was": was.get(row),
            }
            for place, (row, score) in enumerate(
                zip(ranking.rows.tolist(), ranking.scores.tolist(), strict=True), start=1
            )
        ],
        "left": [
            {
                "item_id": items[row].id,
                "title": items[row].title,
                "was": was[row],
                "kept_out": standings.of(row).kept_out,
            }
            for row in left
        ],
    }
