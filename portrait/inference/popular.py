"""What everybody wants, where nothing is known of somebody or of an item."""

import numpy as np

from portrait.arrays import MISSING, Codes, Flags, Floats, turns
from portrait.inference.arrange import Choose, arrange
from portrait.inference.diversify import on_scale
from portrait.inference.eligible import eligible
from portrait.inference.plan import Plan
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.shelf import Shelf

POPULAR_CANDIDATES = 5_000  # items that are looked at for categories
ITEMS_PER_CATEGORY = 3  # of the popular items, as long as there are other categories


def rank_popular(
    shelf: Shelf, order: Codes, request: RankingRequest, popularity: Floats
) -> Ranking:
    """Rank eligible items by what everybody wants, a few of each category first.

    What is disliked, and what is of the same category, comes last.

    Args:
        shelf: N items.
        order: (N,) rows, the most popular first; the catalogue's order where nothing is known.
        request: How many, and which.
        popularity: (N,).
    """
    (mask, matched), like = eligible(shelf, request), _like(shelf, request.disliked)
    if request.plan is not None and request.plan.arranges:
        return _arranged(shelf, order, popularity, request, (mask, mask & ~like, matched))
    chosen = _of_each(
        shelf, _first_things(shelf, order, mask & ~like, request.limit), request.limit
    )
    if len(chosen) < request.limit and like.any():
        last = _others(shelf, chosen, _first_things(shelf, order, mask & like, request.limit))
        chosen = np.r_[chosen, _of_each(shelf, last, request.limit - len(chosen))]
    scores = popularity[chosen]
    return Ranking(chosen, scores, on_scale(scores, scores, 0), matched)


def _arranged(
    shelf: Shelf,
    order: Codes,
    popularity: Floats,
    request: RankingRequest,
    eligible: tuple[Flags, Flags, int],
) -> Ranking:
    """Rank under a plan: among the most popular, and all if these do not fill the list."""
    mask, welcome, matched = eligible
    near = _near(order, welcome, request)
    for allowed in (near & welcome, welcome, mask):
        rows = order[allowed[order]]
        ranking = arrange(shelf, rows, popularity[rows], request, matched, _choosing(shelf))
        if len(ranking.rows) == request.limit:
            break
    return ranking


def _near(order: Codes, allowed: Flags, request: RankingRequest) -> Flags:
    """Return (N,): the most popular items, and what a plan puts somewhere or lifts."""
    near = np.zeros(len(order), np.bool_)
    near[_first_allowed(order, allowed, POPULAR_CANDIDATES)] = True
    plan = request.plan or Plan()
    for items in (*(pin.items for pin in plan.pins), *(floor.items for floor in plan.floors)):
        near |= items
    return near if plan.lift is None else near | (plan.lift > 0)


def _choosing(shelf: Shelf) -> Choose:
    """Return what takes a list from candidates: a few of each category first."""

    def choose(rows: Codes, worth: Floats, most: int) -> tuple[Codes, Floats]:
        turn = turns(shelf.interest[rows])
        later = turn >= ITEMS_PER_CATEGORY
        places = np.argsort(later, kind="stable")[:most]
        return places, on_scale(worth[places], worth[places], 0)

    return choose


def fill_up(shelf: Shelf, ranking: Ranking, order: Codes, request: RankingRequest) -> Ranking:
    """Fill a list up to its limit with items that nothing else speaks for, the most popular first.

    Those are the items whose text is not read yet, and all others where a list has left them out
    for suiting nobody. How they suit is not known, so their scores are 0.
    """
    left = ranking.matched > len(ranking.rows) and (request.only_suiting or not shelf.told.all())
    if not left:
        return ranking
    mask, _ = eligible(shelf, request)
    others = mask if request.only_suiting else mask & ~shelf.told
    others[shelf.variants.of(ranking.rows)] = False
    for cap in request.plan.caps if request.plan else ():
        others &= cap.kind == MISSING  # of what is capped, what suits is enough
    things = _first_things(shelf, order, others, request.limit)
    if request.plan is not None and request.plan.fade is not None:
        things = things[np.argsort(request.plan.fade[things], kind="stable")]
    rows = things[: request.limit - len(ranking.rows)]
    nothing = np.zeros(len(rows), np.float32)
    return Ranking(
        np.r_[ranking.rows, rows],
        np.r_[ranking.scores, nothing],
        np.r_[ranking.shown, nothing],
        ranking.matched,
        len(rows),
        ranking.put,
    )


def _first_things(shelf: Shelf, order: Codes, allowed: Flags, least: int) -> Codes:
    """Return the first allowed rows of an order, one of each thing; no fewer than there are."""
    rows = _first_allowed(order, allowed, POPULAR_CANDIDATES)
    things = rows[shelf.variants.first(rows)]
    if len(things) < min(least, len(rows)):  # many variants of few things
        rows = order[allowed[order]]
        things = rows[shelf.variants.first(rows)]
    return things


def _first_allowed(order: Codes, allowed: Flags, most: int) -> Codes:
    """Return the first rows of an order that are allowed: mostly they are among its first."""
    rows = order[: 2 * most]
    rows = rows[allowed[rows]]
    if len(rows) < most:
        rows = order[allowed[order]]
    return rows[:most]


def _others(shelf: Shelf, taken: Codes, rows: Codes) -> Codes:
    """Return those of some rows that are no variants of what is taken already."""
    both = np.concatenate([taken, rows])
    others: Codes = both[shelf.variants.first(both)[len(taken) :]]
    return others


def _of_each(shelf: Shelf, rows: Codes, limit: int) -> Codes:
    """Take a few rows of each category, in order, and then the others."""
    turn = turns(shelf.interest[rows])
    first = np.flatnonzero(turn < ITEMS_PER_CATEGORY)[:limit]
    rest = np.flatnonzero(turn >= ITEMS_PER_CATEGORY)[: limit - len(first)]
    return rows[np.r_[first, rest]]


def _like(shelf: Shelf, rows: Codes) -> Flags:
    """Return (N,): the items of these rows, or MISSING, and all of the same categories."""
    like = np.zeros(len(shelf), np.bool_)
    rows = rows[(rows != MISSING) & (rows < len(shelf))]
    if len(rows):
        like[rows] = True
        of_any = np.zeros(len(shelf.categories) + 1, np.bool_)
        of_any[shelf.category[rows]] = True
        of_any[MISSING] = False  # the last: no category
        like |= of_any[shelf.category]
    return like
