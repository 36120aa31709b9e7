"""Labels: what came after a moment, as it will be known once its window has closed.

An anchor splits a user's events: those before it make features, those from it on make labels. Every
label says when its window closes, and one that has not closed by `until` (the moment up to which
the log is complete) is left out: what is still open is not a "no". `leaks.py` checks both.
"""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import Codes, Flags
from portrait.dataset.history import Anchors, Positions
from portrait.dataset.interactions import NO_ITEM, Interactions
from portrait.events.columns import PURCHASE
from portrait.model.kinds import REVIEW, UNDOING, is_read

TOUCH_HORIZON = timedelta(days=7)
PURCHASE_HORIZON = timedelta(days=7)
CHURN_HORIZON = timedelta(days=30)
ACTIVE_WINDOW, ACTIVE_EVENTS = timedelta(days=90), 3  # who has done less cannot be lost
POSITIVE_RATING, NEGATIVE_RATING = 40, 20  # tenths of a star: from here up, from here down
NO_LABEL = -1


@dataclass(frozen=True, slots=True)
class Labels:
    """What became of A anchors."""

    name: str
    anchors: Anchors
    values: NDArray[np.int64] | Flags  # (A,), or (A, C) where several hold at once
    closes: Codes  # (A,), ms: from this moment on the label can be known

    def __len__(self) -> int:
        return len(self.closes)

    def where(self, chosen: Flags | Codes) -> "Labels":
        """Return these labels alone."""
        anchors = self.anchors.where(chosen)
        return Labels(self.name, anchors, self.values[chosen], self.closes[chosen])


def next_action(interactions: Interactions, anchors: Anchors, until: int) -> Labels:
    """Label anchors with the ACTION_CODE of their next event; who has none yet is left out."""
    events = interactions.where(interactions.at < until)
    place = Positions(events).find(anchors.user, anchors.at)
    chosen = place < events.starts[anchors.user + 1]
    place = place[chosen]
    action = events.action[place].astype(np.int64)
    return Labels("next_action", anchors.where(chosen), action, events.at[place] + 1)


def purchase_within(
    interactions: Interactions,
    anchors: Anchors,
    until: int,
    horizon: timedelta = PURCHASE_HORIZON,
) -> Labels:
    """Label each anchor with whether a purchase came within the horizon; matured windows only."""
    bought = interactions.where(interactions.action == PURCHASE)
    return _within("purchase_intent", bought, anchors, until, horizon)


def churn(
    interactions: Interactions,
    anchors: Anchors,
    until: int,
    horizon: timedelta = CHURN_HORIZON,
) -> Labels:
    """Label each active anchor with whether nothing at all came within the horizon.

    Active: at least ACTIVE_EVENTS events in the ACTIVE_WINDOW before the anchor. Users whose window
    is not over by `until` are censored: they are neither lost nor kept, so they are left out.
    """
    active = anchors.where(is_active(interactions, anchors))
    touched = _within("churn_risk", interactions, active, until, horizon)
    return Labels(touched.name, touched.anchors, ~touched.values.astype(np.bool_), touched.closes)


def is_active(interactions: Interactions, anchors: Anchors) -> Flags:
    """Tell which anchors' users had enough events lately to be lost at all."""
    positions = Positions(interactions)
    since = positions.find(anchors.user, anchors.at - _ms(ACTIVE_WINDOW))
    active: Flags = positions.find(anchors.user, anchors.at) - since >= ACTIVE_EVENTS
    return active


def categories_touched(  # noqa: PLR0913 - a window, and what counts in it
    interactions: Interactions,
    anchors: Anchors,
    until: int,
    *,
    category: Codes,
    categories: int,
    horizon: timedelta = TOUCH_HORIZON,
) -> Labels:
    """Label each anchor with the categories touched within the horizon, (A, C).

    Args:
        interactions: Events; a return touches nothing, nor does a removal.
        anchors: Moments asked about.
        until: The log is complete up to here; windows that close later are left out.
        category: (N,), the category of each item, or NO_LABEL.
        categories: Their number C.
        horizon: How far a window reaches.
    """
    spoken = interactions.where(
        (interactions.item != NO_ITEM) & ~np.isin(interactions.action, UNDOING)
    )
    kept = anchors.where(anchors.at + _ms(horizon) <= until)
    positions = Positions(spoken)
    begin = positions.find(kept.user, kept.at)
    end = positions.find(kept.user, kept.at + _ms(horizon))
    rows = np.repeat(np.arange(len(kept)), end - begin)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(end - begin) - end, end - begin)
    code = category[spoken.item[places]]
    values = np.zeros((len(kept), categories), np.bool_)
    values[rows[code != NO_LABEL], code[code != NO_LABEL]] = True
    return Labels("interests", kept, values, kept.at + _ms(horizon))


def sentiment(interactions: Interactions, until: int) -> Labels:
    """Label each rated review: liked or not; those between are left out. Known at once.

    Stars that were read from a text are no label: they are what a reading of it is to find.
    """
    rated = (interactions.action == REVIEW) & (interactions.rating > 0) & (interactions.at < until)
    rated &= ~is_read(interactions.action, interactions.quantity)
    clear = (interactions.rating >= POSITIVE_RATING) | (interactions.rating <= NEGATIVE_RATING)
    chosen = rated & clear
    anchors = Anchors(interactions.user[chosen], interactions.at[chosen])
    liked: Flags = interactions.rating[chosen] >= POSITIVE_RATING
    return Labels("sentiment", anchors, liked, anchors.at + 1)


def _within(
    name: str, events: Interactions, anchors: Anchors, until: int, horizon: timedelta
) -> Labels:
    """Label matured anchors with whether any of these events lies in [anchor, anchor + horizon)."""
    kept = anchors.where(anchors.at + _ms(horizon) <= until)
    positions = Positions(events)
    closes = kept.at + _ms(horizon)
    any_event: Flags = positions.find(kept.user, closes) > positions.find(kept.user, kept.at)
    return Labels(name, kept, any_event, closes)


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1_000)
