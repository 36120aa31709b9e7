"""Reasons: the events that speak for an item and against it, as a reader knows them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from portrait.event import Action
from portrait.explain import Evidence, reasons_of
from portrait.hash_index import MISSING
from portrait.item import Item
from portrait.ref import text_ref
from portrait.searched import Texts
from service.describe import Json, moment

REASONS = 3  # named for each item, and as many against it
DECIMALS = 6  # of shares

_ACTIONS = tuple(action.value for action in Action)


class Mentions:
    """Names the events of a session and of a profile, in this order, each when first asked for."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        self._session: Evidence | None = None
        self._past: Evidence | None = None
        self._texts: Texts = {}  # of the session
        self._searched: Texts = {}  # of the profile
        self._named: dict[int, Json] = {}

    def with_session(self, session: Evidence, texts: Sequence[str]) -> None:
        """Put a session first; its searches are named by the texts of the request."""
        self._session, self._texts = session, {text_ref(text): text for text in texts}

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
        return self._of_past(self._past, place - first)

    def _of_session(self, session: Evidence, place: int) -> Json:
        item = self._item(session.items[place])
        text = self._texts.get(int(session.ring["ref"][place]))
        return {
            "action": "session",
            "item_id": None if item is None else item.id,
            "title": text if item is None else item.title,
            "occurred_at": None,
        }

    def _of_past(self, past: Evidence, place: int) -> Json:
        event, item = past.ring[place], self._item(past.items[place])
        return {
            "action": _ACTIONS[event["action"]],
            "item_id": None if item is None else item.id,
            "title": self._searched.get(int(event["ref"])) if item is None else item.title,
            "occurred_at": moment(int(event["at"])),
        }

    def _item(self, row: int) -> Item | None:
        return None if row == MISSING else self._items[row]


def reasons_for(
    shares: NDArray[np.float32], evidence: Evidence, mentions: Mentions
) -> list[tuple[list[Json], list[Json]]]:
    """Name what speaks for each of N items and what against it, by the events' shares (N, S)."""
    return [
        (_named(each.favour, mentions), _named(each.against, mentions))
        for each in reasons_of(shares, evidence, REASONS)
    ]


def _named(events: Sequence[tuple[int, float]], mentions: Mentions) -> list[Json]:
    return [{**mentions[event], "share": round(share, DECIMALS)} for event, share in events]
