"""People: stored profiles, some at a time, as arrays; only of those who may be in an audience.

users, what is stored of them ─▶ who may be asked about? ─▶ facts, portraits ─▶ People
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from portrait.arrays import Codes, Flags, Floats, Records, Ring
from portrait.events.consent import Consent, Purpose, consent_of
from portrait.events.event import ANONYMOUS
from portrait.events.unwanted import Unwanted, read_unwanted
from portrait.profiles.facts import PERIOD_MS, PERIODS
from portrait.profiles.layout import LONG
from portrait.profiles.profile import portrait_bytes, read_facts
from portrait.profiles.record import is_blank, is_whole, space_of
from portrait.profiles.store import Stored

RECENT = 3  # periods that somebody's pace is taken from: the running one and two whole ones
LEAST_PACE = 0.1  # events in four weeks, of who has been away for longer


@dataclass(frozen=True, slots=True)
class People:
    """U people who let what they are shown follow from what they do, and are known in a space."""

    users: list[str]
    head: Records  # (U,) of HEAD
    ring: Ring  # (U, RING)
    portraits: Records  # (U,) of portrait_dtype
    as_of: Codes  # (U,), ms: their newest event, and the time since it was taken in
    may_lead: Flags  # (U,), whether they let what they do count in what is said of others
    unwanted: list[Unwanted]  # what each does not want to see

    def __len__(self) -> int:
        return len(self.users)

    def where(self, chosen: Flags) -> "People":
        """Return these people alone, (U,) chosen."""
        if chosen.all():
            return self
        rows = np.flatnonzero(chosen)
        return People(
            [self.users[row] for row in rows.tolist()],
            self.head[rows],
            self.ring[rows],
            self.portraits[rows],
            self.as_of[rows],
            self.may_lead[rows],
            [self.unwanted[row] for row in rows.tolist()],
        )

    @property
    def likes(self) -> Floats:
        """What each has liked for long, (U, K), unit rows; zeros where nothing is known."""
        vectors: Floats = self.portraits["vectors"][:, LONG].astype(np.float32)
        return vectors

    @property
    def pace(self) -> Floats:
        """How many events each has in four weeks, (U,), of late."""
        return pace_of(self.head, self.as_of)


def pace_of(head: Records, as_of_ms: Codes) -> Floats:
    """Return events in four weeks, (U,), over the newest RECENT periods up to a moment.

    Args:
        head: (U,) of HEAD.
        as_of_ms: (U,).
    """
    passed = as_of_ms // PERIOD_MS - head["period"]  # since the period of the newest event
    place = np.arange(RECENT) - passed[:, None]  # of each period among those that are counted
    counts = np.take_along_axis(head["by_period"], np.clip(place, 0, PERIODS - 1), axis=1)
    events = np.where((place >= 0) & (place < PERIODS), counts, 0).sum(axis=1)
    periods = RECENT - 1 + (as_of_ms % PERIOD_MS) / PERIOD_MS
    pace: Floats = (events / periods + LEAST_PACE).astype(np.float32)
    return pace


def may_be_told(stored: Stored, unsaid: Consent) -> bool:
    """Say whether somebody is known, and lets what they are shown follow from what they do.

    Who was erased or is suppressed is not known.
    """
    record = stored.record
    is_known = record is not None and is_whole(record) and not is_blank(record)
    return is_known and consent_of(stored.consent, unsaid).allows(Purpose.PERSONALISATION)


@dataclass(frozen=True, slots=True)
class Reader:
    """How people are read at one moment."""

    space_id: str  # of the model in service; portraits of other spaces say nothing in it
    portrait: np.dtype[np.void]  # of that space
    unsaid: Consent  # what counts of who has said nothing of what may be done
    now_ms: int

    def why_not(self, user: str, stored: Stored) -> str | None:
        """Say why somebody cannot be in an audience; None: they can."""
        if user.startswith(ANONYMOUS):
            return "anonymous"
        record = stored.record
        if record is None or not may_be_told(stored, self.unsaid):
            return "not_allowed"
        return None if self._is_painted(record) else "unpainted"

    def _is_painted(self, record: bytes) -> bool:
        is_here = space_of(record) == self.space_id
        return is_here and len(portrait_bytes(record)) == self.portrait.itemsize


def read_people(
    users: Sequence[str], stored: Sequence[Stored], reader: Reader
) -> tuple[People, Counter[str]]:
    """Read those of U users who may be in an audience, and count why the others may not."""
    why = [reader.why_not(user, each) for user, each in zip(users, stored, strict=True)]
    kept = [place for place, reason in enumerate(why) if reason is None]
    records = [stored[place].record or b"" for place in kept]
    facts, lost = read_facts(records)
    written = b"".join(portrait_bytes(record) for record in records)
    portraits = np.frombuffer(written, reader.portrait)
    lost |= ~np.isfinite(portraits["vectors"]).all(axis=(1, 2))
    silence = np.maximum(reader.now_ms - facts.head["received_at"], 0)
    consents = [consent_of(stored[place].consent, reader.unsaid) for place in kept]
    people = People(
        [users[place] for place in kept],
        facts.head,
        facts.ring,
        portraits,
        facts.head["last_at"] + silence,
        np.array([consent.allows(Purpose.ANALYTICS) for consent in consents], np.bool_),
        [read_unwanted(stored[place].unwanted) for place in kept],
    )
    return people.where(~lost), Counter(reason for reason in why if reason is not None)
