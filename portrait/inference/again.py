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
class Due:
    """Things due, n of them, the most due first."""

    refs: Refs  # (n,), item_ref: `Catalogue.find` has their rows
    scores: Floats  # (n,)
    reasons: tuple[Rhythm, ...]
    by_repeats: bool  # whether the model's repeat part decided, or frequency alone


def due(ring: Ring, at: int, learned: Learned | None, lately: Floats | None = None) -> Due:
    """Say what is due to be bought again by one user.

    Args:
        ring: Their newest events, (S,) of EVENT.
        at: The moment asked about, ms; nothing that happened at it or later is looked at.
        learned: Of the model that serves.
        lately: (S,), purchases by everybody in the newest four weeks of each event's item; None: as
            many as usual.
    """
    past = ring[(ring["at"] > 0) & (ring["at"] < at)]
    had = bought(of_rings(past[None]), np.array([at]))
    had = had.where(~np.isin(had.ref, _blamed(past)))
    repeats = None if learned is None else learned.repeats
    wanted = None if lately is None else _of(ring, lately, had.ref)
    scores = had.frequency if repeats is None else repeats.scores(had, wanted)
    order = np.argsort(-scores, kind="stable")
    had, scores = had.where(order), scores[order].astype(np.float32)
    return Due(had.ref, scores, tuple(_rhythms(had, repeats)), repeats is not None)


def _blamed(ring: Ring) -> Refs:
    blamed: Refs = ring["ref"][is_complaint(kinds_of(ring["action"], ring["rating"]))]
    return blamed


def _of(ring: Ring, lately: Floats, refs: Refs) -> Floats:
    """Return what is said of the items of events for each thing, (P,)."""
    known, place = np.unique(ring["ref"], return_index=True)
    return lately[place[np.searchsorted(known, refs)]]


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
