"""Sequences: every position of every user's history is an example of what comes next.

Interactions ─▶ windows of at most RING events ─▶ batches of about as many examples

A long history is cut into windows that overlap by half, so that each position is predicted once,
with at least half a ring of past behind it. The order of batches is a function of seed and epoch:
a resumed training goes on where it stopped.
"""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import Codes, Flags, Floats
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.events.columns import RING
from portrait.model.kinds import DISLIKED, REMOVE, UNDOING, kinds_of

ABSENT = -1
BUCKET = 4  # windows within so many events of each other share a batch: little padding


@dataclass(frozen=True, slots=True)
class Batch:
    """B windows of at most T events, oldest first, padded at the end."""

    item: Codes  # (B, T), rows of items, N + rows of queries, or ABSENT
    kind: Codes  # (B, T), see `kinds_of`
    at: Codes  # (B, T), ms
    target: Flags  # (B, T): predict this event from those before it
    weight: Floats  # (B, T), above 0: what that counts

    def __len__(self) -> int:
        return len(self.item)

    @property
    def examples(self) -> int:
        """How many events are predicted."""
        return int(self.target.sum())

    def part(self, place: int, of: int) -> "Batch":
        """Return every `of`-th window from `place`: what one of several processes takes."""
        mine = slice(place, None, of)
        return Batch(*(getattr(self, name)[mine] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Sequences:
    """All the windows of a training set, W of them, over shared columns of events."""

    item: Codes  # (E,), or a query: see `Batch`
    kind: Codes  # (E,), see `kinds_of`
    at: Codes  # (E,)
    wanted: Flags  # (E,): would this event be worth recommending for?
    weight: Floats  # (E,): see `Batch`
    first: Codes  # (W,), places in the columns
    length: Codes  # (W,), 2 to RING
    fresh: Codes  # (W,): from this place of the window on, no window before has predicted it

    def __len__(self) -> int:
        return len(self.first)

    def batches(self, examples: int, *, seed: int, epoch: int) -> list[Batch]:
        """Cut one epoch into batches of about so many examples, in an order drawn from the seed."""
        draw = np.random.default_rng((seed, epoch))
        order = draw.permutation(len(self))
        order = order[np.argsort(self.length[order] // BUCKET, kind="stable")]
        predicted = np.cumsum(self.length[order] - self.fresh[order])
        cuts = np.flatnonzero(np.diff(predicted // examples)) + 1
        groups = np.split(order, cuts) if len(order) else []
        return [self._batch(groups[group]) for group in draw.permutation(len(groups))]

    def _batch(self, windows: Codes) -> Batch:
        width = np.arange(self.length[windows].max())
        inside = width < self.length[windows][:, None]  # (B, T)
        place = np.where(inside, self.first[windows][:, None] + width, 0)
        fresh = inside & (width >= self.fresh[windows][:, None])
        return Batch(
            item=np.where(inside, self.item[place], ABSENT),
            kind=self.kind[place],
            at=self.at[place],
            target=fresh & self.wanted[place],
            weight=self.weight[place],
        )


def sequences_of(
    events: Interactions, counts: Floats | None = None, *, longest: int = RING
) -> Sequences:
    """Cut interactions into windows.

    Searches of no known text are left out, and removals, which are never seen. What is put into
    the cart stays that in the whole of its window: whether it is taken out is not known before.

    Args:
        events: Of everybody.
        counts: (E,), above 0, what foretelling each event counts; None: once.
        longest: A window has so many events at most.
    """
    about = events.about(np.arange(len(events)))
    about[events.action == REMOVE] = NO_ITEM
    counts = np.ones(len(events), np.float32) if counts is None else counts
    events, counts = events.where(about != NO_ITEM), counts[about != NO_ITEM]
    starts = events.starts
    first, length, fresh = [], [], []
    for begin, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        known = begin + 1  # the first event of a user is predicted by nothing
        while known < end:
            start = max(begin, known - longest // 2)
            stop = min(end, start + longest)
            first.append(start)
            length.append(stop - start)
            fresh.append(known - start)
            known = stop
    return Sequences(
        item=about[about != NO_ITEM],
        kind=kinds_of(events.action, events.rating).astype(np.int64),
        at=events.at,
        wanted=wanted(events) & events.asked,
        weight=counts,
        first=np.array(first, np.int64),
        length=np.array(length, np.int64),
        fresh=np.array(fresh, np.int64),
    )


def wanted(events: Interactions) -> Flags:
    """Say which events a recommendation would have been right about.

    No searches, no returns, no removals and no bad reviews.
    """
    undoing = np.isin(events.action, UNDOING)
    disliked = (events.rating > 0) & (events.rating <= DISLIKED)
    welcome: Flags = ~(undoing | disliked | (events.item == NO_ITEM))
    return welcome
