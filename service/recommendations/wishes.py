"""Wishes: what a list is asked for with, as the shelf has it.

request, what is known of whoever asks, the rules' plan ─▶ masks and rows ─▶ RankingRequest
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import time

import numpy as np

from portrait.arrays import MISSING, Flags, Floats, Rows
from portrait.events.unwanted import Unwanted, What
from portrait.inference.parts import ALL_PARTS
from portrait.inference.plan import Plan
from portrait.inference.ranking import Filters, RankingRequest
from portrait.ref import item_ref
from portrait.rules.rulings import Ruling
from service.recommendations.asked import AskedFilters
from service.recommendations.known import Known, Loaded
from service.recommendations.schemas import RecommendationRequest
from service.view import View

FOUND = 0.0  # diversity of what was searched for


def wish_of(loaded: Loaded, known: Known, view: View, ruling: Ruling) -> RankingRequest:
    """Return what a list is asked for with."""
    asked, manner, variants = loaded.asked, loaded.asked.manner, view.shelf.variants
    left_out = _rows([*map(item_ref, asked.exclude), *known.seen], view)
    return RankingRequest(
        asked.limit,
        _filters(asked.filters),
        np.r_[left_out, variants.of(_rows(known.had, view))],
        _rows(known.disliked, view),
        _diversity(asked),
        unwanted=_unwanted(loaded.unwanted, view),
        plan=_plan(ruling, loaded, view),
        alike=None if manner.same_category else _alike(loaded, view),
        above=_flags(variants.of(_rows([*loaded.above], view)), view) if loaded.above else None,
        only_suiting=not ALL_PARTS.issubset(manner.sources),
    )


def _plan(ruling: Ruling, loaded: Loaded, view: View) -> Plan | None:
    """Return what the list must hold to beside; None: nothing."""
    plan = ruling.plan if ruling.arranges else None
    if not loaded.faded:
        return plan
    return replace(plan or Plan(), fade=_fade(loaded.faded, view))


def _fade(faded: Mapping[int, float], view: View) -> Floats:
    """Return how much less each item counts, (N,): as much as the most faded of its variants."""
    fade, shelf = np.zeros(len(view.shelf), np.float32), view.shelf
    rows, left = _rows([*faded], view), np.array([*faded.values()], np.float32)
    is_here = (rows != MISSING) & (rows < len(fade))
    fade[rows[is_here]] = left[is_here]
    if shelf.variants.are_any:
        group = shelf.variants.group
        of_group = np.zeros(int(group.max()) + 2, np.float32)
        np.maximum.at(of_group, group + 1, fade)
        of_group[0] = 0  # of no group
        fade = np.maximum(fade, of_group[group + 1])
    return fade


def _alike(loaded: Loaded, view: View) -> Flags:
    """Return which items are of the very categories of what a list is about, (N,)."""
    rows, category = _rows([*map(item_ref, loaded.session.items)], view), view.shelf.category
    about = category[rows[(rows != MISSING) & (rows < len(category))]]
    return np.isin(category, about[about != MISSING])


def _flags(rows: Rows, view: View) -> Flags:
    flags = np.zeros(len(view.shelf), np.bool_)
    flags[rows] = True
    return flags


def _unwanted(said: Unwanted, view: View) -> Flags | None:
    """Return which items somebody does not want, (N,), with their variants; None: any may come."""
    if not said.said:
        return None
    things, shelf = said.things_at(round(time() * 1_000)), view.shelf
    mask = shelf.in_categories(things[What.CATEGORY]) | shelf.of_brands(things[What.BRAND])
    rows = _rows([*map(item_ref, things[What.ITEM])], view)
    mask[shelf.variants.of(rows)] = True
    return mask


def _diversity(asked: RecommendationRequest) -> float:
    """Return how different items are to be: whoever searches means one thing."""
    has_searched = bool(asked.at_hand.texts) and asked.diversity is None
    return FOUND if has_searched else asked.manner.diversity


def _rows(refs: Sequence[int], view: View) -> Rows:
    """Find the rows of items, or MISSING."""
    row_of = view.source.rows
    return np.array([row_of.get(ref, MISSING) for ref in refs], np.int64)


def _filters(asked: AskedFilters) -> Filters:
    return Filters(
        categories=asked.category,
        brands=asked.brand,
        price_min=asked.price_min,
        price_max=asked.price_max,
        only_available=asked.available,
    )
