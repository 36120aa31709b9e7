"""Reasons for one item, whether it is in the list or not; and every event with its exact share.

What speaks for an item is named as in lists. Beside it stand all events that are remembered, each
with what it adds to the item's relevance, with the reason that it is a part of, and with its name,
by which it can be thought away.
"""

from collections.abc import Sequence

import numpy as np

from portrait.arrays import Floats
from portrait.inference.explain import evidence_of
from portrait.inference.factors import factored
from portrait.profiles.profile import Profile
from portrait.profiles.searched import Texts
from service.profiles.describe import Json, event_name
from service.recommendations.listing import Listing
from service.recommendations.reasons import (
    ForAndAgainst,
    Mentions,
    counts_of,
    popular_reasons,
)
from service.recommendations.shares import Shares, explained, shares_of
from service.view import View
from service.why.standing import Standing

SHARE_DECIMALS = 6  # with four, those of 64 events would not add up
NAMED = "event", "action", "item_id", "title", "occurred_at"  # of an event


def shares_in(of: Standing, listing: Listing, view: View) -> Shares | None:
    """Divide an item's relevance; None: no events stand for it, or nobody has read it yet."""
    if of.is_filled or not view.shelf.told[of.row]:
        return None
    return shares_of(listing, np.array([of.row]), view)


def reasons_in(of: Standing, shares: Shares | None, listing: Listing, view: View) -> ForAndAgainst:
    """Name what speaks for an item and what against it."""
    if shares is not None:
        return explained(shares, listing)[0]
    if not of.is_filled and listing.taste is not None:
        return [], []
    relevance = np.array([of.relevance], np.float32)
    return popular_reasons(view.popularity.weights[[of.row]], relevance, [()])[0]


def events_of(
    profile: Profile,
    searched: Texts,
    shares: Shares | None,
    view: View,
    factors: Floats | None,
) -> list[Json]:
    """Tell every event that is remembered, its share, and what it counts; the strongest first."""
    past = factored(evidence_of(profile.ring, view.source.mirror.catalogue), factors)
    mentions = Mentions(view.source.items)
    mentions.with_past(past, searched)
    share = np.zeros(len(past), np.float32) if shares is None else shares.events[0]
    return [
        {
            **{name: mentions[place][name] for name in NAMED},
            "counts": counts_of(past, place),
            "share": _rounded(share[place]),
        }
        for place in np.argsort(-np.abs(share), kind="stable").tolist()
    ]


def with_reasons(events: Sequence[Json], profile: Profile, reasons: Sequence[Json]) -> list[Json]:
    """Say of each event which reason it is a part of: what was done with one item is one."""
    ids, refs = map(event_name, profile.ring["id"].tolist()), profile.ring["ref"].tolist()
    ref_of: Json = dict(zip(ids, refs, strict=True))
    reason_of = {ref_of[str(each["event"])]: each["event"] for each in reasons if each["event"]}
    return [{**each, "part_of": reason_of.get(ref_of[str(each["event"])])} for each in events]


def price_of(shares: Shares | None) -> float:
    """Return what an item's price adds to its relevance."""
    return 0.0 if shares is None else _rounded(shares.prices[0])


def _rounded(share: float | Floats) -> float:
    return round(float(share), SHARE_DECIMALS)
