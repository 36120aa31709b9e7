"""Arrange: a list from scored items, where a plan has a say in it.

score ─▶ fade, lift ─▶ pin ─▶ best few hundred, capped ─▶ choose ─▶ floors ─▶ pins in their places

What an item scores stays the model's word; a plan changes what the list is in the order of.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from portrait.arrays import MISSING, Codes, Flags, Floats, largest, turns
from portrait.inference.plan import Cap, Floor, Plan
from portrait.inference.ranking import Ranking, RankingRequest
from portrait.inference.shelf import Shelf

CANDIDATES = 300  # items that are looked at for diversity
ROUNDS = 8  # of looking for more where kinds are full; each closes one at least
BEFORE_ALL = np.float32(1e9)  # what a pinned variant has before the others of its group

# From rows (c,), the best first, what each is worth, and how many: places (n,) and scores shown.
Choose = Callable[[Codes, Floats, int], tuple[Codes, Floats]]


@dataclass(slots=True)
class Draft:
    """What is still to be had for a list of (m,) rows, and who has put what in it."""

    shelf: Shelf
    rows: Codes
    worth: Floats
    is_free: Flags = field(init=False)
    put: dict[int, str] = field(default_factory=dict)  # by row

    def __post_init__(self) -> None:
        self.is_free = np.ones(len(self.rows), np.bool_)

    def take(self, items: Flags, most: int, by: str) -> list[int]:
        """Take the best that are free of some items (N,), for somebody; returns their places."""
        of_them, taken = items[self.rows], list[int]()
        while len(taken) < most:  # again where variants of one thing were among the best
            places = np.flatnonzero(self.is_free & of_them)
            if not len(places):
                break
            best = places[largest(self.worth[places], most - len(taken))]
            best = best[self.shelf.variants.first(self.rows[best])]
            self.close(best)
            taken += best.tolist()
        self.put |= dict.fromkeys(self.rows[taken].tolist(), by)
        return taken

    def close(self, places: Codes) -> None:
        """Let places, and those of their variants, be had no more."""
        self.is_free[places] = False
        variants = self.shelf.variants
        groups = variants.group[self.rows[places]]
        groups = groups[groups != MISSING]
        if len(groups):
            self.is_free &= ~np.isin(variants.group[self.rows], groups)


def arrange(  # noqa: PLR0913, PLR0917 - what a list is made of
    shelf: Shelf,
    rows: Codes,
    scores: Floats,
    request: RankingRequest,
    matched: int,
    choose: Choose,
) -> Ranking:
    """Take a list from eligible items under the plan of a request.

    Args:
        shelf: N items.
        rows: (m,), all that are eligible.
        scores: (m,), as the model has them.
        request: With a plan.
        matched: As `Ranking` has it.
        choose: What takes a list from candidates.
    """
    plan = request.plan or Plan()
    rows, scores, worth = _best_variants(shelf, rows, scores, plan)
    draft = Draft(shelf, rows, worth)
    pinned = _pinned(draft, plan, request.limit)
    free, taken = request.limit - len(pinned), [*pinned.values()]
    candidates = _candidates(draft, plan.caps, max(CANDIDATES, 3 * request.limit), taken)
    chosen, shown = choose(rows[candidates], worth[candidates], free)
    places = candidates[chosen].tolist()
    draft.close(candidates[chosen])
    for floor in plan.floors:
        _hold(draft, floor, places, taken, free)
    shown = np.r_[shown, np.full(len(places) - len(shown), shown.min(initial=1), np.float32)]
    listed, told = _with_pins(places, shown.tolist(), pinned)
    return Ranking(rows[listed], scores[listed], told, matched, put=draft.put)


def _best_variants(
    shelf: Shelf, rows: Codes, scores: Floats, plan: Plan
) -> tuple[Codes, Floats, Floats]:
    """Return of each thing the best variant, its score and what it is worth, (k,) each.

    The best is the one that is pinned, if one is.
    """
    worth, first = _worth(rows, scores, plan), np.zeros(len(rows), np.float32)
    for pin in plan.pins:
        first += BEFORE_ALL * pin.items[rows]
    best = shelf.variants.are_best(rows, worth + first)
    return rows[best], scores[best], worth[best]


def _worth(rows: Codes, scores: Floats, plan: Plan) -> Floats:
    """Return what items, (m,), count in the order: what they score, faded and lifted."""
    peak = np.float32(np.abs(scores).max(initial=0) or 1)  # 1: none says anything
    worth = scores
    if plan.fade is not None:
        lost: Floats = np.abs(scores * plan.fade[rows])
        worth = scores - lost
    lifted: Floats = worth if plan.lift is None else worth + plan.lift[rows] * peak
    return lifted


def _pinned(draft: Draft, plan: Plan, limit: int) -> dict[int, int]:
    """Return which place of the rows stands at each place of the list; the first pin has it."""
    pinned: dict[int, int] = {}
    for pin in plan.pins:
        still = [at for at in range(pin.position, limit) if at not in pinned][: pin.most]
        pinned |= dict(zip(still, draft.take(pin.items, len(still), pin.by), strict=False))
    return pinned


def _hold(draft: Draft, floor: Floor, places: list[int], pinned: list[int], free: int) -> None:
    """Let a list have as many of some items as a floor says, instead of its last others."""
    of_floor = floor.items[draft.rows]
    missing = floor.least - sum(bool(of_floor[place]) for place in [*pinned, *places])
    others = [
        at
        for at, place in enumerate(places)
        if not of_floor[place] and int(draft.rows[place]) not in draft.put
    ]
    room = free - len(places)
    held = draft.take(floor.items, min(missing, room + len(others)), floor.by)
    instead = others[len(others) - max(len(held) - room, 0) :]
    for at, place in zip(instead, held, strict=False):
        places[at] = place
    places += held[len(instead) :]


def _candidates(draft: Draft, caps: Sequence[Cap], most: int, taken: list[int]) -> Codes:
    """Return the places of the best that are free, no more of a kind than may be listed."""
    is_open, found = draft.is_free.copy(), np.array(taken, np.int64)
    kinds = [(cap.kind[draft.rows], cap.most) for cap in caps]
    for _ in range(ROUNDS):
        places = np.flatnonzero(is_open)
        best = places[largest(draft.worth[places], most - len(found) + len(taken))]
        is_open[best] = False
        fit = best
        for kind, at_most in kinds:
            room = at_most - _counts(kind, found)[kind[fit] + 1]
            fit = fit[(kind[fit] == MISSING) | (turns(kind[fit]) < room)]
        found = np.r_[found, fit]
        if len(fit) == len(best) or len(found) - len(taken) >= most:
            break
        for kind, at_most in kinds:
            is_open &= (kind == MISSING) | (_counts(kind, found)[kind + 1] < at_most)
    found = found[len(taken) :]
    order = found[np.argsort(-draft.worth[found], kind="stable")]
    things: Codes = order[draft.shelf.variants.first(draft.rows[order])]
    return things


def _counts(kind: Codes, places: Codes) -> Codes:
    """Return how many of each kind are in some places; first of those that do not count."""
    return np.bincount(kind[places] + 1, minlength=int(kind.max(initial=0)) + 2)


def _with_pins(
    places: list[int], shown: list[float], pinned: dict[int, int]
) -> tuple[Codes, Floats]:
    """Put what is pinned into a list; it counts as much as what stands below it."""
    for at in sorted(pinned):
        here = min(at, len(places))
        below = shown[here] if here < len(shown) else shown[-1] if shown else 1.0
        places.insert(here, pinned[at])
        shown.insert(here, below)
    return np.array(places, np.int64), np.array(shown, np.float32)
