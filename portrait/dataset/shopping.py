"""Shopping: what users bought on which days, and what everybody bought lately.

interactions ─▶ (user, day, item), each once ─▶ questions: what is bought on somebody's next day?
"""

from dataclasses import dataclass

import numpy as np

from portrait.arrays import Codes, Flags, Floats
from portrait.dataset.history import Anchors
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.events.columns import PURCHASE
from portrait.times import DAY_MS

LATELY_MS = 28 * DAY_MS  # four weeks, as popularity has it: the same number of each weekday
ASKED_EACH, ASKED_MOST = 10, 16_000  # newest days of each user; and of all of them together


@dataclass(frozen=True, slots=True)
class Shopping:
    """L purchases of U users on N items: no item twice on a day. By user, then day, then item."""

    user: Codes  # (L,)
    item: Codes  # (L,)
    at: Codes  # (L,), ms: when the user began to buy on that day
    since: int  # ms: where the log begins, and where it ends
    until: int
    users: int
    items: int

    @property
    def begins(self) -> Codes:
        """The first purchase of each user's each day, (D,) places."""
        changed = (self.user[1:] != self.user[:-1]) | (self.at[1:] != self.at[:-1])
        return np.flatnonzero(np.r_[True, changed][: len(self.user)])

    @property
    def usual(self) -> Floats:
        """How many purchases of each item there are in four weeks, (N,)."""
        weeks = max(1.0, (self.until - self.since) / LATELY_MS)
        counts = np.bincount(self.item, minlength=self.items) / weeks
        return counts.astype(np.float32)

    def lately(self, item: Codes, at: Codes) -> Floats:
        """Count the purchases of items in the four weeks before moments, (A,)."""
        stride = self.until - self.since + 2  # moments after the log are after all of it
        keys = np.sort(self.item * stride + (self.at - self.since))
        ends, starts = (
            np.searchsorted(keys, item * stride + np.clip(moment - self.since, 0, stride - 1))
            for moment in (at, at - LATELY_MS)
        )
        return np.asarray(ends - starts, np.float32)


@dataclass(frozen=True, slots=True)
class NextDays:
    """A moments at which users begin to buy, and what they buy on that day."""

    anchors: Anchors  # (A,)
    question: Codes  # (T,), ascending: which moment each of what follows is an answer to
    item: Codes  # (T,)

    def holds(self, question: Codes, item: Codes, items: int) -> Flags:
        """Say which things, (P,) of N items, were bought on the day asked about."""
        return np.isin(question * items + item, self.question * items + self.item)


def shopping_of(events: Interactions) -> Shopping:
    """Read the purchases."""
    bought = (events.action == PURCHASE) & (events.item != NO_ITEM)
    user, item, at = events.user[bought], events.item[bought], events.at[bought]
    day = at // DAY_MS
    begins = np.flatnonzero(np.r_[True, (np.diff(user) != 0) | (np.diff(day) != 0)][: len(user)])
    began = np.repeat(at[begins], np.diff(np.r_[begins, len(user)]))
    order = np.lexsort((item, began, user))
    user, item, began = user[order], item[order], began[order]
    once = np.ones(len(user), np.bool_)
    once[1:] = (np.diff(user) != 0) | (np.diff(began) != 0) | (np.diff(item) != 0)
    since, until = (int(events.at.min()), int(events.at.max())) if len(events) else (0, 0)
    return Shopping(
        user[once], item[once], began[once], since, until, events.users, len(events.items)
    )


def next_days(shopping: Shopping, *, from_ms: int | None = None) -> NextDays:
    """Ask what users buy on their newest days, of which none is their first.

    Args:
        shopping: Of everybody.
        from_ms: Ask of each user's first day from this moment on, instead.
    """
    begins = shopping.begins
    user, at = shopping.user[begins], shopping.at[begins]
    count = np.bincount(user, minlength=shopping.users)
    place = np.arange(len(user)) - (np.cumsum(count) - count)[user]  # 0 is a user's first day
    if from_ms is None:
        asked = np.flatnonzero((place > 0) & (count[user] - place <= ASKED_EACH))
        drawn = np.random.default_rng(0).permutation(len(asked))[:ASKED_MOST]
        asked = asked[np.sort(drawn)]
    else:
        later = np.flatnonzero((place > 0) & (at >= from_ms))
        asked = later[np.unique(user[later], return_index=True)[1]]
    sizes = np.diff(np.r_[begins, len(shopping.user)])[asked]
    question = np.repeat(np.arange(len(asked)), sizes)
    within = np.arange(len(question)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    item = shopping.item[begins[asked][question] + within]
    return NextDays(Anchors(user[asked], at[asked]), question, item)
