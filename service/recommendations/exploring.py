"""Exploring: some places of a list are given to a draw, that it may be known what would be better.

list ─▶ open a share of its places ─▶ who may stand there ─▶ chances by what came of it ─▶ draw

At an open place stands what would stand there anyway, or the most popular item that the list lacks,
or one that is little known: as far as the request, the person and the shop's rules let them. What
rules put somewhere, and what fills up a list, stays. The draw follows from the recommendation's id,
and what it was made among is published with its chances (`off_policy.py` reads them).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import NamedTuple

import numpy as np

from portrait.arrays import MISSING, Codes, Flags, Rows
from portrait.experiments.joining import NEW, OWN, POPULAR
from portrait.experiments.thompson import chances
from portrait.experiments.tries import Tries
from portrait.inference.eligible import eligible
from portrait.inference.plan import Plan
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.ref import item_ref
from service.recommendations.listing import AnyTaste, Listing
from service.recommendations.surfaces import DUE
from service.view import View

KNOWN = 5.0  # of popularity: from ten clicks on in four weeks an item is known
ENOUGH = 200  # times that an item is tried: who is touched in one of twenty is known by then
POOL = 1_000  # little known items that are looked at: the last that came in
NEW_AT_ONCE = 3  # of them that may stand at one place
POPULAR_AT_ONCE = 20  # popular items that are looked at
SEED = 0  # of the chances, which depend on nothing but what they are made from


class Choice(NamedTuple):
    """What may stand at a place."""

    row: int
    arm: str
    chance: float


@dataclass(frozen=True, slots=True)
class Try:
    """One place that was given to a draw."""

    drawn: Choice
    among: tuple[Choice, ...]


NO_TRIES: Mapping[int, Try] = {}


@dataclass(slots=True)
class _Offers:
    """What the list lacks and may have, the best first of each arm."""

    popular: list[int]
    new: list[int]
    scores: Mapping[int, float]  # by row, as the list has them
    taken: set[int] = field(default_factory=set)

    def at_hand(self) -> list[tuple[int, str]]:
        """Return who may stand at the next place."""
        popular = [row for row in self.popular if row not in self.taken][:1]
        new = [row for row in self.new if row not in self.taken][:NEW_AT_ONCE]
        return [*((row, POPULAR) for row in popular), *((row, NEW) for row in new)]


def explore(
    listing: Listing, share: float, tries: Tries, view: View, id: str
) -> tuple[Listing, Mapping[int, Try]]:
    """Give a share of a list's places to a draw. Returns the list, and what was drawn, by row.

    Args:
        listing: As it would be without. What is due to be bought again stays as it is.
        share: With which chance a place is given to a draw.
        tries: What came of such places so far.
        view: What is ranked.
        id: Of the recommendation.
    """
    random, ranking = Random(id), listing.ranking  # noqa: S311 - it is a coin, and no secret
    places = [place for place in _free(listing) if random.random() < share]
    if not places or DUE in listing.asked.manner.sources:
        return listing, NO_TRIES
    offers, tried = _offers(listing, tries, view), dict[int, Try]()
    rows, scores = ranking.rows.copy(), ranking.scores.copy()
    for place in places:
        at_hand = [(int(rows[place]), OWN), *offers.at_hand()]
        if len(at_hand) == 1:
            break  # there is nothing else
        among = _among(at_hand, listing.asked.surface, tries, view)
        (drawn,) = random.choices(among, [each.chance for each in among])
        tried[drawn.row] = Try(drawn, among)
        if drawn.arm != OWN:
            offers.taken.update(view.shelf.variants.of(np.array([drawn.row])).tolist())
            rows[place], scores[place] = drawn.row, offers.scores[drawn.row]
    changed = replace(ranking, rows=rows, scores=scores)
    relevance = np.clip(scores / np.float32(changed.peak), 0, 1)
    shown = np.where(rows == ranking.rows, ranking.shown, relevance)
    return replace(listing, ranking=replace(changed, shown=shown)), tried


def _free(listing: Listing) -> list[int]:
    """Return the places of a list of which no rule has a say in what stands there."""
    ranking, plan = listing.ranking, listing.wish.plan or Plan()
    places = range(len(ranking.rows) - ranking.filled)
    held = [floor.items for floor in plan.floors]
    rows = ranking.rows.tolist()
    return [
        place
        for place in places
        if rows[place] not in ranking.put and not any(items[rows[place]] for items in held)
    ]


def _among(
    at_hand: list[tuple[int, str]], surface: str, tries: Tries, view: View
) -> tuple[Choice, ...]:
    """Return who may stand at a place, each with its chance."""
    items = view.shelf.items
    tried = [
        tries.of(surface, arm, item_ref(items[row].id) if arm == NEW else 0) for row, arm in at_hand
    ]
    trials, successes = (np.array(each, np.int64) for each in zip(*tried, strict=True))
    by = chances(trials, successes, np.random.default_rng(SEED)).tolist()
    return tuple(Choice(row, arm, chance) for (row, arm), chance in zip(at_hand, by, strict=True))


def _offers(listing: Listing, tries: Tries, view: View) -> _Offers:
    """Find what may stand at open places."""
    weights, order = view.popularity.weights, view.popularity.order
    allowed = _allowed(listing, view)
    new = _little_known(np.flatnonzero(allowed & (weights < KNOWN))[-POOL:], tries, view)
    if listing.taste is None:  # it is a list of what is popular
        return _Offers(
            [], new.tolist(), dict(zip(new.tolist(), weights[new].tolist(), strict=True))
        )
    popular = _first(order, allowed & (weights >= KNOWN)) if _may_wander(listing) else new[:0]
    ranking = _scored(listing.taste, listing.wish, np.r_[popular, new], view)
    scores = dict(zip(ranking.rows.tolist(), ranking.scores.tolist(), strict=True))
    is_popular = set(popular.tolist())
    return _Offers(
        [row for row in popular.tolist() if row in scores],
        [row for row in scores if row not in is_popular],
        scores,
    )


def _may_wander(listing: Listing) -> bool:
    """Say whether what everybody wants may stand in a list: whoever searches means one thing."""
    return not listing.asked.at_hand.texts


def _allowed(listing: Listing, view: View) -> Flags:
    """Return which items, (N,), a list lacks and may have, by the request and the rules."""
    wish, shelf = listing.wish, view.shelf
    allowed, _ = eligible(shelf, wish)
    allowed &= shelf.told
    allowed[shelf.variants.of(listing.ranking.rows)] = False
    plan = wish.plan or Plan()
    for cap in plan.caps:
        allowed &= cap.kind == MISSING
    for lift in plan.lifts:
        if lift.by_how_much < 0:
            allowed &= ~lift.items
    return allowed


def _little_known(rows: Rows, tries: Tries, view: View) -> Rows:
    """Return which of some rows, (n,), have not been tried enough, those tried least first."""
    items = view.shelf.items
    trials = np.array([tries.of("", NEW, item_ref(items[row].id)).trials for row in rows], np.int64)
    order = np.argsort(trials, kind="stable")
    return rows[order[trials[order] < ENOUGH]]


def _first(order: Codes, allowed: Flags) -> Rows:
    return order[allowed[order]][:POPULAR_AT_ONCE]


def _scored(taste: AnyTaste, wish: RankingRequest, rows: Rows, view: View) -> Ranking:
    """Rank some rows, (n,), as the list's own are; what does not suit it at all is left out."""
    others = np.ones(len(view.shelf), np.bool_)
    others[rows] = False
    asked = replace(wish, limit=len(rows), diversity=0.0, unwanted=others, plan=None)
    return taste.rank(view.shelf, asked, view.popularity.weights)
