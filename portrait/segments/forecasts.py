"""Forecasts: what the model in service foretells of some people, as `GET /profile` says it.

users, what is stored of them ─▶ arrays, of who is painted by the model ─▶ heads ─▶ Foretold

The moment is somebody's newest event plus the time since it was taken in, by the hour, as there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Self

import numpy as np

from portrait.arrays import Floats
from portrait.audiences.people import People, Reader, read_people
from portrait.events.consent import Consent
from portrait.model.heads import Heads
from portrait.model.model import Model
from portrait.profiles.layout import portrait_dtype
from portrait.profiles.store import Stored
from portrait.segments.fields import FORECASTS
from portrait.segments.person import UNFORETOLD, Foretold
from portrait.times import HOUR_MS


@dataclass(frozen=True, slots=True)
class Forecasts:
    """What a model foretells with. Immutable."""

    heads: Heads | None  # None: it foretells nothing
    space_id: str  # in which the model paints: of who is painted in another, nothing follows
    portrait: np.dtype[np.void]

    @classmethod
    def of(cls, model: Model) -> Self:
        """Take it from a model."""
        learned = model.learned
        if learned is None or learned.heads is None:
            return cls(None, model.space_id, portrait_dtype(model.space.dim))
        portrait = portrait_dtype(model.space.dim, learned.behaviour.dim)
        return cls(learned.heads, model.space_id, portrait)

    def lacking(self, fields: Collection[str]) -> tuple[str, ...]:
        """Name the fields, of FORECASTS, that this does not foretell."""
        known: Collection[str] = () if self.heads is None else self.heads.heads
        return tuple(sorted(name for name in fields if FORECASTS[name] not in known))

    def foretell(
        self, users: Sequence[str], stored: Sequence[Stored], unsaid: Consent, now_ms: int
    ) -> Mapping[str, Foretold]:
        """Foretell, by user. Blocks; call it from a thread.

        Who is not painted by this model yet is left out, and who may not be in a segment.

        Args:
            users: U of them.
            stored: What is stored of each.
            unsaid: What counts of who has said nothing of what may be done.
            now_ms: As of when.
        """
        if self.heads is None:
            return dict.fromkeys(users, UNFORETOLD)
        reader = Reader(self.space_id, self.portrait, unsaid, now_ms)
        people, _ = read_people(users, stored, reader)
        foretold = map(Foretold, *_chances(people, self.heads))
        return dict(zip(people.users, foretold, strict=True))


NO_FORECASTS = Forecasts(None, "", portrait_dtype(0))  # before there is a model


def _chances(people: People, heads: Heads) -> tuple[list[float], list[float]]:
    """Ask the heads, in the order of `Foretold`."""
    last_at = people.head["last_at"]
    as_of = last_at + (people.as_of - last_at) // HOUR_MS * HOUR_MS
    state = people.portraits["state"].astype(np.float32)
    said = heads.predict(people.head, people.ring, state, as_of)
    return _listed(said.purchase_intent, people), _listed(said.churn_risk, people)


def _listed(chances: Floats | None, people: People) -> list[float]:
    found: list[float] = [nan] * len(people) if chances is None else chances.tolist()
    return found
