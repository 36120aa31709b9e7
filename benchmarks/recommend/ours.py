"""Portrait's repeat part, and its co-occurrence for what is new, through the same door as peers.

    things bought before    how due they are (`portrait/model/repeats.py`)
    everything else         `new` + its share of the user's best co-occurrence, from 0 to 1

The behaviour encoder is left out: it would train for an hour on these shops, and new items fill no
more than the ends of lists. `new` is chosen on validation.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.recommend.baskets import Baskets
from benchmarks.recommend.peer import Model, Settings
from portrait.arrays import MISSING, Codes, Floats, Refs, Rows, positions
from portrait.dataset.history import Anchors, History
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.dataset.past import newest
from portrait.dataset.shopping import Shopping, shopping_of
from portrait.errors import PortraitError
from portrait.evaluation.ranking import Scores
from portrait.events.columns import PURCHASE, RING
from portrait.model.bought import Purchases, bought
from portrait.model.neighbours import Neighbours
from portrait.model.recency import Events
from portrait.model.repeats import Repeats
from portrait.training.ranker.fit_ranker import Kinds, fit_neighbours
from portrait.training.ranker.fit_repeats import Known, fit_repeats, remembered

NEW = (-12.0, -5.0, -4.0, -3.0)  # log-odds of what was not bought before
RANKED = 4_000  # items most bought, among which there is co-occurrence


WHOLE = 1 << 40  # events of a user


class NothingAgainError(PortraitError):
    """Too little is bought again in this shop for a repeat part."""


@dataclass(frozen=True, slots=True)
class Due:
    """A fitted repeat part, over one shop."""

    repeats: Repeats
    known: Known
    shopping: Shopping  # before what is asked
    items: Refs  # (N,), item_ref, ascending
    near: NDArray[np.float16]  # (U, RANKED): the user's best has 1
    ranked: Rows  # (RANKED,)
    new: float = NEW[0]

    def scores(self, users: Codes, at: Codes) -> Scores:
        """Score every item, (A, N)."""
        scores = np.full((len(users), len(self.items)), np.float32(self.new))
        scores[:, self.ranked] += self.near[users]
        had = bought(self.known(Anchors(users, at)), at)
        item = positions(self.items, had.ref)
        lately = self.shopping.lately(item, at[had.question])
        scores[had.question, item] = self.repeats.scores(had, lately)
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself with each chance of what is new."""
        for new in NEW:
            yield {"new": new}, replace(self, new=new)


@dataclass(frozen=True, slots=True)
class Counted:
    """Personal top-frequency of what the service knows: what the repeat part has to beat there."""

    known: Known
    items: Refs  # (N,), item_ref, ascending

    def scores(self, users: Codes, at: Codes) -> Scores:
        """Score every item, (A, N): how often it was bought, of equals the newest first."""
        scores = np.zeros((len(users), len(self.items)), np.float32)
        had = bought(self.known(Anchors(users, at)), at)
        scores[had.question, positions(self.items, had.ref)] = had.frequency
        return scores

    def variants(self) -> Iterator[tuple[Settings, Model]]:
        """Yield itself."""
        yield {}, self


class RingTop:
    """Personal top-frequency among the newest events alone."""

    name = f"personal top, newest {RING} events"

    def __init__(self, events: Interactions) -> None:
        self._events = events

    def grid(self) -> Iterator[Settings]:
        """Yield the only setting."""
        yield {}

    def fit(self, before: Baskets, settings: Settings) -> Model:  # noqa: ARG002 - a Peer
        """Learn nothing: what is counted is known when it is asked for."""
        return Counted(remembered(History(self._events)), self._events.items)


class Portrait:
    """The repeat part, from the newest events as the service has them, or from all there were."""

    def __init__(self, events: Interactions, newest: int = RING) -> None:
        """Know so many of a user's newest events; RING is what the service has."""
        told = "whole history" if newest == WHOLE else f"newest {newest} events"
        self.name = "Portrait" if newest == RING else f"Portrait, {told}"
        self._events = events
        self._known = remembered if newest == RING else partial(recalled, newest=newest)

    def grid(self) -> Iterator[Settings]:
        """Yield the only setting."""
        yield {}

    def fit(self, before: Baskets, settings: Settings) -> Model:  # noqa: ARG002 - a Peer
        """Fit on what was up to each user's newest basket."""
        events = self._events
        past = events.where(events.at <= before.newest_at[events.user])
        repeats = fit_repeats(past, self._known(History(past)))
        if repeats is None:
            raise NothingAgainError
        ranked, near = _near(past)
        known = self._known(History(events))  # it is asked for moments, and sees none after them
        return Due(repeats, known, shopping_of(past), events.items, near, ranked)


def in_order(events: Interactions) -> Interactions:
    """Return the same with items in ascending order of refs, as an archive has them."""
    order = np.argsort(events.items)
    row = np.append(np.argsort(order), NO_ITEM)  # the last: what NO_ITEM points to
    return replace(events, item=row[events.item], items=events.items[order])


def recalled(history: History, newest: int) -> Known:
    """Know the purchases among so many newest events before a moment: more than any record has."""
    events = history.interactions

    def known(anchors: Anchors) -> Purchases:
        end = history.positions.find(anchors.user, anchors.at)
        begin = np.maximum(events.starts[anchors.user], end - newest)
        count = end - begin
        question = np.repeat(np.arange(len(anchors)), count)
        place = np.arange(len(question)) - np.repeat(np.cumsum(count) - count - begin, count)
        is_bought = (events.action[place] == PURCHASE) & (events.item[place] != NO_ITEM)
        question, place = question[is_bought], place[is_bought]
        return Purchases(question, events.items[events.item[place]], events.at[place])

    return known


def _near(past: Interactions) -> tuple[Rows, NDArray[np.float16]]:
    """Return the items most bought, ascending, and what co-occurrence says of each to each user."""
    counts = np.bincount(past.item[past.action == PURCHASE], minlength=len(past.items))
    ranked: Rows = np.sort(np.argsort(-counts, kind="stable")[:RANKED])
    among = past.where(np.isin(past.item, ranked))
    refs = past.items[ranked]
    among = replace(among, item=np.searchsorted(ranked, among.item), items=refs)
    neighbours = fit_neighbours(among, np.zeros((len(refs), 1), np.float32), Kinds(regressed=False))
    rows, events = newest(among, np.arange(past.users))
    place = np.append(neighbours.find(refs), MISSING)  # the last: what MISSING points to
    near = np.zeros((past.users, len(refs)), np.float16)
    for start in range(0, past.users, 256):
        part = slice(start, start + 256)
        near[part] = _shares(neighbours, place[rows[part]], events[part], place[:-1])
    return ranked, near


def _shares(neighbours: Neighbours, rows: Rows, events: Events, place: Rows) -> Floats:
    said = neighbours.scores(rows, events)
    said = np.concatenate([said, np.zeros((len(said), 1), np.float32)], axis=1)[:, place]
    best: Floats = said / np.maximum(said.max(axis=1, keepdims=True), np.float32(1e-9))
    return best
