"""Candidates: of very many eligible items, those that are worth scoring.

eligible ─▶ few: all of them
         └▶ many: what the index finds, what co-occurrence and edges name, what is new ─▶ scored

What a plan puts somewhere, lifts or holds down is looked for apart: the best of that, and the best
of all else. A list that does not get full of candidates is made from everything.
"""

from collections.abc import Callable, Iterator
from functools import reduce

import numpy as np

from portrait.arrays import Codes, Flags, Floats
from portrait.inference.aim import Aims, Finder
from portrait.inference.plan import Plan
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.shelf import Shelf

FOUND = 3_000  # items that the index is asked for
OTHERS = 1_000  # for which something else speaks
FEW = 4_000  # eligible items that are all scored
MOST_APART = 8  # searches for what single rules put; what further ones put is looked for together

Scored = tuple[Codes, Floats]  # rows (n,), and their scores


def ranked(
    shelf: Shelf,
    allowed: Flags,
    request: RankingRequest,
    aims: Callable[[], Aims] | None,
    rank: Callable[[Codes], tuple[Ranking, bool]],
) -> Ranking:
    """Rank items, or as many of them as are worth it.

    Args:
        shelf: N items.
        allowed: (N,), which may be listed.
        request: How many, which.
        aims: What they are scored by, asked for where there is an index; None: all are ranked.
        rank: Rows (n,), ascending -> the list, and whether more rows could make it longer.
    """
    if shelf.finder is None or aims is None or np.count_nonzero(allowed) <= FEW:
        return rank(np.flatnonzero(allowed))[0]
    ranking, is_open = rank(_candidates(shelf, shelf.finder, allowed, request.plan, aims()))
    if len(ranking.rows) < request.limit and is_open:
        return rank(np.flatnonzero(allowed))[0]
    return ranking


def _candidates(
    shelf: Shelf, finder: Finder, allowed: Flags, plan: Plan | None, aims: Aims
) -> Codes:
    """Return rows, ascending."""
    others = aims.others[allowed[aims.others]][:OTHERS]
    found = [others, shelf.fresh[allowed[shelf.fresh]]]
    for some in (allowed, *_apart(allowed, plan)):
        is_few = np.count_nonzero(some) <= FEW
        found.append(np.flatnonzero(some) if is_few else finder.nearest(aims, some, FOUND))
    return np.unique(np.concatenate(found))


def _apart(allowed: Flags, plan: Plan | None) -> Iterator[Flags]:
    """Return what a plan treats in a way of its own, of what is allowed."""
    if plan is None:
        return
    put = [*(pin.items for pin in plan.pins), *(floor.items for floor in plan.floors)]
    for items in put[:MOST_APART]:
        yield allowed & items
    if len(put) > MOST_APART:
        yield allowed & reduce(np.logical_or, put[MOST_APART:])
    if plan.lift is not None:
        yield allowed & (plan.lift > 0)
        if (plan.lift < 0).any():
            yield allowed & (plan.lift >= 0)
