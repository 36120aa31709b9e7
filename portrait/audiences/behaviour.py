"""Behaviour: how many different people did what on which day, of everybody together.

Each day has a HyperLogLog for each stage of buying: it tells how many it has met, within some .81 %
(standard error), and has nobody's name. Whoever is met again changes nothing, so a batch that is
folded twice counts once. Who is erased stays a part of such a number, as of every sum over
everybody; it says no more of them than that somebody was there, and ends after DAYS_KEPT.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np

from portrait.arrays import Codes, Flags, Records
from portrait.events.event import Action
from portrait.times import DAY_MS

DAYS_KEPT = 90
ERROR = 0.0081  # standard, of a count: 1.04 / sqrt(16,384)
FEWEST_TOLD = 5  # people behind what is told of a few: of fewer it would tell of somebody


class Stage(StrEnum):
    """How far somebody came on a day."""

    ACTIVE = "active"  # did anything at all
    SEEN = "seen"  # looked at an item
    CART = "cart"  # put one into the cart
    BOUGHT = "bought"


_STAGE_OF = {
    Action.BROWSE: Stage.SEEN,
    Action.CLICK: Stage.SEEN,
    Action.CART: Stage.CART,
    Action.PURCHASE: Stage.BOUGHT,
}
_CODES = {stage: code for code, stage in enumerate(Stage)}
_REACHED = np.array([_CODES[_STAGE_OF.get(action, Stage.ACTIVE)] for action in Action])

Met = Mapping[tuple[int, Stage], Sequence[str]]  # by day, from 1970: who was there


class Span(NamedTuple):
    """Some days, and a stage: how many different people came as far on any of them?"""

    stage: Stage
    days: range


class BehaviourStore(Protocol):
    """How many people there were, by day and stage, for DAYS_KEPT."""

    async def meet(self, met: Met) -> None:
        """Note who was there; days that are over for longer than is kept are passed over."""
        ...

    async def count(self, spans: Sequence[Span]) -> list[int]:
        """Return how many different people there were in each span, about."""
        ...


class Deeds(NamedTuple):
    """What some users did, and what of it may count in what is said of everybody."""

    users: Sequence[str]  # U names
    columns: Records  # (E,) of COLUMNS
    counted: Flags  # (E,)
    first_at: Codes  # (U,), ms: when each first did anything


def met_in(deeds: Iterable[Deeds]) -> Met:
    """Return who was there when, by each stage; who bought has been active, too."""
    found: dict[tuple[int, Stage], list[str]] = {}
    for users, columns, counted, _ in deeds:
        event = columns["event"]
        recent = columns["logged"] - event["at"] < DAYS_KEPT * DAY_MS
        chosen = counted & recent
        user, day = columns["user"][chosen], event["at"][chosen] // DAY_MS
        reached = _REACHED[event["action"][chosen]]
        for each in np.unique(day).tolist():
            for stage, code in _CODES.items():
                there = (day == each) & ((reached == code) | (stage is Stage.ACTIVE))
                names = [users[place] for place in np.unique(user[there]).tolist()]
                if names:
                    found.setdefault((each, stage), []).extend(names)
    return found
