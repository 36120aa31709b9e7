"""Recency: how much an event still counts, by its place from the newest, its time and its kind.

    weight = gate[kind] * exp(-decay[h] * k - gap_decay[h] * G)

k is 0 for a user's newest event, 1 for the one before. G sums log1p(days) over the pauses between
that event and the newest: ten events of one evening are one moment, a year is not 365 days long.
H pairs of decays read one history at H speeds. Absent events weigh nothing and take no place.

No event counts for more than the newest does in an endless history of its like, exp(decay) - 1 of
the others: one odd purchase is no new taste, nor one complaint its contrary. A shop may say that
events count by a factor more or less (`factors.py`): that multiplies the weight so bounded.

Source: exponential moving averages as diagonal linear recurrences, Gu et al., On the
Parameterization and Initialization of Diagonal State Space Models, 2022; the logarithm of pauses:
docs/experiments.md.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Floats
from portrait.events.columns import ACTION_CODE
from portrait.events.event import Action
from portrait.model.kinds import CLICK, NOW_WEIGHTS, Kinds, as_seen
from portrait.times import DAY_MS

LATEST = np.iinfo(np.int64).max
NEWCOMER = 4  # events, up to which each may be what somebody is about
SHORT_HALF_LIFE_EVENTS = 3  # of texts: decay of .79 an event; .7 to .8 measured best

SEARCH = ACTION_CODE[Action.SEARCH]


@dataclass(frozen=True)  # without slots: it remembers its places
class Events:
    """The newest S events of U users, newest first: what weighing them takes."""

    kind: Kinds  # (U, S), see `as_seen`
    at: NDArray[np.int64]  # (U, S), ms since 1970
    present: NDArray[np.bool_]  # (U, S): is there an event, its item or its search known?
    factor: Floats | None = None  # (U, S), what each counts by the shop's choice; None: 1

    @classmethod
    def of_ring(
        cls, ring: NDArray[np.void], known: NDArray[np.bool_], factor: Floats | None = None
    ) -> "Events":
        """Read rings, (U, S) of EVENT, whose items or searches are known or not, (U, S)."""
        kind, seen = as_seen(ring["action"], ring["rating"], ring["ref"], ring["at"])
        return cls(kind, ring["at"], known & seen & (ring["at"] > 0), factor)

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, users: slice) -> "Events":
        factor = None if self.factor is None else self.factor[users]
        return Events(self.kind[users], self.at[users], self.present[users], factor)

    def where(self, chosen: NDArray[np.bool_]) -> "Events":
        """Return the same with some of them absent; chosen (U, S) or (U, 1)."""
        return replace(self, present=self.present & chosen)

    def after(self, past: "Events") -> "Events":
        """Return a visit, (U, S), and the past, (U, P): it goes on where that ended, at once.

        So trainings and the judge join them, which know no factors.
        """
        return Events(
            np.concatenate([self.kind, past.kind], axis=1),
            np.concatenate([np.broadcast_to(past.at[:, :1], self.at.shape), past.at], axis=1),
            np.concatenate([self.present, past.present], axis=1),
        )

    def factored(self, weight: Floats) -> Floats:
        """Return weights, (U, S, H), times what each event counts by the shop's choice."""
        return weight if self.factor is None else weight * self.factor[..., None]

    @cached_property
    def places(self) -> tuple[Floats, Floats]:
        """Each event's place from the newest, and the log-days between: see `places`."""
        return places(self)


@dataclass(frozen=True, slots=True)
class Recency:
    """A gate for each kind and H pairs of decays."""

    gates: Floats  # (KINDS,)
    decay: Floats  # (H,), per event, 0 or above
    gap_decay: Floats  # (H,), per log-day, 0 or above

    @classmethod
    def of(cls, gates: Floats, decay: float, gap_decay: float = 0.0) -> "Recency":
        """Return one speed, H = 1."""
        return cls(gates, np.array([decay], np.float32), np.array([gap_decay], np.float32))

    def weights(self, events: Events) -> Floats:
        """Weigh each event at each speed. Returns (U, S, H)."""
        place, pause = events.places
        fading = place[..., None] * -self.decay - pause[..., None] * self.gap_decay
        gate = np.where(events.present, self.gates[events.kind], np.float32(0))
        weighed: Floats = np.exp(fading, out=fading)
        weighed *= gate[..., None]
        return weighed

    def counted(self, events: Events) -> Floats:
        """Weigh each event at each speed, none too much but by a factor. Returns (U, S, H)."""
        return events.factored(self.bounded(self.weights(events), events))

    def bounded(self, weight: Floats, events: Events) -> Floats:
        """Bound weights, (U, S, H), of people who are known a little.

        A search says in words what is wanted, and counts in full; so does what is no more than a
        click.
        """
        known = events.present.sum(axis=1, keepdims=True) > NEWCOMER
        is_bounded = known & events.present & (events.kind != SEARCH)
        if not is_bounded.any():
            return weight
        liked = np.maximum(weight, 0)
        most = np.subtract(liked.sum(axis=1, keepdims=True), liked, out=liked)
        most *= np.expm1(self.decay)
        np.maximum(most, np.abs(self.gates[CLICK]), out=most)
        return np.where(is_bounded[..., None], np.clip(weight, -most, most), weight)


# How texts are weighed, whatever was learned: the short term of a portrait, and of a score.
TEXT_RECENCY = Recency.of(NOW_WEIGHTS, float(np.log(2) / SHORT_HALF_LIFE_EVENTS))


def places(events: Events) -> tuple[Floats, Floats]:
    """Return each event's place from the newest, and the log-days between, (U, S) each."""
    place = np.maximum(np.cumsum(events.present, axis=1, dtype=np.float32) - 1, np.float32(0))
    # An absent event takes over the time of the one after it, so that the pause spans both.
    at = np.minimum.accumulate(np.where(events.present, events.at, LATEST), axis=1)
    pause = np.zeros(at.shape, np.float32)
    days = (at[:, :-1] - at[:, 1:]) / np.float32(DAY_MS)
    days[place[:, 1:] < 1] = 0  # the newest event comes after no pause
    np.cumsum(np.log1p(days), axis=1, out=pause[:, 1:], dtype=np.float32)
    return place, pause
