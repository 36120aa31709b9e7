"""Candidates: of very many eligible items, those that are worth scoring.

eligible ─▶ few: all of them
         └▶ many: what the index finds, what co-occurrence and edges name, what is new ─▶ scored

What a plan puts somewhere, lifts or holds down is looked for apart: the best of that, and the best
of all else. Where it caps kinds, or there are variants of one thing, more is looked for among those
of which there is not enough; if there still is not, everything is scored.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import TypeVar

import numpy as np

from portrait.arrays import MISSING, Codes, Flags, Rows, marked, turns
from portrait.inference.aim import Aims, Finder
from portrait.inference.plan import Cap, Plan
from portrait.inference.ranking import RankingRequest
from portrait.inference.shelf import Shelf

FOUND = 2_000, 3_000  # items that the index is asked for: a hundredth, at least and at most
OTHERS = 1_000  # for which something else speaks
FEW = 4_000  # eligible items that are all scored
MOST_ROUNDS = 3  # of looking for more, where kinds are full; then everything is scored
ENOUGH = 15  # times the items of a list, which one list may have together: fewer are not the best
SPARE = 3  # times as many of a kind as may be listed: the best are among them
Ranked = TypeVar("Ranked")

MOST_APART = 8  # searches for what single rules put; what further ones put is looked for together


def ranked(
    shelf: Shelf,
    allowed: Flags,
    request: RankingRequest,
    aims: Callable[[], Aims] | None,
    rank: Callable[[Codes], Ranked],
) -> Ranked:
    """Rank items, or as many of them as are worth it.

    Args:
        shelf: N items.
        allowed: (N,), which may be listed.
        request: How many, which.
        aims: What they are scored by, asked for where there is an index; None: all are ranked.
        rank: Rows (n,), ascending -> the list, or whatever is made of them.
    """
    if shelf.finder is None or aims is None or np.count_nonzero(allowed) <= FEW:
        return rank(np.flatnonzero(allowed))
    return rank(_candidates(shelf, shelf.finder, allowed, request, aims()))


def _candidates(
    shelf: Shelf, finder: Finder, allowed: Flags, request: RankingRequest, aims: Aims
) -> Codes:
    """Return rows, ascending."""
    least, most = FOUND
    found = min(max(len(shelf) // 100, least), most)

    def nearest(some: Flags) -> Rows:
        is_few = np.count_nonzero(some) <= FEW
        return np.flatnonzero(some) if is_few else finder.nearest(aims, some, found)

    plan, best = request.plan or Plan(), nearest(allowed)
    others = aims.others[allowed[aims.others]][:OTHERS]
    named = [others, shelf.fresh[allowed[shelf.fresh]], *map(nearest, _apart(allowed, plan))]
    caps = [*plan.caps, Cap("", shelf.variants.group, 1)] if shelf.variants.are_any else plan.caps
    for _ in range(MOST_ROUNDS):
        if _fitting(caps, best) >= min(ENOUGH * request.limit, len(best)):
            return marked(np.concatenate([best, *named]), len(shelf))
        best = np.union1d(best, nearest(_room(allowed, caps, best)))
    return np.flatnonzero(allowed)


def _fitting(caps: Sequence[Cap], found: Rows) -> int:
    """Return how many of some rows one list may have."""
    fits = np.ones(len(found), np.bool_)
    for cap in caps:
        kind = cap.kind[found]
        fits &= (kind == MISSING) | (turns(kind) < cap.most)
    return int(np.count_nonzero(fits))


def _room(allowed: Flags, caps: Sequence[Cap], found: Rows) -> Flags:
    """Return where to look for more, (N,): not among kinds of which enough is found."""
    room = allowed.copy()
    for cap in caps:
        counts = np.bincount(cap.kind[found] + 1, minlength=int(cap.kind.max(initial=0)) + 2)
        is_full = counts >= SPARE * cap.most
        is_full[0] = False  # of no kind
        room &= ~is_full[cap.kind + 1]
    return room


def _apart(allowed: Flags, plan: Plan) -> Iterator[Flags]:
    """Return what a plan treats in a way of its own, of what is allowed."""
    put = [*(pin.items for pin in plan.pins), *(floor.items for floor in plan.floors)]
    for items in put[:MOST_APART]:
        yield allowed & items
    if len(put) > MOST_APART:
        yield allowed & reduce(np.logical_or, put[MOST_APART:])
    if plan.lift is not None:
        yield allowed & (plan.lift > 0)
        if (plan.lift < 0).any():
            yield allowed & (plan.lift >= 0)
