"""Groups: the categories or brands that suit somebody best, each with its best items.

events ─▶ each group's share of what was done ─┐
items ─▶ what the best of each group score ────┴▶ groups, best first

Both halves are sums over events, so each event's share of a group's score is exact.
"""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import MISSING, Codes, Floats, largest, turns
from portrait.inference.eligible import eligible
from portrait.inference.explain import Evidence
from portrait.inference.ranking import RankingRequest
from portrait.inference.shelf import Shelf
from portrait.inference.taste import FirstTaste, Taste

OWN = 0.6  # what somebody's own share counts; the rest is what suits them: decision 0068
BEST = 10  # items of a group that speak for it: one alone is chance


@dataclass(frozen=True, slots=True)
class Groups:
    """G groups, the best first, each with a few of its best items."""

    codes: Codes  # (G,)
    scores: Floats  # (G,): 1 is a group that has most of both
    shares: Floats  # (G, S), of each event in these
    prices: Floats  # (G,), likewise what prices add
    wanted: Floats  # (G,), where nobody's events speak: what everybody did
    rows: tuple[Codes, ...]  # of the items of each, best first
    worth: tuple[Floats, ...]  # of these: 1 is the best of all


def rank_groups(
    shelf: Shelf, taste: FirstTaste | Taste, codes: Codes, wish: RankingRequest, few: int
) -> Groups:
    """Rank groups by the items that fit a wish. Blocks for milliseconds.

    Args:
        shelf: N items.
        taste: How the model sees somebody's S events.
        codes: (N,), the group of each item, or MISSING.
        wish: How many groups, and of which items.
        few: Items of each that are named.
    """
    rows, scores = _things(shelf, codes, *taste.score(shelf, wish)[:2])
    group, size = codes[rows], int(codes.max(initial=0)) + 1
    peak = float(np.abs(scores).max(initial=0)) or 1.0
    place, adds = turns(group), np.maximum(scores, 0) / np.float32(peak * BEST)
    suits = np.bincount(group, np.where(place < BEST, adds, 0), size)
    parts = _own(taste.evidence, codes, size)
    own = np.maximum(parts.sum(axis=1), 0)
    most = float(own.max(initial=0)) or 1.0, float(suits.max(initial=0)) or 1.0
    total = OWN * own / most[0] + (1 - OWN) * suits / most[1]
    total[np.bincount(group, minlength=size) == 0] = 0  # nothing of it may be listed
    chosen = largest(total.astype(np.float32), wish.limit)
    chosen = chosen[total[chosen] > 0]
    of_each = [np.flatnonzero(group == code) for code in chosen.tolist()]
    by_items = [_said(shelf, taste, rows[each[:BEST]], scores[each[:BEST]]) for each in of_each]
    own_weight = np.where(own[chosen] > 0, np.float32(OWN / most[0]), 0)[:, None]
    weight = np.float32((1 - OWN) / (most[1] * peak * BEST))
    none = np.zeros((0, len(taste.evidence)), np.float32)
    shares = np.stack([events for events, _ in by_items]) if by_items else none
    return Groups(
        chosen,
        total[chosen].astype(np.float32),
        (own_weight * parts[chosen] + weight * shares).astype(np.float32),
        weight * np.array([prices for _, prices in by_items], np.float32),
        np.zeros(len(chosen), np.float32),
        tuple(rows[each[:few]] for each in of_each),
        tuple((scores[each[:few]] / np.float32(peak)) for each in of_each),
    )


def _things(shelf: Shelf, codes: Codes, rows: Codes, scores: Floats) -> tuple[Codes, Floats]:
    """Return the items that are of a group, the best first, of variants the best."""
    order = np.argsort(-scores, kind="stable")
    order = order[codes[rows[order]] != MISSING]
    order = order[shelf.variants.first(rows[order])]
    return rows[order], scores[order]


def _own(evidence: Evidence, codes: Codes, size: int) -> Floats:
    """Return what each event adds to the share of its item's group, (size, S), whatever its age."""
    items, known = evidence.items, np.append(codes, MISSING)  # the last: of what is not here
    is_here = (items != MISSING) & (items < len(codes))
    group = known[np.where(is_here, items, len(codes))]
    own = np.zeros((size, len(evidence)), np.float32)
    own[group, np.arange(len(evidence))] = np.where(group == MISSING, 0, evidence.says)
    return own


def _said(
    shelf: Shelf, taste: FirstTaste | Taste, rows: Codes, scores: Floats
) -> tuple[Floats, float]:
    """Return what events, (S,), and prices add to items that suit, all together."""
    suiting = rows[scores > 0]
    shares = taste.without_prices().shares(shelf, suiting).sum(axis=0)
    return shares, float(taste.prices(shelf, suiting).sum())


def rank_popular_groups(
    shelf: Shelf, popularity: Floats, codes: Codes, wish: RankingRequest, few: int
) -> Groups:
    """Rank groups by what everybody wants, (N,), as `rank_groups` does; nobody's events speak."""
    mask, _ = eligible(shelf, wish)
    rows = np.flatnonzero(mask & (popularity > 0))
    rows, wanted = _things(shelf, codes, rows, popularity[rows])
    group, size = codes[rows], int(codes.max(initial=0)) + 1
    total = np.bincount(group, wanted, size).astype(np.float32)
    chosen = largest(total, wish.limit)
    chosen = chosen[total[chosen] > 0]
    of_each = [np.flatnonzero(group == code)[:few] for code in chosen.tolist()]
    peak = np.float32(wanted.max(initial=0) or 1)
    return Groups(
        chosen,
        total[chosen] / (total.max(initial=0) or np.float32(1)),
        np.zeros((len(chosen), 0), np.float32),
        np.zeros(len(chosen), np.float32),
        total[chosen],
        tuple(rows[each] for each in of_each),
        tuple(wanted[each] / peak for each in of_each),
    )
