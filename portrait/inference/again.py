"""Again: what somebody has bought that is due to be bought once more, the most due first.

ring ─▶ what was bought, on which days ─▶ how due (`model/repeats.py`) ─▶ refs, scores, reasons

A model without a repeat part goes by how often each thing was bought: the part did not beat that in
this shop, or the model is of before there was one. What was bought and sent back, or blamed in a
review, is not due.
"""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import MISSING, Codes, Doubles, Flags, Floats, Refs, Ring
from portrait.model.bought import Bought, bought, of_rings
from portrait.model.kinds import is_complaint, kinds_of
from portrait.model.learned import Learned
from portrait.model.repeats import Repeats


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How somebody buys one thing, in whole days."""

    times: int
    every: int | None  # from one time to the next; of others if there was one; None: not known
    last: int  # ago


@dataclass(frozen=True, slots=True)
class Wanted:
    """What everybody wants in these four weeks, as popularity has it."""

    weights: Floats  # (S,), of each event's item
    whole: float  # of all items together, above 0


@dataclass(frozen=True, slots=True)
class Due:
    """Things due, n of them, the most due first."""

    refs: Refs  # (n,), item_ref: `Catalogue.find` has their rows
    scores: Floats  # (n,)
    reasons: tuple[Rhythm, ...]
    by_repeats: bool  # whether the model's repeat part decided, or frequency alone


def due(ring: Ring, at: int, learned: Learned | None, wanted: Wanted | None = None) -> Due:
    """Say what is due to be bought again by one user.

    Args:
        ring: Their newest events, (S,) of EVENT.
        at: The moment asked about, ms; nothing that happened at it or later is looked at.
        learned: Of the model that serves.
        wanted: By everybody, lately; None: as much as usual. The part was judged with it, on the
            purchases of an archive: an item that nobody buys any more is not due.
    """
    past = ring[(ring["at"] > 0) & (ring["at"] < at)]
    had = bought(of_rings(past[None]), np.array([at]))
    had = had.where(~np.isin(had.ref, _blamed(past)))
    repeats = None if learned is None else learned.repeats
    if repeats is None:
        scores = had.frequency.astype(np.float32)
    else:
        scores = repeats.scores(had, _lately(ring, wanted, had.ref, repeats))
    order = np.argsort(-scores, kind="stable")
    had = had.where(order)
    return Due(had.ref, scores[order], tuple(_rhythms(had, repeats)), repeats is not None)


def _blamed(ring: Ring) -> Refs:
    blamed: Refs = ring["ref"][is_complaint(kinds_of(ring["action"], ring["rating"]))]
    return blamed


def _lately(ring: Ring, wanted: Wanted | None, refs: Refs, repeats: Repeats) -> Floats | None:
    """Return the purchases of each thing in four weeks, (P,), that popularity speaks of."""
    if wanted is None:
        return None
    known, place = np.unique(ring["ref"], return_index=True)
    shares = wanted.weights[place[np.searchsorted(known, refs)]] / np.float32(wanted.whole)
    purchases: Floats = shares * repeats.rates.whole
    return purchases


def _rhythms(had: Bought, repeats: Repeats | None) -> list[Rhythm]:
    """Describe each thing. What others do is told where enough of them do it."""
    own = had.span / np.maximum(had.times - 1, 1)
    every = own if repeats is None else np.where(had.times > 1, own, repeats.intervals(had))
    is_known = had.times > 1
    if repeats is not None:
        is_known = is_known | (repeats.rates.find(had.ref) != MISSING)
    return [
        Rhythm(times, max(1, round(days)) if known else None, int(last))
        for times, days, known, last in _rows(had.times, every, is_known, had.since)
    ]


def _rows(
    times: Codes, every: Doubles, known: Flags, since: Doubles
) -> "zip[tuple[int, float, bool, float]]":
    return zip(times.tolist(), every.tolist(), known.tolist(), since.tolist(), strict=True)
