"""Joining: what came of a list, as it is kept while something may still come of it.

A list is remembered for a day, who saw it and touched something of it for a week. A touch within a
day of the list is a click; a cart or a purchase of an item is credited to the newest list that its
buyer touched it in, within a week before. Each touch of an item counts once in a list, each cart
and purchase once at all. What is read before its list, or before the touch that led there, waits:
topics are read one before the other, and by the moments of what they say it makes no difference.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from pydantic import TypeAdapter

from portrait.times import DAY_MS, HOUR_MS

TOUCHED_WITHIN = DAY_MS  # of the list
BOUGHT_WITHIN = 7 * DAY_MS  # of the touch
CLOCKS = HOUR_MS // 12  # how far the clocks of a shop's servers may lie apart
MOST_WAITING = 50  # deeds of one list that has not been read yet
MOST_TOUCHES = 64  # items of one person: the newest
MOST_KEPT = 32  # carts and purchases of one person: repeats are known by them, and they may wait
MOST_LISTS = 200  # of one person, to be forgotten with them
ONCE = frozenset({"email"})  # surfaces whose lists show nothing twice within
SHOWN_WITHIN = 28 * DAY_MS
MOST_SHOWN = 400  # items of such lists, of one person: the newest
MOST_TRIALS = 50  # experiments of one person; of more the newest
OWN, POPULAR, NEW = "own", "popular", "new"  # arms of a draw: who may propose an item
MOST_WORTH = (
    10**12
)  # thousandths that count of one purchase or person: a billion of the shop's unit


class Deed(StrEnum):
    """What somebody did with an item."""

    CLICK = "click"
    CART = "cart"
    PURCHASE = "purchase"


class Done(NamedTuple):
    """One deed. Of people, items and events the refs alone are kept."""

    event: int
    person: int
    item: int
    deed: Deed
    at: int  # ms
    worth: int  # of a purchase, in thousandths of the shop's unit
    recommendation: int  # 0: it names none


class Kept(NamedTuple):
    """A cart or a purchase, and whether a list has got credit for it."""

    done: Done
    is_credited: bool


class Origin(NamedTuple):
    """Where in which kind of list an item stood."""

    surface: str
    position: int  # from 1
    source: str
    model: str
    experiments: dict[str, str]  # variant by experiment
    at: int  # when the list was given, ms
    arm: str = ""  # of a place that was given to a draw: what proposed the item
    item: int = 0  # likewise


class Touch(NamedTuple):
    """An item that somebody touched in a list."""

    origin: Origin
    at: int  # ms


@dataclass(slots=True)
class Listed:
    """A list that was given."""

    person: int  # 0: nobody was named
    surface: str
    model: str
    experiments: dict[str, str]
    at: int  # ms
    items: list[int]  # refs
    sources: list[str]
    teams: list[str] = field(default_factory=list)  # by place, where it is interleaved
    arms: list[str] = field(default_factory=list)  # by place, where some were given to a draw

    def origin_of(self, item: int) -> Origin | None:
        """Say where an item stood; None: it was not in it."""
        if item not in self.items:
            return None
        place = self.items.index(item)
        source, arm = self.sources[place], self.arms[place] if self.arms else ""
        origin = Origin(self.surface, place + 1, source, self.model, self.experiments, self.at)
        return origin._replace(arm=arm, item=item) if arm else origin


@dataclass(slots=True)
class Journey:
    """What is known of one recommendation."""

    listed: Listed | None = None  # None: it has not been read yet
    seen: int = 0  # places, as bits
    touched: int = 0  # places, as bits
    waiting: list[Done] = field(default_factory=list)
    sightings: list[list[int] | None] = field(default_factory=list)  # that wait as well


@dataclass(slots=True)
class Trial:
    """One person in one experiment, and what they did since they first saw it."""

    variant: str
    since: int  # ms
    clicks: int = 0
    carts: int = 0
    purchases: int = 0
    revenue: int = 0  # thousandths: of what is credited to lists
    spending: int = 0  # thousandths: of all that they bought


@dataclass(slots=True)
class Person:
    """What is kept of one person."""

    touches: dict[int, Touch] = field(default_factory=dict)  # by item; the newest last
    kept: list[Kept] = field(default_factory=list)  # carts and purchases, the newest last
    lists: list[int] = field(default_factory=list)  # refs of recommendations
    trials: dict[str, Trial] = field(default_factory=dict)  # by experiment
    shown: dict[int, int] = field(default_factory=dict)  # when (ms) by item, in lists of `ONCE`


JOURNEY: TypeAdapter[Journey] = TypeAdapter(Journey)
PERSON: TypeAdapter[Person] = TypeAdapter(Person)
