"""Reasons: the events that speak for an item and against it, as a reader knows them.

That everybody wants an item is a reason too, where nothing else is known.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from portrait.arrays import MISSING
from portrait.catalogue.popularity import DAYS
from portrait.events.event import Action
from portrait.events.item import Item
from portrait.inference.again import Rhythm
from portrait.inference.explain import Evidence, reasons_of
from portrait.model.kinds import ACTION_WEIGHTS, CART, CLICK
from portrait.profiles.searched import Texts
from portrait.ref import search_ref
from service.profiles.describe import DECIMALS, Json, event_name, moment, tone_of

A_PURCHASE = ACTION_WEIGHTS[Action.PURCHASE]
LEAST_SHARE = 0.01  # of what a price adds: less is no reason
REASONS = 3  # named for each item, and as many against it

ForAndAgainst = tuple[list[Json], list[Json]]

_ACTIONS = tuple(action.value for action in Action)


class Mentions:
    """Names the events of a session and of a profile, in this order, each when first asked for."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._session: Evidence | None = None
        self._past: Evidence | None = None
        self._texts: Texts = {}  # of the session
        self._about: Mapping[int, int] = {}  # places in the session, by the item's row
        self._searched: Texts = {}  # of the profile
        self._named: dict[int, Json] = {}

    def with_session(
        self, session: Evidence, texts: Sequence[str], *, is_about: bool = False
    ) -> None:
        """Put a session first; its searches are named by the texts of the request.

        If the list is about it, what was done before with what it is about is named by it, too.
        """
        self._session, self._texts = session, {search_ref(text): text for text in texts}
        rows = session.items.tolist() if is_about else []
        self._about = {row: place for place, row in enumerate(rows) if row != MISSING}

    def with_past(self, past: Evidence, searched: Texts) -> None:
        """Put a profile's events last; its searches are named by what is kept of their texts."""
        self._past, self._searched = past, searched

    def __getitem__(self, place: int) -> Json:
        if place not in self._named:
            self._named[place] = self._name(place)
        return self._named[place]

    def _name(self, place: int) -> Json:
        first = 0 if self._session is None else len(self._session)
        if self._session is not None and place < first:
            return self._of_session(self._session, place)
        assert self._past is not None  # noqa: S101 - there are no other events
        now = self._about.get(int(self._past.items[place - first]))
        if self._session is not None and now is not None:
            return self._of_session(self._session, now)
        return self._of_past(self._past, place - first)

    def _of_session(self, session: Evidence, place: int) -> Json:
        item = self._item(session.items[place])
        text = self._texts.get(int(session.ring["ref"][place]))
        return {
            "action": "session",
            "item_id": None if item is None else item.id,
            "title": text if item is None else item.title,
            "tone": None,
            "occurred_at": None,
            "event": None,
            "rhythm": None,
        }

    def _of_past(self, past: Evidence, place: int) -> Json:
        event, item = past.ring[place], self._item(past.items[place])
        was_taken_out = event["action"] == CART and past.kinds[place] != CART
        return {
            "action": _ACTIONS[CLICK if was_taken_out else event["action"]],
            "item_id": None if item is None else item.id,
            "title": self._searched.get(int(event["ref"])) if item is None else item.title,
            "tone": tone_of(event["action"], event["quantity"], event["rating"]),
            "occurred_at": moment(int(event["at"])),
            "event": event_name(int(event["id"])),
            "rhythm": None,
        }

    def _item(self, row: int) -> Item | None:
        return None if row == MISSING else self._items[row]


def reasons_for(
    shares: NDArray[np.float32], evidence: Evidence, mentions: Mentions
) -> list[ForAndAgainst]:
    """Name what speaks for each of N items and what against it, by the events' shares (N, S)."""
    return [
        (_named(each.favour, mentions, evidence), _named(each.against, mentions, evidence))
        for each in reasons_of(shares, evidence, REASONS)
    ]


def with_prices(explained: list[ForAndAgainst], shares: NDArray[np.float32]) -> list[ForAndAgainst]:
    """Name the price of each of N items among what speaks for it, by its share, (N,)."""
    return [
        (_strongest([*favour, _suits(share)]) if share >= LEAST_SHARE else favour, against)
        for (favour, against), share in zip(explained, shares.tolist(), strict=True)
    ]


def with_rhythms(
    explained: list[ForAndAgainst], rhythms: Sequence[Rhythm | None]
) -> list[ForAndAgainst]:
    """Say of each of N items that are due how somebody buys it; None: they never have."""
    return [
        ([{**reason, "rhythm": _rhythm(rhythm)} for reason in favour], against)
        for (favour, against), rhythm in zip(explained, rhythms, strict=True)
    ]


def _rhythm(rhythm: Rhythm | None) -> Json | None:
    if rhythm is None:
        return None
    return {"times": rhythm.times, "every_days": rhythm.every, "last_days": rhythm.last}


def _suits(share: float) -> Json:
    return {
        "action": "price",
        "item_id": None,
        "title": "In the price range of what you chose so far, for its category",
        "tone": None,
        "occurred_at": None,
        "event": None,
        "counts": None,
        "rhythm": None,
        "share": round(share, DECIMALS),
    }


def _strongest(reasons: Sequence[Json]) -> list[Json]:
    return sorted(reasons, key=_share, reverse=True)[:REASONS]


def _share(reason: Json) -> float:
    share = reason["share"]
    assert isinstance(share, float)  # noqa: S101 - as every reason is made here
    return share


def popular_reasons(
    weights: NDArray[np.float32], shares: NDArray[np.float32], among: Sequence[Sequence[str]]
) -> list[ForAndAgainst]:
    """Say how much everybody wants each of N items, (N,); nothing, where nobody does.

    Args:
        weights: (N,), as `Popularity` has them.
        shares: (N,), of the items' relevance.
        among: Of each the groups of people whose wishes count most; none: everybody's.
    """
    return [
        ([_wanted(weight, share, groups)] if weight else [], [])
        for weight, share, groups in zip(weights.tolist(), shares.tolist(), among, strict=True)
    ]


def _wanted(weight: float, share: float, among: Sequence[str]) -> Json:
    purchases = f"{max(weight / A_PURCHASE, 0.1):,.1f}".removesuffix(".0")
    many = "purchase" if purchases == "1" else "purchases"
    who = f"those with {', '.join(among)}, and everybody beside," if among else "everybody"
    return {
        "action": "popularity",
        "item_id": None,
        "title": f"What {who} did with it counts as {purchases} {many} in {DAYS} days",
        "tone": None,
        "occurred_at": None,
        "event": None,
        "counts": None,
        "rhythm": None,
        "share": round(share, DECIMALS),
    }


def counts_of(evidence: Evidence, event: int) -> float | None:
    """Say by what factor an event counts; None: as the model has it."""
    factor = 1.0 if evidence.factor is None else float(evidence.factor[event])
    return None if factor == 1 else round(factor, DECIMALS)


def _named(
    events: Sequence[tuple[int, float]], mentions: Mentions, evidence: Evidence
) -> list[Json]:
    return [
        {**mentions[event], "counts": counts_of(evidence, event), "share": told}
        for event, share in events
        if (told := round(share, DECIMALS))
    ]
