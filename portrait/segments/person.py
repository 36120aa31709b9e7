"""Person: what an expression may ask of one profile. It takes no arrays: one person at a time.

What a model foretells comes with them: that is computed of many at once, see `forecasts.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from math import nan
from typing import NamedTuple

from portrait.audiences.people import may_be_told
from portrait.events.columns import PURCHASE
from portrait.events.consent import Consent
from portrait.events.event import ANONYMOUS
from portrait.events.unwanted import What, covers, read_unwanted
from portrait.profiles.activity import activity_of
from portrait.profiles.facts import MONEY
from portrait.profiles.record import Record, read_sound
from portrait.profiles.store import Stored
from portrait.ref import name_ref
from portrait.times import DAY_MS


class Named(NamedTuple):
    """A category or a brand, and what records call it."""

    name: str
    ref: int

    @classmethod
    def of(cls, name: str) -> "Named":
        """Hash a name, once for everybody."""
        return cls(name, name_ref(name))


class Foretold(NamedTuple):
    """What a model foretells of somebody, as probabilities; `nan`: nothing."""

    purchase_intent: float = nan
    churn_risk: float = nan


UNFORETOLD = Foretold()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a moment.

    What is not known of them is `nan`, which no number is more than, less than or equal to.
    """

    record: Record
    now_ms: int
    unwanted: Mapping[What, Collection[str]] = field(default_factory=dict)  # things, at `now_ms`
    foretold: Foretold = UNFORETOLD

    def total(self, action: int) -> float:
        """Return how many events of an action there have been."""
        return float(self.record.head.totals[action])

    def days_since(self, moment_ms: int) -> float:
        """Return how many days ago a moment is."""
        return max(0, self.now_ms - moment_ms) / DAY_MS

    def spend(self) -> float:
        """Return what purchases came to, less returns."""
        return self.record.head.spend / MONEY

    def state(self) -> str:
        """Say whether they still come."""
        return "gone" if activity_of(self.record, self.now_ms).is_gone else "active"

    def usual_gap(self) -> float:
        """Return days between two days with events."""
        gap = activity_of(self.record, self.now_ms).usual_gap_days
        return nan if gap is None else gap

    def price(self, quantile: int) -> float:
        """Return what they pay for one piece, by the place of the quantile."""
        *_, high = prices = self.record.price
        return prices[quantile] if high else nan

    def interest(self, category: Named) -> float:
        """Return the score of an interest; 0: they have it not, or do not want to see it."""
        return self._interest(category)[0]

    def trend(self, category: Named) -> float:
        """Return whither an interest goes; 0: nowhere."""
        return self._interest(category)[1]

    def _interest(self, category: Named) -> tuple[float, float]:
        for each, score, trend, *_ in self.record.interests:
            if each == category.ref and not self._wants_no(What.CATEGORY, category.name):
                return score, trend
        return 0.0, 0.0

    def brand(self, brand: Named) -> float:
        """Return the share of a brand in what they like; 0: none, or they do not want to see it."""
        for each, share in self.record.brands:
            if each == brand.ref and not self._wants_no(What.BRAND, brand.name):
                return share
        return 0.0

    def _wants_no(self, what: What, name: str) -> bool:
        things = self.unwanted.get(what, ())
        return covers(things, name) if what is What.CATEGORY else name.casefold() in things

    def bought(self, ref: int) -> bool:
        """Say whether they bought an item, an item_ref, by their newest events."""
        return any(each[2] == ref and each[5] == PURCHASE for each in self.record.events)

    def touched(self, ref: int) -> bool:
        """Say whether they did anything with an item, an item_ref, by their newest events."""
        return any(each[2] == ref for each in self.record.events)

    def days_since_action(self, action: int) -> float:
        """Return how many days ago they did something last, by their newest events."""
        moments = (each[0] for each in self.record.events if each[5] == action)  # newest first
        last = next(moments, None)
        return nan if last is None else self.days_since(last)

    def count(self, action: int, days: float) -> float:
        """Return how often they did something in the last days, by their newest events."""
        since = self.now_ms - days * DAY_MS
        return float(sum(each[5] == action and each[0] >= since for each in self.record.events))


def person_of(
    user: str,
    stored: Stored,
    unsaid: Consent,
    now_ms: int,
    foretold: Foretold = UNFORETOLD,
) -> Person | None:
    """Read somebody who may be in a segment; None: they may not, or nothing of them can be read.

    As with audiences: nobody who was erased, is suppressed, has not logged in, or lets nothing
    follow from what they do.

    Args:
        user: The key of the profile.
        stored: What is stored of them.
        unsaid: What counts of who has said nothing of what may be done.
        now_ms: As of when.
        foretold: What a model foretells of them.
    """
    if user.startswith(ANONYMOUS) or not may_be_told(stored, unsaid):
        return None
    record = read_sound(stored.record or b"")
    if record is None:
        return None
    return Person(record, now_ms, read_unwanted(stored.unwanted).things_at(now_ms), foretold)
